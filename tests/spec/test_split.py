"""The internal split of a forfait: by list, acts, time or a mix; cents add up and nobody is zeroed silently."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from schemes.split import split

COLUMNS = ["professional_id", "patients", "acts", "hours"]
CENTS = ["list_cents", "acts_cents", "time_cents", "mixed_cents"]


def team(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def shares(frame: pd.DataFrame, column: str) -> dict[str, int | None]:
    return {
        row.professional_id: None if pd.isna(getattr(row, column)) else getattr(row, column)
        for row in frame.itertuples()
    }


DUO = team(("A", 600, 1000, 35), ("B", 400, 3000, 15))


def test_methods_side_by_side():
    """1,000.00 by list 60/40, by acts 25/75, by time 70/30; mixed 50 % list, 50 % time: 65/35."""
    found = split(1_000_00, DUO, mix={"list": "0.5", "time": "0.5"})
    assert found["professional_id"].tolist() == ["A", "B"]
    assert found[CENTS].to_numpy().tolist() == [[600_00, 250_00, 700_00, 650_00], [400_00, 750_00, 300_00, 350_00]]
    assert found["lacking"].tolist() == ["", ""]


def test_odd_cents():
    """1.00 between three equal lists: 34, 33, 33, the odd cent to the first professional by number."""
    found = split(1_00, team(("C", 1, 1, 1), ("A", 1, 1, 1), ("B", 1, 1, 1)))
    assert shares(found, "list_cents") == {"A": 34, "B": 33, "C": 33}


def test_pots_of_a_mix_add_up():
    """1.01 in pots of 30, 30 and 40 %: 30, 30 and 41 cents, each shared by its own measure (7.5 and 22.5: to B)."""
    found = split(1_01, DUO, mix={"list": 0.3, "acts": 0.3, "time": 0.4})
    assert shares(found, "mixed_cents") == {"A": 18 + 7 + 29, "B": 12 + 23 + 12}


def test_without_a_mix_the_column_is_empty():
    assert split(1_00, DUO)["mixed_cents"].isna().all()


def test_who_lacks_data_is_named():
    """B's hours are not known: no amount by time, not 0, and the others share the whole; the mix keeps B's list."""
    found = split(90_00, team(("A", 10, 5, 30), ("B", 20, 5, None), ("C", 15, 5, 60)), mix={"list": 0.5, "time": 0.5})
    assert shares(found, "time_cents") == {"A": 30_00, "B": None, "C": 60_00}
    assert shares(found, "mixed_cents") == {"A": 10_00 + 15_00, "B": 20_00, "C": 15_00 + 30_00}
    assert dict(zip(found["professional_id"], found["lacking"], strict=True)) == {"A": "", "B": "time", "C": ""}


def test_who_lacks_everything_is_named():
    """D has no data at all: empty everywhere, the mix included, and told so."""
    row = (
        split(90_00, team(("A", 10, 5, 30), ("D", None, None, None)), mix={"list": 1})
        .set_index("professional_id")
        .loc["D"]
    )
    assert row[CENTS].isna().all()
    assert row["lacking"] == "list acts time"


def test_zero_is_a_value():
    """A professional known to have made no act has 0, and lacks nothing."""
    found = split(10_00, team(("A", 1, 0, 1), ("B", 1, 9, 1)))
    assert shares(found, "acts_cents") == {"A": 0, "B": 10_00}
    assert found["lacking"].tolist() == ["", ""]


def test_a_measure_that_nobody_has():
    """Nobody's hours are known: no split by time, and a mix that wants it is refused."""
    unknown = team(("A", 1, 1, None), ("B", 1, 1, None))
    assert split(10_00, unknown)["time_cents"].isna().all()
    with pytest.raises(InputError, match="nobody's hours is known"):
        split(10_00, unknown, mix={"list": 0.5, "time": 0.5})


@pytest.mark.parametrize(
    ("frame", "mix", "message"),
    [
        (team(), None, "has no row"),
        (team(("A", 1, 1, 1), ("A", 1, 1, 1)), None, "row 2: should be filled, each professional once"),
        (team(("A", -1, 1, 1)), None, "column patients, row 1: should be a number"),
        (team(("A", 1, "many", 1)), None, "column acts, row 1: should be a number"),
        (team(("A", 1, 0, 1)), None, "column acts is 0 for everyone"),
        (DUO.drop(columns="hours"), None, "column hours is missing"),
        (DUO, {"age": 1}, "age is unknown"),
        (DUO, {"list": 0.5}, "add up to 0.5"),
        (DUO, {"list": 2, "time": -1}, "0 or more"),
    ],
)
def test_refused(frame: pd.DataFrame, mix: dict[str, float] | None, message: str):
    with pytest.raises(InputError, match=message):
        split(1_00, frame, mix=mix)


TEAMS = st.lists(
    st.tuples(*(st.one_of(st.none(), st.integers(1, 5000)) for _ in range(3))), min_size=1, max_size=7
).filter(lambda rows: any(row[0] for row in rows) and any(row[2] for row in rows))


@settings(max_examples=80, deadline=None)
@given(st.integers(-(10**8), 10**9), TEAMS, st.integers(0, 10), st.randoms(use_true_random=False))
def test_cents_add_up_and_order_is_free(total: int, rows: list[tuple[int | None, ...]], tenths: int, random):
    """Every column that has a value adds up to the total; the order of the professionals changes nothing."""
    frame = team(*((f"{place}", *row) for place, row in enumerate(rows)))
    mix = {"list": tenths / 10, "time": (10 - tenths) / 10}
    found = split(total, frame, mix=mix)
    assert {int(found[name].sum()) for name in CENTS if found[name].notna().any()} == {total}
    shuffled = frame.sample(frac=1, random_state=random.randrange(1000))
    assert split(total, shuffled, mix=mix).equals(found)
