"""Dot plot of the cells: expected / observed before and after, with intervals, on the year that taught nothing."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from training.cells.measured import CellRow
from training.cells.words import cell_level, cells_name, words
from training.evaluation.money import BAND
from training.evaluation.pictures import AMBER, BLUE, INK, PALE, QUIET, SETTINGS, WIDTH
from training.evaluation.wording import number
from training.pages import inline_svg

LONGEST, MOST_SHOWN = 52, 40
REACH = (0.5, 1.6)


def ratio_plot(rows: Sequence[CellRow], language: str) -> str:
    """SVG of at most 40 cells; empty where none has a figure. The same bytes for the same rows."""
    shown = [row for row in rows if row.ratio_before is not None and row.ratio_after is not None][:MOST_SHOWN]
    if not shown:
        return ""
    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=(WIDTH, 0.36 * len(shown) + 1.2), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        _draw(axes, shown[::-1], language)
        axes.spines[["top", "right"]].set_visible(False)
        return inline_svg(canvas, words(language)["plot"])


def _draw(axes: Axes, rows: Sequence[CellRow], language: str) -> None:
    known, place = words(language), np.arange(len(rows))
    axes.axvspan(*BAND, color=PALE, alpha=0.5, linewidth=0)
    axes.axvline(1, color=QUIET, linewidth=0.8)
    for name, colour, marker, shift in (("before", AMBER, "s", 0.15), ("after", BLUE, "o", -0.15)):
        ratio, low, high = (
            np.array([getattr(row, column) for row in rows], dtype=float)
            for column in (f"ratio_{name}", f"{name}_low", f"{name}_high")
        )
        ends = np.abs(np.stack([low, high]) - ratio)
        axes.errorbar(
            ratio, place + shift, xerr=ends, fmt=marker, color=colour, capsize=2, markersize=5, label=known[name]
        )
    left, right = axes.get_xlim()
    axes.set_xlim(max(float(left), REACH[0]), min(float(right), REACH[1]))
    axes.set_yticks(place, [_label(row, language) for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2, language)))
    axes.set_xlabel(known["axis_ratio"])
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=8, ncols=2)


def _label(row: CellRow, language: str) -> str:
    """Cells and level; a long name of cells is cut, the level never."""
    name, level = cells_name(row.cells, language), cell_level(row.cells, row.level, language)
    room = max(LONGEST - len(level) - 3, 8)
    return f"{name if len(name) <= room else name[: room - 1].rstrip() + '…'} : {level}"
