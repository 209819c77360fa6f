"""Who trains and who tests: characteristics joined with spending, with every row left out counted by reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.buckets import read_batches
from features.encoding import encoder_of
from features.engine import dataset_path
from features.errors import InputError, MissingError
from features.provenance import read_provenance
from features.store import years_written
from features.tables import FEATURE_TABLE, PATIENTELE, SPENDING
from training.big.batches import read_columns
from training.big.columns import ROWS_OF_BLOCK, Matrix, dense, empty_columns, put, rows_at, stacked, table_of
from training.recipes import Recipe, card_features


@dataclass(frozen=True)
class Rows:
    """Patient-years: their `encoded` characteristics (a matrix, or a table of compact columns, see
    training/big/columns.py) with its column `names`, annualised `spent_eur`, `exposure` (the weight, 0 to 1) and
    `patients` (their identifiers, or numbers in the same order)."""

    names: list[str]
    encoded: Matrix
    spent_eur: np.ndarray
    exposure: np.ndarray
    patients: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """The encoded matrix (n, features) of float64; made anew at each call where the columns are compact."""
        return dense(self.encoded)

    @property
    def given(self) -> pd.DataFrame | pa.Table:
        """What the estimator takes, without copy: a frame of a matrix, or the compact columns."""
        return self.frame() if isinstance(self.encoded, np.ndarray) else self.encoded

    def frame(self, categories: Sequence[str] = ()) -> pd.DataFrame:
        """The matrix as a frame, without copy but for `categories`, whose ranks become a "category" column."""
        frame = pd.DataFrame(self.matrix, columns=self.names, copy=False)
        return frame.astype(dict.fromkeys(categories, "category")) if categories else frame

    def frame_of(self, names: Sequence[str]) -> pd.DataFrame:
        """Those of the columns `names` that there are, as a frame."""
        columns = {name: self.names.index(name) for name in self.names if name in names}
        if isinstance(self.encoded, np.ndarray):
            return pd.DataFrame({name: self.encoded[:, place] for name, place in columns.items()})
        return pd.DataFrame({name: self.encoded.column(place).to_numpy() for name, place in columns.items()})

    def blocks(self) -> Iterator[Rows]:
        """The rows, a bounded number at a time, where they are compact; else all at once."""
        rows = len(self.spent_eur)
        size = rows if isinstance(self.encoded, np.ndarray) else ROWS_OF_BLOCK
        for start in range(0, rows, size):
            yield self.at(np.arange(start, min(start + size, rows)))

    def at(self, places: np.ndarray) -> Rows:
        """Some of the rows, by place."""
        parts = (self.spent_eur, self.exposure, self.patients)
        return Rows(self.names, rows_at(self.encoded, places), *(part[places] for part in parts))

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
    found = [read_columns(PATIENTELE, data, year, [])["patient_id"] for year in years_written(PATIENTELE, data)]
    chunks = [chunk for column in found for chunk in column.chunks]
    return pd.Index(pc.unique(pa.chunked_array(chunks)).to_pandas()) if chunks else pd.Index([], dtype=object)


def load_rows(data: Path, recipe: Recipe, years: list[int], *, excluded: pd.Index) -> tuple[Rows, pd.DataFrame]:
    """Rows of the years as one matrix, and the counts (year, control, patients) of what was kept and left out.

    Spending is annualised: euros / exposure, weighted by exposure. Errors: as `read_dataset`, and RequestError
    for a value outside what the catalogue declares.
    """
    loaded = [load_year(data, recipe, year, excluded) for year in years]
    rows, counts = _joined([rows for rows, _, _ in loaded]), [count for _, _, count in loaded]
    patients = np.concatenate([ids.to_numpy() for _, ids, _ in loaded])
    return replace(rows, encoded=rows.matrix, patients=patients), pd.concat(counts, ignore_index=True)


def load_columns(data: Path, recipe: Recipe, years: list[int], *, excluded: pd.Index) -> tuple[Rows, pd.DataFrame]:
    """As `load_rows`, with compact columns and numbered patients: a few bytes per characteristic and row.

    The numbers follow the order of the identifiers, so that folds by patient are the same.
    """
    loaded = [load_year(data, recipe, year, excluded) for year in years]
    rows, counts = _joined([rows for rows, _, _ in loaded]), [count for _, _, count in loaded]
    ids = pa.chunked_array([chunk for _, ids, _ in loaded for chunk in ids.chunks], pa.large_string())
    known = pc.unique(ids)
    known = known.take(pc.sort_indices(known))
    return replace(rows, patients=pc.index_in(ids, value_set=known).to_numpy()), pd.concat(counts, ignore_index=True)


def _joined(parts: list[Rows]) -> Rows:
    columns = zip(*((part.spent_eur, part.exposure, part.patients) for part in parts), strict=True)
    return Rows(
        parts[0].names, stacked([part.encoded for part in parts]), *(np.concatenate(column) for column in columns)
    )


def _check_known_on(data: Path, year: int) -> None:
    """None when the characteristics are those known on the index date. Errors: InputError."""
    path = dataset_path(data, FEATURE_TABLE.name, year)
    record = read_provenance(path)
    if record is None and path.exists():
        raise InputError(
            f"{FEATURE_TABLE.name} {year} has no provenance record, so that nobody knows when it was known (a run "
            f"cut short?); make it again before training: forfait features --year {year}"
        )
    parameters = (record or {}).get("parameters")
    known_on = parameters.get("known_on") if isinstance(parameters, dict) else None
    if known_on is not None and str(known_on) != f"{year}-01-01":
        raise InputError(
            f"feature_table {year} holds what was known on {known_on}, after its index date; "
            f"rebuild it before training: forfait features --year {year}"
        )


def load_year(data: Path, recipe: Recipe, year: int, excluded: pd.Index) -> tuple[Rows, pa.ChunkedArray, pd.DataFrame]:
    """Rows of a year, without patients, in the order of their identifiers (second); counts of what was left out.

    The order of rows on disk is the engine's: sorted, the same patients give the same model.
    """
    _check_known_on(data, year)
    known = read_columns(FEATURE_TABLE, data, year, ["has_declared_doctor"])
    spent = read_columns(SPENDING, data, year, ["exposure_share", recipe.target])
    found = pc.index_in(known["patient_id"], value_set=spent["patient_id"])
    both, match = found.is_valid().to_numpy(), found.fill_null(0).to_numpy()
    exposure, euros = (spent[name].cast(pa.float64()).to_numpy() for name in ("exposure_share", recipe.target))
    reasons = {
        "in_experiment": pc.is_in(known["patient_id"], value_set=pa.array(excluded, pa.large_string())).to_numpy(),
        "no_declared_doctor": ~known["has_declared_doctor"].to_numpy().astype(bool),
        "no_exposure": ~(exposure[match] > 0) if len(spent) else ~both,
    }
    reason = np.select(list(reasons.values()), list(reasons), default="kept")
    counted = {
        "without_spending": int((~both).sum()),
        "without_characteristics": len(spent) - int(both.sum()),
        **{name: int((both & (reason == name)).sum()) for name in (*reasons, "kept")},
    }
    if not counted["kept"]:
        raise MissingError(f"{year}: no patient is left to train or test on; see {counted}")
    kept = np.flatnonzero(both & (reason == "kept"))
    order = kept[pc.sort_indices(known["patient_id"].take(pa.array(kept))).to_numpy()]
    match = match[order]
    table = _encoded(data, recipe, year, order, rows=len(known))
    rows = Rows(table.column_names, table, euros[match] / exposure[match], exposure[match], np.empty(0))
    counts = pd.DataFrame({"year": year, "control": list(counted), "patients": list(counted.values())})
    return rows, known["patient_id"].take(pa.array(order)), counts


def _encoded(data: Path, recipe: Recipe, year: int, order: np.ndarray, *, rows: int) -> pa.Table:
    """Compact columns of the rows numbered in `order` (of `rows` on disk), read a batch at a time."""
    names, encoder = [feature.name for feature in recipe.features], encoder_of(card_features(recipe))
    place, start = np.full(rows, -1), 0
    place[order] = np.arange(len(order))
    columns = empty_columns(len(names), len(order))
    for batch in read_batches(FEATURE_TABLE, data, year, names):
        places = place[start : start + batch.num_rows]
        start += batch.num_rows
        put(columns, places[places >= 0], encoder.table(pa.Table.from_batches([batch]).filter(pa.array(places >= 0))))
    return table_of(names, columns)
