"""The flow chart of a programme as a picture: candidates, reasons of exclusion each on its own, final episodes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from textwrap import wrap

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from forfait.documents.ink import BLUE, INK, PALE, QUIET
from forfait.documents.plots import SETTINGS
from schemes.statements.wording import number, share
from serving.french import typeset

WORDS = Path(__file__).with_suffix(".csv")
WIDTH_INCHES, LINE_INCHES, DOTS = 9.6, 0.27, 140
LIGHT, KEPT = "#93b4f5", "#dbeafe"
SPINE, LABELS, BARS, BARS_END = 0.02, 0.05, 0.455, 0.72  # across, as shares of the width
NOTE_LENGTH, NOTE_LINES = 150, 0.75


@dataclass(frozen=True)
class Shown:
    """What a chart shows once small counts are hidden: None is a count that is not to be shown.

    reasons: step, stays, stays of which it is the only reason. few: steps met by fewer stays than the minimum.
    """

    candidates: int | None
    excluded: int | None
    final: int | None
    reasons: tuple[tuple[str, int, int | None], ...]
    few: tuple[str, ...]


def shown(flow: pd.DataFrame, programme: str, *, minimum: int) -> Shown:
    """The counts of a programme that may be shown: none under `minimum`, nor one that the others give away.

    A reason met by fewer stays is named without its count. How many stays have one reason alone is hidden where it, or
    the rest of the reason, is small; where few stays are excluded in all, so is the number of final episodes.
    Rule: SNDS, no cell under 11 people.
    """
    own = flow[flow["programme"] == programme].sort_values("order")
    numbers = own[["stays", "only_reason"]].astype("int64").to_numpy().tolist()
    counts = {str(step): (stays, alone) for step, (stays, alone) in zip(own["step"], numbers, strict=True)}
    candidates, final = counts.pop("candidates")[0], counts.pop("final")[0]
    excluded = candidates - final
    large = [(step, *found) for step, found in counts.items() if found[0] >= minimum]
    split = [(step, stays, None if _is_small(alone, stays - alone, minimum) else alone) for step, stays, alone in large]
    is_told = min(candidates, final) >= minimum and not 0 < excluded < minimum
    return Shown(
        candidates if candidates >= minimum else None,
        excluded if is_told else None,
        final if is_told else None,
        tuple(split),
        tuple(step for step, (stays, _) in counts.items() if stays < minimum),
    )


def _is_small(alone: int, others: int, minimum: int) -> bool:
    return alone < minimum or 0 < others < minimum


def flow_chart_figure(
    flow: pd.DataFrame, programme: str, *, title: str, years: str, minimum: int, language: str = "fr"
) -> Figure:
    """The flow chart of a programme as a matplotlib figure; `flow` has the columns of EPISODE_FLOW.

    Reasons are counted each on its own (non-consecutive), which the picture says; the dark part of a bar is what the
    reason excludes alone. Counts under `minimum` are not shown.
    """
    told = shown(flow, programme, minimum=minimum)
    notes = _notes(told, minimum, language)
    lines = len(told.reasons) + 6
    with matplotlib.rc_context(SETTINGS):
        bottom = lines + NOTE_LINES * len(notes) + 0.6
        height = LINE_INCHES * (bottom + 0.6)
        figure = Figure(figsize=(WIDTH_INCHES, height))
        axes = figure.add_axes((0.02, 0.0, 0.96, 1.0))
        axes.set(xlim=(0, 1), ylim=(bottom, -0.6))
        axes.axis("off")
        axes.text(0, 0.15, _say("title", language, programme=title), fontsize=12.5, weight="bold", va="center")
        axes.text(1, 0.15, _say("years", language, years=years), ha="right", va="center", color=QUIET)
        _boxes(axes, told, language, last=lines - 1.2)
        _bars(axes, told, language)
        for place, note in enumerate(notes):
            axes.text(0, lines + 0.35 + NOTE_LINES * place, note, fontsize=8, color=QUIET, va="center")
    return figure


def _boxes(axes: Axes, told: Shown, language: str, *, last: float) -> None:
    """Candidates on top, final below, a line between them."""
    axes.annotate(
        "", (SPINE, last - 0.62), (SPINE, 2.1), arrowprops={"arrowstyle": "-|>", "color": QUIET, "lw": 1.2}
    )  # fmt: skip
    first = _say("candidates", language, count=_number(told.candidates, language))
    _box(axes, 1.5, first, _say("candidates_note", language), PALE)
    part = ""
    if told.final is not None and told.candidates:
        part = _say("final_share", language, share=share(Decimal(told.final) / told.candidates, language))
    _box(axes, last, _say("final", language, count=_number(told.final, language)), part, KEPT)
    excluded = _say("excluded", language, count=_number(told.excluded, language))
    axes.text(LABELS, 2.85, excluded, weight="bold", va="center")


def _box(axes: Axes, y: float, text: str, note: str, colour: str) -> None:
    axes.add_patch(FancyBboxPatch((0.0, y - 0.52), 1.0, 1.04, "round,pad=0,rounding_size=0.004", fc=colour, ec="none"))
    axes.text(0.012, y, text, fontsize=10.5, weight="bold", va="center")
    axes.text(0.988, y, note, color=QUIET, ha="right", va="center")


def _bars(axes: Axes, told: Shown, language: str) -> None:
    longest = max((stays for _, stays, _ in told.reasons), default=1)
    for place, (step, stays, alone) in enumerate(told.reasons):
        y, width = 3.8 + place, (BARS_END - BARS) * stays / longest
        axes.text(LABELS, y, _say(step, language), va="center", color=INK)
        axes.add_patch(Rectangle((BARS, y - 0.3), width, 0.6, fc=PALE if alone is None else LIGHT, ec="none"))
        if alone is not None:
            axes.add_patch(Rectangle((BARS, y - 0.3), width * alone / stays, 0.6, fc=BLUE, ec="none"))
        text = _say("alone", language, count=_number(stays, language), alone=_number(alone, language))
        axes.text(BARS + width + 0.01, y, text, va="center", fontsize=8.5)


def _notes(told: Shown, minimum: int, language: str) -> list[str]:
    """What the reader must know, in lines that fit."""
    texts = [_say("note_overlap", language), _say("note_bars", language)]
    if None in (told.candidates, told.final, *(alone for *_, alone in told.reasons)):
        texts.append(_say("note_small", language, minimum=str(minimum)))
    if told.few:
        names = ", ".join(_lower(_say(step, language)) for step in told.few)
        texts.append(_say("note_few", language, minimum=str(minimum), reasons=names))
    return [line for text in texts for line in wrap(text, NOTE_LENGTH)]


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def flow_chart_svg(figure: Figure) -> bytes:
    """The figure as SVG: the same bytes each time."""
    return _drawn(figure, "svg", {"Date": None, "Creator": None})


def flow_chart_png(figure: Figure) -> bytes:
    """The figure as PNG: the same bytes each time."""
    FigureCanvasAgg(figure)
    return _drawn(figure, "png", {"Software": None})


def _drawn(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(buffer, format=kind, facecolor="white", dpi=DOTS, metadata=metadata)
    return buffer.getvalue()


def _number(count: int | None, language: str) -> str:
    return _say("small", language) if count is None else number(Decimal(count), language, decimals=0)


@cache
def _texts() -> dict[str, dict[str, str]]:
    with WORDS.open(encoding="utf-8", newline="") as file:
        return {row["key"]: {"fr": row["fr"], "en": row["en"]} for row in csv.DictReader(file)}


def _say(key: str, language: str, **values: str) -> str:
    text = _texts()[key][language].format(**values)
    return typeset(text) if language == "fr" else text
