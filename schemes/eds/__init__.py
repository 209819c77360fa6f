"""EDS: a price for an episode of surgery, and what an establishment is due for spending less or more than it.

`reference` prepares the national reference, `forfaits` and `prices` give the price, `pay` reconciles a year. Beside
them: quality (`ratios`, `funnel`, `expected_events`, `delays`, `answers`), and for establishments `watch_list`,
`forecast` and `benchmark`. Order of reading: reference, price, cases, settle, payment, chance.
"""

from __future__ import annotations

from schemes.eds.benchmark import by_component, by_period
from schemes.eds.funnel import funnel, funnel_limits, ratios
from schemes.eds.outcomes import answers, as_quality, delays, expected_by_strata, expected_events, shares
from schemes.eds.payment import pay
from schemes.eds.price import bundle, forfaits, price_changes, prices
from schemes.eds.reference import reference
from schemes.eds.score import places, scores
from schemes.eds.terms import programmes
from schemes.eds.watch import forecast, watch_list

__all__ = [
    "answers",
    "as_quality",
    "bundle",
    "by_component",
    "by_period",
    "delays",
    "expected_by_strata",
    "expected_events",
    "forecast",
    "forfaits",
    "funnel",
    "funnel_limits",
    "pay",
    "places",
    "price_changes",
    "prices",
    "programmes",
    "ratios",
    "reference",
    "scores",
    "shares",
    "watch_list",
]
