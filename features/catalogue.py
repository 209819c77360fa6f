"""The catalogue: every feature that a model may use, in the order of the columns of `feature_table`.

`PAYMENT_FEATURES` hold nothing that a provider can raise by doing more: they alone may price.
`FORECAST_FEATURES` add past use, for budget forecasts under another model name.
"""

from __future__ import annotations

from features.feature import FAMILIES, FEATURE_SETS, KINDS, Feature, feature
from features.forecast import past_use_features
from features.morbidity import ald_features, carto_features, index_features, score_features
from features.payment import SINGLE

__all__ = [
    "FAMILIES",
    "FEATURE_SETS",
    "FORECAST_FEATURES",
    "KINDS",
    "PAYMENT_FEATURES",
    "Feature",
    "by_name",
    "feature",
]

PAYMENT_FEATURES: tuple[Feature, ...] = (
    *(computed.feature for computed in SINGLE),
    *ald_features(),
    *carto_features(),
    *index_features("charlson"),
    *index_features("elixhauser"),
    *score_features(),
)
FORECAST_FEATURES: tuple[Feature, ...] = (*PAYMENT_FEATURES, *past_use_features())


def by_name() -> dict[str, Feature]:
    """Every feature of the catalogue by its column name."""
    return {known.name: known for known in FORECAST_FEATURES}
