"""A made-up population in the shape of `feature_table` and `spending`, small and fast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import FORECAST_FEATURES, PAYMENT_FEATURES
from features.provenance import Provenance
from features.store import write_dataset
from features.tables import FEATURE_TABLE, PATIENTELE, SPENDING
from training.recipes import Recipe

PROVENANCE = Provenance(command="tests")
NAMES = ("age", "is_woman", "ald_count", "c2s_free", "fdep_quintile", "carto_count", "ald_08", "carto_fdiabet_ind")
RECIPE = Recipe(
    "peps_mg",
    "PEPS, médecine générale",
    "MG",
    tuple(known for known in PAYMENT_FEATURES if known.name in NAMES),
    most_trees=120,
    parameters={"learning_rate": 0.1, "n_jobs": 1},
)


def made_up_features(patients: int, year: int, *, seed: int = 0) -> pd.DataFrame:
    """Rows of `feature_table` with every feature of the catalogue; most are zero."""
    generator = np.random.default_rng(seed)
    columns: dict[str, object] = {
        "patient_id": [f"p{number:06d}" for number in range(patients)],
        "year": year,
        "index_date": pd.Timestamp(year, 1, 1),
        "has_declared_doctor": generator.random(patients) < 0.9,
    }
    age = generator.integers(0, 100, patients)
    ill = generator.poisson(0.02 * age)
    known: dict[str, object] = {
        "age": age.astype("int64"),
        "is_woman": generator.integers(0, 2, patients).astype("int8"),
        "ald_count": np.minimum(generator.binomial(ill, 0.4), 33).astype("int16"),
        "c2s_free": (generator.random(patients) < 0.1).astype("int8"),
        "fdep_quintile": generator.choice(["1", "2", "3", "4", "5", "missing"], patients),
        "carto_count": np.minimum(ill, 49).astype("int16"),
    }
    known["ald_08"] = (generator.random(patients) < 0.05).astype("int8")
    known["carto_fdiabet_ind"] = known["ald_08"]
    blank = {feature.name: np.zeros(patients, dtype="int8") for feature in FORECAST_FEATURES}
    return pd.DataFrame(columns | blank | known)


def made_up_spending(known: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Rows of `spending`: skewed euros that depend on age, ALD, diabetes and C2S, with some zeros."""
    generator = np.random.default_rng(seed + 1)
    mean = 40 + 0.8 * known["age"] + 30 * known["carto_count"] + 120 * known["ald_08"] + 20 * known["c2s_free"]
    euros = generator.gamma(1.5, mean.to_numpy(float) / 1.5) * (generator.random(len(known)) > 0.15)
    exposure = np.where(generator.random(len(known)) < 0.03, generator.uniform(0.05, 1, len(known)), 1.0)
    return pd.DataFrame(
        {
            "patient_id": known["patient_id"],
            "year": known["year"],
            "exposure_share": exposure,
            "spent_mg_eur": (euros * exposure).round(2),
            "spent_mg_ide_eur": (1.5 * euros * exposure).round(2),
            "spent_total_eur": (10 * euros * exposure).round(2),
            "reimbursed_total_eur": (8 * euros * exposure).round(2),
            "gp_acts": np.round(euros / 30).astype("int64"),
        }
    )


def write_year(data: Path, year: int, *, patients: int = 1500, seed: int | None = None) -> None:
    """`feature_table`, `spending` and `patientele` of a year; a third of the patients leave halfway."""
    seed = year if seed is None else seed
    known = made_up_features(patients, year, seed=seed)
    write_dataset(FEATURE_TABLE, data, known, year, provenance=PROVENANCE)
    spent = made_up_spending(known, seed=seed)
    write_dataset(SPENDING, data, spent, year, provenance=PROVENANCE)
    members = known.loc[known.index % 20 == 0, ["patient_id"]]
    lived = members["patient_id"].map(spent.set_index("patient_id")["exposure_share"])
    patientele = members.assign(
        structure_id=np.where(members.index % 40 == 0, "S1", "S2"),
        year=year,
        first_day=pd.Timestamp(year, 1, 1),
        last_day=pd.Timestamp(year, 12, 31),
        present_share=np.where(members.index % 60 == 0, 0.5 * lived, lived),
        is_diab=False,
        is_age=False,
        is_tot=True,
        reason="declared",
    )
    write_dataset(PATIENTELE, data, patientele, year, provenance=PROVENANCE)
