"""For establishments: open episodes against their target, and what the next reconciliation may say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from features.errors import MissingError
from schemes.amounts import Payment
from schemes.eds.allowance import allowances
from schemes.eds.chance import DRAWS
from schemes.eds.frames import COST, Inputs, checked
from schemes.eds.payment import pay
from schemes.eds.price import bounds_of, risk_index, strata, walk_eur
from schemes.eds.reference import STRATUM, predicted
from schemes.eds.terms import programmes
from schemes.money import round_cents
from schemes.rulebook import Rules

PERIODS = {"days_0_30": (0, 30), "days_31_60": (30, 60), "days_61_90": (60, 90), "days_91_up": (90, None)}
FLAGS = ("over_cap", "over_target", "near_target", "likely_over", "on_track")
WATCHED = [
    "episode_id", "patient_id", "establishment_id", *STRATUM, "days_elapsed", "days_left", "target_cents",
    "spent_cents", "spent_share", "expected_cents", "flag",
]  # fmt: skip


def watch_list(inputs: Inputs, *, on: date, rules: Rules) -> pd.DataFrame:
    """Episodes open on a day, with target, spending so far and flag; the worst first within an establishment.

    Open: final, discharged by `on`, window not over. target: the forfait at the price known before the year; spent:
    the in-scope cost that `episodes` knows; expected: spent + the target without allowance, discount and coordination
    × the share of spending that complete episodes have after that many days. flag, the first that holds: over_cap,
    over_target, near_target (watch_near_share of the target), likely_over (expected above target), on_track.
    Errors: MissingError where a programme has an open episode and no complete one to learn from.
    """
    rows = predicted(inputs, rules)
    day = pd.Timestamp(on)
    is_open = (rows["exit_date"] <= day) & (rows["window_end"] > day) & rows["expected_eur"].notna()
    rows = _projected(inputs, rows[is_open].reset_index(drop=True), on=on, rules=rules)
    spent, target = rows[COST].astype("int64"), rows["target_cents"]
    share = spent / target.where(target > 0)
    tests = [
        spent > rows["cap_cents"].astype(float).fillna(np.inf),
        spent > target,
        share >= float(rules.decimal("watch_near_share")),
        rows["expected_cents"] > target,
    ]
    flag = np.select([test.to_numpy() for test in tests], FLAGS[:-1], default=FLAGS[-1])
    made = rows.assign(spent_cents=spent, spent_share=share, flag=flag, over=spent - target)
    made = made.sort_values(["establishment_id", "over", "episode_id"], ascending=[True, False, True], kind="stable")
    return made[WATCHED].reset_index(drop=True)


def forecast(inputs: Inputs, *, year: int, on: date, rules: Rules, luck: tuple[int, int] = (0, DRAWS)) -> Payment:
    """The next reconciliation as it looks on a day: `pay` with the spending that open episodes are expected to reach.

    Episodes already discharged by `on` count, none that may come. Intervals are those of `pay`: they do not widen
    for what open episodes have still to spend.
    """  # fmt: skip
    rows = predicted(inputs, rules)
    rows = rows[(rows["year"] == year) & (rows["exit_date"] <= pd.Timestamp(on))]
    open_ones = rows[(rows["window_end"] > pd.Timestamp(on)) & rows["expected_eur"].notna()].reset_index(drop=True)
    expected = _projected(inputs, open_ones, on=on, rules=rules).set_index("episode_id")["expected_cents"]
    episodes = inputs["episodes"]
    episodes = episodes[(pd.to_datetime(episodes["exit_date"]) <= pd.Timestamp(on)).to_numpy()]
    known = episodes["episode_id"].map(expected)
    changed = episodes.assign(**{COST: known.fillna(episodes[COST])})
    if "is_complete" in episodes:
        changed = changed.assign(is_complete=episodes["is_complete"].astype(bool) | known.notna())
    return pay({**inputs, "episodes": changed}, year=year, rules=rules, luck=luck)


def spending_curves(inputs: Inputs, rules: Rules) -> dict[tuple[str, str], np.ndarray]:
    """By programme and sector: share of the in-scope cost reached 0, 1, 2… days after the intervention.

    From complete episodes: what precedes and holds the index stay at day 0, then each period evenly over its days.
    """
    table = inputs["episodes"]
    done = checked("episodes", inputs)["is_final"].to_numpy()
    done = done & (table["is_complete"].eq(True).to_numpy() if "is_complete" in table else True)
    rows, windows = table[done], {name: one.post_days for name, one in programmes(rules).items()}
    curves = {}
    for names, part in rows.groupby(["programme", "sector"], sort=True):
        programme, sector = (str(name) for name in names)  # type: ignore[union-attr]
        whole = float(part[COST].sum())
        if programme in windows and whole > 0:
            curves[programme, sector] = _curve(part, whole, windows[programme])
    return curves


def _curve(part: pd.DataFrame, whole: float, post_days: int) -> np.ndarray:
    daily = np.zeros(post_days + 1)
    for name, (start, end) in PERIODS.items():
        last = post_days if end is None else min(end, post_days)
        spent = float(part[f"cost_{name}_cents"].sum()) / whole
        if last > start:
            daily[start + 1 : last + 1] += spent / (last - start)
    daily[0] = 1 - daily.sum()
    return np.clip(np.cumsum(daily), 0.0, 1.0)


def _projected(inputs: Inputs, rows: pd.DataFrame, *, on: date, rules: Rules) -> pd.DataFrame:
    """Open episodes with days_elapsed, days_left, target_cents, cap_cents and expected_cents."""
    curves, bounds, found = spending_curves(inputs, rules), bounds_of(rules), []
    by_year = {
        year: strata(inputs, rows[rows["year"] == year], year=year, rules=rules, is_provisional=True)
        for year in sorted(map(int, set(rows["year"])))
    }
    start = rows["intervention_date"] if "intervention_date" in rows else rows["exit_date"]
    elapsed = (pd.Timestamp(on) - start).dt.days
    keys, allowed = zip(*(rows[name] for name in STRATUM), strict=True), allowances(rows, rules)
    each = zip(keys, rows["year"], rows["expected_eur"], elapsed, allowed, strict=True)
    for key, year, expected, days, factor in each:
        stratum = by_year[int(year)][key]
        index = risk_index(expected, stratum, bounds)
        plain = stratum.reference_eur * index * stratum.programme.trend
        left = 1 - _reached(curves, (str(key[0]), str(key[1])), int(days))
        target = round_cents(list(walk_eur(index, stratum, allowed=factor))[-1][1])
        found.append((target, stratum.cap_cents, round_cents(plain * Decimal(repr(left)))))
    made = pd.DataFrame(found, columns=["target_cents", "cap_cents", "remaining_cents"], index=rows.index)
    made = made.astype({"target_cents": "int64", "cap_cents": "Int64", "remaining_cents": "int64"})
    joined = rows.join(made).assign(days_elapsed=elapsed, days_left=(rows["window_end"] - pd.Timestamp(on)).dt.days)
    return joined.assign(expected_cents=joined[COST].astype("int64") + joined["remaining_cents"])


def _reached(curves: dict[tuple[str, str], np.ndarray], key: tuple[str, str], days: int) -> float:
    if key not in curves:
        raise MissingError(f"EDS has no complete episode of {' × '.join(key)} to learn how spending goes with time")
    curve = curves[key]
    return float(curve[min(max(days, 0), len(curve) - 1)])
