"""What every payment model must never do, on really trained small models: pay less for more illness, less than
nothing, or anything for past spending. Values are drawn over the ranges that the catalogue declares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.scoring import Scorer, encode_frame, load_scorer
from features.store import read_dataset, write_dataset
from features.tables import FEATURE_TABLE, SPENDING
from features.versions import CardFeature
from tests.training.episodes_made import write_episodes
from tests.training.made_up import PROVENANCE, made_up_features, made_up_spending
from training.episodes.population import load_episodes
from training.episodes.recipes import EPISODE_RECIPES, LEAST_EUR
from training.episodes.train import candidates
from training.estimator import SpendingRegressor
from training.evaluation.monotone import monotone_rows
from training.freeze import card_of, freeze
from training.population import Rows, load_rows
from training.recipes import RECIPES, Recipe, card_features

YEARLY = tuple(model for model, recipe in RECIPES.items() if recipe.is_payment)
EPISODES = ("eds_pth", "eds_colectomie")
ROWS = 60
WHOLE = "ipep"  # fitted on every feature; the other yearly recipes read the same ones


def random_flags(known: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Every flag of the catalogue held by some, so that trees have something to split on."""
    generator = np.random.default_rng(seed)
    flags = [known_.name for known_ in RECIPES["total"].features if known_.kind == "flag"]
    drawn = generator.random((len(known), len(flags))) < 0.08
    blank = known[flags].eq(0).all()
    return known.assign(**{name: drawn[:, place].astype("int8") for place, name in enumerate(flags) if blank[name]})


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, dict[str, Scorer]]:
    """A small frozen model of each payment recipe: its objective, floor, directions and settings, few trees."""
    home = tmp_path_factory.mktemp("payment")
    data, root = home / "data", home / "versions"
    known = random_flags(made_up_features(350, 2023, seed=1), 1)
    write_dataset(FEATURE_TABLE, data, known, 2023, provenance=PROVENANCE)
    write_dataset(SPENDING, data, made_up_spending(known, seed=1), 2023, provenance=PROVENANCE)
    write_episodes(data, 2023, {"pth": 220, "colectomie": 200})
    scorers = {}
    for model in YEARLY:
        recipe = RECIPES[model] if model == WHOLE else with_few_features(RECIPES[model])
        rows, _ = load_rows(data, recipe, [2023], excluded=pd.Index([]))
        settings_ = {"objective": recipe.objective, **recipe.parameters, "n_estimators": 20, "n_jobs": 1}
        scorers[model] = frozen(root, recipe, SpendingRegressor(**settings_, **from_recipe(recipe)), rows)
    for model in EPISODES:
        recipe = EPISODE_RECIPES[model]
        episodes, _ = load_episodes(data, recipe, [2023])
        gamma = next(one for one in candidates(recipe, episodes, seed=0) if one.objective == "gamma")
        scorers[model] = frozen(root, recipe, gamma.set_params(n_estimators=40), episodes.rows)
    return data, scorers


def with_few_features(recipe: Recipe) -> Recipe:
    """The recipe with the first features, those whose cells are balanced and those with a direction: quick to fit."""
    needed = {*recipe.balance_on, *(known.name for known in recipe.features if known.monotone)}
    kept = (known for place, known in enumerate(recipe.features) if place < 30 or known.name in needed)
    return replace(recipe, features=tuple(kept))


def from_recipe(recipe: Recipe) -> dict[str, object]:
    """What the recipe asks of the estimator, as training does."""
    directions = {known.name: known.monotone for known in card_features(recipe) if known.monotone}
    named = ("cap_quantile", "floor_eur", "balance_on")
    return {**{name: getattr(recipe, name) for name in named}, "monotone": directions, "min_child_samples": 11}


def frozen(root: Path, recipe: Recipe, estimator: SpendingRegressor, rows: Rows) -> Scorer:
    """The estimator fitted, frozen, and read back."""
    fitted = estimator.fit(rows.frame(), rows.spent_eur, sample_weight=rows.exposure)
    freeze(root, card_of(recipe, fitted, years=(2023, 2024), seed=0), fitted.booster_.model_to_string())
    return load_scorer(root, recipe.model, 1)


