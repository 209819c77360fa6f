"""The reference of the price: trimmed costs and expected costs of the nation, by programme, sector and year."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd

from schemes.eds.frames import COST, Inputs, checked
from schemes.frames import refuse
from schemes.money import total_eur
from schemes.rulebook import Rules

STRATUM = ["programme", "sector", "pathway"]
ALL, HOME, FACILITY = "all", "home", "ssr_had"
COLUMNS = (
    "programme", "sector", "pathway", "year", "episodes", "observed_eur", "raw_eur", "expected_eur", "index_sum",
    "cap_eur",
)  # fmt: skip


def with_pathway(episodes: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Episodes with their pathway: "all", or with the option "ssr_had" where SSR or HAD was spent, else "home"."""
    if not rules.flag("price_by_pathway"):
        return episodes.assign(pathway=ALL)
    facility = (episodes["cost_ssr_cents"] + episodes["cost_had_cents"]) > 0
    return episodes.assign(pathway=np.where(facility, FACILITY, HOME))


def predicted(inputs: Inputs, rules: Rules) -> pd.DataFrame:
    """Final episodes, by identifier, with pathway, year and expected_eur (empty where there is no prediction).

    Errors: InputError for a final episode without a cost.
    """
    rows = checked("episodes", inputs)
    refuse("episodes", COST, (rows["is_final"] & rows[COST].isna()).to_numpy(), "filled for a final episode")
    rows = rows[rows["is_final"]].merge(checked("predictions", inputs), on="episode_id", how="left", validate="1:1")
    rows = rows.assign(is_complete=rows.get("is_complete", True))
    rows = with_pathway(rows, rules).assign(year=rows[rules.text("year_of")].dt.year)
    return rows.sort_values("episode_id", kind="stable", ignore_index=True)


def reference(inputs: Inputs, *, years: range, rules: Rules) -> pd.DataFrame:
    """The frame `reference`: a row by programme, sector, pathway and year of the final and complete episodes predicted.

    observed_eur: costs cut at the trim quantiles of their stratum and year (raw_eur: as they are); expected_eur: sum
    of predictions; index_sum: sum of risk indices, prediction over the mean of the stratum, cut at the bounds;
    cap_eur: the cap quantile of all years of the stratum, frozen for the price; empty where the rules have no cap.
    Inputs: episodes and predictions of the nation. Rule: EDS specification, target, normalisation and price.
    """
    rows = predicted(inputs, rules)
    rows = rows[rows["year"].isin(list(years)) & rows["expected_eur"].notna() & rows["is_complete"]]
    found = []
    for names, stratum in rows.groupby(STRATUM, sort=True):
        share = rules.decimal_or_none("cap_quantile")
        cap = np.nan if share is None else float(np.quantile(stratum[COST] / 100, float(share)))
        index = clipped_index(stratum["expected_eur"], float(stratum["expected_eur"].mean()), rules)
        for year, part in stratum.assign(index_=index).groupby("year", sort=True):
            raw = part[COST] / 100
            sums = (total_eur(values) for values in (trimmed(raw, rules), raw, part["expected_eur"], part["index_"]))
            found.append((*names, year, len(part), *map(float, sums), cap))
    columns = list(COLUMNS)
    return pd.DataFrame(found, columns=columns).astype({"year": "int64", "episodes": "int64", "cap_eur": float})


def trimmed(costs: pd.Series, rules: Rules) -> pd.Series:
    """Costs cut at the two trim quantiles (linear interpolation); equal costs stay as they are."""
    low, high = (float(np.quantile(costs, float(rules.decimal(f"trim_{end}_quantile")))) for end in ("low", "high"))
    return costs.clip(low, high)


def clipped_index(expected_eur: pd.Series, mean_eur: float, rules: Rules) -> pd.Series:
    """Predictions over the mean of the stratum, cut at the bounds of the rules, before renormalisation."""
    lowest, highest = (float(rules.decimal(f"risk_index_{end}")) for end in ("min", "max"))
    return (expected_eur / mean_eur).clip(lowest, highest)


def blended(means: list[Decimal], weights: tuple[Decimal, ...]) -> Decimal:
    """Mean of yearly means, oldest first: Σ weight × mean / Σ weight; fewer years take the last weights."""
    kept = weights[len(weights) - len(means) :]
    return sum((w * m for w, m in zip(kept, means, strict=True)), Decimal(0)) / sum(kept)
