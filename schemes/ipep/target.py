"""The target by itself: what a group would be expected to spend, and how far chance alone carries it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from schemes.amounts import Amount, figure, figures_frame
from schemes.ipep.chance import DRAWS, Arms, Strata, generator, strata, under_no_effect
from schemes.ipep.figures import PER_YEAR
from schemes.ipep.groups import SCHEME, taking_part
from schemes.ipep.inputs import Inputs, members, same_version
from schemes.ipep.population import population
from schemes.ipep.spending import National, expected_cut, national_year
from schemes.ipep.uncertainty import INTERVAL
from schemes.money import CENT, total_eur
from schemes.rulebook import Rules


@dataclass(frozen=True)
class Target:
    """figures: rows of TARGETS by group. refused: structure_id, reason, detail. excluded: counted patients."""

    figures: pd.DataFrame
    refused: pd.DataFrame
    excluded: pd.DataFrame


def targets(inputs: Inputs, *, year: int, rules: Rules, seed: int = 0, draws: int = DRAWS) -> Target:
    """Expected spending per year lived of each group, with the interval in which no effect would leave it.

    Reads participations, members (no spending asked for), nation (cap and trend of the year) and residuals. A group
    below the gate has a target all the same, as information. expected = trend × mean of cut predictions; low and high
    hold the observed mean of 95 % of groups with these patients and no effect.
    Errors: as `pay`, but spending, indicators and the year before are not asked for.
    """
    groups = taking_part(inputs, year=year, rules=rules)
    checked = members(inputs, year=year, spent=False)
    for name in ("nation", "residuals"):
        if name in inputs:
            same_version(checked, inputs[name], name)
    people, now, reference = population(checked, year=year), national_year(inputs, year), strata(inputs, year=year)
    assert now is not None  # the rule's cut is never None
    rows_of = dict(tuple(people.rows[people.rows["is_now"]].groupby("structure_id", sort=True)))
    found, refused = [], []
    for name in sorted(set(groups) | set(checked["structure_id"].astype(str))):
        if name not in groups:
            refused.append((name, "not_taking_part", f"no IPEP participation is open on {year}-12-31"))
        elif name not in rows_of:
            refused.append((name, "no_patients", "no patient of the list is taken into account"))
        else:
            rng = generator(seed, name, "target")
            found.append(_target(name, year, (rows_of[name], now), (reference, rng, draws)))
    columns = ["structure_id", "reason", "detail"]
    return Target(figures_frame(found), pd.DataFrame(refused, columns=columns), people.excluded)


def _target(
    name: str, year: int, group: tuple[pd.DataFrame, National], luck: tuple[Strata, np.random.Generator, int]
) -> Amount:
    (rows, now), (reference, rng, draws) = group, luck
    exposure, expected = rows["exposure_share"].to_numpy(dtype=float), expected_cut(rows, "", now.cap_eur)
    years: Decimal = total_eur(exposure)
    trended = expected * float(now.trend)
    predicted = np.minimum(rows["expected_eur"].to_numpy(dtype=float), now.cap_eur)
    same = Arms(exposure, trended, trended, exposure, trended, trended, predicted)
    means = under_no_effect(same, reference, draws=draws, rng=rng)[:, 0]
    low, high = (float(np.quantile(means, share)) for share in INTERVAL)
    values = {
        "patients": figure(len(rows), "patients"),
        "exposure": figure(years, "years lived"),
        "cap_eur": figure(now.cap_eur, PER_YEAR, CENT),
        "trend": figure(now.trend, "1"),
        "expected_eur": figure(now.trend * total_eur(expected) / years, PER_YEAR),
        "expected_low_eur": figure(low, PER_YEAR, CENT),
        "expected_high_eur": figure(high, PER_YEAR, CENT),
    }
    return Amount(name, SCHEME, year, (), values)
