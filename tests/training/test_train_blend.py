"""Recipes with a log link and blends: folds, frozen version, explanation in euros, cap of the recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from features.scoring import load_scorer
from tests.training.made_up import RECIPE, write_year
from training.folds import FOLDS_OF_BLEND, out_of_fold, split_by_patient
from training.population import load_rows
from training.recipes import RECIPES
from training.train import estimator_of, train

BLEND = replace(RECIPE, objective="blend", cap_share=0.99, most_trees=40)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A blend trained on one year and tested on the next."""
    home = tmp_path_factory.mktemp("blend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "")
        for year in (2023, 2024):
            write_year(home / "data", year)
        root = home / "versions"
        return home / "data", root, train(home / "data", "peps_mg", 2024, root=root, recipe=BLEND)


def test_a_blend_is_frozen_with_its_parts_and_its_own_cap(made):
    """Trees of the parts follow each other in one text; the cap is that of the recipe, not of the perimeter."""
    _, root, result = made
    card = load_scorer(root, "peps_mg", 1).card
    assert (card.objective, card.link, card.cap_quantile) == ("blend", "parts", 0.99)
    assert sum(part.trees for part in card.parts) == card.parameters["trees"] == result.scorer.booster.num_trees()


@pytest.fixture(scope="module")
def log_link(made, tmp_path_factory):
    """The same, of trees with a log link as the yearly models are."""
    root = tmp_path_factory.mktemp("log") / "versions"
    recipe = replace(BLEND, objective="poisson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "")
        return made[0], root, train(made[0], "peps_mg", 2024, root=root, recipe=recipe)


@pytest.fixture(params=["made", "log_link"])
def version(request):
    """Either of them."""
    return request.getfixturevalue(request.param)


def test_euros_of_a_frozen_version_add_up_and_are_not_negative(version):
    """Base + euros of each characteristic + floor = what is expected, of every test patient; none under 0 €."""
    _, root, result = version
    scorer, matrix = load_scorer(root, "peps_mg", 1), result.tested.matrix[:200]
    expected = scorer.predict(matrix)
    assert scorer.explain(matrix).sum(axis=1) == pytest.approx(expected, rel=1e-9)
    assert expected.min() >= 0


def test_a_frozen_version_keeps_the_directions_of_the_catalogue(version):
    """One more long-term illness, or chronic disease, lowers the expectation of no patient."""
    _, root, result = version
    scorer = load_scorer(root, "peps_mg", 1)
    matrix = result.tested.matrix[:300]
    before = scorer.predict(matrix)
    for name in ("ald_count", "carto_count"):
        more = matrix.copy()
        more[:, result.tested.names.index(name)] += 1
        assert (scorer.predict(more) - before).min() >= -1e-9


def test_the_cap_of_a_recipe_stands_before_that_of_its_perimeter():
    """MG is capped at 99.5 % of patients unless the recipe says otherwise; ours say 99.9 %."""
    assert RECIPE.cap_quantile == 0.995
    assert replace(RECIPE, cap_share=0.98).cap_quantile == 0.98
    assert {(recipe.objective, recipe.cap_quantile) for recipe in RECIPES.values()} == {("blend", 0.999)}


def test_a_blend_is_fitted_again_without_each_fold(made):
    """What is expected out of fold is what the blend fitted on the other patients expects, whole patients apart."""
    data, _, _ = made
    rows, _ = load_rows(data, BLEND, [2023], excluded=pd.Index([]))
    model = estimator_of(BLEND, rows, seed=3)
    folded = out_of_fold(model, rows, folds=5, seed=3)
    splits = split_by_patient(rows.patients, folds=FOLDS_OF_BLEND, seed=3)
    seen, unseen = splits[0]
    again = clone(model).fit(
        rows.frame().iloc[seen], rows.spent_eur[seen], sample_weight=rows.exposure[seen], groups=rows.patients[seen]
    )
    assert (folded.expected_eur[unseen] == again.predict(rows.frame().iloc[unseen])).all()
    assert folded.trees == 40
    assert np.isfinite(folded.expected_eur).all()
