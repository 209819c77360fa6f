"""An error of a frame carries its place as data: the message is for the reader of a file, the answer for a caller."""

from __future__ import annotations

import pandas as pd
import pytest

from features.errors import FrameError, InputError
from schemes.eds.frames import checked
from serving.schemes_columns import EDS_BUNDLE
from serving.schemes_refusals import refusal_of_scheme
from tests.schemes.eds_made import reference


def refused(frame: pd.DataFrame) -> FrameError:
    with pytest.raises(FrameError) as error:
        checked("reference", {"reference": frame})
    return error.value


def test_a_value_is_placed_by_frame_column_and_row():
    """The first row concerned from 0, how many there are; the message counts from 1."""
    wrong = refused(pd.concat([reference(), reference(0, sector="private"), reference(0, programme="ptg")]))
    assert isinstance(wrong, InputError)
    assert (wrong.frame, wrong.columns, wrong.row, wrong.count) == ("reference", ("observed_eur",), 1, 2)
    assert str(wrong) == "reference: column observed_eur, row 2 (2 such rows): should be a number above 0"


def test_two_rows_of_one_key_name_every_column_of_it():
    """The columns of the key in order."""
    wrong = refused(pd.concat([reference(), reference()]))
    assert (wrong.columns, wrong.row) == (("programme", "sector"), 1)
    assert str(wrong).startswith("reference: column programme and sector, row 2: should be found once")


def test_an_answer_takes_the_place_from_the_error():
    """Rows from 0, in the field and in the message; no message is read again."""
    wrong = refused(pd.concat([reference(), reference(0, sector="private")]))
    refusal = refusal_of_scheme(wrong, {}, EDS_BUNDLE, book={})
    assert (refusal.status, refusal.field, refusal.row) == (422, "reference.observed_eur", 1)
    assert refusal.message == "reference: column observed_eur, row 1: should be a number above 0"


def test_a_frame_may_be_wrong_as_a_whole():
    """Without column or row, the message has no place."""
    assert str(FrameError("has no row; give some", frame="reference")) == "reference: has no row; give some"
    assert str(FrameError("is missing", frame="reference", columns=("year",))) == "reference: column year: is missing"
