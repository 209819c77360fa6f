"""Bars, lines and funnels by matplotlib, as SVG: the same bytes each time, no display, no state left behind."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from html import escape
from textwrap import wrap
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from forfait.documents.ink import AMBER, BLUE, INK, PALE, QUIET
from forfait.documents.ratio_plots import pairs, pairs_height, ratio_funnel
from schemes.statements.document import Figure, Mark, Series
from schemes.statements.wording import day, number, written

COLOURS, LINES, MARKERS = (BLUE, AMBER, QUIET), ("-", "--", ":"), ("o", "s", "^")
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "forfait", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9.0,
    "text.parse_math": False,
    "text.color": INK, "axes.edgecolor": PALE, "axes.labelcolor": QUIET, "xtick.color": QUIET, "ytick.color": QUIET,
}  # fmt: skip
WIDTH_INCHES, HALF_INCHES, LONGEST_LABEL, HALF_LABEL = 7.2, {"bars": 3.6, "funnel": 4.6}, 46, 20
MOST_TICKS = 8
IDENTIFIER = re.compile(r'(?<=\bid=")([^"]+)|(?<=href="#)([^"]+)|(?<=url\(#)([^)]+)')


@lru_cache(maxsize=32)
def plot_svg(figure: Figure, language: str, *, is_half: bool = False) -> str:
    """SVG of bars, a line or a funnel, to stand in a page: no XML heading, identifiers of its own, told by its alt.

    `is_half` draws it for half of the width. Kept for a moment, since HTML and PDF of a document draw the same.
    """
    with matplotlib.rc_context(SETTINGS):
        width = HALF_INCHES.get(figure.kind, WIDTH_INCHES) if is_half else WIDTH_INCHES
        canvas = Canvas(figsize=(width, _height(figure, is_half=is_half)), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        PLOTS[figure.kind](axes, figure, language)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _for_a_page(buffer.getvalue(), figure)


def _height(figure: Figure, *, is_half: bool) -> float:
    """Inches: bars by their number, more of them where a label takes two lines."""
    if figure.kind == "pairs":
        return pairs_height(len(figure.series[0].marks))
    if figure.kind != "bars":
        return 2.9
    marks = figure.series[0].marks
    is_wrapped = is_half and any(len(mark.label) > HALF_LABEL for mark in marks)
    return 0.25 + (0.32 if is_wrapped else 0.2) * max(3, len(marks))


def _for_a_page(svg: str, figure: Figure) -> str:
    """The drawing alone; identifiers begin with the figure's name, since a page holds several drawings."""
    drawn = svg[svg.index("<svg") :]
    drawn = re.sub(r"\s*<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = IDENTIFIER.sub(lambda found: f"{figure.name}-{found.group()}", drawn)
    told = f'<svg role="img" aria-label="{escape(figure.alt)}" '
    return drawn.replace("<svg ", told, 1).strip()


def _bars(axes: Axes, figure: Figure, language: str) -> None:
    """Horizontal bars, the first on top, each with its value; labels on two lines where the drawing is narrow."""
    is_half = isinstance(axes.figure, Canvas) and axes.figure.get_figwidth() < WIDTH_INCHES
    marks = figure.series[0].marks[::-1]
    values = [mark.value for mark in marks]
    drawn = axes.barh([_short(mark.label, is_half=is_half) for mark in marks], values, color=BLUE, height=0.62)
    axes.bar_label(drawn, [_told(mark.value, figure.unit, language) for mark in marks], padding=4, fontsize=8.5)
    axes.margins(x=0.42 if is_half else 0.18, y=0.02)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=INK)


def _line(axes: Axes, figure: Figure, language: str) -> None:
    """One line a series over numbers or days; an interval as a bar with ends."""
    for place, series in enumerate(figure.series):
        _draw_line(axes, series, place)
    _days(axes, figure, language)
    axes.yaxis.set_major_formatter(_rounded(figure.unit, language))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.margins(x=0.06, y=0.14)
    if figure.is_from_zero:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_axisbelow(True)
    if len(figure.series) > 1:
        axes.legend(frameon=False, loc="best", fontsize=8.5)


