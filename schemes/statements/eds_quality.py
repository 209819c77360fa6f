"""The quality of an establishment: its score, events observed and expected with their funnels, shares and answers."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.document import (
    Cell,
    Column,
    Document,
    Figure,
    KeyFigure,
    Mark,
    Masked,
    Section,
    Series,
    Table,
    Value,
)
from schemes.statements.eds import EdsViews
from schemes.statements.given import Given, assumed_section
from schemes.statements.small_cells import mask_small
from schemes.statements.wording import listed, uncapital, written

FEWEST_DRAWN = 0.25
KEYS = (
    "indicators", "odds_ratios", "funnel_probabilities", "funnel_centre", "funnel_small_expected", "funnel_plateau",
    "chemotherapy_days_max", "quality_gain_at_risk_share", "quality_loss_relief_share", "quality_envelope_share",
)  # fmt: skip


def quality_page(amount: Amount, given: Given, views: EdsViews) -> Document | None:
    """Score, indicators and funnels of an establishment; None where no indicator of it is known.

    Rule: EDS specification, quality measures (indirect standardisation, Poisson funnel at 2 and 3 standard deviations).
    """
    places, ratios, quality = (
        _own(frame, amount.structure_id) for frame in (views.places, views.ratios, views.quality)
    )
    if places is None:
        return None
    sections = [
        _score_section(amount, places, given),
        None if ratios is None else _ratios_section(ratios, views, given),
        None if quality is None else _shares_section(quality, given),
        assumed_section(given, KEYS),
    ]
    page = Document(
        title=given.say("quality_title", year=str(amount.year)),
        subtitle=given.subtitle(amount.structure_id),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
    )
    return given.explained(page)


def _own(frame: pd.DataFrame | None, structure_id: str) -> pd.DataFrame | None:
    rows = None if frame is None else frame[frame["establishment_id"] == structure_id]
    return None if rows is None or rows.empty else rows


def _score_section(amount: Amount, places: pd.DataFrame, given: Given) -> Section:
    score = number_of(amount, "quality_share")
    columns = (
        Column("indicator", given.say("column_indicator")),
        Column("place", given.say("column_place"), "share"),
        Column("weight", given.say("column_weight"), "number"),
    )
    lines = tuple(
        (given.name_of(str(row["indicator"])), _number(row["place"], 4), Decimal(str(row["weight"])))
        for row in places.to_dict("records")
    )
    table = Table("places", given.say("places_caption"), columns, lines)
    figures = (
        KeyFigure(given.say("quality_score"), Value(score, "share"), given.say("quality_score_note")),
        *_effects(score, given),
    )
    return Section(given.say("score_title"), (given.say("score_told"),), figures, (table,))


def _effects(score: Decimal | None, given: Given) -> tuple[KeyFigure, ...]:
    """What the score does to a gain and to a loss: share taken away, share relieved."""
    at_risk, relief = (
        given.own_rules.decimal_or_none(f"quality_{name}_share") for name in ("gain_at_risk", "loss_relief")
    )
    if score is None or at_risk is None or relief is None:
        return ()
    kept = Value(at_risk * (score - 1), "share")
    return (
        KeyFigure(given.say("effect_gain"), kept, given.say("effect_gain_note")),
        KeyFigure(given.say("effect_loss"), Value(-relief * score, "share"), given.say("effect_loss_note")),
    )


def _ratios_section(ratios: pd.DataFrame, views: EdsViews, given: Given) -> Section:
    columns = (
        Column("indicator", given.say("column_indicator")),
        Column("patients", given.say("column_patients"), "count", is_people=True),
        Column("observed", given.say("column_events"), "count", is_people=True),
        Column("expected", given.say("column_expected_events"), "number"),
        Column("ratio", given.say("column_oe"), "number"),
        Column("low", given.say("column_oe_low"), "number"),
        Column("high", given.say("column_oe_high"), "number"),
        Column("verdict", given.say("column_verdict")),
    )
    lines = tuple(
        (
            given.name_of(str(row["indicator"])),
            int(row["patients"]),
            int(row["observed"]),
            _number(row["expected"], 1),
            *(_number(row[name], 2) for name in ("ratio", "ratio_low", "ratio_high")),
            given.name_of(str(row["outside"])),
        )
        for row in ratios.to_dict("records")
    )
    table = mask_small(Table("ratios", given.say("ratios_caption"), columns, lines), given.small_cell_min)
    curves, shown = views.curves or {}, _shown_ratios(views, given)
    has_points = ratios["indicator"].isin(curves) & ratios["indicator"].isin(shown["indicator"])
    told = [given.say("ratios_told")]
    if not has_points.all():
        names = (given.name_of(str(name)) for name in ratios.loc[~has_points, "indicator"])
        told.append(
            given.say("funnel_none", indicators=listed(names, given.language), minimum=str(given.small_cell_min))
        )
    drawn = tuple(_funnel(row, curves[str(row["indicator"])], shown, given) for _, row in ratios[has_points].iterrows())
    return Section(given.say("ratios_title"), tuple(told), tables=(table,), figures=drawn)


def _shown_ratios(views: EdsViews, given: Given) -> pd.DataFrame:
    """Ratios of the nation whose events are enough to be shown as a point."""
    if views.ratios is None:
        return pd.DataFrame({"indicator": []})
    return views.ratios[(views.ratios["observed"] >= given.small_cell_min) & views.ratios["ratio"].notna()]


def _funnel(row: pd.Series, curves: pd.DataFrame, nation: pd.DataFrame, given: Given) -> Figure:
    """The funnel of an indicator; the point of an establishment with few events would tell them, and is left out."""
    name = str(row["indicator"])
    shown, curves = nation[nation["indicator"] == name], curves[curves["expected"] >= FEWEST_DRAWN]
    is_own = shown["establishment_id"] == row["establishment_id"]
    lowest, low, high, highest = [column for column in curves if str(column).startswith("limit_")]
    return Figure(
        name=f"funnel_{name}",
        kind="ratio_funnel",
        caption=_caption(row, given, is_shown=bool(is_own.any())),
        alt=_told(row, given, is_shown=bool(is_own.any())),
        table="ratios",
        unit="ratio",
        across=given.say("axis_expected_events"),
        series=(
            Series(given.say("series_two_sd"), _limits(curves, str(low), str(high))),
            Series(given.say("series_three_sd"), _limits(curves, str(lowest), str(highest))),
            Series(given.say("series_others"), _marks(shown[~is_own])),
            Series(given.say("series_own"), _marks(shown[is_own])),
        ),
    )


def _caption(row: pd.Series, given: Given, *, is_shown: bool) -> str:
    key = "funnel_caption" if is_shown else "funnel_caption_small"
    return given.say(key, indicator=given.name_of(str(row["indicator"])), minimum=str(given.small_cell_min))


def _told(row: pd.Series, given: Given, *, is_shown: bool) -> str:
    values = {
        "indicator": given.name_of(str(row["indicator"])),
        "verdict": uncapital(given.name_of(str(row["outside"]))),
    }
    if not is_shown:
        return given.say("funnel_alt_small", **values)
    ratio, expected = (
        written(_number(row[name], places), "number", given.language)
        for name, places in (("ratio", 2), ("expected", 1))
    )
    return given.say("funnel_alt", ratio=ratio, expected=expected, **values)


def _limits(curves: pd.DataFrame, low: str, high: str) -> tuple[Mark, ...]:
    columns = (curves[name] for name in ("expected", "centre", low, high))
    return tuple(
        Mark("", float(centre), at=float(at), low=float(down), high=float(up))
        for at, centre, down, up in zip(*columns, strict=True)
    )


def _marks(rows: pd.DataFrame) -> tuple[Mark, ...]:
    points = zip(rows["expected"], rows["ratio"], strict=True)
    return tuple(Mark("", float(ratio), at=float(expected)) for expected, ratio in points)


def _shares_section(quality: pd.DataFrame, given: Given) -> Section | None:
    """Shares of patients and mean scores; a share is masked where those concerned, or the others, are few."""
    kinds = {row["indicator"]: row["kind"] for row in given.own_rules.grid("indicators")}
    rows = quality[quality["indicator"].map(kinds).isin(["share", "score"])]
    if rows.empty:
        return None
    columns = (
        Column("indicator", given.say("column_indicator")),
        Column("patients", given.say("column_patients"), "count"),
        Column("value", given.say("column_result"), "mixed"),
    )
    lines = tuple(
        (given.name_of(str(row["indicator"])), *_shown(row, kinds[str(row["indicator"])], given))
        for _, row in rows.sort_values("indicator").iterrows()
    )
    table = Table("shares", given.say("shares_caption"), columns, lines)
    return Section(given.say("shares_title"), (given.say("shares_told"),), tables=(table,))


def _shown(row: pd.Series, kind: str, given: Given) -> tuple[Cell, Cell]:
    patients, minimum = int(row["patients"]), given.small_cell_min
    if patients < minimum:
        return Masked.SMALL, Value(Masked.SMALL)
    if kind == "score":
        return patients, Value(_number(row["value"], 2), "number")
    is_small = pd.notna(row["observed"]) and min(row["observed"], patients - row["observed"]) < minimum
    return patients, Value(Masked.SMALL) if is_small else Value(_number(row["value"], 4), "share")


def _number(value: object, places: int) -> Decimal | None:
    return None if value is None or pd.isna(value) else round(Decimal(repr(float(value))), places)  # type: ignore[arg-type,call-overload]
