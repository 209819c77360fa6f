"""What the statement of an establishment says besides: result by programme, price, chance, patients left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.document import Cell, Column, KeyFigure, Masked, Section, Table, Value
from schemes.statements.given import Given
from schemes.statements.small_cells import mask_small
from schemes.statements.wording import number, often, uncapital, written

Row = Mapping[Any, Any]
CELL = ["programme", "sector"]
STRATUM = [*CELL, "pathway"]
ANY_PATHWAY = "all"
SELDOM = Decimal("0.001")


@dataclass(frozen=True)
class EdsViews:
    """The frames of a year, of one establishment or of several.

    episodes: `schemes.eds.reconciled`; prices: `schemes.eds.prices`; excluded: structure_id, reason, patients; ratios
    and places: `schemes.eds.ratios`, `schemes.eds.places`; quality: `schemes.eds.measured`; curves: limits of the
    funnel by indicator, `schemes.eds.funnel`; components and periods: `schemes.eds.by_component`, `by_period`.
    """

    episodes: pd.DataFrame
    prices: pd.DataFrame
    excluded: pd.DataFrame
    ratios: pd.DataFrame | None = None
    places: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    curves: Mapping[str, pd.DataFrame] | None = None
    components: pd.DataFrame | None = None
    periods: pd.DataFrame | None = None


def eds_sections(amount: Amount, given: Given, views: EdsViews) -> tuple[Section, ...]:
    """Sections of the statement of an establishment that the other schemes have not.

    Rule: EDS specification, result by establishment with its sampling interval; rows are never lost.
    """
    rows = views.episodes[views.episodes["establishment_id"] == amount.structure_id]
    excluded = views.excluded[views.excluded["structure_id"] == amount.structure_id]
    sections = [
        luck_section(amount, given),
        *_strata_sections(rows, views.prices, given),
        left_out_section(excluded, given),
    ]
    return tuple(section for section in sections if section is not None)


def luck_section(amount: Amount, given: Given) -> Section | None:
    """The sampling interval of the result, and what chance alone gives an establishment of this activity.

    None where no draw was made.
    """
    low, high = (number_of(amount, f"raw_{end}_eur") for end in ("low", "high"))
    if low is None or high is None:
        return None
    key = "luck_clear" if low > 0 or high < 0 else "luck_unclear"
    told = given.say("luck_told", level=level_of(given), **_euros(amount, given, "raw", "raw_low", "raw_high"))
    names = ("no_effect_mean", "no_effect_low", "no_effect_high")
    alone = given.say("luck_alone_told", level=level_of(given), **_euros(amount, given, *names))
    return Section(given.say("luck_title"), (told, given.say(key), alone), _luck_figures(amount, given))


def _luck_figures(amount: Amount, given: Given) -> tuple[KeyFigure, ...]:
    """The raw result, what chance alone gives, and how often it gives as much, where there is a result.

    What no draw shows is seldom, not never.
    """
    raw, mean, share = (number_of(amount, name) for name in ("raw_eur", "no_effect_mean_eur", "no_effect_share"))
    if not amount.total_cents:
        share = None
    between = given.say("between", level=level_of(given), **_euros(amount, given, low="raw_low", high="raw_high"))
    figures = (
        KeyFigure(given.say("luck_raw"), Value(raw, "eur_whole"), between),
        KeyFigure(given.say("luck_mean"), Value(mean, "eur_whole"), given.say("luck_mean_note")),
    )
    if share is None:
        return figures
    as_much = Value(often(max(share, SELDOM), given.language))
    return (*figures, KeyFigure(given.say("luck_share"), as_much, given.say("luck_share_note")))


def level_of(given: Given) -> str:
    """The level of the intervals, in whole hundredths where it has no others."""
    level = given.own_rules.decimal("interval_share")
    times = level * 100
    if times != int(times):
        return written(level, "share", given.language)
    return given.say("whole_share", times=number(times, given.language, decimals=0))


def _euros(amount: Amount, given: Given, *names: str, **named: str) -> dict[str, str]:
    """Whole euros with their sign of figures: by their own name, or by the name given."""
    return {
        place: written(number_of(amount, f"{name}_eur"), "eur_whole", given.language, signed=True)
        for place, name in {**dict(zip(names, names, strict=True)), **named}.items()
    }


def stratum_name(row: Row, given: Given) -> str:
    """Words of a programme, sector and pathway where prices have one."""
    names = [str(row["programme"]), str(row["sector"])]
    if row.get("pathway", ANY_PATHWAY) != ANY_PATHWAY:
        names.append(str(row["pathway"]))
    first, *others = (given.name_of(name) for name in names)
    return ", ".join([first, *(uncapital(other) for other in others)])


def _strata_sections(rows: pd.DataFrame, prices: pd.DataFrame, given: Given) -> list[Section]:
    if rows.empty:
        return []
    sums = rows.groupby(STRATUM, as_index=False, sort=True).agg(
        episodes=("episode_id", "size"), forfait=("forfait_cents", "sum"), observed=("observed_cents", "sum"),
        counted=("counted_cents", "sum"), risk=("risk_index", "mean"),
    )  # fmt: skip
    result = mask_small(_result_table(sums, given), given.small_cell_min)
    price = _price_table(sums.merge(prices, on=STRATUM, how="left", validate="1:1"), result, given)
    return [
        Section(given.say("strata_title"), (given.say("strata_told"),), tables=(result,)),
        Section(given.say("prices_title"), (given.say("prices_told"),), tables=(price,)),
    ]


def _result_table(sums: pd.DataFrame, given: Given) -> Table:
    """Episodes, forfaits, spending and raw result of each stratum, and their totals."""
    columns = (
        Column("stratum", given.say("column_stratum")),
        Column("episodes", given.say("column_episodes"), "count", is_people=True),
        Column("forfaits", given.say("column_forfaits"), "eur_cents"),
        Column("observed", given.say("column_observed_spending"), "eur_cents"),
        Column("counted", given.say("column_counted"), "eur_cents"),
        Column("raw", given.say("column_raw"), "eur_cents", is_signed=True),
    )
    lines: list[tuple[Cell, ...]] = [(stratum_name(row, given), *_cents(row)) for row in sums.to_dict("records")]
    if len(lines) > 1:
        lines.append((given.say("total"), *_cents(sums[["episodes", "forfait", "observed", "counted"]].sum())))
    return Table("strata", given.say("strata_caption"), columns, tuple(lines), has_total=len(lines) > 1)


def _cents(row: Row | pd.Series) -> tuple[int, ...]:
    episodes, forfait, observed, counted = (int(row[name]) for name in ("episodes", "forfait", "observed", "counted"))
    return episodes, forfait, observed, counted, forfait - counted


def _price_table(strata: pd.DataFrame, result: Table, given: Given) -> Table:
    """Reference, mean risk, normalisation, trend, mean forfait and cap; means of masked rows are masked."""
    columns = (
        Column("stratum", given.say("column_stratum")),
        Column("reference", given.say("column_reference_price"), "eur"),
        Column("risk", given.say("column_risk"), "number"),
        Column("normalisation", given.say("column_normalisation"), "number"),
        Column("trend", given.say("column_trend"), "number"),
        Column("mean", given.say("column_mean_forfait"), "eur"),
        Column("cap", given.say("column_episode_cap"), "eur"),
    )
    lines: list[tuple[Cell, ...]] = []
    for row, shown in zip(strata.to_dict("records"), result.rows, strict=False):
        is_hidden = shown[1] is Masked.SMALL
        own: tuple[Cell, Cell] = (
            _decimal(row["risk"], 4),
            _decimal(int(row["forfait"]) / int(row["episodes"]) / 100, 2),
        )
        risk, mean = (Masked.SMALL, Masked.SMALL) if is_hidden else own
        trend = Decimal(row["trend_ratio"]) * Decimal(row["trend_update"])
        normal, cap = _decimal(row["normalisation"], 4), _decimal(row["cap_eur"], 2)
        name = stratum_name(row, given)
        lines.append((name, _decimal(row["reference_eur"], 2), risk, normal, round(trend, 4), mean, cap))
    return Table("prices", given.say("prices_caption"), columns, tuple(lines))


def _decimal(value: object, places: int) -> Decimal | None:
    """A number or its exact text, rounded; None where it is empty."""
    return None if value is None or value == "" or pd.isna(value) else round(Decimal(str(value)), places)  # type: ignore[call-overload]


def left_out_section(excluded: pd.DataFrame, given: Given) -> Section | None:
    """Patients whose episodes are not reconciled, by reason; None where there is none."""
    if excluded.empty:
        return None
    ordered = excluded.sort_values(["patients", "reason"], ascending=[False, True])
    lines = tuple((given.name_of(str(row["reason"])), int(row["patients"])) for row in ordered.to_dict("records"))
    columns = (
        Column("reason", given.say("column_why")),
        Column("patients", given.say("column_patients"), "count", is_people=True),
    )
    table = mask_small(Table("left_out", given.say("left_out_caption"), columns, lines), given.small_cell_min)
    return Section(given.say("left_out_title"), (given.say("left_out_told"),), tables=(table,))
