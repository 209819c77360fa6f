"""Drawings of establishments: the funnel of a ratio with its limits at 2 and 3 standard deviations, bars by two."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from forfait.documents.ink import AMBER, BLUE, INK, PALE, QUIET
from schemes.statements.document import Figure, Series
from schemes.statements.wording import number, written

HEADROOM, LOWEST_TOP, LONGEST_LABEL = 1.15, 3.0, 34
LIMIT_LINES = ("--", "-")
OWN: dict[str, Any] = {"s": 70, "color": AMBER, "marker": "D"}
OTHERS: dict[str, Any] = {"s": 16, "color": BLUE, "alpha": 0.45}


def ratio_funnel(axes: Axes, figure: Figure, language: str) -> None:
    """Observed over expected by expected events: two pairs of limits, the other establishments, then the own one.

    The first two series are limits (low, high; value: the centre), the others points; limits leave the drawing where
    few events are expected.
    """
    inner, outer, *groups = figure.series
    for series, line in zip((inner, outer), LIMIT_LINES, strict=True):
        _limits(axes, series, line)
    axes.axhline(inner.marks[0].value, color=QUIET, linewidth=0.8)
    for series, is_own in ((one, place == len(groups) - 1) for place, one in enumerate(groups) if one.marks):
        _points(axes, series, is_own=is_own)
    ratios = [mark.value for series in groups for mark in series.marks]
    axes.set_ylim(0, max(LOWEST_TOP, HEADROOM * max(ratios, default=0.0)))
    axes.set_xlim(left=0)
    axes.set_xlabel(figure.across)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(Decimal(round(x)), language, decimals=0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(Decimal(str(round(y, 2))), language, decimals=1)))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize=8)


def _limits(axes: Axes, series: Series, line: str) -> None:
    across = [float(mark.at) for mark in series.marks if isinstance(mark.at, float)]
    for place, ends in enumerate(("low", "high")):
        values = [float(getattr(mark, ends)) for mark in series.marks]
        axes.plot(across, values, color=QUIET, linestyle=line, linewidth=1.1, label="" if place else series.name)


def _points(axes: Axes, series: Series, *, is_own: bool) -> None:
    """Other establishments small and pale, the own one large, of another shape, above them."""
    across = [float(mark.at) for mark in series.marks if isinstance(mark.at, float)]
    values = [mark.value for mark in series.marks]
    axes.scatter(across, values, label=series.name, zorder=4 + is_own, **(OWN if is_own else OTHERS))


def pairs(axes: Axes, figure: Figure, language: str) -> None:
    """Two horizontal bars a label, each with its value: the first series above the second."""
    labels = [mark.label for mark in figure.series[0].marks]
    middles = [-place for place in range(len(labels))]
    for shift, series, colour in zip((0.2, -0.2), figure.series, (BLUE, PALE), strict=True):
        values = [mark.value for mark in series.marks]
        drawn = axes.barh([y + shift for y in middles], values, color=colour, height=0.38, label=series.name)
        told = [written(Decimal(str(value)), "eur_whole", language) for value in values]
        axes.bar_label(drawn, told, padding=4, fontsize=7.5, color=INK)
    axes.set_yticks(middles, [label[:LONGEST_LABEL] for label in labels])
    axes.margins(x=0.16, y=0.02)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.legend(frameon=False, loc="lower right", fontsize=8.5)


def pairs_height(labels: int) -> float:
    """Inches of a drawing of bars by two."""
    return 0.35 + 0.36 * max(2, labels)
