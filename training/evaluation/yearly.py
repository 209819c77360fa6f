"""The evaluation of a frozen version of a yearly model, out of time, from the datasets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import by_name
from features.errors import InputError, MissingError
from features.scoring import Scorer, load_scorer
from features.store import read_dataset, years_written
from features.tables import PATIENTELE
from training.baselines import BASELINES, fit_baseline
from training.evaluation.core import MEMBERS, Beside, Effort, Given, evaluate_given, facts_of
from training.evaluation.groups import People, known_of, yearly_groupings
from training.evaluation.incentives import incentives_of
from training.evaluation.record import Evaluation, OracleRow, Stability
from training.evaluation.stability import stability_of
from training.freeze import input_hashes
from training.judgement import observed_of, year_to_judge
from training.oracle import has_oracle, oracle_r2, oracle_share
from training.population import Rows, experiment_patients, load_rows
from training.recipes import RECIPES, Recipe

PAST, HELD_OUT = "past_use", "folds_r2"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Version:
    """A frozen version with the recipe that reads its data, and its expected euros of a set of rows."""

    scorer: Scorer
    recipe: Recipe

    @property
    def is_payment(self) -> bool:
        """Whether it prices: past use must move none of its amounts."""
        return self.recipe.is_payment


def evaluate_yearly(
    data: Path,
    root: Path,
    *,
    model: str,
    version: int,
    year: int | None = None,
    against: int | None = None,
    effort: Effort | None = None,
    progress: Say | None = None,
) -> Evaluation:
    """The evaluation of a version on a year that it did not train on (default: its test year).

    Population: that of training (declared doctor, outside the experiments), whole year annualised, weighted by
    exposure; structures: the patientèle of the year. `against`: an earlier version to compare with.
    Errors: InputError for a year not after those that trained the version; MissingError without data or version.
    """
    say, effort = progress or (lambda step: None), effort or Effort()
    one = version_of(root, model, version)
    card = one.scorer.card
    year = year_to_judge(card, year)
    say("1/4 reading the year")
    everyone, tested = _rows_of(data, one.recipe, year)
    say("2/4 fitting the rivals on past years")
    past = _past_rows(data, one.recipe, card.training_years)
    given, missing = _given(data, one, everyone, tested, past, year)
    say("3/4 codes, proof, past spending")
    beside = Beside(
        incentives=incentives_of(one.scorer, tested, seed=effort.seed),
        stability=_stability(data, root, one, given, against, year),
        oracle=_oracle(data, one, tested, past, year),
        is_payment=one.is_payment,
    )
    known = {"known_share": _known_share(tested, past), "held_out_r2": card.metrics.get(HELD_OUT)}
    facts = facts_of(given, effort, not_measured=missing, year=year, **_named(data, one, year), **known)
    say("4/4 groups, intervals, chance")
    return evaluate_given(given, facts, beside, effort=effort)


def _named(data: Path, one: Version, year: int) -> dict[str, object]:
    """Facts that the card and the files of the year give."""
    card = one.scorer.card
    return {
        "model": card.model,
        "version": card.version,
        "title_fr": one.recipe.title_fr,
        "title_en": f"{card.model}, perimeter {card.perimeter}",
        "perimeter": card.perimeter,
        "version_hash": one.scorer.hash,
        "training_years": card.training_years,
        "cap_quantile": card.cap_quantile,
        "data_hashes": input_hashes(data, [year]),
    }


def version_of(root: Path, model: str, version: int) -> Version:
    """A version, with its recipe reduced to the features of its card. Errors: MissingError, InputError."""
    scorer = load_scorer(root, model, version)
    if model not in RECIPES:
        raise InputError(f"model {model!r} is no yearly model; choose one of {', '.join(RECIPES)}")
    catalogue = by_name()
    names = [known.name for known in scorer.card.features]
    gone = [name for name in names if name not in catalogue]
    if gone:
        raise InputError(f"{model} version {version} reads {gone[0]!r}, which the catalogue no longer has")
    return Version(scorer, replace(RECIPES[model], features=tuple(catalogue[name] for name in names)))


def _rows_of(data: Path, recipe: Recipe, year: int) -> tuple[Rows, Rows]:
    """Every patient with a declared doctor, and those of the national reference (outside the experiments)."""
    everyone, _ = load_rows(data, recipe, [year], excluded=pd.Index([]))
    outside = ~pd.Index(everyone.patients).isin(experiment_patients(data))
    if not outside.any():
        raise MissingError(f"{year}: every patient is in an experiment; the national reference is empty")
    return everyone, _some(everyone, outside)


def tested_rows(data: Path, recipe: Recipe, year: int) -> Rows:
    """The patients who judge a version: declared doctor, outside the experiments. Errors: MissingError."""
    return _rows_of(data, recipe, year)[1]


def _some(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows(rows.names, rows.matrix[chosen], rows.spent_eur[chosen], rows.exposure[chosen], rows.patients[chosen])


def _given(
    data: Path, one: Version, everyone: Rows, tested: Rows, past: Rows | None, year: int
) -> tuple[Given, tuple[str, ...]]:
    card = one.scorer.card
    expected = one.scorer.predict(tested.matrix)
    rivals = {} if past is None else _rivals(one.recipe, past, tested, card.cap_eur)
    known = known_of(data, year, tested.patients)
    people = People(tested.patients, known, expected, tested.exposure, tested.names)
    groupings, missing = yearly_groupings(data, year, people)
    hidden = [known_.name for known_ in by_name().values() if known_.family == PAST and known_.name not in tested.names]
    given = Given(
        observed=observed_of(tested, past or tested, card.cap_eur),
        expected=expected,
        groupings=groupings,
        rivals=rivals,
        known=_interval_columns(tested),
        hidden=known[[name for name in hidden if name in known]].astype(float),
        members=_members(data, one, everyone, year),
    )
    lacking = {"rivals": not rivals, "structures": given.members is None}
    return given, (*missing, *(name for name, is_missing in lacking.items() if is_missing))


def _past_rows(data: Path, recipe: Recipe, years: tuple[int, ...]) -> Rows | None:
    """The rows that trained the version; None where they are no longer there."""
    try:
        return load_rows(data, recipe, list(years), excluded=experiment_patients(data))[0] if years else None
    except MissingError:
        return None


def _known_share(tested: Rows, past: Rows | None) -> float | None:
    """Part of the patients judged whose past years trained the version."""
    return None if past is None else float(pd.Index(tested.patients).unique().isin(past.patients).mean())


def _rivals(recipe: Recipe, past: Rows, tested: Rows, cap: float | None) -> dict[str, np.ndarray]:
    categories = [known.name for known in recipe.features if known.kind == "category"]
    known, unseen = past.frame(categories), tested.frame(categories)
    return {
        name: fit_baseline(baseline, known, past.spent_eur, past.exposure, cap=cap)(unseen)
        for name, baseline in BASELINES.items()
    }


def _interval_columns(rows: Rows) -> np.ndarray | None:
    """What a patient's interval depends on besides expected euros: age, ALD and diseases, known on the index date."""
    named = [name for name in ("age", "ald_count", "carto_count") if name in rows.names]
    return np.column_stack([rows.matrix[:, rows.names.index(name)] for name in named]) if named else None


