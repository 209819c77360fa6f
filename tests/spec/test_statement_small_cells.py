"""Small cells: nothing under eleven people is shown, nor found by subtraction."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemes.statements.document import Column, Masked, Table
from schemes.statements.small_cells import mask_small, suppressed

COLUMNS = (
    Column("value", "Value"),
    Column("patients", "Patients", "count", is_people=True),
    Column("acts", "Acts", "count"),
    Column("base", "Base", "eur_cents"),
)


def table(*counts: int, has_total: bool = False, overlaps: bool = False) -> Table:
    rows = tuple((f"row {place}", count, count * 2, count * 2500) for place, count in enumerate(counts))
    return Table("t", "Caption", COLUMNS, rows, has_total=has_total, overlaps=overlaps)


def shown(masked: Table) -> list[object]:
    return [row[1] if isinstance(row[1], int) else "s" for row in masked.rows]


def test_ten_people_are_masked_and_eleven_are_shown():
    assert shown(mask_small(table(10, 11), 11)) == ["s", 11]


def test_a_masked_row_loses_every_figure_and_keeps_its_words():
    assert mask_small(table(10, 11), 11).rows[0] == ("row 0", Masked.SMALL, Masked.SMALL, Masked.SMALL)


def test_nobody_is_a_small_count_too():
    assert shown(mask_small(table(0, 40), 11)) == ["s", 40]


def test_with_a_total_one_small_row_takes_the_next_smallest_with_it():
    """100 − 60 − 35 would give the 5 away."""
    assert shown(mask_small(table(60, 35, 5, 100, has_total=True), 11)) == [60, "s", "s", 100]


def test_two_small_rows_that_are_eleven_together_need_no_third():
    assert shown(mask_small(table(60, 6, 5, 71, has_total=True), 11)) == [60, "s", "s", 71]


def test_two_small_rows_that_are_fewer_than_eleven_together_take_a_third():
    """70 − 60 − 3 − … would show that seven people share the two rows."""
    assert shown(mask_small(table(60, 20, 4, 3, 87, has_total=True), 11)) == [60, "s", "s", "s", 87]


def test_rows_that_overlap_never_hide_small_rows_only():
    """Six and five may be the same six people."""
    assert shown(mask_small(table(60, 20, 6, 5, 70, has_total=True, overlaps=True), 11)) == [60, "s", "s", "s", 70]


def test_the_total_is_masked_last():
    assert shown(mask_small(table(4, 3, 7, has_total=True), 11)) == ["s", "s", "s"]


def test_a_table_without_people_is_left_as_it_is():
    columns = (Column("value", "Value"), Column("amount", "Amount", "eur_cents"))
    money = Table("t", "Caption", columns, (("a", 3), ("b", 4)))
    assert mask_small(money, 11) == money


def test_across_rows_and_columns():
    """One small cell of a crossed table with both totals masks a rectangle of four."""
    counts = [[5, 30, 35], [40, 50, 90], [45, 80, 125]]
    hidden = suppressed(counts, 11, has_total_row=True, has_total_column=True)
    assert hidden == [[True, True, False], [True, True, False], [False, False, False]]


def lines(shape: tuple[int, int], *, row: bool, column: bool) -> list[tuple[list[tuple[int, int]], tuple[int, int]]]:
    height, width = shape
    found = []
    if row and height > 1:
        found += [([(r, c) for r in range(height - 1)], (height - 1, c)) for c in range(width)]
    if column and width > 1:
        found += [([(r, c) for c in range(width - 1)], (r, width - 1)) for r in range(height)]
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_masked_count_follows_from_the_totals(data: st.DataObject):
    """Whatever is shown, each masked count could be another one: no combination of totals fixes it."""
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    row, column = data.draw(st.booleans()), data.draw(st.booleans())
    inner = np.array(data.draw(st.lists(st.integers(0, 40), min_size=height * width, max_size=height * width)))
    counts = inner.reshape(height, width)
    if row:
        counts = np.vstack([counts, counts.sum(axis=0)])
    if column:
        counts = np.column_stack([counts, counts.sum(axis=1)])
    hidden = np.array(suppressed(counts.tolist(), 11, has_total_row=row, has_total_column=column))
    assert counts[~hidden].min(initial=11) >= 11
    equations = lines(counts.shape, row=row, column=column)
    places = [tuple(place) for place in np.argwhere(hidden)]
    matrix = np.array(
        [[(place in parts) - (place == total) for place in places] for parts, total in equations], dtype=float
    ).reshape(len(equations), len(places))
    free = null_space(matrix)
    for number, place in enumerate(places):
        assert np.abs(free[number]).max(initial=0) > 1e-9, f"{place} follows from the totals"
    for parts, total in equations:
        masked = [counts[place] for place in parts if hidden[place]]
        assert hidden[total] or not masked or sum(masked) >= 11


def null_space(matrix: np.ndarray) -> np.ndarray:
    if not len(matrix):
        return np.eye(matrix.shape[1])
    _, values, vectors = np.linalg.svd(matrix)
    return vectors[int((values > 1e-9).sum()) :].T


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.randoms())
def test_the_order_of_rows_changes_nothing(counts: list[int], order: Random):
    moved = order.sample(counts, len(counts))
    first, second = (mask_small(table(*rows, sum(rows), has_total=True), 11) for rows in (counts, moved))
    assert sorted(map(str, shown(first))) == sorted(map(str, shown(second)))


@pytest.mark.parametrize("counts", [(11, 12, 23), (500, 11, 511)])
def test_large_counts_are_left_as_they_are(counts: tuple[int, ...]):
    assert shown(mask_small(table(*counts, has_total=True), 11)) == list(counts)
