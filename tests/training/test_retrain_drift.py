"""Drift between two years, every figure by hand: PSI, differences of means, codes, mix, spending, calibration."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import by_name
from training.retrain.cohort import Cohort
from training.retrain.drift import (
    Pair,
    calibration_row,
    coding_rows,
    feature_rows,
    in_order,
    is_small,
    judged,
    mix_rows,
    spending_rows,
)
from training.retrain.gate_files import gates_on
from training.retrain.measures import binned, moments, psi, shares_of, smd
from training.retrain.record import DriftRow

THRESHOLDS = gates_on(date(2024, 6, 1)).drift
NAMES = ("age", "fdep_quintile", "ald_08", "ald_count")


def cohort(year: int, known: dict[str, object], *, spent: float = 100.0, weight: float = 1.0) -> Cohort:
    """Persons p0, p1… with the characteristics given, who each spend as much."""
    frame = pd.DataFrame(known)
    people = np.array([f"p{place}" for place in range(len(frame))], dtype=object)
    euros = pd.DataFrame({"spent_mg_eur": np.full(len(frame), spent), "poste_pharmacie_eur": np.full(len(frame), 10.0)})
    return Cohort(year, people, np.full(len(frame), weight), frame, euros, "spent_mg_eur")


def flags(count: int, of: int) -> np.ndarray:
    return (np.arange(of) < count).astype(float)


def pair_of(before: dict[str, object], after: dict[str, object], **spent: float) -> Pair:
    return Pair(cohort(2023, before), replace(cohort(2024, after, **spent)), THRESHOLDS, 50)


def one(rows: list[DriftRow], measure: str, level: str = "") -> DriftRow:
    (found,) = [row for row in rows if row.measure == measure and (not level or row.level == level)]
    return found


def test_psi_of_three_bins_by_hand():
    """50/30/20 % becomes 40/40/20 %: (−0.1) ln 0.8 + 0.1 ln (4/3) + 0 = 0.0223 + 0.0288 = 0.0511."""
    before, after = pd.Series([0.5, 0.3, 0.2], list("abc")), pd.Series([0.4, 0.4, 0.2], list("abc"))
    assert psi(before, after) == pytest.approx(-0.1 * np.log(0.8) + 0.1 * np.log(4 / 3), abs=1e-12)
    assert round(psi(before, after), 4) == 0.0511


def test_a_level_that_nobody_has_counts_as_one_in_ten_thousand():
    """10 % in a new level: 0.9 → … stays finite: (0.0999) ln(0.1/0.0001) + (−0.1) ln 0.9."""
    before, after = pd.Series({"a": 1.0}), pd.Series({"a": 0.9, "b": 0.1})
    assert psi(before, after) == pytest.approx(0.0999 * np.log(1000) - 0.1 * np.log(0.9))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6), st.lists(st.integers(0, 50), min_size=2, max_size=6))
def test_psi_is_never_negative_and_the_same_both_ways(one_counts: list[int], other_counts: list[int]):
    """Whatever the two distributions; 0 for the same."""
    one_, other = (
        pd.Series(np.array(c) / max(sum(c), 1), [str(i) for i in range(len(c))]) for c in (one_counts, other_counts)
    )
    assert psi(one_, other) >= 0
    assert psi(one_, other) == pytest.approx(psi(other, one_))
    assert psi(one_, one_) == 0


def test_shares_count_by_exposure_and_keep_the_missing():
    """Weights 1, 1, 2 of a, b, null: a quarter, a quarter, a half."""
    found = shares_of(np.array(["a", "b", None], dtype=object), np.array([1.0, 1.0, 2.0]))
    assert found.to_dict() == {"(missing)": 0.5, "a": 0.25, "b": 0.25}


def test_standardised_difference_by_hand():
    """0, 2 becomes 1, 3: means 1 and 2, variances 1 and 1: difference 1."""
    before, after = moments(np.array([0.0, 2.0]), np.ones(2)), moments(np.array([1.0, 3.0]), np.ones(2))
    assert (before, after) == ((1.0, 1.0), (2.0, 1.0))
    assert smd(before, after) == 1.0
    assert smd((3.0, 0.0), (3.0, 0.0)) == 0.0
    assert smd((3.0, 0.0), (4.0, 0.0)) is None
    assert moments(np.array([np.nan]), np.ones(1)) is None


def test_tenths_are_those_of_the_year_before():
    """0 to 99 falls in ten bins of ten; a count of 0, 1 and 2 keeps a bin for each value."""
    ten, moved = binned(np.arange(100.0), np.array([5.0, 1000.0, np.nan]), np.ones(100))
    assert np.unique(ten, return_counts=True)[1].tolist() == [10] * 10
    assert moved.tolist() == ["00", "09", None]
    assert np.unique(binned(np.array([0.0, 1, 2] * 20), np.zeros(1), np.ones(60))[0]).tolist() == ["00", "01", "02"]


def test_coding_rate_by_hand():
    """100 of 1,000 have the code, then 150: + 50 %, an alert; codes per patient 0.5 to 0.5: stable."""
    pair = pair_of(
        {"ald_08": flags(100, 1000), "ald_count": flags(500, 1000)},
        {"ald_08": flags(150, 1000), "ald_count": flags(500, 1000)},
    )
    rows = coding_rows(pair, [by_name()[name] for name in ("ald_08", "ald_count")])
    rate, per_patient = one(rows, "coding_rate"), one(rows, "codes_per_patient")
    assert (rate.before, rate.after, rate.value) == pytest.approx((0.10, 0.15, 0.50))
    assert rate.status == "alert" and rate.low is not None and 0.10 < rate.low < 0.5 < rate.high
    assert (per_patient.before, per_patient.after, per_patient.value, per_patient.status) == (0.5, 0.5, 0.0, "ok")


def test_the_same_codes_on_the_same_patients_have_no_noise():
    """Who has a code in both years is drawn in both: the interval of no change is nil, however rare the code."""
    pair = pair_of({"ald_08": flags(20, 1000)}, {"ald_08": flags(20, 1000)})
    rate = one(coding_rows(pair, [by_name()["ald_08"]]), "coding_rate")
    assert (rate.low, rate.high) == (0.0, 0.0)


def test_a_code_of_ten_people_is_masked_and_a_jump_from_it_is_still_told():
    """10 then 10 people: nothing is shown. 5 then 300: an alert without the figures that would give the 5 away."""
    small = one(
        coding_rows(pair_of({"ald_08": flags(10, 1000)}, {"ald_08": flags(10, 1000)}), [by_name()["ald_08"]]),
        "coding_rate",
    )
    assert (small.status, small.before, small.after, small.value) == ("masked", None, None, None)
    jump = one(
        coding_rows(pair_of({"ald_08": flags(5, 1000)}, {"ald_08": flags(300, 1000)}), [by_name()["ald_08"]]),
        "coding_rate",
    )
    assert (jump.status, jump.before, jump.after, jump.value) == ("alert", None, 0.3, None)
    new = one(
        coding_rows(pair_of({"ald_08": flags(0, 1000)}, {"ald_08": flags(300, 1000)}), [by_name()["ald_08"]]),
        "coding_rate",
    )
    assert (new.status, new.after) == ("alert", 0.3)


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (10, True), (11, False), (95, True), (100, False)])
def test_small_cells(count: int, small: bool):
    """1 to 10 people, or all but 1 to 10 of 100."""
    assert is_small(count, 100) is small


def test_missing_values_and_new_levels_by_hand():
    """Age missing for 0 then 60 of 1,000: + 6 points, an alert. Quintile "9", new, for 2 %: an alert."""
    age = np.where(np.arange(1000) < 60, np.nan, 40.0)
    fdep = np.where(np.arange(1000) < 20, "9", "1").astype(object)
    pair = pair_of(
        {"age": np.full(1000, 40.0), "fdep_quintile": np.full(1000, "1", dtype=object)},
        {"age": age, "fdep_quintile": fdep},
    )
    rows = feature_rows(pair, [by_name()["age"], by_name()["fdep_quintile"]])
    gone, new = one(rows, "missing_share"), one(rows, "new_levels")
    assert (gone.before, gone.after, gone.value, gone.status) == (0.0, 0.06, 0.06, "alert")
    assert (new.level, new.value, new.status) == ("9", 0.02, "alert")
    assert {row.name for row in rows if row.measure == "psi"} == {"age", "fdep_quintile"}


def test_mix_by_hand():
    """600 women of 1,000 become 500: − 10 points of the population for one, + 10 for the other; PSI as two bins."""
    before, after = (np.where(np.arange(1000) < n, "women", "men").astype(object) for n in (600, 500))
    pair = pair_of({"age": np.zeros(1000)}, {"age": np.zeros(1000)})
    rows = mix_rows(pair, "sex", before, after)
    assert one(rows, "mix_share", "women").value == pytest.approx(-0.1)
    assert one(rows, "mix_share", "men").status == "alert"
    assert one(rows, "psi").value == pytest.approx(-0.1 * np.log(5 / 6) + 0.1 * np.log(5 / 4))


def test_spending_by_hand():
    """100 € each becomes 112 €: + 12 %, above the 10 % of an alert; pharmacy stays at 10 €."""
    rows = spending_rows(pair_of({"age": np.zeros(500)}, {"age": np.zeros(500)}, spent=112.0))
    total, poste = one(rows, "spending_total"), one(rows, "spending_poste")
    assert (total.before, total.after, total.value) == pytest.approx((100.0, 112.0, 0.12))
    assert total.status == "alert"
    assert (poste.value, poste.status) == (0.0, "ok")


def test_calibration_by_hand():
    """110 expected for 100, then 99: 1.10 becomes 0.99, a change of − 0.11."""
    pair = pair_of({"age": np.zeros(200)}, {"age": np.zeros(200)})
    everyone = np.ones(200, dtype=bool)
    row = calibration_row(pair, (np.full(200, 110.0), np.full(200, 99.0)), (everyone, everyone), at=("all", ""))
    assert (row.before, row.after, row.value) == pytest.approx((1.10, 0.99, -0.11))
    assert (row.measure, row.status) == ("calibration_total", "alert")


@pytest.mark.parametrize(
    ("value", "low", "high", "status"),
    [
        (0.05, 0.01, 0.09, "ok"),
        (0.20, -0.01, 0.40, "ok"),
        (0.20, 0.01, 0.40, "watch"),
        (0.30, 0.05, 0.55, "watch"),
        (0.30, 0.11, 0.50, "alert"),
        (-0.30, -0.50, -0.11, "alert"),
        (0.30, None, None, "alert"),
        (0.20, None, None, "watch"),
        (0.10, None, None, "ok"),
    ],
)
def test_status_by_threshold_and_interval(value: float, low: float | None, high: float | None, status: str):
    """Watch 0.10, alert 0.25: an alert's interval stays beyond the watch threshold, that of a watch leaves 0 out."""
    row = DriftRow(
        kind="coding", name="x", measure="coding_rate", unit="share", value=value, low=low, high=high, status="ok"
    )
    assert judged(row, THRESHOLDS["coding_rate"]).status == status


def test_alerts_come_first():
    """Then what is to be watched; in each, what passes its threshold most."""
    rows = [
        DriftRow(kind="mix", name=name, measure="psi", unit="1", value=value, alert=0.25, status=status)
        for name, value, status in (("a", 0.01, "ok"), ("b", 0.2, "watch"), ("c", 0.3, "alert"), ("d", 0.9, "alert"))
    ]
    assert [row.name for row in in_order(rows)] == ["d", "c", "b", "a"]
