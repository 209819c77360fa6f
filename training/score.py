"""A year of patients scored and explained by a frozen version, and what each structure's patients add up to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.engine import dataset_path
from features.feature import FAMILIES
from features.provenance import Provenance
from features.scoring import BASE, FLOOR, Scorer, encode_frame, load_scorer
from features.store import read_dataset, write_dataset, years_written
from features.tables import EXPLANATIONS, FEATURE_TABLE, PATIENTELE, PREDICTIONS, Table
from training.population import experiment_patients

NATION = "*"
NATIONAL_SAMPLE = 10_000
NOT_FEATURES = {BASE: ("Base nationale", "base"), FLOOR: ("Plancher", "floor")}


def predict_year(data: Path, root: Path, model: str, version: int, year: int) -> pd.DataFrame:
    """The dataset `predictions` of the year, written: expected euros of each patient of `feature_table`.

    Rows of other models or versions already written for the year are kept.
    Errors: MissingError without features or version; RequestError for a value out of range.
    """
    scorer = load_scorer(root, model, version)
    known = read_dataset(None, FEATURE_TABLE, data, year)
    predictions = _identified(known["patient_id"], scorer, year).assign(
        expected_eur=scorer.predict(_encoded(scorer, known))
    )
    _write(PREDICTIONS, data, predictions, scorer, year)
    return predictions


def explain_year(
    data: Path, root: Path, model: str, version: int, year: int, *, everyone: bool = False
) -> pd.DataFrame:
    """Mean euros per family of each structure and of the nation ("*"), and their difference.

    The dataset `explanations` is written on the way, for the patients of the structures (`patientele` of the
    year), or for all where there is no structure or `everyone` is asked for: a row per feature that moves the
    patient's euros (0 is left out), the base and the floor. The nation is a fixed sample of at most 10,000
    patients with a declared doctor outside the experiments (the reference that trains); a structure's patients
    count by their share of the year.
    Columns: structure_id, family, label_fr, patients, mean_eur, difference_eur.
    Errors: as `predict_year`.
    """
    scorer = load_scorer(root, model, version)
    known = read_dataset(None, FEATURE_TABLE, data, year)
    members = _members(data, year)
    listed = known if members is None or everyone else known[known["patient_id"].isin(members["patient_id"])]
    euros = scorer.explain(_encoded(scorer, listed))
    _write(EXPLANATIONS, data, long_rows(scorer, _identified(listed["patient_id"], scorer, year), euros), scorer, year)
    reference = known[known["has_declared_doctor"] & ~known["patient_id"].isin(experiment_patients(data))]
    sample = reference.sample(min(NATIONAL_SAMPLE, len(reference)), random_state=0)
    national = by_family(scorer, scorer.explain(_encoded(scorer, sample))).mean()
    return _summary(national, len(sample), by_family(scorer, euros).set_index(pd.Index(listed["patient_id"])), members)


def families_of(scorer: Scorer) -> list[str]:
    """Family of each column of `Scorer.explain`: that of the feature, or "base" and "floor"."""
    return [NOT_FEATURES[BASE][1], *(feature.family for feature in scorer.card.features), NOT_FEATURES[FLOOR][1]]


def _encoded(scorer: Scorer, known: pd.DataFrame) -> np.ndarray:
    features = scorer.card.features
    return encode_frame(features, known[[feature.name for feature in features]])


def _members(data: Path, year: int) -> pd.DataFrame | None:
    if year not in years_written(PATIENTELE, data):
        return None
    members = read_dataset(None, PATIENTELE, data, year)[["patient_id", "structure_id", "present_share"]]
    return None if members.empty else members


def _identified(patients: pd.Series, scorer: Scorer, year: int) -> pd.DataFrame:
    card = scorer.card
    frame = pd.DataFrame({"patient_id": patients.array, "year": year, "model": card.model, "version": card.version})
    return frame.astype({"model": "category"})


def long_rows(scorer: Scorer, identity: pd.DataFrame, euros: np.ndarray) -> pd.DataFrame:
    """Identity of each row explained, feature, label, family and euros; text that repeats is held as categories."""
    rows, columns = np.nonzero(euros)
    labels = [NOT_FEATURES[BASE][0], *(known.label_fr for known in scorer.card.features), NOT_FEATURES[FLOOR][0]]
    described = {"feature": scorer.explained_names, "label_fr": labels, "family": families_of(scorer)}
    long = identity.iloc[rows].reset_index(drop=True)
    for name, values in described.items():
        codes, levels = pd.factorize(pd.Series(values))
        long[name] = pd.Categorical.from_codes(codes[columns], pd.Index(levels))
    return long.assign(contribution_eur=euros[rows, columns])


def by_family(scorer: Scorer, euros: np.ndarray) -> pd.DataFrame:
    """Euros of each row by family, in the order in which families first stand in the card."""
    families = families_of(scorer)
    frame = pd.DataFrame(euros, columns=families)
    return frame.T.groupby(level=0, sort=False).sum().T


def _summary(national: pd.Series, sampled: int, families: pd.DataFrame, members: pd.DataFrame | None) -> pd.DataFrame:
    structures = [structure_rows(NATION, national, national, sampled)]
    for structure, list_of in members.groupby("structure_id") if members is not None else ():
        present = list_of[list_of["patient_id"].isin(families.index)]
        if len(present):
            weight = present["present_share"].to_numpy(float)
            mean = families.loc[present["patient_id"]].mul(weight, axis=0).sum() / weight.sum()
            structures.append(structure_rows(str(structure), mean, national, present["patient_id"].nunique()))
    return pd.concat(structures, ignore_index=True)


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


def _write(table: Table, data: Path, rows: pd.DataFrame, scorer: Scorer, year: int) -> None:
    """Write `rows` beside those of other models and versions already there for the year."""
    card = scorer.card
    if year in years_written(table, data):
        there = read_dataset(None, table, data, year)
        others = there[(there["model"] != card.model) | (there["version"] != card.version)]
        rows = pd.concat([others, rows], ignore_index=True) if len(others) else rows
    command = f"{'predict' if table is PREDICTIONS else 'explain'} {card.model} --year {year} --version {card.version}"
    provenance = Provenance(
        command=command,
        inputs=(dataset_path(data, FEATURE_TABLE.name, year),),
        parameters={"model": card.model, "version": card.version, "version_hash": scorer.hash},
        seed=card.seed,
    )
    write_dataset(table, data, rows, year, provenance=provenance)
