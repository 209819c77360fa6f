"""Small cells: no count under a minimum of people is shown, nor can it be worked out from what is shown.

A row with too few people is masked whole (people, acts, euros). Where totals are shown, more rows are masked, the
smallest first, until all that a reader can work out of a masked count is a range at least as wide as the minimum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linprog

from schemes.statements.document import Masked, Table

Place = tuple[int, int]
Equation = tuple[tuple[Place, ...], Place]


def mask_small(table: Table, minimum: int) -> Table:
    """The table without counts of people under `minimum`, nor any that its shown totals would give away.

    People are the columns with `is_people`; with `has_total` the last row is a total. A masked row loses every
    figure of it; words stay. Where rows overlap (one person in several rows) a masked group must also hold one row
    of at least the minimum, since two small rows may be the same people. Rule: SNDS, no cell under 11 people.
    """
    people = [place for place, column in enumerate(table.columns) if column.is_people]
    if not people or not table.rows:
        return table
    counts = [[_count(row[place]) for place in people] for row in table.rows]
    hidden = suppressed(counts, minimum, has_total_row=table.has_total, overlaps=table.overlaps)
    rows = []
    for row, masks in zip(table.rows, hidden, strict=True):
        by_place = dict(zip(people, masks, strict=True))
        rows.append(
            tuple(
                Masked.SMALL if _is_hidden(column.kind, place, by_place) else cell
                for place, (cell, column) in enumerate(zip(row, table.columns, strict=True))
            )
        )
    return replace(table, rows=tuple(rows))


def _is_hidden(kind: str, place: int, masks: dict[int, bool]) -> bool:
    if place in masks:
        return masks[place]
    return kind not in ("text", "date") and any(masks.values())


def _count(cell: object) -> int:
    """A count; an absent or already masked one counts as nobody."""
    return cell if isinstance(cell, int) else 0


def suppressed(
    counts: Sequence[Sequence[int]],
    minimum: int,
    *,
    has_total_row: bool = False,
    has_total_column: bool = False,
    overlaps: bool = False,
) -> list[list[bool]]:
    """True where a count of a rectangle is not to be shown; the last row or column are totals where said."""
    shape = np.array(counts, dtype=np.int64).reshape(len(counts), -1)
    hidden = shape < minimum
    equations = list(_equations(shape.shape, has_total_row=has_total_row, has_total_column=has_total_column))
    while (exposed := _exposed(shape, hidden, equations, minimum=minimum, overlaps=overlaps)) is not None:
        parts, total = exposed
        candidates = [place for place in (*parts, total) if not hidden[place]]
        hidden[min(candidates, key=lambda place: (place == total, shape[place], place))] = True
    return [[bool(cell) for cell in row] for row in hidden]


def _equations(shape: tuple[int, ...], *, has_total_row: bool, has_total_column: bool) -> Iterator[Equation]:
    """Every line of the rectangle whose last cell is the sum of the others."""
    height, width = shape
    if has_total_row and height > 1:
        yield from ((tuple((row, col) for row in range(height - 1)), (height - 1, col)) for col in range(width))
    if has_total_column and width > 1:
        yield from ((tuple((row, col) for col in range(width - 1)), (row, width - 1)) for row in range(height))


def _exposed(
    counts: np.ndarray, hidden: np.ndarray, equations: list[Equation], *, minimum: int, overlaps: bool
) -> Equation | None:
    """The first line in which more must be masked; None where every masked count is safe."""
    for parts, total in equations:
        masked = [place for place in parts if hidden[place]]
        if bool(masked) == bool(hidden[total]):
            continue
        held = [int(counts[place]) for place in masked]
        if len(masked) < 2 or sum(held) < minimum or (overlaps and max(held) < minimum):
            return parts, total
    touching = [line for line in equations if any(hidden[place] for place in (*line[0], line[1]))]
    if _is_crossed(touching, hidden):
        return _exposed_across(counts, hidden, touching, minimum=minimum)
    return None


def _is_crossed(equations: list[Equation], hidden: np.ndarray) -> bool:
    """Whether a masked cell stands in two lines at once; only then can lines be combined."""
    seen = [place for parts, total in equations for place in (*parts, total) if hidden[place]]
    return len(seen) != len(set(seen))


def _exposed_across(
    counts: np.ndarray, hidden: np.ndarray, equations: list[Equation], *, minimum: int
) -> Equation | None:
    """A line with a masked cell whose range, all lines considered together, is narrower than the minimum."""
    places = sorted({place for parts, total in equations for place in (*parts, total) if hidden[place]})
    index = {place: number for number, place in enumerate(places)}
    matrix, known = np.zeros((len(equations), len(places))), np.zeros(len(equations))
    for number, (parts, total) in enumerate(equations):
        for place, sign in [*((part, 1) for part in parts), (total, -1)]:
            if hidden[place]:
                matrix[number, index[place]] = sign
            else:
                known[number] -= sign * counts[place]
    for place in places:
        if _width(matrix, known, index[place]) < minimum - 1e-6:
            lines = [line for line in equations if place in (*line[0], line[1])]
            open_lines = [line for line in lines if not all(hidden[p] for p in (*line[0], line[1]))]
            return (open_lines or [line for line in equations if not all(hidden[p] for p in (*line[0], line[1]))])[0]
    return None


def _width(matrix: np.ndarray, known: np.ndarray, place: int) -> float:
    """How far apart the largest and smallest counts are that agree with what is shown; infinite without bound."""
    goal = np.zeros(matrix.shape[1])
    goal[place] = 1.0
    low = linprog(goal, A_eq=matrix, b_eq=known, bounds=(0, None), method="highs")
    high = linprog(-goal, A_eq=matrix, b_eq=known, bounds=(0, None), method="highs")
    return float(-high.fun - low.fun) if high.status == 0 else np.inf
