"""Who trains and who tests: characteristics joined with spending, with every row left out counted by reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.engine import dataset_path
from features.errors import InputError, MissingError
from features.provenance import read_provenance
from features.scoring import encode_frame
from features.store import read_dataset, years_written
from features.tables import FEATURE_TABLE, PATIENTELE, SPENDING
from training.recipes import Recipe, card_features

KEY = ["patient_id", "year"]


@dataclass(frozen=True)
class Rows:
    """Patient-years: encoded `matrix` (n, features) with its column `names`, annualised `spent_eur`, `exposure`
    (the weight, 0 to 1) and `patients`."""

    names: list[str]
    matrix: np.ndarray
    spent_eur: np.ndarray
    exposure: np.ndarray
    patients: np.ndarray

    def frame(self, categories: Sequence[str] = ()) -> pd.DataFrame:
        """The matrix as a frame, without copy but for `categories`, whose ranks become a "category" column."""
        frame = pd.DataFrame(self.matrix, columns=self.names, copy=False)
        return frame.astype(dict.fromkeys(categories, "category")) if categories else frame

    def at(self, places: np.ndarray) -> Rows:
        """Some of the rows, by place."""
        parts = (self.matrix, self.spent_eur, self.exposure, self.patients)
        return Rows(self.names, *(part[places] for part in parts))

    @property
    def total_eur(self) -> float:
        """Euros spent, not annualised."""
        return float(self.exposure @ self.spent_eur)


def past_years(data: Path, year: int) -> list[int]:
    """Years before `year` with both characteristics and spending. Errors: MissingError when there is none."""
    both = sorted(set(years_written(FEATURE_TABLE, data)) & set(years_written(SPENDING, data)))
    past = [known for known in both if known < year]
    if not past:
        raise MissingError(
            f"no year before {year} has both feature_table and spending in {data}: "
            f"run forfait features --year {year - 1} and forfait spending --year {year - 1}"
        )
    return past


def experiment_patients(data: Path) -> pd.Index:
    """Patients of the structures of the experiments, in any year: the national reference leaves them out."""
    frames = [read_dataset(None, PATIENTELE, data, year)["patient_id"] for year in years_written(PATIENTELE, data)]
    return pd.Index(pd.concat(frames).unique()) if frames else pd.Index([], dtype=object)


def load_rows(data: Path, recipe: Recipe, years: list[int], *, excluded: pd.Index) -> tuple[Rows, pd.DataFrame]:
    """Rows of the years, and the counts (year, control, patients) of what was kept and left out.

    Spending is annualised: euros / exposure, weighted by exposure. Errors: as `read_dataset`, and RequestError
    for a value outside what the catalogue declares.
    """
    loaded = [_load_year(data, recipe, year, excluded) for year in years]
    parts, counts = [rows for rows, _ in loaded], [count for _, count in loaded]
    rows = Rows(
        parts[0].names,
        np.concatenate([part.matrix for part in parts]) if len(parts) > 1 else parts[0].matrix,
        np.concatenate([part.spent_eur for part in parts]),
        np.concatenate([part.exposure for part in parts]),
        np.concatenate([part.patients for part in parts]),
    )
    return rows, pd.concat(counts, ignore_index=True)


def _check_known_on(data: Path, year: int) -> None:
    """None when the characteristics are those known on the index date. Errors: InputError."""
    record = read_provenance(dataset_path(data, FEATURE_TABLE.name, year)) or {}
    parameters = record.get("parameters")
    known_on = parameters.get("known_on") if isinstance(parameters, dict) else None
    if known_on is not None and str(known_on) != f"{year}-01-01":
        raise InputError(
            f"feature_table {year} holds what was known on {known_on}, after its index date; "
            f"rebuild it before training: forfait features --year {year}"
        )


def _load_year(data: Path, recipe: Recipe, year: int, excluded: pd.Index) -> tuple[Rows, pd.DataFrame]:
    _check_known_on(data, year)
    known = read_dataset(None, FEATURE_TABLE, data, year)
    spent = read_dataset(None, SPENDING, data, year)[[*KEY, "exposure_share", recipe.target]]
    # the order of rows on disk is the engine's: sorted, the same patients give the same model
    both = known.merge(spent, on=KEY, how="inner", validate="one_to_one").sort_values("patient_id", kind="stable")
    reasons = {
        "in_experiment": both["patient_id"].isin(excluded),
        "no_declared_doctor": ~both["has_declared_doctor"],
        "no_exposure": ~(both["exposure_share"] > 0),
    }
    reason = np.select(list(reasons.values()), list(reasons), default="kept")
    counted = {
        "without_spending": len(known) - len(both),
        "without_characteristics": len(spent) - len(both),
        **{name: int((reason == name).sum()) for name in (*reasons, "kept")},
    }
    counts = pd.DataFrame({"year": year, "control": list(counted), "patients": list(counted.values())})
    kept = both[reason == "kept"]
    if kept.empty:
        raise MissingError(f"{year}: no patient is left to train or test on; see {dict(counted)}")
    names = [feature.name for feature in recipe.features]
    exposure = kept["exposure_share"].to_numpy(float)
    rows = Rows(
        names,
        encode_frame(card_features(recipe), kept[names]),
        kept[recipe.target].to_numpy(float) / exposure,
        exposure,
        kept["patient_id"].to_numpy(object),
    )
    return rows, counts
