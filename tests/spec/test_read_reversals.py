"""Reversals (pitfall 8): quantities of identical lines are summed before any filter or DISTINCT.

A reversal comes in another décompte and a later load than the line it cancels.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.snds.raw import Rows
from tests.snds.stages import read_claims

LATER = {"DCT_ORD_NUM": 2, "FLX_DIS_DTD": dt.date(2024, 6, 1)}
BACK = {"PRS_ACT_QTE": -1, "BSE_REM_BSE": -26.5, "BSE_REM_MNT": -18.55, "PRS_PAI_MNT": -26.5, **LATER}
THREE = {"PRS_ACT_QTE": 3, "BSE_REM_BSE": 79.5, "BSE_REM_MNT": 55.65, "PRS_PAI_MNT": 79.5}


def test_a_reversed_act_leaves_nothing(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{}, BACK])
    assert claims.hits == {"rows_in": (2, 0, 0), "reversal_netted": (2, 0, 0)}


def test_one_of_three_given_back_leaves_two(tmp_path: Path) -> None:
    """One line is kept with the sums, and is known since the latest load."""
    claims = read_claims(tmp_path, [THREE, BACK])
    line = claims.care.iloc[0]
    assert (line.quantity, line.base_cents, line.reimbursed_cents, line.paid_cents) == (2, 5300, 3710, 5300)
    assert str(line.known_date)[:10] == "2024-06-01"
    assert claims.hits == {"rows_in": (2, 5300, 3710), "reversal_netted": (1, 0, 0), "kept": (1, 5300, 3710)}


def test_an_act_billed_again_after_its_reversal_is_kept_once(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{}, BACK, {**LATER, "DCT_ORD_NUM": 3}])
    assert claims.hits == {"rows_in": (3, 2650, 1855), "reversal_netted": (2, 0, 0), "kept": (1, 2650, 1855)}


def test_two_equal_acts_of_one_day_are_two_acts(tmp_path: Path) -> None:
    """Without a reversal nothing is merged: no DISTINCT."""
    claims = read_claims(tmp_path, [{}, {}])
    assert claims.care.quantity.tolist() == [1, 1]
    assert "reversal_netted" not in claims.hits


def test_a_reversal_touches_the_line_of_its_price_only(tmp_path: Path) -> None:
    """Two drugs of one day have two unit prices: the cheaper one is given back."""
    dear = {"PRS_NAT_REF": 3313, "BSE_REM_BSE": 50, "BSE_REM_MNT": 32.5}
    cheap = {"PRS_NAT_REF": 3313, "BSE_REM_BSE": 8, "BSE_REM_MNT": 5.2}
    cancelled = {"PRS_NAT_REF": 3313, "BSE_REM_BSE": -8, "BSE_REM_MNT": -5.2, "PRS_ACT_QTE": -1, **LATER}
    claims = read_claims(tmp_path, [dear, cheap, cancelled])
    assert claims.care.base_cents.tolist() == [5000]


def test_a_reversal_touches_its_performer_and_day_only(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{"PFS_EXE_NUM": "D2"}, {"EXE_SOI_DTD": dt.date(2024, 3, 5)}, {}, BACK])
    assert claims.hits["kept"] == (2, 5300, 3710)


def test_reversals_are_netted_before_filters(tmp_path: Path) -> None:
    """A reversed line sent for information is netted; were it filtered first, the report would say otherwise."""
    claims = read_claims(tmp_path, [{"DPN_QLF": 71}, {**BACK, "DPN_QLF": 71}])
    assert claims.hits == {"rows_in": (2, 0, 0), "reversal_netted": (2, 0, 0)}


def test_what_netting_leaves_still_meets_the_filters(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{**THREE, "DPN_QLF": 71}, {**BACK, "DPN_QLF": 71}])
    assert claims.hits == {
        "rows_in": (2, 5300, 3710),
        "reversal_netted": (1, 0, 0),
        "information_only": (1, 5300, 3710),
    }


def test_a_reversal_loaded_after_the_window_leaves_its_line(tmp_path: Path) -> None:
    claims = read_claims(tmp_path, [{}, {**BACK, "FLX_DIS_DTD": dt.date(2025, 9, 1)}])
    assert claims.hits["kept"] == (1, 2650, 1855)
    assert claims.hits["outside_flux_window"] == (1, -2650, -1855)


def test_negative_amounts_with_a_positive_quantity_are_no_reversal(tmp_path: Path) -> None:
    """Flat contributions (CPL_AFF_COD 16) are negative by nature."""
    contribution = {"CPL_MAJ_TOP": 2, "CPL_AFF_COD": 16, "BSE_REM_BSE": 0, "BSE_REM_MNT": 0, "CPL_REM_MNT": -1}
    claims = read_claims(tmp_path, [{}, contribution, contribution])
    assert claims.hits["kept"] == (3, 2650, 1655)


def test_empty_values_of_the_key_match_each_other(tmp_path: Path) -> None:
    """DPN_QLF and the performer are often empty: an empty value is identical to an empty one."""
    empty = {"DPN_QLF": None, "PFS_EXE_NUM": None, "CPL_AFF_COD": None}
    claims = read_claims(tmp_path, [empty, {**BACK, **empty}])
    assert claims.hits == {"rows_in": (2, 0, 0), "reversal_netted": (2, 0, 0)}


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "PRS_ACT_QTE": st.integers(-3, 3),
            "unit": st.sampled_from([0, 1, 333, 2650]),
            "PRS_NAT_REF": st.sampled_from([1111, 3313, 1195, 3160, 6111]),
            "DPN_QLF": st.sampled_from([None, 0, 71]),
            "CPL_MAJ_TOP": st.sampled_from([0, 2]),
            "BEN_NIR_PSA": st.sampled_from(["P1", "P9"]),
            "BEN_CDI_NIR": st.sampled_from(["00", "01"]),
            "PFS_EXE_NUM": st.sampled_from([None, "D1"]),
            "EXE_SOI_DTD": st.sampled_from([dt.date(2024, 3, 4), dt.date(2023, 3, 4)]),
            "FLX_DIS_DTD": st.sampled_from([dt.date(2024, 4, 1), dt.date(2024, 6, 1), dt.date(2025, 9, 1)]),
        }
    ),
    min_size=20,
    max_size=120,
)


def test_rows_and_cents_are_conserved(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the lines: received = kept + dropped + netted, rows and cents, and care_lines holds what is kept."""

    @settings(max_examples=5, deadline=None)
    @given(LINES)
    def holds(drawn: Rows) -> None:
        lines = [
            {
                **{name: value for name, value in line.items() if name != "unit"},
                "BSE_REM_BSE": line["unit"] * line["PRS_ACT_QTE"] / 100,
                "BSE_REM_MNT": line["unit"] * line["PRS_ACT_QTE"] / 200 // 0.01 / 100,
            }
            for line in drawn
        ]
        claims = read_claims(tmp_path_factory.mktemp("lines"), lines)
        received = claims.hits.pop("rows_in", (0, 0, 0))
        flags = ("unknown_act_code", "cash_benefit", "supplement_not_counted", "completeness")
        parts = [hit for control, hit in claims.hits.items() if control not in flags]
        assert received == tuple(sum(part[i] for part in parts) for i in range(3))
        kept = claims.hits.get("kept", (0, 0, 0))
        assert kept == (len(claims.care), claims.care.base_cents.sum(), claims.care.reimbursed_cents.sum())

    holds()
