"""The price: a reference by programme and sector, and a forfait for each episode, component by component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pandas as pd

from features.errors import InputError, MissingError
from schemes.eds.allowance import AVOIDABLE, allowances
from schemes.eds.frames import COST, Inputs, checked
from schemes.eds.reference import ALL, STRATUM, blended, predicted
from schemes.eds.terms import Programme, known_programmes, year_weights
from schemes.money import CENT, round_cents
from schemes.rulebook import Rules

Key = tuple[str, str, str]
PARTS = ("reference", "risk", "normalisation", "trend", "discount", "coordination")
RULE_KEYS = ("programmes", "year_weights", "risk_index_min", "risk_index_max", "normalisation_band_share",
             "trend_band_share", "trim_low_quantile", "trim_high_quantile", "avoidable_allowance_share")  # fmt: skip
IDENTITY = ["episode_id", "patient_id", "establishment_id", "year", *STRATUM]
COUNTED = ("forfait_cents", "observed_cents", "counted_cents")
PRICED = ("expected_eur", "risk_index", *(f"{part}_cents" for part in PARTS), *COUNTED)


@dataclass(frozen=True)
class Stratum:
    """The price of a programme, sector and pathway; cap_cents: spending of an episode above it is not counted."""

    programme: Programme
    episodes: int
    reference_eur: Decimal
    mean_expected_eur: Decimal
    mean_index: Decimal
    cap_cents: int | None
    measured_trend: Decimal | None
    normalisation_raw: Decimal
    normalisation: Decimal
    trend_update: Decimal

    @property
    def provisional_eur(self) -> Decimal:
        """Price of a risk index of 1 before the year is known: reference × trend × (1 − discount)."""
        return self.reference_eur * self.programme.trend * (1 - self.programme.discount)


def within(value: Decimal, band: Decimal, centre: Decimal = Decimal(1)) -> Decimal:
    """A value kept within ± a share of a centre."""
    return max(centre * (1 - band), min(centre * (1 + band), value))


def exact(value: float) -> Decimal:
    """The shortest decimal that a float is written as."""
    return Decimal(repr(float(value)))


def risk_index(expected_eur: float, stratum: Stratum, bounds: tuple[Decimal, Decimal]) -> Decimal:
    """Prediction over the mean of the reference, cut at the bounds, then over the mean of the cut indices."""
    lowest, highest = bounds
    return max(lowest, min(highest, exact(expected_eur) / stratum.mean_expected_eur)) / stratum.mean_index


def bounds_of(rules: Rules) -> tuple[Decimal, Decimal]:
    """Lowest and highest risk index."""
    return rules.decimal("risk_index_min"), rules.decimal("risk_index_max")


def walk_eur(index: Decimal, stratum: Stratum, *, allowed: Decimal | None = None) -> Iterator[tuple[str, Decimal]]:
    """The running forfait of an episode after each component, unrounded; `allowed`: a factor of `allowances`.

    forfait = reference × risk index × normalisation × trend × trend update × allowed × (1 − discount) + coordination
    Rule: EDS specification, price (reference, index, trend, discount), reconciliation price.
    """
    running = stratum.reference_eur
    yield "reference", running
    running = running * index
    yield "risk", running
    running = running * stratum.normalisation
    yield "normalisation", running
    running = running * stratum.programme.trend * stratum.trend_update
    yield "trend", running
    if allowed is not None:
        running = running * allowed
        yield AVOIDABLE, running
    running = running * (1 - stratum.programme.discount)
    yield "discount", running
    yield "coordination", running + stratum.programme.coordination_eur


def strata(
    inputs: Inputs, rows: pd.DataFrame, *, year: int, rules: Rules, is_provisional: bool = False
) -> dict[Key, Stratum]:
    """The price of every stratum of `rows`, the final episodes with a prediction of the year (the nation's, if given).

    Reference years are those before `year` (all rows where the frame has no year). normalisation = episodes / Σ risk
    index of `rows`, kept within the band; trend update = measured / prospective trend, kept within its band, where
    the frame has a row of `year`; else 1. Both are 1 where their band is 0, or is_provisional.
    Errors: InputError for a stratum without a reference or a cap; RuleError for a programme without a row.
    """
    table = checked("reference", inputs)
    table = table.assign(**{column: value for column, value in (("pathway", ALL), ("year", 0)) if column not in table})
    known, found = known_programmes(rows["programme"], rules), {}
    given = {_names(key): part for key, part in table.groupby(STRATUM)}
    for key, part in rows.groupby(STRATUM, sort=True):
        names = _names(key)
        if names not in given:
            raise InputError(f"reference has no row of {' × '.join(names)}; give the reference of every stratum paid")
        own = given[names][given[names]["year"] < year] if is_provisional else given[names]
        stratum = _stratum(own, (known[names[0]], year), rules)
        found[names] = stratum if is_provisional else _normalised(stratum, part["expected_eur"], rules)
    return found


def price_changes(before: pd.DataFrame, after: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """How the price of each stratum moved between two frames of `prices`: before_eur, after_eur, change_share, alarm.

    is_alarm: beyond price_change_alarm_share, up or down; change_share is empty for a stratum without a price before.
    Rule: EDS specification, price stability.
    """
    old, new = (frame.set_index(STRATUM)["provisional_eur"].map(Decimal) for frame in (before, after))
    limit, found = rules.decimal("price_change_alarm_share"), []
    for key, now in sorted(new.items()):
        earlier = old.get(key)
        change = None if earlier is None else now / earlier - 1
        first = np.nan if earlier is None else float(earlier)
        share = np.nan if change is None else float(change)
        found.append((*_names(key), first, float(now), share, change is not None and abs(change) > limit))
    return pd.DataFrame(found, columns=[*STRATUM, "before_eur", "after_eur", "change_share", "is_alarm"])


def _names(key: object) -> Key:
    assert isinstance(key, tuple)
    return str(key[0]), str(key[1]), str(key[2])


def _stratum(table: pd.DataFrame, of: tuple[Programme, int], rules: Rules) -> Stratum:
    programme, year = of
    weights, ordered = year_weights(rules), table.sort_values("year", kind="stable")
    base, now = ordered[ordered["year"] < year].tail(len(weights)), ordered[ordered["year"] == year]
    episodes = int(base["episodes"].sum())
    if not episodes or (base["episodes"] == 0).any():
        raise InputError(f"reference: {programme.name} has a year without episodes, or no year before {year}")
    index_sum = base["index_sum"] if "index_sum" in base else base["episodes"]
    price = blended(_means(base), weights)
    measured = _means(now)[0] / price if len(now) and int(now["episodes"].iloc[0]) else None
    return Stratum(
        programme=programme,
        episodes=episodes,
        reference_eur=price,
        mean_expected_eur=_sum(base["expected_eur"]) / episodes,
        mean_index=_sum(index_sum) / episodes,
        cap_cents=_cap_cents(base, rules),
        measured_trend=measured,
        normalisation_raw=Decimal(1),
        normalisation=Decimal(1),
        trend_update=Decimal(1)
        if measured is None
        else within(measured / programme.trend, rules.decimal("trend_band_share")),
    )


def _normalised(stratum: Stratum, expected: pd.Series, rules: Rules) -> Stratum:
    bounds = bounds_of(rules)
    indices = sum((risk_index(value, stratum, bounds) for value in sorted(expected)), Decimal(0))
    raw = len(expected) / indices if len(expected) else Decimal(1)
    kept = within(raw, rules.decimal("normalisation_band_share"))
    return replace(stratum, normalisation_raw=raw, normalisation=kept)


def _means(rows: pd.DataFrame) -> list[Decimal]:
    return [exact(eur) / int(n) for eur, n in zip(rows["observed_eur"], rows["episodes"], strict=True)]


def _sum(values: Iterable[float]) -> Decimal:
    return sum((exact(value) for value in values), Decimal(0))


def _cap_cents(base: pd.DataFrame, rules: Rules) -> int | None:
    """Cap of the last reference year, to the cent. Errors: InputError where the rules have a cap and the frame none."""
    if rules.decimal_or_none("cap_quantile") is None:
        return None
    cap = base["cap_eur"].iloc[-1] if "cap_eur" in base else None
    if cap is None or pd.isna(cap):
        raise InputError("reference: cap_eur is missing; give the cap of every stratum, or set cap_quantile to none")
    return round_cents(exact(cap))


def of_year(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """Final episodes of the year, with pathway and expected_eur. Errors: MissingError where there is none."""
    rows = predicted(inputs, rules)
    rows = rows[rows["year"] == year].reset_index(drop=True)
    if rows.empty:
        raise MissingError(f"episodes has no final episode whose {rules.text('year_of')} is in {year}")
    return rows


def forfaits(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """The forfait of every final episode of the year with a prediction: components that add up to it, to the cent.

    Columns: identity and stratum, expected_eur, risk_index, <component>_cents (reference, risk, normalisation, trend,
    avoidable where the rules do not pay it whole, discount, coordination), forfait_cents, observed_cents,
    counted_cents (observed, cut at the cap).
    """
    rows = of_year(inputs, year=year, rules=rules)
    rows = rows[rows["expected_eur"].notna()]
    return priced(rows, strata(inputs, rows, year=year, rules=rules), rules)


def priced(rows: pd.DataFrame, prices: Mapping[Key, Stratum], rules: Rules) -> pd.DataFrame:
    """Episodes with the components of their forfait. See `forfaits`."""
    bounds, found = bounds_of(rules), []
    names: tuple[str, ...] = PARTS
    keys, allowed = zip(*(rows[name] for name in STRATUM), strict=True), allowances(rows, rules)
    for key, expected, cost, factor in zip(keys, rows["expected_eur"], rows[COST], allowed, strict=True):
        stratum = prices[key]
        index = risk_index(expected, stratum, bounds)
        names, values = zip(*walk_eur(index, stratum, allowed=factor), strict=True)
        running = [round_cents(value) for value in values]
        parts = [now - before for now, before in zip(running, [0, *running], strict=False)]
        counted = int(cost) if stratum.cap_cents is None else min(int(cost), stratum.cap_cents)
        found.append((float(expected), float(index), *parts, running[-1], int(cost), counted))
    columns = ["expected_eur", "risk_index", *(f"{name}_cents" for name in names), *COUNTED]
    made = pd.DataFrame(found, columns=columns).astype(
        {name: "int64" for name in columns if name.endswith("_cents")} | {"expected_eur": float, "risk_index": float}
    )
    return pd.concat([rows[IDENTITY].reset_index(drop=True), made], axis=1)


def prices(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """The price of every stratum of the year, as exact text where it is a number: what a statement shows of it."""
    rows = of_year(inputs, year=year, rules=rules)
    found = strata(inputs, rows[rows["expected_eur"].notna()], year=year, rules=rules)
    return pd.DataFrame(
        {
            **dict(zip(STRATUM, key, strict=True)),
            "reference_episodes": one.episodes,
            "reference_eur": str(one.reference_eur),
            "trend_ratio": str(one.programme.trend),
            "discount_share": str(one.programme.discount),
            "provisional_eur": str(one.provisional_eur),
            "normalisation_raw": str(one.normalisation_raw),
            "normalisation": str(one.normalisation),
            "measured_trend": "" if one.measured_trend is None else str(one.measured_trend),
            "trend_update": str(one.trend_update),
            "coordination_eur": str(one.programme.coordination_eur),
            "cap_eur": "" if one.cap_cents is None else str(one.cap_cents * CENT),
        }
        for key, one in found.items()
    )
