"""What establishments follow: open episodes, the next reconciliation, spending beside the nation's."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from features.errors import MissingError
from schemes.eds import by_component, by_period, forecast, pay, watch_list
from tests.schemes.eds_made import eds_inputs, eds_rules, episodes, predictions, with_parts

ON = date(2024, 4, 14)


def open_inputs(spent: list[float]) -> dict[str, pd.DataFrame]:
    """Open episodes, 30 days after the intervention, and a complete one of the year before."""
    done = with_parts(
        episodes(
            [10_000.0],
            "H0",
            exit_date=pd.Timestamp("2023-03-20"),
            intervention_date=pd.Timestamp("2023-03-15"),
            window_end=pd.Timestamp("2023-06-13"),
        )
    )
    rows = pd.concat([with_parts(episodes(spent, is_complete=False)), done], ignore_index=True)  # fmt: skip
    return eds_inputs(episodes=rows, predictions=predictions(rows))


def test_watch_list_flags_the_worst_first():
    """Target 10,000, cap 22,000; a complete episode has spent 90 % by day 30, so 1,000 is still to come."""
    rows = watch_list(open_inputs([5_000.0, 9_000.0, 9_100.0, 10_001.0, 23_000.0, 8_999.99]), on=ON, rules=eds_rules())
    assert list(zip(rows["spent_cents"], rows["flag"], strict=True)) == [
        (23_000_00, "over_cap"), (10_001_00, "over_target"), (9_100_00, "near_target"), (9_000_00, "near_target"),
        (8_999_99, "on_track"), (5_000_00, "on_track"),
    ]  # fmt: skip
    assert set(rows["target_cents"]) == {10_000_00}
    assert list(rows["expected_cents"] - rows["spent_cents"]) == [1_000_00] * 6
    assert (set(rows["days_elapsed"]), set(rows["days_left"])) == ({30}, {60})


def test_watch_without_a_cap():
    """Nothing is over a cap that the rules do not have."""
    rows = watch_list(open_inputs([23_000.0]), on=ON, rules=eds_rules(cap_quantile="none"))
    assert list(rows["flag"]) == ["over_target"]


def test_likely_over_comes_from_what_is_still_to_spend():
    """8,000 on the day before the index stay counts its days: 40 % is still to come."""
    rows = watch_list(open_inputs([8_000.0]), on=date(2024, 3, 20), rules=eds_rules())
    assert list(rows["flag"]) == ["likely_over"]
    assert list(rows["expected_cents"]) == [8_000_00 + 10_000_00 * (1 - 0.6 - 0.3 * 5 / 30)]


def test_closed_and_future_episodes_are_not_watched():
    """Before discharge, and on the last day of the window."""
    assert watch_list(open_inputs([1.0]), on=date(2024, 3, 19), rules=eds_rules()).empty
    assert watch_list(open_inputs([1.0]), on=date(2024, 6, 13), rules=eds_rules()).empty


def test_watch_needs_complete_episodes():
    """How spending goes with time is learnt, not guessed."""
    rows = with_parts(episodes([1.0], is_complete=False))
    with pytest.raises(MissingError, match="no complete episode of pth × public"):
        watch_list(eds_inputs(episodes=rows, predictions=predictions(rows)), on=ON, rules=eds_rules())


def test_forecast_completes_what_is_open():
    """8,000 spent and 1,000 to come: 9,000 against 10,000, as if it were complete."""
    made = open_inputs([8_000.0])
    assert pay(made, year=2024, rules=eds_rules()).amounts == ()
    (amount,) = forecast(made, year=2024, on=ON, rules=eds_rules()).amounts
    assert {step.name: step.amount_cents for step in amount.components}["observed"] == -9_000_00
    assert amount.total_cents == 1_000_00


def test_forecast_at_the_end_is_the_payment():
    """All windows over: nothing is left to foresee."""
    made = open_inputs([8_000.0, 12_500.0])
    made["episodes"] = made["episodes"].assign(is_complete=True)
    found = forecast(made, year=2024, on=date(2024, 12, 31), rules=eds_rules())
    assert found.amounts == pay(made, year=2024, rules=eds_rules()).amounts


def test_benchmark_by_component():
    """H1 spends 6,000 and H2 12,000 on index stays of like patients: the nation is at 9,000."""
    rows = with_parts(pd.concat([episodes([10_000.0]), episodes([20_000.0], "H2")], ignore_index=True))
    made = eds_inputs(episodes=rows, predictions=predictions(rows))
    found = by_component(made, year=2024, rules=eds_rules()).set_index(["establishment_id", "part"])
    assert found.loc[("H1", "index"), ["mean_eur", "nation_mean_eur", "difference_eur"]].tolist() == [6e3, 9e3, -3e3]
    assert found.loc["H1", "mean_eur"].sum() == 10_000.0
    assert list(found.loc["H1"].index)[:4] == ["pre", "index", "implant", "ssr"]


def test_benchmark_at_the_risk_of_the_establishment():
    """H2 has twice the risk of H1: at its risk the nation's 15,000 is 20,000, which is what it spends."""
    rows = with_parts(pd.concat([episodes([10_000.0]), episodes([20_000.0], "H2")], ignore_index=True))
    made = eds_inputs(episodes=rows, predictions=predictions(rows, [10_000.0, 20_000.0]))
    found = by_component(made, year=2024, rules=eds_rules())
    assert found["difference_eur"].abs().max() == pytest.approx(0.0, abs=1e-9)


def test_benchmark_by_period():
    """Periods add up to the in-scope cost, before and index stay included."""
    rows = with_parts(episodes([10_000.0, 20_000.0]))
    found = by_period(eds_inputs(episodes=rows, predictions=predictions(rows)), year=2024, rules=eds_rules())
    assert dict(zip(found["part"], found["mean_eur"], strict=True)) == {
        "pre_and_index": 9_000.0, "days_0_30": 4_500.0, "days_31_60": 1_500.0, "days_61_90": 0.0, "days_91_up": 0.0
    }  # fmt: skip
