"""The controls of the reader: each is one rule with its source, counted in the read report in its order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from features.errors import InputError
from features.tables import READ_REPORT

DROPPED, NETTED, FLAGGED = "dropped", "netted", "flagged"
DOC = "SNDS documentation"
Report = list[dict[str, object]]


@dataclass(frozen=True)
class Control:
    """A rule: the pitfall of specs/snds.md §3 that it answers, what it does in one sentence, where it comes from."""

    pitfall: str
    rule: str
    source: str


CONTROLS: dict[str, Control] = {
    "rows_in": Control("", "Rows received.", ""),
    "outside_flux_window": Control(
        "1, 2",
        "Loads of care year N are those of 1 February N to 1 July N+1 (FLX_DIS_DTD).",
        f"{DOC}, sas_prestation_dcir",
    ),
    "other_care_year": Control("1", "Care of another year belongs to that year's read.", f"{DOC}, essentiel_snds"),
    "reversal_netted": Control(
        "8",
        "Quantities of identical lines that hold a reversal are summed, before any filter: one line is kept where "
        "the sum is positive, none otherwise.",
        f"{DOC}, sas_prestation_dcir",
    ),
    "information_only": Control(
        "3",
        "Lines sent for information (DPN_QLF 71 or 72, PRS_DPN_QLP 71) are dropped; empty values are kept.",
        f"{DOC}, sas_prestation_dcir",
    ),
    "hospital_in_pmsi": Control(
        "4, 6", "Public hospital care is read in the PMSI, not in claims.", f"{DOC}, etablissements_sante"
    ),
    "payment_without_act": Control(
        "32", "Payments to a provider without an act leak the outcome: dropped.", "value table IR_NAT_V; own choice"
    ),
    "fictitious_identifier": Control(
        "14",
        "Identifiers other than BEN_CDI_NIR 00, 03 and 04, and scheme 888, stand for no person.",
        f"value table IR_NIR_V; {DOC}, fiche_beneficiaire",
    ),
    "unknown_person": Control("12", "The pseudonym leads to no person of IR_BEN_R.", f"{DOC}, fiche_beneficiaire"),
    "unknown_act_code": Control(
        "", "Act codes absent from the nomenclature are kept, in poste inconnu.", "specs/snds.md §4; own choice"
    ),
    "cash_benefit": Control("", "Replacement income is kept out of the target.", "own choice"),
    "supplement_not_counted": Control(
        "7", "Supplements and contributions keep their amount and count for no act.", f"{DOC}, montant_soins_de_ville"
    ),
    "completeness": Control("1", "Euros kept, by months from care to load.", f"{DOC}, essentiel_snds"),
    "detail_of_dropped_line": Control(
        "9", "A detail follows its claim line, and never carries the line's amount.", f"{DOC}, tables_affinees"
    ),
    "no_code": Control("9", "A drug or an act without its code says nothing: dropped.", "own choice"),
    "packs_summed": Control("8", "Packs of one person, day and code are one dispensing.", f"{DOC}, tables_affinees"),
    "packs_returned": Control("8", "Dispensings whose packs sum to none or less are dropped.", f"{DOC}"),
    "unknown_pack": Control("", "Pack codes absent from IR_PHA_R are kept without an ATC class.", "own choice"),
    "several_pseudonyms": Control(
        "12", "Pseudonyms of one BEN_IDT_ANO are pooled; the latest claim decides.", f"{DOC}, fiche_beneficiaire"
    ),
    "pseudonym_of_two_persons": Control(
        "12", "A pseudonym and rank given to two persons goes to the latest.", "own choice"
    ),
    "ambiguous_twin": Control(
        "13",
        "A pseudonym that leads to several persons links no hospital stay: the PMSI holds no rank.",
        f"{DOC}, fiche_beneficiaire; own handling",
    ),
    "sentinel_date": Control("15", "Missing dates are coded 1600 or 0001: read as empty.", f"{DOC}, FAQ DCIR"),
    "not_an_ald": Control(
        "23", "Exemptions other than IMB_ETM_NAT 41, 43 and 45 are not an ALD.", f"{DOC}, beneficiaires_ald"
    ),
    "no_start_date": Control("15", "A period without a start cannot be placed in time.", "own choice"),
    "ald_number_reused": Control(
        "24",
        "Number 15 of before 2004 (leprosy) is not dementia: the ICD-10 reason decides.",
        f"{DOC}, beneficiaires_ald",
    ),
    "ald_number_from_icd10": Control(
        "23", "ALD number 0 is derived from the ICD-10 reason.", f"{DOC}, requete_type_ald; IR_CIM_V"
    ),
    "ald_unallocated": Control("23", "No ALD number and no reason that gives one: number 99.", "IR_ALD_V"),
    "sentinel_end_date": Control("23", "End 1600-01-01 is an open period.", f"{DOC}, beneficiaires_ald"),
    "duplicate_period": Control("12", "Rows of one period are one, with the latest end.", "own choice"),
    "empty_contract": Control("27", "Contracts that end before they start are dropped.", "own choice"),
    "duplicate_contract": Control("12", "Rows of one contract are one, with the latest end.", "own choice"),
    "not_c2s": Control(
        "25", "Contracts other than BEN_CTA_TYP 89 are not C2S.", f"{DOC}, complementaire_sante_solidaire"
    ),
    "finess_duplicate": Control(
        "16",
        "AP-HP, AP-HM and HCL transmitted twice until 2017: one FINESS is kept.",
        f"{DOC}, depenses_hopital_public",
    ),
    "ghm_error": Control("17", "Groups that start with 90 (HAD: 99) are grouping errors.", f"{DOC}, requete_type_pmsi"),
    "inter_establishment": Control(
        "19", "Services between establishments are counted by the one that asked for them.", f"{DOC}, depenses_hopital"
    ),
    "anonymous_identifier": Control("18", "Stays without a real pseudonym.", f"{DOC}, requete_type_pmsi_mco"),
    "return_code": Control("18", "Stays whose chaining failed (a return code is not 0).", f"{DOC}, fiche_beneficiaire"),
    "private_in_dcir": Control("5", "Private stays are priced in claims: no amount here.", f"{DOC}, fiche_etab_prives"),
    "stay_not_valued": Control("22", "Public stays without a valued amount.", f"{DOC}, depenses_hopital_public"),
    "stay_cost_outlier": Control("22", "Stays above 1,000,000 EUR are kept and flagged.", "own choice"),
    "absent": Control("", "Optional tables and columns that were not received.", ""),
    "kept": Control("", "Rows kept.", ""),
}


@dataclass(frozen=True)
class Count:
    """Rows and cents hit by a control of one table; `seen` where it is not the rows left by the drops before."""

    control: str
    effect: str
    rows: int
    base_cents: int = 0
    reimbursed_cents: int = 0
    detail: str | None = None
    seen: int | None = None


def account(table: str, received: Count, hits: Iterable[Count]) -> Report:
    """Report rows of one table: received, each hit in order, and last the rows kept.

    What is kept is received minus dropped minus netted, rows and cents: conservation by construction; the
    callers check it against what they wrote.
    """
    left = received
    lines = [_line(table, replace(received, control="rows_in", effect="in", seen=received.rows))]
    flags = []
    for hit in hits:
        if hit.effect == FLAGGED:
            flags.append(hit)
            continue
        lines.append(_line(table, hit if hit.seen is not None else replace(hit, seen=left.rows)))
        left = replace(
            left,
            rows=left.rows - hit.rows,
            base_cents=left.base_cents - hit.base_cents,
            reimbursed_cents=left.reimbursed_cents - hit.reimbursed_cents,
        )
    lines.append(_line(table, replace(left, control="kept", effect="kept", seen=left.rows)))
    lines.extend(_line(table, flag if flag.seen is not None else replace(flag, seen=left.rows)) for flag in flags)
    return lines


def check_kept(table: str, lines: Report, written: Count) -> None:
    """None when what was written is what the account of `table` keeps. Errors: InputError (keys that repeat)."""
    kept = next(line for line in lines if line["control"] == "kept" and line["source_table"] == table)
    expected = (kept["rows_hit"], kept["base_cents"], kept["reimbursed_cents"])
    found = (written.rows, written.base_cents, written.reimbursed_cents)
    if expected != found:
        raise InputError(
            f"{table}: {found[0]} rows and {found[1]} cents were written for {expected[0]} rows and {expected[1]} "
            "cents kept; a table joined to it repeats a key that should be unique"
        )


def report_frame(lines: Report) -> pd.DataFrame:
    """The read report (features.tables.READ_REPORT), in the order of operations."""
    frame = pd.DataFrame(lines, columns=READ_REPORT.column_names)
    frame["order"] = range(1, len(frame) + 1)
    return frame


def _line(table: str, count: Count) -> dict[str, object]:
    control = CONTROLS[count.control]
    return {
        "source_table": table,
        "control": count.control,
        "pitfall": control.pitfall,
        "rule": control.rule,
        "rule_source": control.source,
        "effect": count.effect,
        "rows_seen": count.seen,
        "rows_hit": count.rows,
        "base_cents": count.base_cents,
        "reimbursed_cents": count.reimbursed_cents,
        "detail": count.detail,
    }
