"""How an establishment spends beside the nation: by component and by period, for the same risk."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.tables import EPISODES
from schemes.eds.frames import COST, Inputs
from schemes.eds.price import forfaits
from schemes.rulebook import Rules

TOTALS = ("cost_in_scope_cents", "cost_total_allcause_cents")
PERIOD = "cost_days_"
ON = ["programme", "sector"]
COLUMNS = (
    "establishment_id", "programme", "sector", "part", "episodes", "mean_eur", "nation_mean_eur", "nation_at_risk_eur",
    "difference_eur",
)  # fmt: skip


def by_component(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """Mean cost per episode by establishment, programme, sector and component, beside the nation's.

    nation_mean_eur: all episodes of the frame; nation_at_risk_eur: the same × mean risk index of the establishment
    over that of the nation; difference_eur = mean_eur − nation_at_risk_eur. Components add up to the in-scope cost.
    """
    return _beside(inputs, _parts(inputs["episodes"], is_period=False), year=year, rules=rules)


def by_period(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """The same by period since the intervention: pre_and_index, days_0_30, days_31_60, days_61_90, days_91_up."""
    return _beside(inputs, _parts(inputs["episodes"], is_period=True), year=year, rules=rules)


def _parts(episodes: pd.DataFrame, *, is_period: bool) -> Mapping[str, pd.Series]:
    """Cents of each episode by part, declared parts first, in their order."""
    named = [name for name in EPISODES.column_names if name.startswith("cost_") and name in episodes]
    others = [str(name) for name in episodes if str(name).startswith("cost_") and str(name) not in named]
    costs = [name for name in (*named, *others) if name not in TOTALS]
    chosen = [name for name in costs if name.startswith(PERIOD) == is_period]
    parts = {name.removeprefix("cost_").removesuffix("_cents"): episodes[name] for name in chosen}
    if is_period:
        parts = {"pre_and_index": episodes[COST] - episodes[chosen].sum(axis=1), **parts}
    return parts


def _beside(inputs: Inputs, parts: Mapping[str, pd.Series], *, year: int, rules: Rules) -> pd.DataFrame:
    rows = forfaits(inputs, year=year, rules=rules)
    wide = pd.DataFrame({"episode_id": inputs["episodes"]["episode_id"].astype(object), **parts})
    joined = rows.merge(wide, on="episode_id", how="left", validate="1:1", suffixes=("_price", ""))
    long = joined.melt(
        id_vars=["episode_id", "establishment_id", *ON, "risk_index"], value_vars=list(parts), var_name="part",
        value_name="cents",
    ).sort_values("episode_id", kind="stable")  # fmt: skip
    long = long.assign(cents=long["cents"].astype("int64"))
    own = long.groupby(["establishment_id", *ON, "part"], as_index=False, sort=True).agg(
        episodes=("cents", "size"), cents=("cents", "sum"), risk=("risk_index", "mean")
    )
    nation = long.groupby([*ON, "part"], as_index=False).agg(
        nation_cents=("cents", "mean"), nation_risk=("risk_index", "mean")
    )
    made = own.merge(nation, on=[*ON, "part"], how="left", validate="m:1")
    made = made.assign(
        mean_eur=made["cents"] / made["episodes"] / 100,
        nation_mean_eur=made["nation_cents"] / 100,
        nation_at_risk_eur=made["nation_cents"] / 100 * made["risk"] / made["nation_risk"],
    )
    made = made.assign(difference_eur=made["mean_eur"] - made["nation_at_risk_eur"])
    order = made["part"].map({name: place for place, name in enumerate(parts)}).astype(np.int64)
    made = made.assign(order=order).sort_values(["establishment_id", *ON, "order"], kind="stable", ignore_index=True)
    return made[list(COLUMNS)]
