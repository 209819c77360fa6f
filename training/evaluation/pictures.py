"""The drawings of the page, from the record alone: the same bytes for the same record and language."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MultipleLocator

from training.evaluation.money import POLICY_SIZE
from training.evaluation.record import Evaluation, GroupRow
from training.evaluation.wording import cell_name, model_name, number, texts
from training.pages import inline_svg

INK, QUIET, BLUE, AMBER, PALE = "#0f172a", "#475569", "#1d4ed8", "#b45309", "#cbd5e1"
LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "forfait", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9.0,
    "text.parse_math": False, "text.color": INK, "axes.edgecolor": PALE, "axes.labelcolor": QUIET,
    "xtick.color": QUIET, "ytick.color": QUIET,
}  # fmt: skip
WIDTH, MOST_GROUPS, MOST_STRUCTURES, LONGEST = 7.4, 14, 40, 52


def drawings(evaluation: Evaluation, language: str) -> dict[str, str]:
    """Name -> SVG, those whose figures are there."""
    drawn = {
        "worst": (_worst, 0.28 * len(worst_groups(evaluation)) + 1.1),
        "deciles": (_deciles, 3.2),
        "reliability": (_reliability, 3.4),
        "murphy": (_murphy, 3.4),
        "structures": (_structures, 0.26 * min(len(evaluation.structures), MOST_STRUCTURES) + 1.1),
    }
    absent = {
        "worst": not worst_groups(evaluation),
        "deciles": not [row for row in evaluation.groups if row.group == "decile" and row.ratio],
        "structures": not evaluation.structures,
    }
    found = {}
    for name, (draw, height) in drawn.items():
        if absent.get(name):
            continue
        with matplotlib.rc_context(SETTINGS):
            canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
            FigureCanvasSVG(canvas)
            axes = canvas.subplots()
            draw(axes, evaluation, language)
            axes.spines[["top", "right"]].set_visible(False)
            found[name] = inline_svg(canvas, texts(language).get(f"{name}_plot", name), name=name)
    return found


def worst_groups(evaluation: Evaluation, count: int = MOST_GROUPS) -> list[GroupRow]:
    """The first groups of 1,000 patients or more: outside the band first, then by gap per patient."""
    rows = [row for row in evaluation.groups if row.patients is not None and row.patients >= POLICY_SIZE]
    return rows[:count]


def _worst(axes: Axes, evaluation: Evaluation, language: str) -> None:
    rows, words = worst_groups(evaluation)[::-1], texts(language)
    for is_seen, colour, marker in ((True, BLUE, "o"), (False, AMBER, "s")):
        some = [(place, row) for place, row in enumerate(rows) if row.is_seen == is_seen]
        if not some:
            continue
        gaps = np.array([row.net_eur or 0.0 for _, row in some])
        ends = np.abs(np.array([[row.net_low or 0.0, row.net_high or 0.0] for _, row in some]).T - gaps)
        label = words["legend_seen" if is_seen else "legend_unseen"]
        axes.errorbar(gaps, [place for place, _ in some], xerr=ends, fmt=marker, color=colour, capsize=3, label=label)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_label(row, language) for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.xaxis.set_major_formatter(_euros(language))
    axes.figure.supxlabel(words["axis_net"], fontsize=9, color=QUIET)  # type: ignore[union-attr]
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=8, ncols=2)


def _deciles(axes: Axes, evaluation: Evaluation, language: str) -> None:
    rows = [row for row in evaluation.groups if row.group == "decile" and row.expected_eur is not None and row.ratio]
    rows.sort(key=lambda row: row.level)
    words, place = texts(language), np.arange(len(rows))
    expected = np.array([row.expected_eur or 0.0 for row in rows])
    observed = np.array([row.observed_eur or 0.0 for row in rows])
    # the interval is that of expected / observed: expected / ratio is observed again
    low, high = (np.array([getattr(row, name) or 1.0 for row in rows]) for name in ("low", "high"))
    ends = np.abs(np.stack([expected / high, expected / low]) - observed)
    axes.bar(place, expected, color=PALE, width=0.7, label=words["legend_expected"])
    axes.errorbar(place, observed, yerr=ends, fmt="o", color=BLUE, capsize=4, label=words["legend_observed"])
    axes.set_xticks(place, [str(int(row.level)) for row in rows])
    axes.set_xlabel(words["axis_decile"])
    axes.set_ylabel(words["axis_eur"])
    axes.yaxis.set_major_formatter(_euros(language))
    axes.legend(frameon=False, loc="upper left", fontsize=8.5)


def _reliability(axes: Axes, evaluation: Evaluation, language: str) -> None:
    curve, words = evaluation.diagrams.reliability, texts(language)
    top = max(curve.x)
    axes.plot([0, top], [0, top], color=QUIET, linestyle=":", linewidth=1)
    axes.plot(curve.x, curve.y, color=BLUE, linewidth=1.6)
    axes.set_xlabel(words["axis_expected"])
    axes.set_ylabel(words["axis_observed"])
    _both(axes, language)


def _murphy(axes: Axes, evaluation: Evaluation, language: str) -> None:
    words, this = texts(language), evaluation.facts.model
    for place, curve in enumerate(evaluation.diagrams.murphy):
        colour, width = (BLUE, 2.0) if curve.name == this else (QUIET, 1.1)
        label = model_name(curve.name, this, language)
        axes.plot(curve.x, curve.y, color=colour, linewidth=width, linestyle=LINES[place % len(LINES)], label=label)
    axes.set_xlabel(words["axis_threshold"])
    axes.set_ylabel(words["axis_score"])
    axes.legend(frameon=False, loc="best", fontsize=8)
    _both(axes, language)


def _structures(axes: Axes, evaluation: Evaluation, language: str) -> None:
    rows, words = evaluation.structures[:MOST_STRUCTURES][::-1], texts(language)
    place = np.arange(len(rows))
    low, high = (np.array([getattr(row, name) for row in rows]) for name in ("chance_low", "chance_high"))
    axes.barh(place, high - low, left=low, color=PALE, height=0.6, label=words["legend_chance"])
    axes.plot([row.ratio for row in rows], place, "o", color=BLUE, label=words["legend_structure"])
    axes.axvline(1, color=QUIET, linewidth=0.8)
    axes.set_yticks(place, [f"{row.structure} ({number(row.patients, 0, language)})" for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel(words["axis_oe"])
    axes.xaxis.set_major_locator(MultipleLocator(0.05 if np.ptp([*low, *high]) < 0.4 else 0.2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, 2, language)))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, ncols=2)


def _both(axes: Axes, language: str) -> None:
    axes.xaxis.set_major_formatter(_euros(language))
    axes.yaxis.set_major_formatter(_euros(language))
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)


def _euros(language: str) -> FuncFormatter:
    return FuncFormatter(lambda value, _: number(value, int(value != round(value)), language))


def _label(row: GroupRow, language: str) -> str:
    label = cell_name(row.group, row.level, language)
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1].rstrip()}…"
