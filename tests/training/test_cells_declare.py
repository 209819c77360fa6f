"""Cells by name: levels, bands, crossings, those that the model does not see, and the order that a direction asks."""

from __future__ import annotations

import numpy as np
import pytest

from features.errors import InputError
from tests.training.cells_made import FEATURES, UP, person
from training.cells.declare import crossed, ordered_levels, resolve

ROWS = np.array(
    [person(age=5), person(age=18, woman=1), person(age=75, ald=2, c2s=1), person(age=np.nan, woman=np.nan)]
)


def labels(asked: str) -> list[str]:
    """Levels of the four rows: a child, a woman of 18, a man of 75 with two ALD and C2S, one of unknown age and sex."""
    return resolve(asked, FEATURES).cells[0].labels(ROWS).tolist()


@pytest.mark.parametrize(
    ("asked", "levels"),
    [
        ("age_class", ["0-17", "18-39", "75+", "unknown"]),
        ("age=0-17,18-74,75+", ["0-17", "18-74", "75+", "unknown"]),
        ("sex", ["men", "women", "men", "unknown"]),
        ("ald", ["no ALD", "no ALD", "ALD", "no ALD"]),
        ("ald_count=0,1,2+", ["0", "0", "2+", "0"]),
        ("c2s", ["no C2S", "no C2S", "C2S", "no C2S"]),
        ("fdep_quintile", ["1", "1", "1", "1"]),
        ("ald*c2s", ["no ALD × no C2S", "no ALD × no C2S", "ALD × C2S", "no ALD × no C2S"]),
    ],
)
def test_each_patient_has_one_level(asked, levels):
    """A band holds its two ends; a missing value has a level of its own where the card allows it."""
    assert labels(asked) == levels


def test_several_names_and_the_bands_between_them():
    """A piece that begins with a digit belongs to the name before it."""
    assert [one.name for one in resolve("age_class=0-64,65+, ald; c2s", FEATURES).cells] == ["age_class", "ald", "c2s"]
    assert resolve("age_class=0-64,65+, ald", FEATURES).cells[0].levels == ("0-64", "65+", "unknown")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("nobody", "'nobody' are unknown"),
        ("age", "need bands"),
        ("age=0-17,19+", r"'19\+' \(number 2\) leaves a gap"),
        ("age=0-17,18-90", "'18-90' .number 2. leaves a gap, overlaps or does not cover age"),
        ("age=5-17,18+", "'5-17' .number 1."),
        ("sex=0,1+", "take no bands"),
        ("0-17", "stands alone"),
        ("ald,ald", "asked for twice"),
        ("patientele*c2s", "'patientele' stand for diab, patientele_age.; cross one of them"),
        (" , ", "no cell is asked for"),
    ],
)
def test_what_cannot_be_read_is_refused(asked, message):
    """The message names the cell or the band, and what would be right."""
    with pytest.raises(InputError, match=message):
        resolve(asked, FEATURES)


def test_what_no_feature_sees_is_set_aside():
    """region is a group beside the features; ald_08 and the ALD of patientele AGE are features that it lacks."""
    found = resolve("ald,region,patientele", FEATURES, others=("region", "ald_08", "ald_15", "ald_16", "ald_25"))
    assert [one.name for one in found.cells] == ["ald"]
    assert found.unseen == {
        "region": ("region",), "diab": ("ald_08",), "patientele_age": ("ald_15", "ald_16", "ald_25"),
    }  # fmt: skip


def test_levels_that_a_direction_orders():
    """More ALD must not take euros away: 0 before 1 before 2+, and 0 before 2+; crossed with C2S, within each."""
    ald, c2s = resolve("ald_count=0,1,2+", FEATURES).cells[0], resolve("c2s", FEATURES).cells[0]
    assert ordered_levels(ald, UP) == [(0, 1), (0, 2), (1, 2)]
    assert ordered_levels(ald, {2: -1}) == [(1, 0), (2, 0), (2, 1)]
    assert ordered_levels(c2s, UP) == []
    assert ordered_levels(crossed(c2s, resolve("ald", FEATURES).cells[0]), UP) == [(0, 1), (2, 3)]