def drawn_rows(features: tuple[CardFeature, ...], seed: int, edges: float) -> np.ndarray:
    """Encoded rows over the declared ranges: at an edge with this chance, missing at times where that is allowed."""
    generator = np.random.default_rng(seed)
    columns = []
    for known in features:
        low, high = (0.0, len(known.categories) - 1.0) if known.kind == "category" else (known.low, known.high)
        low, high = 0.0 if low is None else low, 1.0 if high is None else high
        inside = generator.uniform(low, high, ROWS)
        at_edge = np.where(generator.random(ROWS) < 0.5, low, high)
        values = np.where(generator.random(ROWS) < edges, at_edge, inside)
        values = values.round() if known.kind != "number" else values
        columns.append(np.where(known.nullable & (generator.random(ROWS) < 0.1), np.nan, values))
    return np.column_stack(columns)


@pytest.mark.parametrize("model", [*YEARLY, *EPISODES])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), edges=st.floats(0, 1))
def test_no_payment_is_negative(trained: tuple[Path, dict[str, Scorer]], model: str, seed: int, edges: float):
    """Whatever the patient: a finite amount, 0 € at least (1 € for an episode)."""
    scorer = trained[1][model]
    expected = scorer.predict(drawn_rows(scorer.card.features, seed, edges))
    assert np.isfinite(expected).all()
    assert (expected >= (LEAST_EUR if model in EPISODES else 0.0)).all()


@pytest.mark.parametrize("model", [*YEARLY, *EPISODES])
@settings(max_examples=25, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_raising_what_may_not_lower_never_lowers(
    trained: tuple[Path, dict[str, Scorer]], model: str, data: st.DataObject, seed: int, share: float
):
    """Any patient, any feature with a direction, raised any part of the way to its highest value."""
    scorer = trained[1][model]
    features = scorer.card.features
    place, known = data.draw(st.sampled_from([(n, one) for n, one in enumerate(features) if one.monotone]))
    rows = drawn_rows(features, seed, 0.3)
    rows = rows[~np.isnan(rows[:, place])]
    raised = rows.copy()
    raised[:, place] += share * ((known.high or 1.0) - rows[:, place])
    change = scorer.predict(raised) - scorer.predict(rows)
    assert (known.monotone * change >= -1e-6).all()


@pytest.mark.parametrize("model", [*YEARLY, *EPISODES])
def test_the_proof_says_the_same(trained: tuple[Path, dict[str, Scorer]], model: str):
    """No pair of leaves of the trained trees breaks a direction of the card."""
    card = trained[1][model].card
    directions = {known.name: known.monotone for known in card.features if known.monotone}
    names = [known.name for known in card.features]
    rows = monotone_rows(trained[1][model].booster, names, directions, labels={})
    assert {row.feature for row in rows} == set(directions) and directions
    assert [(row.broken, row.worst_eur) for row in rows] == [(0, 0.0)] * len(rows)
    assert sum(row.pairs for row in rows) > 0


@pytest.mark.parametrize("model", YEARLY)
@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0, 1000), added=st.floats(0, 1e6))
def test_past_spending_moves_no_yearly_payment(
    trained: tuple[Path, dict[str, Scorer]], model: str, factor: float, added: float
):
    """Every column of past use times any factor, plus any amount: the same euros to the last bit."""
    data, scorers = trained
    features = scorers[model].card.features
    assert all(known.family != "past_use" for known in features)
    known = read_dataset(None, FEATURE_TABLE, data, 2023)
    past = [name for name in known if name.startswith("past_")]
    moved = known.assign(**{name: known[name] * factor + added for name in past})
    names = [one.name for one in features]
    before, after = (scorers[model].predict(encode_frame(features, frame[names])) for frame in (known, moved))
    assert past and (before == after).all()


def test_models_that_pay_are_all_there():
    """Every recipe but the budget forecast pays, and alone reads past use of care."""
    assert set(RECIPES) - set(YEARLY) == {"budget_total"}
    reads_past = {m for m, recipe in RECIPES.items() if any(known.family == "past_use" for known in recipe.features)}
    assert reads_past == {"budget_total"}
