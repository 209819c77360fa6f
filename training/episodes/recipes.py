"""The models of the care episodes: one per programme paid, from what was known at admission, nothing else."""

from __future__ import annotations

from dataclasses import replace

from features.episodes.catalogue import EPISODE_CATALOGUE, check_at_admission
from features.errors import InputError
from features.feature import Feature
from training.recipes import EPISODE_MODELS, Recipe

TITLES_FR = {
    "pth": "Épisode, prothèse totale de hanche",
    "ptg": "Épisode, prothèse totale de genou",
    "colectomie": "Épisode, colectomie pour cancer",
}
AVOIDABLE = "avoidable"
PREFIX = "eds_"
MONOTONE_FAMILIES = ("comorbidity", "past_use")
FREE = (
    "cancer_right_colon",
    "cancer_transverse",
    "cancer_left_colon",
    "bilateral_osteoarthritis",
    "prior_chemotherapy",
)
OBJECTIVES = ("gamma", "tweedie", "regression")
DEPTHS = (1, 2, 3)
SLOWER = {"learning_rate": 0.03, "feature_fraction": 0.3, "bagging_fraction": 0.7, "extra_trees": False}
PARAMETERS = {"learning_rate": 0.05, "reg_lambda": 20.0, "feature_fraction": 0.5, "bagging_fraction": 0.8}
LEAST_EUR = 1.0  # a forfait cannot be priced on an expectation of nothing


def episode_features() -> tuple[Feature, ...]:
    """The catalogue with directions: one more illness or past stay never lowers what is expected.

    Places of the cancer, both sides and chemotherapy say what the operation is, not how ill the patient: left free.
    """
    return tuple(
        replace(known, monotone=+1) if known.family in MONOTONE_FAMILIES and known.name not in FREE else known
        for known in EPISODE_CATALOGUE
    )


def _recipe(model: str) -> Recipe:
    programme = model.removeprefix(PREFIX)
    return Recipe(
        model,
        TITLES_FR[programme],
        programme,
        episode_features(),
        most_trees=600,
        floor_eur=LEAST_EUR,
        balance_on=(),
        parameters=PARAMETERS,
    )


EPISODE_RECIPES: dict[str, Recipe] = {model: _recipe(model) for model in EPISODE_MODELS}


def is_episode_model(model: str) -> bool:
    """True for a model of episodes, known or not: its name begins with `eds_`."""
    return model.startswith(PREFIX)


def episode_recipe_of(model: str) -> Recipe:
    """The recipe of a model of episodes. Errors: InputError for a model that has none."""
    if model not in EPISODE_RECIPES:
        raise InputError(f"model {model!r} is unknown; choose one of {', '.join(EPISODE_RECIPES)}")
    return EPISODE_RECIPES[model]


def checked_recipe(recipe: Recipe) -> Recipe:
    """The recipe, whose features are all present at admission. Errors: InputError naming the first that is not."""
    check_at_admission(known.name for known in recipe.features)
    return recipe


def avoidable_recipe(recipe: Recipe) -> Recipe:
    """The recipe of the avoidable part of the same episodes: rare and skewed, hence Tweedie and no lowest amount."""
    title = f"{recipe.title_fr}, part évitable"
    return replace(recipe, model=f"{recipe.model}_{AVOIDABLE}", title_fr=title, floor_eur=0.0)
