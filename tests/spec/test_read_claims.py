"""Claim lines (ER_PRS_F): which are read, dropped, netted and flagged, one rule at a time, to the cent.

A line that a row does not describe otherwise is a consultation of 4 March 2024, loaded on 1 April 2024:
26.50 EUR base of reimbursement, 18.55 EUR reimbursed, by a general practitioner.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.snds.stages import read_claims

ONE = (1, 2650, 1855)


def test_an_ordinary_line_is_kept_with_both_dates(tmp_path: Path) -> None:
    """A line is kept with the day of care and the day it could first be read."""
    care = read_claims(tmp_path, [{}]).care
    assert len(care) == 1
    line = care.iloc[0]
    assert (line.patient_id, line.poste, line.perimeter) == ("ID1", "generaliste", "mg")
    assert (str(line.care_date)[:10], str(line.known_date)[:10]) == ("2024-03-04", "2024-04-01")
    assert (line.quantity, line.base_cents, line.reimbursed_cents, line.paid_cents) == (1, 2650, 1855, 2650)


def test_only_loads_of_the_care_year_are_read(tmp_path: Path) -> None:
    """Pitfalls 1 and 2: FLX_DIS_DTD from 1 February 2024 to 1 July 2025; both bounds are read."""
    days = [dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.date(2025, 7, 1), dt.date(2025, 8, 1)]
    claims = read_claims(tmp_path, [{"FLX_DIS_DTD": day} for day in days])
    assert claims.hits["outside_flux_window"] == (2, 5300, 3710)
    assert claims.hits["kept"] == (2, 5300, 3710)


def test_care_of_another_year_is_counted_apart(tmp_path: Path) -> None:
    """Pitfall 1: a line of 2023 loaded in 2024, and one of 2023 loaded in 2023, belong to the read of 2023."""
    before = dt.date(2023, 12, 31)
    claims = read_claims(tmp_path, [{}, {"EXE_SOI_DTD": before}, {"EXE_SOI_DTD": before, "FLX_DIS_DTD": before}])
    assert claims.hits["other_care_year"] == (2, 5300, 3710)
    assert claims.hits["kept"] == ONE


def test_lines_sent_for_information_are_dropped(tmp_path: Path) -> None:
    """Pitfall 3: DPN_QLF 71 or 72, PRS_DPN_QLP 71; 72 there says something else."""
    claims = read_claims(tmp_path, [{"DPN_QLF": 71}, {"DPN_QLF": 72}, {"PRS_DPN_QLP": 71}, {"PRS_DPN_QLP": 72}])
    assert claims.hits["information_only"] == (3, 7950, 5565)
    assert claims.hits["kept"] == ONE


def test_an_empty_qualifier_is_not_information(tmp_path: Path) -> None:
    """Pitfall 3: an empty DPN_QLF differs from 71; the line stays."""
    assert read_claims(tmp_path, [{"DPN_QLF": None, "PRS_DPN_QLP": None}]).hits["kept"] == ONE


def test_public_hospital_care_is_left_to_the_pmsi(tmp_path: Path) -> None:
    """Pitfalls 4 and 6: TAA=1; or TAA=0, public sector, hospital category and mode of treatment. Private clinics,
    other modes, drugs dispensed to outpatients (3317) and health centres (124) stay."""
    public = {"ETE_IND_TAA": 0, "PRS_PPU_SEC": 1, "ETE_CAT_COD": 355, "MDT_COD": 7}
    cases: list[tuple[int, dict[str, int | None], bool]] = [
        (2113, {"ETE_IND_TAA": 1}, False),
        (1112, public, False),
        (2114, public | {"PRS_PPU_SEC": 2, "ETE_CAT_COD": 365}, True),
        (1113, public | {"MDT_COD": 23}, True),
        (3317, public | {"ETE_IND_TAA": 1}, True),
        (1111, public | {"ETE_CAT_COD": 124}, True),
        (1115, public | {"ETE_IND_TAA": None}, True),
    ]
    lines = [{"PRS_NAT_REF": act, "PRS_ORD_NUM": n} for n, (act, _, _) in enumerate(cases)]
    establishments = [{"PRS_ORD_NUM": n, **establishment} for n, (_, establishment, _) in enumerate(cases)]
    claims = read_claims(tmp_path, lines, ER_ETE_F=establishments)
    assert set(claims.care.act_code) == {act for act, _, is_kept in cases if is_kept}
    assert claims.hits["hospital_in_pmsi"] == (2, 5300, 3710)


def test_payments_without_an_act_are_dropped(tmp_path: Path) -> None:
    """Pitfall 32: ROSP, list fee, structure fee, article 51, contracts, out-of-hours pay; a night visit is an act."""
    acts = [1145, 1173, 1178, 1195, 1196, 1601, 1992, 3101, 3391]
    claims = read_claims(tmp_path, [{"PRS_NAT_REF": act} for act in [*acts, 1227]])
    assert claims.hits["payment_without_act"] == (9, 23850, 16695)
    assert claims.care.act_code.tolist() == [1227]


def test_fictitious_identifiers_are_dropped(tmp_path: Path) -> None:
    """Pitfall 14: BEN_CDI_NIR 00, 03, 04 and an empty one are persons; scheme 888 of the general scheme is not."""
    kept = [{"BEN_CDI_NIR": code} for code in ("00", "03", "04", None)] + [{"RGM_COD": 888, "RGM_GRG_COD": 2}]
    dropped = [{"BEN_CDI_NIR": code} for code in ("01", "05", "06", "08", "09", "11", "15")] + [{"RGM_COD": 888}]
    claims = read_claims(tmp_path, kept + dropped)
    assert claims.hits["kept"] == (5, 13250, 9275)
    assert claims.hits["fictitious_identifier"] == (8, 21200, 14840)


def test_a_pseudonym_of_nobody_is_dropped(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{"BEN_NIR_PSA": "P9"}, {"BEN_RNG_GEM": 2}, {}])
    assert claims.hits["unknown_person"] == (2, 5300, 3710)


def test_a_line_is_dropped_by_the_first_control_that_meets_it(tmp_path: Path) -> None:
    """Order of operations: information before fictitious identifier before unknown person."""
    claims = read_claims(tmp_path, [{"DPN_QLF": 71, "BEN_CDI_NIR": "01", "BEN_NIR_PSA": "P9"}])
    assert set(claims.hits) == {"rows_in", "information_only"}


def test_unknown_act_codes_are_kept_and_named_with_their_euros(tmp_path: Path) -> None:
    """Codes after 2020 are not in the nomenclature: kept in poste inconnu, named in the report."""
    claims = read_claims(tmp_path, [{"PRS_NAT_REF": 3160}, {"PRS_NAT_REF": 3160}, {"PRS_NAT_REF": 3161}])
    assert claims.hits["unknown_act_code"] == (3, 7950, 5565)
    assert set(claims.care.poste) == {"inconnu"}
    detail = next(line["detail"] for line in claims.report if line["control"] == "unknown_act_code")
    assert detail == "3160: 2 rows, 53.00 EUR; 3161: 1 rows, 26.50 EUR"


def test_cash_benefits_are_kept_out_of_the_target(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{"PRS_NAT_REF": 6111}])
    assert claims.hits["cash_benefit"] == ONE
    assert (claims.care.poste[0], claims.care.is_in_target[0]) == ("prestations_especes", False)


def test_supplements_keep_their_amount_and_count_for_no_act(tmp_path: Path) -> None:
    """Pitfall 7: the consultation counts once; the flat contribution of 1 EUR is deducted; nothing is a reversal."""
    contribution = {"CPL_MAJ_TOP": 2, "CPL_AFF_COD": 16, "BSE_REM_BSE": 0, "BSE_REM_MNT": 0, "CPL_REM_MNT": -1}
    claims = read_claims(tmp_path, [{}, contribution])
    assert claims.care.quantity.sum() == 1
    assert claims.care.reimbursed_cents.sum() == 1755
    assert claims.hits["supplement_not_counted"] == (1, 0, -100)


def test_complements_add_to_base_and_reimbursement(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{"CPL_REM_BSE": 5, "CPL_REM_MNT": 3.5}])
    assert (claims.care.base_cents[0], claims.care.reimbursed_cents[0]) == (3150, 2205)


def test_poste_and_perimeter_follow_act_and_specialty(tmp_path: Path) -> None:
    """General practice is specialty 1, 22 or 23; out-of-hours acts are outside the PEPS perimeter."""
    expected = {
        (1111, 1): ("generaliste", "mg"),
        (1110, 22): ("generaliste", "mg"),
        (1112, 3): ("specialiste", "autre"),
        (1113, None): ("specialiste", "autre"),
        (1226, 1): ("generaliste", "autre"),
        (3111, 24): ("infirmier", "ide"),
        (3122, None): ("kinesitherapeute", "autre"),
        (3132, None): ("autres_auxiliaires", "autre"),
        (3211, None): ("biologie", "autre"),
        (3313, None): ("pharmacie", "autre"),
        (3511, None): ("lpp", "autre"),
        (2113, None): ("hopital_prive", "autre"),
    }
    care = read_claims(tmp_path, [{"PRS_NAT_REF": act, "PSE_SPE_COD": specialty} for act, specialty in expected]).care
    found = {row.act_code: (row.poste, row.perimeter) for row in care.itertuples()}
    assert found == {act: value for (act, _), value in expected.items()}


def test_a_salaried_performer_is_nobody_in_particular(tmp_path: Path) -> None:
    """Pitfall 30: PFS_EXE_NUM 00000000 stands for every salaried professional."""
    care = read_claims(tmp_path, [{"PFS_EXE_NUM": "00000000"}]).care
    assert care.performer_id.isna().all()


def test_completeness_tells_how_fast_euros_were_loaded(tmp_path: Path) -> None:
    """Pitfall 1: care of March loaded on 1 April is one month late, on 1 October seven."""
    loads = [dt.date(2024, 4, 1), dt.date(2024, 4, 1), dt.date(2024, 6, 1), dt.date(2024, 10, 1)]
    claims = read_claims(tmp_path, [{"FLX_DIS_DTD": day} for day in loads])
    detail = next(line["detail"] for line in claims.report if line["control"] == "completeness")
    assert detail == (
        "euros loaded within 1 months 50.0%, 2 months 50.0%, 3 months 75.0%, 4 months 75.0%, 5 months 75.0%, "
        "6 months 75.0%"
    )


def test_rights_are_shown_by_claims_with_the_load_that_shows_them(tmp_path: Path) -> None:
    """Pitfall 25: C2S by BEN_C2S_TYP or, before 2020, BEN_CMU_TOP; AME by scheme 95, 96 or certification 04;
    MTM_NAT 1 is the old-age or invalidity minimum."""
    later = {"EXE_SOI_DTD": dt.date(2024, 5, 2), "FLX_DIS_DTD": dt.date(2024, 7, 1)}
    lines = [
        {"BEN_C2S_TYP": "G89", "MTM_NAT": 1},
        {"BEN_C2S_TYP": "P89", **later},
        {"BEN_C2S_TYP": None, "BEN_CMU_TOP": "1", **later},
        {"RGM_COD": 95},
        {"BEN_C2S_TYP": "ZZZ"},
        {"BEN_C2S_TYP": "I89", "DPN_QLF": 71},
    ]
    rights = read_claims(tmp_path, lines).coverages
    shown = {(row.right, str(row.start_date)[:10], str(row.known_date)[:10]) for row in rights.itertuples()}
    assert shown == {
        ("c2s_free", "2024-03-04", "2024-04-01"),
        ("minimum_income", "2024-03-04", "2024-04-01"),
        ("c2s_participative", "2024-05-02", "2024-07-01"),
        ("c2s_free", "2024-05-02", "2024-07-01"),
        ("ame", "2024-03-04", "2024-04-01"),
    }
