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
    """Two rows per act code of IR_NAT_V, for a general practitioner and for another performer.

    Columns: act_code (int), is_gp, poste, perimeter (mg: general-practice act by a general practitioner; ide: nurse
    act; autre), is_in_target, is_payment (pays a provider and no act; pitfall 32).
    """
    listed = reference("prs_nat_ref")[["code", "care_category", "peps_scope"]]
    payments = reference("payments_without_act").act_code
    frames = []
    for is_gp, performer in ((True, "gp"), (False, "other")):
        postes = reference("postes")
        postes = postes[postes.performer.isin([performer, "any"])]
        frame = listed.merge(postes, on="care_category", how="left", validate="many_to_one")
        perimeters = {"gp": "mg" if is_gp else "autre", "nurse": "ide"}
        frame = frame.assign(
            act_code=frame.code.astype("int64"),
            is_gp=is_gp,
            perimeter=frame.peps_scope.map(perimeters).fillna("autre"),
            is_payment=frame.code.isin(payments),
        )
        frame["is_in_target"] = (frame.is_in_target == "1") & ~frame.is_payment
        frames.append(frame[["act_code", "is_gp", "poste", "perimeter", "is_in_target", "is_payment"]])
    return pd.concat(frames, ignore_index=True)


def postes() -> list[str]:
    """Every poste of spending, PMSI ones included, in the order of postes.csv."""
    listed = dict.fromkeys(reference("postes").poste)
    return [*listed, *PUBLIC_POSTES.values()]


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
