"""Quality indicators counted in claims: one function and one card each, for structures, territories and the nation."""

from __future__ import annotations

from features.indicators.card import Card, Indicator
from features.indicators.catalogue import CATALOGUE, by_name
from features.indicators.measure import measure_indicators
from features.indicators.page import indicators_markdown

__all__ = ["CATALOGUE", "Card", "Indicator", "by_name", "indicators_markdown", "measure_indicators"]
