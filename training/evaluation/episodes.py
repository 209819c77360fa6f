"""The evaluation of a frozen version of a model of episodes, on a year of exit that it did not train on.

Rows are final and complete episodes, structures are establishments. Costs are cut as in training (1st and 99th
percentile of sector and year), and every expectation is normalised by stratum with factors of the training years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.episodes.catalogue import EPISODE_CATALOGUE
from features.errors import InputError, MissingError
from features.scoring import Scorer, load_scorer
from features.store import read_dataset, years_written
from features.tables import FEATURE_TABLE
from training.bootstrap import Bootstrap, bootstrap_of, interval
from training.episodes.baselines import gamma_glm, mean_cost
from training.episodes.evaluate import drawn_r2, r2_within
from training.episodes.folds import cross_fitted, folds_by
from training.episodes.judgement import GLM, MEAN
from training.episodes.population import Episodes, load_episodes, policy_of
from training.episodes.recipes import episode_recipe_of
from training.episodes.target import normalised, stratum_factors
from training.episodes.written import hashes_of
from training.evaluate import Observed
from training.evaluation.core import MEMBERS, Beside, Effort, Given, evaluate_given, facts_of
from training.evaluation.episode_groups import episode_groupings, known_of_episodes
from training.evaluation.incentives import incentives_of
from training.evaluation.record import Evaluation, Figure, OracleRow, Stability
from training.evaluation.stability import stability_of
from training.judgement import year_to_judge
from training.oracle import true_cost
from training.recipes import Recipe

SIZES = (50, 100, 250, 1_000)
FACTOR = "factor_"
INTERVAL_COLUMNS = ("age", "charlson_score", "prior_spent_eur")
TITLES_EN = {"pth": "Episode, hip replacement", "ptg": "Episode, knee replacement", "colectomie": "Episode, colectomy"}
Say = Callable[[str], None]


@dataclass(frozen=True)
class EpisodeVersion:
    """A frozen version with the recipe that reads its data."""

    scorer: Scorer
    recipe: Recipe

    def expected(self, episodes: Episodes) -> np.ndarray:
        """Expected cost of each episode, normalised by stratum with the factors of the card."""
        metrics = self.scorer.card.metrics
        factors = {name.removeprefix(FACTOR): value for name, value in metrics.items() if name.startswith(FACTOR)}
        return normalised(self.scorer.predict(episodes.rows.matrix), episodes.strata, factors)


def evaluate_episodes(
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
    """The evaluation of a version on episodes of a year of exit that it did not train on (default: its test year).

    Errors: InputError for a year that trained the version, or built under another policy of diagnoses; MissingError
    without episodes or version.
    """
    say = progress or (lambda step: None)
    effort = effort or Effort()
    effort = replace(effort, sizes=effort.sizes or SIZES)
    one = episode_version_of(root, model, version)
    year = year_to_judge(one.scorer.card, year)
    _check(data, one, year)
    say("1/4 reading the episodes")
    tested, _ = load_episodes(data, one.recipe, [year])
    trained = _past_episodes(data, one)
    say("2/4 fitting the rivals on past years")
    given, missing = _given(data, one, tested, trained)
    say("3/4 codes, proof, past spending")
    beside = Beside(
        fit=figures_within(tested, given.expected, effort),
        incentives=incentives_of(one.scorer, tested.rows, seed=effort.seed),
        stability=_stability(root, one, tested, given, against),
        oracle=_oracle(data, tested, trained, given.expected),
        is_payment=False,
    )
    facts = facts_of(given, effort, not_measured=missing, year=year, **_named(data, one, year))
    say("4/4 groups, intervals, chance")
    return evaluate_given(given, facts, beside, effort=effort)


def episode_version_of(root: Path, model: str, version: int) -> EpisodeVersion:
    """A version, with its recipe reduced to the features of its card. Errors: MissingError, InputError."""
    recipe, scorer = episode_recipe_of(model), load_scorer(root, model, version)
    catalogue = {known.name: known for known in EPISODE_CATALOGUE}
    names = [known.name for known in scorer.card.features]
    gone = [name for name in names if name not in catalogue]
    if gone:
        raise InputError(f"{model} version {version} reads {gone[0]!r}, which the catalogue of episodes no longer has")
    return EpisodeVersion(scorer, replace(recipe, features=tuple(catalogue[name] for name in names)))


def figures_within(episodes: Episodes, expected: np.ndarray, effort: Effort) -> tuple[Figure, ...]:
    """R² within strata of cut and of raw costs, with 95 % intervals by patient.

    1 − Σ(cost − expected)² / Σ(cost − mean of the stratum)²: what is explained beyond the price of the stratum.
    """
    draws = bootstrap_of(episodes.rows.patients, draws=effort.draws, seed=effort.seed)
    raw = episodes.with_cost(episodes.known["raw_eur"].to_numpy(float))
    return (_within("r2_within", episodes, expected, draws), _within("r2_within_raw", raw, expected, draws))


def _within(name: str, episodes: Episodes, expected: np.ndarray, draws: Bootstrap) -> Figure:
    drawn = drawn_r2(draws, episodes, expected)
    low, high = interval(drawn[np.isfinite(drawn)])  # a draw of one episode a stratum has no spread
    value = r2_within(episodes.cost_eur, expected, episodes.strata)
    return Figure(name=name, value=value, low=float(low), high=float(high))


def _check(data: Path, one: EpisodeVersion, year: int) -> None:
    card = one.scorer.card
    policy, trained = policy_of(data, year), card.parameters.get("index_dx_policy", "")
    if policy != trained:
        raise InputError(
            f"episode_features {year}: index_dx_policy is {policy}, the version was trained under {trained}; "
            "build the year under the same policy: forfait episodes"
        )


def _past_episodes(data: Path, one: EpisodeVersion) -> Episodes | None:
    """The episodes that trained the version; None where they are no longer there."""
    try:
        return load_episodes(data, one.recipe, list(one.scorer.card.training_years))[0]
    except MissingError:
        return None


def _given(
    data: Path, one: EpisodeVersion, tested: Episodes, trained: Episodes | None
) -> tuple[Given, tuple[str, ...]]:
    expected, names = one.expected(tested), [known.name for known in one.scorer.card.features]
    known = known_of_episodes(data, tested)
    groupings, missing = episode_groupings(data, tested, known, expected, seen=names)
    rivals = {} if trained is None else _rivals(one, tested, trained)
    hidden = _hidden(data, tested)
    rows = tested.rows
    given = Given(
        observed=Observed(tested.cost_eur, rows.exposure, rows.patients, float("inf"), 1.0),
        expected=expected,
        groupings=groupings,
        rivals=rivals,
        known=np.column_stack([rows.matrix[:, names.index(name)] for name in INTERVAL_COLUMNS if name in names]),
        hidden=hidden,
        members=_members(tested, expected),
    )
    gaps = {"rivals": not rivals, "hidden": hidden is None}
    return given, (*missing, *(name for name, is_missing in gaps.items() if is_missing))


def _rivals(one: EpisodeVersion, tested: Episodes, trained: Episodes) -> dict[str, np.ndarray]:
    """Gamma GLM (with the ridge that the version's training chose) and the price of the stratum, normalised alike."""
    card, categories = one.scorer.card, [known.name for known in one.recipe.features if known.kind == "category"]
    fold = folds_by(trained.rows.patients, seed=card.seed)
    found = {}
    for name, fit in ((GLM, gamma_glm(card.metrics.get("glm_alpha", 1.0), categories)), (MEAN, mean_cost)):
        factors = stratum_factors(trained.cost_eur, cross_fitted(fit, trained, fold), trained.strata)
        found[name] = normalised(fit(trained)(tested), tested.strata, factors)
    return found


def _hidden(data: Path, tested: Episodes) -> pd.DataFrame | None:
    """What the year of entry's characteristics say of each patient, which the episode does not read; None without."""
    entry = pd.to_datetime(tested.known["entry_date"]).dt.year.to_numpy()
    years = [int(year) for year in np.unique(entry) if int(year) in years_written(FEATURE_TABLE, data)]
    if not years:
        return None
    table = pd.concat([read_dataset(None, FEATURE_TABLE, data, year) for year in years], ignore_index=True)
    numbers = table.select_dtypes(["number", "bool"]).columns.difference(["year"])
    asked = pd.DataFrame({"patient_id": tested.rows.patients, "year": entry})
    both = asked.merge(table[["patient_id", "year", *numbers]], how="left", validate="many_to_one")
    return both[list(numbers)].astype(float)


def _members(episodes: Episodes, expected: np.ndarray) -> pd.DataFrame:
    """An establishment's episodes, each of weight 1."""
    columns: Mapping[str, object] = {
        "structure_id": episodes.establishments,
        "patient_id": episodes.rows.patients,
        "weight": 1.0,
        "spent_eur": episodes.cost_eur,
        "expected_eur": expected,
    }
    return pd.DataFrame(columns)[list(MEMBERS)]


def _stability(
    root: Path, one: EpisodeVersion, tested: Episodes, given: Given, against: int | None
) -> Stability | None:
    """This version against an earlier one on the same episodes, which must read the same characteristics."""
    if against is None:
        return None
    other = episode_version_of(root, one.scorer.card.model, against)
    if other.recipe.features != one.recipe.features:
        raise InputError(f"{other.scorer.card.model} version {against} reads other characteristics; compare two alike")
    before = other.expected(tested)
    both = None
    if given.members is not None:
        both = given.members.rename(columns={"expected_eur": "after_eur"}).assign(before_eur=before)
    named = f"{one.scorer.card.model}, version {against}"
    return stability_of(given.observed, before, given.expected, both, against=named)


def _oracle(data: Path, tested: Episodes, trained: Episodes | None, expected: np.ndarray) -> OracleRow | None:
    """On fictional data alone: R² within strata of the model and of the true cost, normalised alike."""
    if trained is None or not (data / "oracle" / "episodes.parquet").exists():
        return None
    factors = stratum_factors(trained.cost_eur, true_cost(data, trained), trained.strata)
    best = normalised(true_cost(data, tested), tested.strata, factors)
    own, highest = (r2_within(tested.cost_eur, values, tested.strata) for values in (expected, best))
    return OracleRow(patients=len(tested), model_r2=own, oracle_r2=highest, share=own / highest)


def _named(data: Path, one: EpisodeVersion, year: int) -> dict[str, object]:
    card = one.scorer.card
    return {
        "model": card.model,
        "version": card.version,
        "title_fr": one.recipe.title_fr,
        "title_en": TITLES_EN.get(card.perimeter, card.model),
        "unit": card.unit,
        "perimeter": card.perimeter,
        "version_hash": one.scorer.hash,
        "training_years": card.training_years,
        "data_hashes": hashes_of(data, [year]),
    }
