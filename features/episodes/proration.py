"""Exact cents: revaluation to one tariff campaign, and the parts of an amount by largest remainders."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from features.errors import InputError
from features.reference_data import reference

TARIFFS = "episode_tariffs"
FIRST_MONTH_OF_A_CAMPAIGN = 3  # tariffs of hospitals run from 1 March


def campaign_of(day: ibis.DateValue) -> ibis.IntegerValue:
    """Campaign of hospital tariffs on a day: its year, or the year before in January and February."""
    early = (day.month() < FIRST_MONTH_OF_A_CAMPAIGN).cast("int64")
    return (day.year() - early).cast("int64")


def revalued(rows: ibis.Table, campaigns: dict[str, int]) -> ibis.Table:
    """`rows` with revalued_cents: received_cents × index of the reference campaign / index of their tariff_year.

    `campaigns` gives the reference campaign of each programme; rows have tariff_scope and tariff_year. A year before
    the first listed, or after the last, takes the nearest campaign only if listed: an absent one is an error.
    Rounded once, half away from zero.
    """
    listed = reference(TARIFFS).astype({"campaign": "int64", "tariff_index": "int64"})
    parts = []
    for programme, campaign in campaigns.items():
        base = listed.loc[listed["campaign"] == campaign, ["scope", "tariff_index"]]
        if base.empty:
            raise InputError(f"{TARIFFS}.csv: campaign {campaign} of {programme} is not listed; add its tariffs")
        merged = listed.merge(base, on="scope", suffixes=("", "_base"), validate="m:1")
        parts.append(merged.assign(programme=programme))
    factors = ibis.union(*(ibis.memtable(part.drop(columns=["grade", "source"])) for part in parts), distinct=False)
    factors = factors.select(
        "programme", "tariff_index", "tariff_index_base", tariff_scope=factors["scope"], tariff_year=factors.campaign
    )
    joined = rows.left_join(factors, ["programme", "tariff_scope", "tariff_year"])
    joined = joined.drop([name for name in joined.columns if name.endswith("_right")])
    cents = rounded_ratio(joined.received_cents, joined.tariff_index_base, joined.tariff_index)
    return joined.mutate(revalued_cents=cents).drop("tariff_index", "tariff_index_base")


def refuse_unlisted_campaigns(rows: ibis.Table) -> None:
    """None where every row found its campaign. Errors: InputError naming the scopes and years that lack."""
    lost = rows.filter(rows.revalued_cents.isnull()).select("tariff_scope", "tariff_year").distinct().to_pyarrow()
    if lost.num_rows:
        named = sorted(f"{row['tariff_scope']} {row['tariff_year']}" for row in lost.to_pylist())
        raise InputError(f"{TARIFFS}.csv: no tariff index for {', '.join(named)}; add the campaign")


def rounded_ratio(
    cents: ibis.IntegerValue, numerator: ibis.IntegerValue, denominator: ibis.IntegerValue
) -> ibis.IntegerValue:
    """cents × numerator / denominator in whole cents, half away from zero."""
    size = (2 * cents.abs() * numerator + denominator) // (2 * denominator)
    return (size * ibis.ifelse(cents < 0, -1, 1)).cast("int64")


def allotted(rows: ibis.Table, *, by: Sequence[str], order: str) -> ibis.Table:
    """`rows` with `cents`: the part of `whole_cents` due to `weight` out of `total_weight`, by largest remainders.

    The rows of one `by` carry the same whole_cents and total_weight, and weights that add up to it: their cents add
    up to whole_cents. Of equal remainders, the first in `order` is served.
    """
    product = rows.whole_cents * rows.weight
    rows = rows.mutate(floor_cents=(product // rows.total_weight).cast("int64"))
    rows = rows.mutate(remainder=rows.whole_cents * rows.weight - rows.floor_cents * rows.total_weight)
    group = ibis.window(group_by=list(by))
    ranked = ibis.window(group_by=list(by), order_by=[ibis.desc("remainder"), ibis.asc(order)])
    rows = rows.mutate(
        left_cents=rows.whole_cents - rows.floor_cents.sum().over(group), place=ibis.row_number().over(ranked)
    )
    served = (rows.place < rows.left_cents).cast("int64")
    return rows.mutate(cents=(rows.floor_cents + served).cast("int64")).drop(
        "floor_cents", "remainder", "left_cents", "place"
    )
