"""The drawings of the page, from the records alone: the same bytes for the same record and language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training.evaluation.pictures import AMBER, BLUE, LONGEST, PALE, QUIET, SETTINGS, WIDTH
from training.evaluation.wording import group_name, level_name, number, written
from training.pages import inline_svg
from training.retrain.record import DriftRow, ImpactRow, PairedGroup, Retrained
from training.retrain.words import what, words_in

MOST_BARS, MOST_CODES, MOST_GROUPS = 40, 15, 14
COLOURS = {"ok": QUIET, "watch": AMBER, "alert": "#b91c1c"}
Drawn = tuple[Callable[[Axes], None], float]


def drawings(found: Retrained, language: str) -> dict[str, str]:
    """Name -> SVG, those whose figures are there."""
    years = str(found.drift.before_year), str(found.drift.year)
    deciles = [
        row for row in found.drift.rows if row.kind == "calibration" and row.name == "decile" and row.value is not None
    ]
    postes = _changes(found, "spending_poste", "spending_total")
    codes = _changes(found, "coding_rate", "codes_per_patient")[:MOST_CODES]
    groups = found.comparison.groups[:MOST_GROUPS] if found.comparison else ()
    impact = found.impact.rows[:MOST_BARS] if found.impact else ()
    drawn: dict[str, Drawn] = {}
    if deciles:
        drawn["calibration"] = (lambda axes: _deciles(axes, deciles, years, language), 3.0)
    if postes:
        drawn["spending"] = (lambda axes: _intervals(axes, postes, language), 0.24 * len(postes) + 1.0)
    if codes:
        drawn["coding"] = (lambda axes: _intervals(axes, codes, language), 0.24 * len(codes) + 1.0)
    if groups:
        drawn["groups"] = (lambda axes: _groups(axes, groups, language), 0.28 * len(groups) + 1.1)
    if impact:
        drawn["impact"] = (lambda axes: _impact(axes, impact, language), 0.24 * len(impact) + 1.0)
    told = words_in(language)
    return {name: svg_of(draw, height, name, told[f"{name}_plot"]) for name, (draw, height) in drawn.items()}


def svg_of(draw: Callable[[Axes], None], height: float, name: str, told: str) -> str:
    """A drawing alone; identifiers begin with its name, since a page holds several."""
    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        return inline_svg(canvas, told, name=name)


def _changes(found: Retrained, *measures: str) -> list[DriftRow]:
    """Rows of relative change with an interval, the largest first."""
    rows = [
        row for row in found.drift.rows if row.measure in measures and row.value is not None and row.low is not None
    ]
    return sorted(rows, key=lambda row: -abs(row.value or 0.0))


def _deciles(axes: Axes, rows: Sequence[DriftRow], years: tuple[str, str], language: str) -> None:
    rows = sorted(rows, key=lambda row: row.level)
    place = np.arange(len(rows))
    axes.plot(place - 0.08, [row.before or np.nan for row in rows], "s", color=QUIET, label=years[0])
    axes.plot(place + 0.08, [row.after or np.nan for row in rows], "o", color=BLUE, label=years[1])
    axes.axhspan(0.97, 1.03, color=PALE, alpha=0.5)
    axes.set_xticks(place, [str(int(row.level)) for row in rows])
    axes.set_xlabel(words_in(language)["axis_decile"])
    axes.set_ylabel(words_in(language)["axis_ratio"])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2, language)))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, ncols=2)


def _intervals(axes: Axes, rows: Sequence[DriftRow], language: str) -> None:
    for place, row in enumerate(rows[::-1]):
        value, ends = row.value or 0.0, ((row.value or 0.0) - (row.low or 0.0), (row.high or 0.0) - (row.value or 0.0))
        colour, gaps = COLOURS.get(row.status, QUIET), np.abs(np.array(ends))[:, None]
        axes.errorbar([value], [place], xerr=gaps, fmt="o", color=colour, capsize=3)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_short(what(row, language)) for row in rows[::-1]])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(words_in(language)["axis_change"])
    _in_percent(axes, language)


def _groups(axes: Axes, rows: Sequence[PairedGroup], language: str) -> None:
    words, shown = words_in(language), rows[::-1]
    place = np.arange(len(shown))
    axes.plot([row.champion_net_eur for row in shown], place + 0.12, "s", color=QUIET, label=words["col_champion"])
    axes.plot([row.challenger_net_eur for row in shown], place - 0.12, "o", color=BLUE, label=words["col_challenger"])
    axes.axvline(0, color=QUIET, linewidth=0.8)
    names = [f"{group_name(row.group, language)} : {level_name(row.group, row.level, language)}" for row in shown]
    axes.set_yticks(place, [_short(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.figure.supxlabel(words["axis_net"], fontsize=9, color=QUIET)  # type: ignore[union-attr]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, int(value != round(value)), language)))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=8, ncols=2)


def _impact(axes: Axes, rows: Sequence[ImpactRow], language: str) -> None:
    words, shown = words_in(language), rows[::-1]
    place = np.arange(len(shown))
    axes.barh(place, [row.change for row in shown], color=PALE, height=0.6, label=words["col_share"])
    axes.plot([row.moved for row in shown], place, "o", color=BLUE, label=words["col_moved"])
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(place, [f"{row.structure} ({number(row.patients, 0, language)})" for row in shown])
    axes.tick_params(axis="y", length=0)
    _in_percent(axes, language)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, ncols=2)


def _in_percent(axes: Axes, language: str) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, "share", language, signed=True)))


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1].rstrip()}…"
