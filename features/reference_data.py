"""Code lists of `features/reference/` as frames; origins and licences are in its `sources.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import yaml

FOLDER = Path(__file__).parent / "reference"
GENERAL_PRACTICE = (1, 22, 23)
PUBLIC_POSTES = {"MCO": "hopital_mco", "SSR": "hopital_ssr", "HAD": "hopital_had", "ACE": "hopital_ace"}


@cache
def reference(name: str) -> pd.DataFrame:
    """Rows of features/reference/NAME.csv, every value as text, empty where none. Do not modify the frame."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def sources() -> dict[str, dict[str, str]]:
    """Origin, licence and date of each reference file, by file name."""
    return yaml.safe_load((FOLDER / "sources.yaml").read_text(encoding="utf-8"))


@cache
def acts() -> pd.DataFrame:
    """One row per act code of IR_NAT_V and what follows from it.

    Columns: act_code (int), care_category, scope (gp, nurse, excluded or n), poste_gp and poste_other (poste when a
    general practitioner performs it, or another), is_in_target, is_payment (pays a provider, no act; pitfall 32).
    """
    table = reference("prs_nat_ref")[["code", "care_category", "peps_scope"]]
    frame = pd.DataFrame(
        {
            "act_code": table["code"].astype("int64"),
            "care_category": table["care_category"],
            "scope": table["peps_scope"],
        }
    )
    frame["poste_gp"] = frame.care_category.map(_postes("gp"))
    frame["poste_other"] = frame.care_category.map(_postes("other"))
    frame["is_payment"] = frame.act_code.isin(reference("payments_without_act").act_code.astype("int64"))
    targets = reference("postes").set_index("care_category").is_in_target
    frame["is_in_target"] = frame.care_category.map(targets[~targets.index.duplicated()]).eq("1") & ~frame.is_payment
    return frame


def postes() -> list[str]:
    """Every poste of spending, PMSI ones included, in the order of postes.csv."""
    listed = dict.fromkeys(reference("postes").poste)
    return [*listed, *PUBLIC_POSTES.values()]


def _postes(performer: str) -> dict[str, str]:
    table = reference("postes")
    chosen = table[table.performer.isin([performer, "any"])]
    return dict(zip(chosen.care_category, chosen.poste, strict=True))


def ald_number(icd10: str) -> int | None:
    """ALD number that an ICD-10 reason leads to (longest matching rule), or None. Source: ald_icd10.csv."""
    exact, prefixes = _ald_rules()
    if icd10 in exact:
        return exact[icd10]
    for length in range(len(icd10), 0, -1):
        if icd10[:length] in prefixes:
            return prefixes[icd10[:length]]
    return None


@cache
def _ald_rules() -> tuple[dict[str, int], dict[str, int]]:
    table = reference("ald_icd10")
    table = table.assign(number=table.ald_code.astype("int64"))
    exact = table[table.match == "exact"]
    prefix = table[table.match == "prefix"]
    return (
        dict(zip(exact.icd10_prefix, exact.number, strict=True)),
        dict(zip(prefix.icd10_prefix, prefix.number, strict=True)),
    )


def duplicated_finess(year: int) -> list[str]:
    """FINESS whose PMSI files of `year` duplicate another's: AP-HP, AP-HM, HCL until 2017 (pitfall 16)."""
    table = reference("finess_duplicates")
    return table.finess_geo[table.last_year.astype("int64") >= year].tolist()
