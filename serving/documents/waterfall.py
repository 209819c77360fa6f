"""A waterfall drawn by hand, from a base to an amount: inline SVG whose text is text, no script."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from textwrap import wrap
from typing import NamedTuple

from schemes.statements.document import Figure, Mark
from schemes.statements.wording import written

LINE, TOP = 26, 4
GAIN, LOSS, WHOLE, INK, QUIET, LINK = "#1d4ed8", "#b45309", "#475569", "#0f172a", "#64748b", "#cbd5e1"


class Frame(NamedTuple):
    """Width of the drawing, of its labels and of its amounts; the longest label of a line, in characters; print."""

    width: int
    labels: int
    amounts: int
    longest: int
    size: float = 11


LARGE = 13
WIDE, NARROW = Frame(760, 300, 112, 44), Frame(400, 152, 84, 30, 10.5)


class Bar(NamedTuple):
    """One line of the drawing: label, where the bar starts and ends, the amount written at its right."""

    label: str
    start: float
    end: float
    amount: str
    is_whole: bool


def waterfall_svg(figure: Figure, language: str, *, font: str, frame: Frame = WIDE) -> str:
    """SVG of a waterfall: whole bars from zero, steps from where the last one ended, each with its signed amount.

    Colour is never alone: the sign of the amount says the same.
    """
    bars = _bars(figure.series[0].marks, figure.unit, language)
    low = min(0.0, *(min(bar.start, bar.end) for bar in bars))
    high = max(1.0, *(max(bar.start, bar.end) for bar in bars))
    scale = (frame.width - frame.labels - frame.amounts) / (high - low)
    height = TOP + LINE * len(bars) + 4
    zero = f'<path d="M{frame.labels - low * scale:.1f} {TOP}v{LINE * len(bars)}" stroke="{QUIET}" stroke-width="1"/>'
    links = [_link(frame.labels + (bar.end - low) * scale, place) for place, bar in enumerate(bars[:-1])]
    frame = frame if any(len(bar.label) > frame.longest for bar in bars) else frame._replace(size=LARGE)
    lines = [_line(bar, place, frame, low=low, scale=scale) for place, bar in enumerate(bars)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {frame.width} {height}" '
        f'width="{frame.width}" height="{height}" font-family="{escape(font)}" aria-label="{escape(figure.alt)}">'
        f"<title>{escape(figure.caption)}</title>{zero}{''.join(links)}{''.join(lines)}</svg>"
    )


def _bars(marks: Sequence[Mark], unit: str, language: str) -> list[Bar]:
    bars, before = [], 0.0
    for mark in marks:
        start = 0.0 if mark.is_whole else before
        moved = Decimal(str(mark.value)) - Decimal(str(start))
        bars.append(
            Bar(mark.label, start, mark.value, written(moved, unit, language, signed=not mark.is_whole), mark.is_whole)
        )
        before = mark.value
    return bars


def _line(bar: Bar, place: int, frame: Frame, *, low: float, scale: float) -> str:
    y = TOP + LINE * place
    left, right = sorted((bar.start, bar.end))
    color = WHOLE if bar.is_whole else GAIN if bar.end >= bar.start else LOSS
    bold = ' font-weight="600"' if bar.is_whole else ""
    text = f'y="{y + LINE / 2 + 4.5:g}" font-size="12.5" fill="{INK}"{bold}'
    words = _label(bar.label, y, frame, f'fill="{INK}"{bold}')
    return (
        f'{words}<rect x="{frame.labels + (left - low) * scale:.1f}" y="{y + 4}" '
        f'width="{max((right - left) * scale, 1.0):.1f}" height="{LINE - 8}" fill="{color}" rx="1"/>'
        f'<text x="{frame.width}" {text} text-anchor="end">{escape(bar.amount)}</text>'
    )


def _link(x: float, place: int) -> str:
    """The thin line that carries the end of a bar to the next one."""
    y = TOP + LINE * place
    return f'<path d="M{x:.1f} {y + 4}V{y + 2 * LINE - 4}" stroke="{LINK}" stroke-width="1"/>'


def _label(label: str, y: float, frame: Frame, style: str) -> str:
    """A label on one line, or on two where it is long; all labels of a drawing are in the same print."""
    lines = wrap(label, frame.longest, max_lines=2, placeholder="…")
    first = y + LINE / 2 + (4 if len(lines) == 1 else -1.5)
    return "".join(
        f'<text x="0" y="{first + 11 * place:g}" font-size="{frame.size:g}" {style}>{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
