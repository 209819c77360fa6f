"""An explanation drawn: from the base to the expected euros, one bar per feature or family; inline SVG, no script."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from features.versions import UNIT
from serving.explanations import BASE_LABEL, FLOOR_LABEL, Explanation
from serving.families import family_label
from serving.french import euros, number, plain
from serving.french import unit as unit_words

WIDTH, LABELS, AMOUNTS, LINE, TOP = 760, 330, 110, 34, 8
UP, DOWN, WHOLE, INK, QUIET = "#b45309", "#1d4ed8", "#475569", "#0f172a", "#64748b"
LONGEST_LABEL = 46


class Bar(NamedTuple):
    """One line of the drawing: label, quiet second line, where the bar starts and ends, in euros."""

    label: str
    note: str
    start: float
    end: float
    is_whole: bool = False

    @property
    def amount(self) -> str:
        """The euros of the bar, signed when they are added to the base."""
        return euros(self.end if self.is_whole else self.end - self.start, signed=not self.is_whole)


def waterfall_svg(explanation: Explanation, *, largest: int = 12, by_family: bool = False, unit: str = UNIT) -> str:
    """SVG of one explanation: base, the `largest` contributions, the rest summed, the floor if it binds, the total.

    `by_family` draws one bar per family instead; `unit` is that of the card. The text of the drawing says the same as
    its bars.
    """
    words = unit_words(unit)
    steps = _steps(explanation, largest=largest, by_family=by_family)
    bars = _bars(explanation, steps, covers=words.whole)
    low = min(0.0, *(min(bar.start, bar.end) for bar in bars))
    high = max(1.0, *(max(bar.start, bar.end) for bar in bars))
    scale = (WIDTH - LABELS - AMOUNTS) / (high - low)
    height = TOP + LINE * len(bars) + 6
    title = f"De la moyenne à la dépense attendue : {euros(explanation.expected_eur)} {words.per}"
    told = " ; ".join(f"{bar.label} : {bar.amount}" for bar in bars)
    zero = f'<path d="M{LABELS - low * scale:.1f} {TOP}v{LINE * len(bars)}" stroke="{QUIET}" stroke-width="1"/>'
    lines = [_line(bar, position, low=low, scale=scale) for position, bar in enumerate(bars)]
    links = [_link(bar, position, low=low, scale=scale) for position, bar in enumerate(bars[:-1])]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'style="max-width:100%;height:auto;background:#fff" font-family="system-ui, sans-serif" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{escape(told)}</desc>'
        f"{zero}{''.join(links)}{''.join(lines)}</svg>"
    )


def _bars(explanation: Explanation, steps: list[tuple[str, str, float]], *, covers: str) -> list[Bar]:
    bars = [Bar(BASE_LABEL, "", 0.0, explanation.base_eur, is_whole=True)]
    for label, note, amount in steps:
        bars.append(Bar(label, note, bars[-1].end, bars[-1].end + amount))
    if explanation.floor_eur:
        bars.append(Bar(FLOOR_LABEL, "", bars[-1].end, bars[-1].end + explanation.floor_eur))
    return [*bars, Bar("Dépense attendue", covers, 0.0, explanation.expected_eur, is_whole=True)]


def _steps(explanation: Explanation, *, largest: int, by_family: bool) -> list[tuple[str, str, float]]:
    if by_family:
        return [(total.label_fr, "", total.contribution_eur) for total in explanation.families]
    ranked = sorted(explanation.contributions, key=lambda one: -abs(one.contribution_eur))
    shown, rest = ranked[:largest], ranked[largest:]
    steps = [
        (one.label_fr, f"{family_label(one.family)} · valeur : {plain(one.value)}", one.contribution_eur)
        for one in shown
    ]
    if rest:
        others = sum(one.contribution_eur for one in rest)
        steps.append((f"{number(len(rest))} autres caractéristiques", "somme de leurs contributions", others))
    return steps


def _line(bar: Bar, position: int, *, low: float, scale: float) -> str:
    y = TOP + LINE * position
    left, right = sorted((bar.start, bar.end))
    color = WHOLE if bar.is_whole else UP if bar.end >= bar.start else DOWN
    middle = y + LINE / 2 + (5 if not bar.note else -1)
    note = f'<text x="0" y="{y + LINE - 4}" font-size="11" fill="{QUIET}">{escape(bar.note)}</text>' if bar.note else ""
    return (
        f"<g><title>{escape(bar.label)} : {bar.amount}</title>"
        f'<text x="0" y="{middle:g}" font-size="13" fill="{INK}"{_bold(bar)}>{escape(_short(bar.label))}</text>{note}'
        f'<rect x="{LABELS + (left - low) * scale:.1f}" y="{y + 6}" '
        f'width="{max((right - left) * scale, 1.0):.1f}" height="{LINE - 12}" fill="{color}" rx="1"/>'
        f'<text x="{WIDTH}" y="{y + LINE / 2 + 5:g}" font-size="13" text-anchor="end" fill="{INK}"{_bold(bar)}>'
        f"{bar.amount}</text></g>"
    )


def _link(bar: Bar, position: int, *, low: float, scale: float) -> str:
    """The thin line that carries the end of a bar to the next one."""
    x, y = LABELS + (bar.end - low) * scale, TOP + LINE * position
    return f'<path d="M{x:.1f} {y + 6}V{y + 2 * LINE - 6}" stroke="#cbd5e1" stroke-width="1"/>'


def _bold(bar: Bar) -> str:
    return ' font-weight="600"' if bar.is_whole else ""


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1].rstrip()}…"