def _members(data: Path, one: Version, everyone: Rows, year: int) -> pd.DataFrame | None:
    if year not in years_written(PATIENTELE, data):
        return None
    listed = read_dataset(None, PATIENTELE, data, year)[["structure_id", "patient_id", "present_share"]]
    rows = pd.DataFrame(
        {
            "patient_id": everyone.patients,
            "spent_eur": everyone.spent_eur,
            "expected_eur": one.scorer.predict(everyone.matrix),
        }
    )
    both = listed.merge(rows, on="patient_id", how="inner", validate="many_to_one")
    both = both.rename(columns={"present_share": "weight"})  # within the patient's life already
    return both.loc[both["weight"] > 0, list(MEMBERS)].reset_index(drop=True)


def _stability(data: Path, root: Path, one: Version, given: Given, against: int | None, year: int) -> Stability | None:
    """This version against an earlier one on the same patients, scored on the features that each reads."""
    if against is None:
        return None
    model = one.scorer.card.model
    other = version_of(root, model, against)
    everyone, tested = _rows_of(data, other.recipe, year)
    before = other.scorer.predict(tested.matrix)
    members, old = given.members, _members(data, other, everyone, year)
    both = None
    if members is not None and old is not None:
        both = members.rename(columns={"expected_eur": "after_eur"}).assign(before_eur=old["expected_eur"].to_numpy())
    named = f"{model}, version {against}"
    return stability_of(given.observed, before, given.expected, both, against=named)


def _oracle(data: Path, one: Version, tested: Rows, past: Rows | None, year: int) -> OracleRow | None:
    """On fictional data alone, and where the perimeter has an oracle."""
    if not has_oracle(data, one.recipe.perimeter):
        return None
    expected = one.scorer.predict(tested.matrix)
    predictions = pd.DataFrame({"patient_id": tested.patients, "year": year, "expected_eur": expected})
    row, card = oracle_share(data, one.recipe.model, year, predictions).iloc[0], one.scorer.card
    held_out = card.metrics.get(HELD_OUT) if past is not None else None
    return OracleRow(
        patients=int(row["patients"]),
        model_r2=float(row["model_r2"]),
        oracle_r2=float(row["oracle_r2"]),
        share=float(row["share"]),
        held_out_r2=held_out,
        held_out_oracle_r2=None if held_out is None else oracle_r2(data, one.recipe, card.training_years),
    )
