"""Reconciliation: phases, low volume, quality or envelope, prospective payment, who is left out."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.errors import MissingError, RuleError
from schemes.amounts import Amount
from schemes.eds import pay
from schemes.eds.terms import phase_of
from tests.schemes.eds_made import (
    eds_inputs,
    eds_rules,
    episodes,
    participations,
    predictions,
    quality,
    reference,
    volumes,
)

BOTH = {"pth": {}, "ptg": {}}


def paid(inputs: dict[str, pd.DataFrame], **overrides: str) -> Amount:
    (amount,) = pay(inputs, year=2024, rules=eds_rules(**overrides)).amounts
    return amount


def steps(amount: Amount) -> dict[str, int]:
    return {step.name: step.amount_cents for step in amount.components}


def test_waterfall_of_a_gain():
    """Two priced 10,000; 8,000 and 30,000 spent under a cap of 22,000: −10,000, quality and the limit on top."""
    made = eds_inputs([8_000.0, 30_000.0], participations=participations({"quality_share": 0.5}))
    assert steps(paid(made)) == {
        "price": 20_000_00, "observed": -38_000_00, "cap": 8_000_00, "low_volume": 0, "quality": 500_00,
        "limit": 5_500_00,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("year", "phase"),
    [(1, "simulation"), (2, "upside"), (3, "upside"), (4, "two_sided_light"), (5, "two_sided"), (9, "two_sided")],
)
def test_phases_follow_the_years_of_participation(year: int, phase: str):
    """1 simulation; 2 and 3 upside; 4 light; from 5 on two-sided. Others are chosen."""
    assert phase_of(year, eds_rules()).name == phase


def test_phase_of_a_participation_begun_in_2022():
    """2024 is its third calendar year: upside only."""
    row = participations({"from_date": pd.Timestamp("2022-10-01"), "phase": None})
    amount = paid(eds_inputs([12_000.0], participations=row))
    assert (amount.figures["phase"].value, amount.figures["participation_year"].value) == ("upside", "3")
    assert amount.total_cents == 0


def test_simulation_pays_nothing_and_says_what_it_would():
    """The result before the limit stays in the figures."""
    amount = paid(eds_inputs([5_000.0] * 2, participations=participations({"phase": "simulation"})))
    assert (amount.total_cents, amount.figures["before_limit_eur"].value) == (0, "10000.00")
    assert "no_effect_phase" in amount.warnings


@pytest.mark.parametrize(("reference_episodes", "due"), [(30, 0), (31, -900_00)])
def test_low_volume_loses_nothing(reference_episodes: int, due: int):
    """Under 31 reference episodes in the programme a loss counts 0."""
    amount = paid(eds_inputs([11_000.0], volumes=volumes(reference_episodes)))
    assert amount.total_cents == due
    assert ("low_volume" in amount.warnings) is (due == 0)


def test_a_gain_of_a_low_volume_programme_is_no_warning():
    """Nothing was left out of 1,000 gained: the warning is of a loss that is not counted."""
    amount = paid(eds_inputs([9_000.0], volumes=volumes(30)))
    assert amount.total_cents > 0
    assert "low_volume" not in amount.warnings


def test_loss_of_a_low_volume_programme_offsets_no_gain():
    """Hips gain 1,000, knees of low volume lose 5,000: 1,000 is due."""
    rows = pd.concat([episodes([9_000.0]), episodes([15_000.0], programme="ptg").assign(episode_id="K")])
    made = eds_inputs(
        episodes=rows, predictions=predictions(rows), volumes=pd.concat([volumes(40), volumes(5, programme="ptg")]),
        reference=pd.concat([reference(), reference(programme="ptg")]),
    )  # fmt: skip
    (amount,) = pay(made, year=2024, rules=eds_rules(BOTH)).amounts
    assert steps(amount)["low_volume"] == 5_000_00
    assert amount.total_cents == 1_000_00


def test_volumes_are_counted_among_earlier_episodes():
    """Without the frame, the final episodes of earlier years tell; without either, a loss cannot be judged."""
    now, before = episodes([11_000.0]), episodes([10_000.0] * 31, exit_date=pd.Timestamp("2023-05-01"))
    rows = pd.concat([now.assign(episode_id="now"), before])
    made = eds_inputs(episodes=rows, predictions=predictions(rows))
    del made["volumes"]
    assert paid(made).total_cents == -900_00
    with pytest.raises(MissingError, match="EDS needs the frame volumes, or episodes of the reference years"):
        paid({**made, "episodes": now})


def test_quality_counts_once():
    """An envelope and a modulation together are refused."""
    with pytest.raises(RuleError, match="quality would count twice"):
        paid(eds_inputs(), quality_envelope_share="0.02")


def test_separate_envelope():
    """2 % × 20,000 × quality 0.75 = 300, beside the result, which quality leaves alone."""
    off = {"quality_gain_at_risk_share": "none", "quality_loss_relief_share": "none"}
    made = eds_inputs([9_000.0, 10_000.0], participations=participations({"quality_share": 0.75}))
    found = steps(paid(made, quality_envelope_share="0.02", **off))
    assert (found["quality"], found["limit"], found["quality_envelope"]) == (0, 0, 300_00)
    simulated = eds_inputs(participations=participations({"phase": "simulation", "quality_share": 0.75}))
    assert steps(paid(simulated, quality_envelope_share="0.02", **off))["quality_envelope"] == 0


def test_unknown_quality_changes_nothing():
    """Not found is not 0: neither a gain lost nor a loss relieved, and a warning."""
    amount = paid(eds_inputs([9_000.0, 9_000.0], participations=participations({"quality_share": np.nan})))
    assert (amount.total_cents, "quality_unknown" in amount.warnings) == (2_000_00, True)
    assert amount.figures["quality_share"].value == ""


def test_quality_from_the_indicators():
    """H1 does better than H2 on one indicator: quality 1, and 0 for H2."""
    rows = pd.concat([episodes([9_000.0]), episodes([9_000.0], "H2")])
    made = eds_inputs(
        episodes=rows, predictions=predictions(rows), participations=participations(
            {"quality_share": np.nan}, {"structure_id": "H2", "quality_share": np.nan}),
        quality=quality(("H1", "infection", 1, 2.0, 100), ("H2", "infection", 3, 2.0, 100)),
    )  # fmt: skip
    amounts = pay(made, year=2024, rules=eds_rules()).amounts
    assert [(a.figures["quality_share"].value, a.total_cents) for a in amounts] == [
        ("1.000000", 1_000_00), ("0.000000", 900_00)
    ]  # fmt: skip


def test_prospective_is_paid_the_care():
    """Price 20,000; spent 16,000; gain 4,000, which is the limit: in place of its acts it is paid 20,000."""
    amount = paid(eds_inputs([8_000.0, 8_000.0], participations=participations({"phase": "prospective"})))
    assert steps(amount)["care_paid"] == 16_000_00
    assert amount.total_cents == 20_000_00
    amount = paid(eds_inputs([1_000.0, 1_000.0], participations=participations({"phase": "prospective"})))
    assert amount.total_cents == 6_000_00


def test_shrinkage_and_significance_are_options():
    """Raw 2,000 on 2 episodes: half with k = 2; 0 where less than the standard errors asked, of 2,000."""
    made = eds_inputs([8_000.0, 10_000.0])
    assert steps(paid(made, shrinkage_episodes="2"))["shrinkage"] == -1_000_00
    assert paid(made, significance_standard_errors="1.1").total_cents == 0
    assert paid(made, significance_standard_errors="0.9").total_cents == 2_000_00


def test_who_is_left_out_is_counted():
    """Outside the days, an open window, no prediction, programme not chosen, another establishment."""
    rows = pd.concat([
        episodes([9_000.0] * 5).assign(programme=["pth", "pth", "pth", "ptg", "pth"]),
        episodes([9_000.0], "H2"),
    ], ignore_index=True)  # fmt: skip
    rows.loc[0, "exit_date"] = pd.Timestamp("2024-12-30")
    rows.loc[1, "is_complete"] = False
    made = eds_inputs(
        episodes=rows, predictions=predictions(rows).drop(index=2),
        participations=participations({"to_date": pd.Timestamp("2024-06-30"), "programmes": "pth"}),
        reference=pd.concat([reference(), reference(programme="ptg")]),
    )  # fmt: skip
    payment = pay(made, year=2024, rules=eds_rules(BOTH))
    assert dict(zip(payment.excluded["reason"], payment.excluded["patients"], strict=True)) == {
        "not_taking_part": 1, "outside_participation": 1, "window_open": 1, "no_prediction": 1,
        "programme_not_chosen": 1,
    }  # fmt: skip
    assert payment.amounts[0].figures["episodes"].value == "1"
    assert "partial_year" in payment.amounts[0].warnings


def test_known_until_leaves_open_windows_out():
    """Windows end on 13 June: nothing to reconcile on 12 June, one establishment on the 13th."""
    assert pay(eds_inputs(), year=2024, rules=eds_rules(), known_until=date(2024, 6, 13)).amounts
    payment = pay(eds_inputs(), year=2024, rules=eds_rules(), known_until=date(2024, 6, 12))
    assert (payment.amounts, list(payment.refused["reason"])) == ((), ["no_episodes"])


def test_two_participations_are_refused():
    """Which phase would count?"""
    rows = participations({"to_date": pd.Timestamp("2024-05-31")}, {"from_date": pd.Timestamp("2024-06-01")})
    payment = pay(eds_inputs(participations=rows), year=2024, rules=eds_rules())
    assert (payment.amounts, list(payment.refused["reason"])) == ((), ["two_participations"])


def test_forfaits_of_patients_add_up_and_are_one_row_each():
    """A patient with two episodes is one row; cents add up to what is due."""
    rows = episodes([9_000.0, 9_500.0, 8_000.0]).assign(patient_id=["A", "A", "B"])
    payment = pay(eds_inputs(episodes=rows, predictions=predictions(rows)), year=2024, rules=eds_rules())
    assert list(payment.forfaits["patient_id"]) == ["A", "B"]
    assert list(payment.forfaits["expected_eur"]) == [20_000.0, 10_000.0]
    assert payment.forfaits["amount_cents"].sum() == payment.amounts[0].total_cents == 3_500_00


def test_interval_is_seeded_and_holds_the_result():
    """Same seed, same interval; no draw, no interval and the same amount."""
    made = eds_inputs(list(np.linspace(5_000, 15_000, 50)))
    first, again = (pay(made, year=2024, rules=eds_rules(), luck=(7, 500)).amounts[0] for _ in range(2))
    assert first == again
    low, due, high = (float(first.figures[f"raw_{name}eur"].value) for name in ("low_", "", "high_"))
    assert low < due < high
    without = pay(made, year=2024, rules=eds_rules(), luck=(7, 0)).amounts[0]
    assert without.components == first.components
    assert (without.figures["raw_low_eur"].value, "no_interval" in without.warnings) == ("", True)
    assert low == pytest.approx(due - 1.96 * float(first.figures["standard_error_eur"].value), rel=0.15)