def _draw_line(axes: Axes, series: Series, place: int) -> None:
    across = [_position(mark, order) for order, mark in enumerate(series.marks)]
    style: dict[str, Any] = {"color": COLOURS[place % 3], "linestyle": LINES[place % 3], "marker": MARKERS[place % 3]}
    axes.plot(across, [mark.value for mark in series.marks], label=series.name, markersize=4.5, linewidth=1.6, **style)
    ranged = [(x, mark) for x, mark in zip(across, series.marks, strict=True) if mark.low is not None]
    for x, mark in ranged:
        low, high = float(mark.low or 0), float(mark.high or 0)
        axes.errorbar(x, mark.value, [[mark.value - low], [high - mark.value]], color=style["color"], capsize=5)


def _position(mark: Mark, order: int) -> float:
    if isinstance(mark.at, date):
        return float(mark.at.toordinal())
    return float(order) if mark.at is None else float(mark.at)


def _days(axes: Axes, figure: Figure, language: str) -> None:
    """Ticks under the marks: days, or the labels of the marks."""
    places = {_position(mark, order): mark for one in figure.series for order, mark in enumerate(one.marks)}
    texts = [day(mark.at, language) if isinstance(mark.at, date) else mark.label for mark in places.values()]
    crowded = len(places) > 6 or any(isinstance(mark.at, date) for mark in places.values())
    if len(places) > MOST_TICKS:
        kept = [*range(0, len(places) - 1, 3), len(places) - 1]
        places, texts = dict(list(places.items())[place] for place in kept), [texts[place] for place in kept]
    axes.set_xticks(list(places), texts, rotation=25 if crowded else 0, ha="right" if crowded else "center", fontsize=8)


def _funnel(axes: Axes, figure: Figure, language: str) -> None:
    """Limits as lines (the first series low, high), groups as points over their size (the others)."""
    limits, *groups = figure.series
    sizes = [_position(mark, 0) for mark in limits.marks]
    lows, highs = ([float(v or 0) for v in ends] for ends in zip(*((m.low, m.high) for m in limits.marks), strict=True))
    axes.fill_between(sizes, lows, highs, color=PALE, alpha=0.5, label=limits.name, linewidth=0)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for place, series in enumerate(groups):
        points = [(_position(mark, 0), mark.value) for mark in series.marks]
        for mark in series.marks:
            if mark.low is not None and mark.high is not None:
                ends = [[mark.value - mark.low], [mark.high - mark.value]]
                axes.errorbar(_position(mark, 0), mark.value, ends, color=COLOURS[place % 3], capsize=5)
        sizes, gaps = (list(ends) for ends in zip(*points, strict=True))
        axes.scatter(
            sizes, gaps, s=34, color=COLOURS[place % 3], marker=MARKERS[place % 3], label=series.name, zorder=3
        )
    axes.set_xlabel(figure.across)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(Decimal(round(x)), language, decimals=0)))
    axes.yaxis.set_major_formatter(_rounded(figure.unit, language))
    axes.legend(frameon=False, loc="best", fontsize=8.5)


def _rounded(unit: str, language: str) -> FuncFormatter:
    """Whole euros on an axis."""
    divisor = 100 if unit == "eur_cents" else 1

    def text(value: float, _: object) -> str:
        if unit == "share":
            return written(Decimal(str(value)), "share", language)
        return written(Decimal(str(value)) / divisor, "eur_whole", language)

    return FuncFormatter(text)


def _told(value: float, unit: str, language: str) -> str:
    return written(Decimal(str(value)), unit, language)


def _short(label: str, *, is_half: bool) -> str:
    if is_half:
        return "\n".join(wrap(label, HALF_LABEL, max_lines=2, placeholder="…"))
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1].rstrip()}…"


PLOTS: dict[str, Callable[[Axes, Figure, str], None]] = {
    "bars": _bars,
    "line": _line,
    "funnel": _funnel,
    "pairs": pairs,
    "ratio_funnel": ratio_funnel,
}
