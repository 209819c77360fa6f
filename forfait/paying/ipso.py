"""The inputs of an IPSO payment: the practice's patients with their bricks, and the national reference."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import ibis
import pandas as pd

from features.declared_bricks import read_declared_bricks
from features.spending import PERIMETERS
from features.tables import BENEFICIARIES, BRICK_NAMES, BRICKS
from forfait.paying.sources import (
    Priced,
    Sources,
    care_of,
    list_of,
    participants,
    predicted,
    reference,
    rows,
    spent,
    with_care,
    with_doctor,
)

FAMILY = ("ipso",)
MODELS = {"MG": "peps_mg"}
SAMPLE = 20_000


def ipso_inputs(
    sources: Sources, year: int, *, priced_by: Priced, provisional: bool, declared: Path | None = None, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.ipso.pay` for a year, final or provisional as for PEPS.

    `declared` is the CSV of the bricks that doctors chose, if any. Errors: MissingError, InputError.
    """
    practices = participants(sources, FAMILY, year)
    care_year = year - 1 if provisional else year
    listed = with_doctor(list_of(sources, practices, year, provisional=provisional))
    described = _described(sources, year, priced_by, home_year=care_year)
    people = rows(described.filter(described.patient_id.isin(listed["patient_id"].unique().tolist())))
    patients = listed.merge(people, on="patient_id", how="left", validate="m:1")
    patients = with_care(patients, care_of(sources, practices["structure_id"], care_year, perimeter="MG"))
    return {
        "participations": practices,
        "patients": patients.drop(columns=["is_diab", "is_age", "is_tot", "reason", "year"]),
        "declared": read_declared_bricks(declared) if declared and declared.exists() else _nothing_declared(),
        "reference": _reference(sources, year - 1, priced_by, seed=seed),
    }


def _nothing_declared() -> pd.DataFrame:
    days = dict.fromkeys(("from_date", "to_date"), pd.Series(dtype="datetime64[us]"))
    return pd.DataFrame(dict.fromkeys(("structure_id", "patient_id", "brick"), pd.Series(dtype="string")) | days)


def _described(sources: Sources, year: int, priced_by: Priced, *, home_year: int) -> ibis.Table:
    """patient_id, age_months on 1 January, sex, expected_eur and bricks of the beneficiaries of `home_year`."""
    on = date(year, 1, 1)
    people = sources.table(BENEFICIARIES, home_year)
    months = (on.year - people.birth_date.year()) * 12 + (on.month - people.birth_date.month())
    described = people.select("patient_id", "sex", age_months=months.cast("int64").clip(lower=0))
    bricks = sources.table(BRICKS, year).select("patient_id", *BRICK_NAMES)
    joined = described.left_join(bricks, "patient_id").drop("patient_id_right")
    return joined.left_join(predicted(sources, year, priced_by), "patient_id").drop("patient_id_right")


def _reference(sources: Sources, year: int, priced_by: Priced, *, seed: int) -> pd.DataFrame:
    """A sample of the reference of a year: weight, age, sex, bricks, annualised observed and expected euros."""
    people = reference(sources, year).select("patient_id")
    joined = people.inner_join(spent(sources, year, PERIMETERS["MG"]), "patient_id")
    found = rows(joined.inner_join(_described(sources, year, priced_by, home_year=year), "patient_id"))
    found = found.dropna(subset=["age_months", "sex", "expected_eur"]).sort_values("patient_id", ignore_index=True)
    sample = found.sample(min(SAMPLE, len(found)), random_state=seed)
    annual = sample["observed_eur"] / sample["exposure_share"]
    return sample.assign(observed_eur=annual, weight=sample["exposure_share"]).drop(
        columns=["patient_id", "exposure_share"]
    )
