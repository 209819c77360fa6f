"""What each model is: whose spending it expects, from which features, under which cap and with which trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.catalogue import FORECAST_FEATURES, PAYMENT_FEATURES
from features.errors import InputError
from features.feature import Feature
from features.spending import CAP_SHARES, PERIMETERS
from features.versions import CardFeature

EPISODE_MODELS = ("eds_pth", "eds_ptg", "eds_colectomie")  # their recipes: training/episodes/recipes.py
POLICY_CELLS = ("age", "is_woman", "ald_count", "c2s_free", "c2s_participative", "carto_count")


@dataclass(frozen=True)
class Recipe:
    """A model to train: `perimeter` of spending, `features`, and what differs from the estimator's defaults.

    `objective` as of `SpendingRegressor`; `cap_share`: share of patients whose spending training does not cap, where
    it is not that of the perimeter; `most_trees` bounds the number of trees that the folds choose; `balance_on` names
    the features whose large cells are balanced too; `parameters` go to `SpendingRegressor`. `is_payment`: the model
    prices, so that past use of care must move none of its amounts.
    """

    model: str
    title_fr: str
    perimeter: str
    features: tuple[Feature, ...]
    objective: str = "regression"
    cap_share: float | None = None
    most_trees: int = 2000
    floor_eur: float | None = 0.0
    balance_on: tuple[str, ...] = POLICY_CELLS
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)
    is_payment: bool = True

    @property
    def target(self) -> str:
        """Column of `spending` that the model expects."""
        return PERIMETERS[self.perimeter]

    @property
    def cap_quantile(self) -> float:
        """Share of patients (weighted by exposure) whose spending is not capped."""
        return CAP_SHARES[self.perimeter] if self.cap_share is None else self.cap_share


def _yearly(
    model: str,
    title_fr: str,
    perimeter: str,
    features: tuple[Feature, ...] = PAYMENT_FEATURES,
    *,
    is_payment: bool = True,
) -> Recipe:
    """The blend of formulas and trees as it comes, capped at one patient in a thousand.

    Sums learn rare dear illnesses soonest, products what illnesses cost together; a lower cap hides the dearest.
    """
    return Recipe(model, title_fr, perimeter, features, "blend", cap_share=0.999, most_trees=400, is_payment=is_payment)


RECIPES: dict[str, Recipe] = {
    recipe.model: recipe
    for recipe in (
        _yearly("peps_mg", "PEPS, médecine générale", "MG"),
        _yearly("peps_mg_ide", "PEPS, médecine générale et soins infirmiers", "MG_IDE"),
        _yearly("ipep", "IPEP, dépense remboursée", "AMO"),
        _yearly("total", "Dépense totale", "TOTAL"),
        _yearly("budget_total", "Prévision budgétaire, dépense totale", "TOTAL", FORECAST_FEATURES, is_payment=False),
    )
}


def recipe_of(model: str) -> Recipe:
    """The recipe of a model. Errors: InputError for a model that has none."""
    if model not in RECIPES:
        raise InputError(f"model {model!r} is unknown; choose one of {', '.join((*RECIPES, *EPISODE_MODELS))}")
    return RECIPES[model]


def card_features(recipe: Recipe) -> tuple[CardFeature, ...]:
    """The features as a model card declares them, monotone as in the catalogue."""
    return tuple(
        CardFeature(
            name=known.name,
            label_fr=known.label_fr,
            label_en=known.label_en,
            family=known.family,
            kind=known.kind,
            unit=known.unit,
            low=None if known.kind == "category" else known.low,
            high=None if known.kind == "category" else known.high,
            categories=known.categories,
            nullable=known.nullable,
            monotone=known.monotone,
        )
        for known in recipe.features
    )
