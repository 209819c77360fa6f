"""EDS: a price for an episode of surgery, and what an establishment is due for spending less or more than it.

`reference` prepares the national reference, `forfaits` and `prices` give the price, `bundle` and `bundles` that of an
episode at admission, `pay` reconciles a year. Beside
them: quality (`ratios`, `funnel`, `expected_events`, `delays`, `answers`), and for establishments `watch_list`,
`forecast` and `benchmark`. Order of reading: reference, price, cases, settle, payment, chance.
"""

from __future__ import annotations

from schemes.eds.admitted import bundle, bundles
from schemes.eds.benchmark import by_component, by_period
from schemes.eds.cases import reconciled
from schemes.eds.funnel import funnel, funnel_limits, ratios
from schemes.eds.outcomes import answers, as_quality, delays, expected_by_strata, expected_events, shares
from schemes.eds.payment import pay
from schemes.eds.price import forfaits, price_changes, prices
from schemes.eds.reference import reference
from schemes.eds.score import measured, places, scores
from schemes.eds.terms import programmes
from schemes.eds.watch import FLAGS, forecast, watch_list

__all__ = [
    "FLAGS",
    "answers",
    "as_quality",
    "bundle",
    "bundles",
    "by_component",
    "by_period",
    "delays",
    "expected_by_strata",
    "expected_events",
    "forecast",
    "forfaits",
    "funnel",
    "funnel_limits",
    "measured",
    "pay",
    "places",
    "price_changes",
    "prices",
    "programmes",
    "ratios",
    "reconciled",
    "reference",
    "scores",
    "shares",
    "watch_list",
]
