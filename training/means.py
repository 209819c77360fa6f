"""Mean euros by family of each structure's patients, and of the nation: summed up batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.feature import FAMILIES
from features.scoring import Scorer
from features.store import read_dataset, years_written
from features.tables import PATIENTELE
from training.long_rows import NOT_FEATURES, families_of

NATION = "*"


@dataclass(frozen=True)
class Members:
    """Patients of the structures: the i-th of `patients` has the links from `starts[i]` to `starts[i + 1]`.

    A link has a structure (its number in `names`) and the patient's share of the year.
    """

    patients: pd.Index
    starts: np.ndarray
    structures: np.ndarray
    shares: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sums:
    """By structure: euros by family and their weight (shares of the year), and patients."""

    euros: np.ndarray
    weights: np.ndarray
    patients: np.ndarray


def members_of(data: Path, year: int) -> Members | None:
    """Who belongs to a structure in the year; None where nobody does."""
    if year not in years_written(PATIENTELE, data):
        return None
    rows = read_dataset(None, PATIENTELE, data, year)[["patient_id", "structure_id", "present_share"]]
    if rows.empty:
        return None
    patient, patients = pd.factorize(rows["patient_id"])
    structure, names = pd.factorize(rows["structure_id"], sort=True)
    order = np.argsort(patient, kind="stable")
    starts = np.searchsorted(patient[order], np.arange(len(patients) + 1))
    shares = rows["present_share"].to_numpy(float)[order]
    return Members(pd.Index(patients), starts, structure[order], shares, tuple(map(str, names)))


def no_sums(members: Members, families: int) -> Sums:
    """Sums of no patient."""
    structures = len(members.names)
    return Sums(np.zeros((structures, families)), np.zeros(structures), np.zeros(structures, dtype=np.int64))


def add_up(sums: Sums, members: Members, patients: pa.Array, families: np.ndarray) -> None:
    """Add euros by family (n, families) of `patients` to `sums`; a patient of no structure counts for none."""
    who = members.patients.get_indexer(patients.to_pandas())
    rows = np.flatnonzero(who >= 0)
    first, counts = members.starts[who[rows]], np.diff(members.starts)[who[rows]]
    links = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    structure, share = members.structures[links], members.shares[links]
    np.add.at(sums.euros, structure, share[:, None] * families[np.repeat(rows, counts)])
    np.add.at(sums.weights, structure, share)
    np.add.at(sums.patients, structure, 1)


def by_family(scorer: Scorer, euros: np.ndarray) -> pd.DataFrame:
    """Euros of each row by family, in the order in which families first stand in the card."""
    families = families_of(scorer)
    frame = pd.DataFrame(euros, columns=families)
    return frame.T.groupby(level=0, sort=False).sum().T


def summary(national: pd.Series, sampled: int, members: Members | None, sums: Sums | None) -> pd.DataFrame:
    """Rows of the nation, then of each structure that has patients explained, by name."""
    rows = [structure_rows(NATION, national, national, sampled)]
    if members is not None and sums is not None:
        for place in np.flatnonzero(sums.patients):
            mean = pd.Series(sums.euros[place], index=national.index) / sums.weights[place]
            rows.append(structure_rows(members.names[place], mean, national, int(sums.patients[place])))
    return pd.concat(rows, ignore_index=True)


def structure_rows(structure: str, mean: pd.Series, national: pd.Series, patients: int) -> pd.DataFrame:
    """Mean euros per family of a structure, their total, and their differences with the nation."""
    labels = {family: FAMILIES[family][0] for family in FAMILIES} | {
        name: label for label, name in NOT_FEATURES.values()
    }
    total = pd.Series({"total": mean.sum()})
    frame = pd.concat([mean, total]).rename("mean_eur").rename_axis("family").reset_index()
    gap = pd.concat([mean - national, pd.Series({"total": mean.sum() - national.sum()})])
    return frame.assign(
        structure_id=structure,
        label_fr=frame["family"].map(labels | {"total": "Total attendu"}),
        patients=patients,
        difference_eur=gap.to_numpy(),
    )[["structure_id", "family", "label_fr", "patients", "mean_eur", "difference_eur"]]
