"""The price of an episode: reference, index, programmes that are files, and what is refused."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError, MissingError, RuleError
from schemes.eds import bundle, forfaits, pay, price_changes, prices, programmes
from schemes.eds import reference as reference_of
from schemes.rulebook import RULES, rules
from tests.schemes.eds_made import (
    eds_inputs,
    eds_rules,
    episodes,
    participations,
    predictions,
    reference,
    volumes,
    weights,
    with_grid,
    with_parts,
)


def cohort(costs: list[float], expected: list[float], **columns: object) -> dict[str, pd.DataFrame]:
    rows = episodes(costs, **columns)
    return {"episodes": rows, "predictions": predictions(rows, expected)}


def test_windows_and_prices_are_rows_of_a_grid():
    """45 days before; 90 after a joint, 180 after a colectomy; the programme in preparation is not paid."""
    found = programmes(rules("eds", on=date(2024, 1, 1)))
    assert {name: (one.pre_days, one.post_days, one.is_paid) for name, one in found.items()} == {
        "pth": (45, 90, True), "ptg": (45, 90, True), "colectomie": (45, 180, True), "bariatrique": (45, 180, False),
    }  # fmt: skip


def test_a_fourth_programme_is_a_file(tmp_path: Path):
    """A copy of the rule folder whose grid pays bariatrique: reconciled, no line of code changed."""
    shutil.copytree(RULES / "eds", tmp_path / "eds")
    grid = tmp_path / "eds" / "programmes-2019.csv"
    grid.write_text(grid.read_text(encoding="utf-8").replace("bariatrique,no", "bariatrique,yes"), encoding="utf-8")
    rows = episodes([5_000.0, 7_000.0], programme="bariatrique")
    inputs = eds_inputs(
        episodes=rows, predictions=predictions(rows, [5_000.0, 8_000.0]), volumes=volumes(programme="bariatrique"),
        reference=reference(6_500.0, programme="bariatrique", expected_eur=6_500_000.0),
    )  # fmt: skip
    (amount,) = pay(inputs, year=2024, rules=rules("eds", on=date(2024, 1, 1), root=tmp_path)).amounts
    assert amount.total_cents == 1_000_00


def test_a_programme_in_preparation_is_priced_and_not_paid():
    """Its forfaits are known; its patients are counted among the excluded, and the establishment has no episode."""
    rows = episodes([5_000.0], programme="bariatrique")
    book = eds_rules({"pth": {}, "bariatrique": {"pays": "no"}})
    inputs = eds_inputs(
        episodes=rows, predictions=predictions(rows), reference=reference(6_500.0, programme="bariatrique")
    )
    assert list(forfaits(inputs, year=2024, rules=book)["forfait_cents"]) == [6_500_00]
    payment = pay(inputs, year=2024, rules=book)
    assert payment.amounts == ()
    assert payment.excluded.to_dict("records") == [
        {"structure_id": "H1", "reason": "programme_in_preparation", "patients": 1}
    ]
    assert list(payment.refused["reason"]) == ["no_episodes"]


def test_unknown_programme_is_refused():
    """The message names the grid and what to do."""
    rows = episodes([5_000.0], programme="rachis")
    with pytest.raises(RuleError, match="grid programmes has no rachis; it has pth: add a row"):
        pay(eds_inputs(episodes=rows, predictions=predictions(rows)), year=2024, rules=eds_rules())


def test_mean_forfait_is_the_mean_cost_of_the_stratum():
    """A cohort priced by its own year: Σ forfaits = Σ trimmed costs, whatever the predictions (before discount)."""
    costs, expected = [4_000.0, 9_000.0, 10_000.0, 40_000.0], [2_000.0, 9_000.0, 11_000.0, 90_000.0]
    book = eds_rules(trim_high_quantile="1", trim_low_quantile="0", cap_quantile="1")
    table = reference_of(cohort(costs, expected), years=range(2024, 2025), rules=book).assign(year=2023)
    rows = forfaits({**cohort(costs, expected), "reference": table}, year=2024, rules=book)
    assert table["observed_eur"].tolist() == [63_000.0]
    assert table["cap_eur"].tolist() == [40_000.0]
    assert abs(rows["forfait_cents"].sum() - 63_000_00) <= len(rows) / 2


def test_reference_trims_and_keeps_the_raw_sum():
    """Costs 0 to 100 at P10 and P90: 10 and 90 replace what lies beyond; the cap is that of the raw costs."""
    costs = [float(value) for value in range(0, 101, 10)]
    book = eds_rules(trim_low_quantile="0.10", trim_high_quantile="0.90", cap_quantile="0.90")
    (row,) = reference_of(cohort(costs, [50.0] * 11), years=range(2024, 2025), rules=book).to_dict("records")
    assert (row["observed_eur"], row["raw_eur"], row["cap_eur"]) == (550.0, 550.0, 90.0)
    assert (row["episodes"], row["index_sum"], row["expected_eur"]) == (11, 11.0, 550.0)


def test_equal_costs_are_not_trimmed():
    """P1 = P99: the mean is the cost."""
    (row,) = reference_of(cohort([7.0] * 3, [1.0] * 3), years=range(2024, 2025), rules=eds_rules()).to_dict("records")
    assert (row["observed_eur"], row["cap_eur"]) == (21.0, 7.0)


def test_risk_index_is_cut_then_renormalised():
    """Predictions 1, 10 and 100 times the mean of 10,000: 0.5 and 3 are the bounds of the rules."""
    found = forfaits(eds_inputs([1.0] * 3, [1_000.0, 10_000.0, 100_000.0]), year=2024,
                     rules=eds_rules(normalisation_band_share="0"))  # fmt: skip
    assert list(found["risk_index"]) == [0.5, 1.0, 3.0]
    halved = eds_inputs([1.0] * 3, [1_000.0, 10_000.0, 100_000.0], reference=reference(index_sum=2_000.0))
    found = forfaits(halved, year=2024, rules=eds_rules(normalisation_band_share="0"))
    assert list(found["risk_index"]) == [0.25, 0.5, 1.5]


def test_weights_of_fewer_years_are_the_last_ones():
    """Two reference years under .17, .33, .50: (.33 × 9,000 + .50 × 10,000) / .83."""
    table = pd.concat([reference(9_000.0, year=2022), reference(10_000.0, year=2023)])
    book = with_grid(eds_rules(), "year_weights", weights("0.17", "0.33", "0.50"))
    (row,) = prices(eds_inputs(reference=table), year=2024, rules=book).to_dict("records")
    assert Decimal(row["reference_eur"]) == Decimal(7970) / Decimal("0.83")


def test_pathway_is_an_option():
    """With the option, an episode with SSR or HAD has a price of its own."""
    rows = with_parts(episodes([10_000.0, 10_000.0])).assign(cost_ssr_cents=[0, 3_000_00])
    table = pd.concat([reference(8_000.0, pathway="home"), reference(12_000.0, pathway="ssr_had")])
    inputs = eds_inputs(episodes=rows, predictions=predictions(rows), reference=table)
    found = forfaits(inputs, year=2024, rules=eds_rules(price_by_pathway="yes"))
    assert dict(zip(found["pathway"], found["forfait_cents"], strict=True)) == {"home": 8_000_00, "ssr_had": 12_000_00}


def test_coordination_is_flat_and_not_discounted():
    """10,000 × (1 − 2 %) + 150."""
    book = eds_rules({"pth": {"discount_share": "0.02", "coordination_eur": "150"}})
    assert list(forfaits(eds_inputs([1.0]), year=2024, rules=book)["forfait_cents"]) == [9_950_00]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"reference": reference(sector="private")}, InputError, "reference has no row of pth × public × all"),
        ({"reference": reference().drop(columns="cap_eur")}, InputError, "reference: cap_eur is missing"),
        ({"reference": reference(year=2024)}, InputError, "no year before 2024"),
        ({"reference": pd.concat([reference(), reference()])}, InputError, "column programme and sector, row 2"),
        ({"predictions": predictions(episodes([1.0]), -1.0)}, InputError, "expected_eur, row 1: should be a number ab"),
        ({"episodes": episodes([1.0], cost_in_scope_cents=None)}, InputError, "row 1: should be filled for a final"),
        ({"episodes": episodes([1.0], exit_date=pd.Timestamp("2023-01-01"))}, MissingError, "exit_date is in 2024"),
        ({"participations": participations({"phase": "late"})}, InputError, "one of simulation, upside"),
    ],
)
def test_bad_inputs_are_refused(changed: dict[str, pd.DataFrame], error: type[Exception], message: str):
    """Each message names the frame and what would be right."""
    with pytest.raises(error, match=message):
        pay(eds_inputs([1.0], **changed), year=2024, rules=eds_rules())


def test_a_missing_frame_is_named():
    """EDS says what it needs."""
    inputs = eds_inputs()
    del inputs["predictions"]
    with pytest.raises(MissingError, match="EDS needs the frame predictions"):
        pay(inputs, year=2024, rules=eds_rules())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(500, 60_000), st.floats(100, 90_000)), min_size=2, max_size=40))
def test_mean_forfait_is_the_mean_cost_whatever_is_predicted(pairs: list[tuple[float, float]]):
    """Σ forfaits = Σ trimmed costs of the same cohort within half a cent each (check 2: 0.1 %), clipped or not."""
    costs, expected = [round(cost, 2) for cost, _ in pairs], [value for _, value in pairs]
    table = reference_of(cohort(costs, expected), years=range(2024, 2025), rules=eds_rules())
    inputs = {**cohort(costs, expected), "reference": table.assign(year=2023)}
    priced = forfaits(inputs, year=2024, rules=eds_rules())["forfait_cents"].sum()
    assert abs(priced - 100 * table["observed_eur"].sum()) <= 0.5 * len(pairs) + 0.01


def test_price_changes_are_signalled_beyond_three_percent():
    """10,000 then 10,300: 3 % is not beyond; 10,301 is; a new stratum has no change."""
    first = prices(eds_inputs(), year=2024, rules=eds_rules())
    for mean, is_alarm in ((10_300.0, False), (10_301.0, True), (9_699.0, True)):
        now = prices(eds_inputs(reference=reference(mean)), year=2024, rules=eds_rules())
        (row,) = price_changes(first, now, eds_rules()).to_dict("records")
        assert (row["after_eur"], row["is_alarm"]) == (mean, is_alarm)
    (row,) = price_changes(first.assign(sector="private"), first, eds_rules()).to_dict("records")
    assert np.isnan(row["change_share"]) and not row["is_alarm"]


def test_without_a_cap_all_spending_counts():
    """cap_quantile none: no cap_eur is asked for."""
    inputs = eds_inputs([50_000.0], reference=reference().drop(columns="cap_eur"))
    found = forfaits(inputs, year=2024, rules=eds_rules(cap_quantile="none"))
    assert list(found["counted_cents"]) == [50_000_00]


def test_refunds_larger_than_costs_stay_negative():
    """An episode whose refunds exceed its costs counts as it is."""
    (amount,) = pay(eds_inputs([-100.0, 9_000.0]), year=2024, rules=eds_rules()).amounts
    assert amount.figures["raw_eur"].value == "11100.00"


def test_bundle_is_the_price_of_one_patient_before_the_year():
    """10,000 × 1.2 × 1.01 × (1 − 2 %) + 50; the row of the year itself, dearer by half, does not count."""
    book = eds_rules({"pth": {"trend_ratio": "1.01", "discount_share": "0.02", "coordination_eur": "50"}})
    table = pd.concat([reference(year=2023), reference(15_000.0, year=2024)])
    found = bundle({"reference": table}, 12_000.0, stratum=("pth", "public", "all"), year=2024, rules=book)
    assert found == {
        "reference": 10_000_00, "risk": 2_000_00, "normalisation": 0, "trend": 120_00, "discount": -242_40,
        "coordination": 50_00, "forfait": 11_927_60,
    }  # fmt: skip
