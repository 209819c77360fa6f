"""IPEP: what chance alone would pay, against closed forms."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError, MissingError
from schemes.amounts import Amount
from schemes.ipep import pay, targets
from schemes.ipep.chance import (
    generator,
    mean_positive,
    probability,
    standard_error_of_mean,
    strata,
)
from tests.schemes.ipep_made import YEAR, inputs, ipep_rules, like, members, nation, phase_3, residuals

DRAWS = 4000
LIST = 900


def paid(people: pd.DataFrame, draws: int = DRAWS, seed: int = 0, **frames: pd.DataFrame) -> Amount:
    return pay(inputs(people, **frames), year=YEAR, rules=ipep_rules(), seed=seed, draws=draws).amounts[0]


def number(amount: Amount, name: str) -> float:
    return float(amount.figures[name].value)


def moments(sample: pd.DataFrame) -> tuple[float, float, float]:
    """Standard deviations of both years' ratios and their covariance, times 1,000 EUR expected."""
    now, before = (sample[name] / sample[name].mean() * 1000 for name in ("observed_eur", "observed_before_eur"))
    return now.std(ddof=0), before.std(ddof=0), np.cov(now, before, bias=True)[0, 1]


def test_worked_example_of_the_specifications():
    """Vector 7: SD 9,326, R² 0.32, 5,000 patients: SE 108.8 EUR, 43.4 EUR of chance, 7.23 EUR per patient paid."""
    error = standard_error_of_mean(9326, 0.32, 5000)
    assert round(error, 1) == 108.8
    assert round(mean_positive(error), 1) == 43.4
    assert round(mean_positive(error) / 3 * 0.5, 2) == 7.23
    assert round(standard_error_of_mean(9326, 0, 250)) == 590


def test_chance_agrees_with_the_closed_form():
    """Normal luck, one stratum: mean payment N × 50 % × 0.399 × (SE_écart / 3 + 2 SE_évolution / 3)."""
    sample = residuals(4000)
    spread, before, together = moments(sample)
    amount = paid(like(LIST, 1000, 1000, 1000, 1000), residuals=sample)
    level = spread / sqrt(LIST)
    evolution = sqrt((spread**2 + before**2 - 2 * together) / LIST)
    closed = LIST * 0.5 / sqrt(2 * pi) * (level / 3 + 2 * evolution / 3)
    assert number(amount, "standard_error_ecart_eur") == pytest.approx(level, abs=0.005)
    assert number(amount, "standard_error_evolution_eur") == pytest.approx(evolution, abs=0.005)
    assert number(amount, "chance_normal_eur") == pytest.approx(closed, abs=0.005)
    # A payment of chance has a spread near its mean: four standard errors of 4,000 draws are 6 %.
    assert number(amount, "chance_mean_eur") == pytest.approx(closed, rel=0.06)
    assert number(amount, "detectable_ecart_eur") == pytest.approx(2.4865 * level, rel=1e-3)
    assert number(amount, "gains_less_chance_eur") == -number(amount, "chance_mean_eur")


def test_chance_knows_the_strata():
    """Two strata with lucks of 10 % and 100 %: the variance is that of the two groups of members, not of the mix."""
    rng = np.random.default_rng(3)
    low, high = 100 * (1 + 0.1 * rng.uniform(-1, 1, 50)), 5000 * (1 + rng.uniform(-1, 1, 50))
    observed = np.concatenate([low, high])
    sample = pd.DataFrame(
        {"expected_eur": [100.0] * 50 + [5000.0] * 50, "observed_eur": observed, "observed_before_eur": observed}
    )
    quiet = paid(like(400, 100, 100, 100, 100), residuals=sample, draws=50)
    expected = 100 * (low / low.mean()).std() / 20
    assert number(quiet, "standard_error_ecart_eur") == pytest.approx(expected, abs=0.005)
    # The same luck in both years: no evolution of chance.
    assert number(quiet, "standard_error_evolution_eur") == pytest.approx(0, abs=0.005)
    wild = paid(like(400, 5000, 5000, 5000, 5000), residuals=sample, draws=50)
    assert number(wild, "standard_error_ecart_eur") == pytest.approx(5000 * (high / high.mean()).std() / 20, abs=0.005)


def test_a_result_far_beyond_chance_is_improbable():
    """A tenth less than expected, when chance moves 3 EUR: no draw reaches it, (0 + 1) / (4000 + 1)."""
    amount = paid(like(LIST, 900, 1000, 1000, 1000))
    assert amount.figures["chance_probability"].value == "0.0002"
    assert number(amount, "chance_p95_eur") < number(amount, "gains_eur")
    nothing = paid(like(LIST, 1100, 1000, 1000, 1000))
    assert nothing.figures["chance_probability"].value == "1.0000"


def test_probability_by_hand():
    """Two of four draws pay 10 or more: (2 + 1) / (4 + 1)."""
    assert probability(np.array([0.0, 5.0, 10.0, 20.0]), 10.0) == 0.6


def test_intervals_of_the_gains():
    """Spread of the members' own spending, both years together: the same in both years has no luck in évolution."""
    rng = np.random.default_rng(5)
    spent = 1000 + rng.normal(0, 200, LIST)
    amount = paid(members(spent, [1000.0] * LIST, spent, [1000.0] * LIST))
    error = spent.std() / sqrt(LIST)
    middle = number(amount, "gain_ecart_eur")
    assert number(amount, "gain_ecart_low_eur") == pytest.approx(middle - 1.96 * error, abs=0.15 * error)
    assert number(amount, "gain_ecart_high_eur") == pytest.approx(middle + 1.96 * error, abs=0.15 * error)
    assert number(amount, "gain_evolution_low_eur") == pytest.approx(0, abs=1e-6)
    assert number(amount, "gain_evolution_high_eur") == pytest.approx(0, abs=1e-6)


def test_chance_is_modulated_as_gains_are():
    """Score 120 in phase 3 pays 1.1 times, to chance as well."""
    people = like(LIST, 1000, 1000, 1000, 1000)
    plain = number(paid(people, draws=200), "chance_mean_eur")
    better = number(paid(people, draws=200, participations=phase_3(experience_points=20)), "chance_mean_eur")
    assert better == pytest.approx(1.1 * plain, abs=0.01)


def test_seed_structure_and_order():
    """Same seed, same figures, in any order of rows and beside any other group; another seed, others."""
    people = like(50, 990, 1000, 1000, 1000)
    first = paid(people, draws=100)
    assert paid(people.sample(frac=1, random_state=1), draws=100, residuals=residuals().iloc[::-1]) == first
    assert paid(people, draws=100, seed=1).figures != first.figures
    drawn = {generator(seed, name, "chance").integers(2**62) for seed in (0, 1) for name in ("G1", "G2")}
    assert len(drawn) == 4


def test_reference_patients_are_cut_and_weighed():
    """Cut at the cap of each year; who lived half a year stands for half: 1 : 2 : 1 becomes one, two and one."""
    sample = pd.DataFrame(
        {
            "expected_eur": [1.0, 2.0, 3.0, 3.0],
            "observed_eur": [10.0, 20.0, 900.0, 900.0],
            "observed_before_eur": [10.0, 20.0, 900.0, 900.0],
            "exposure_share": [0.5, 1.0, 0.25, 0.25],
        }
    )
    found = strata({"residuals": sample, "nation": nation(cap=40, cap_before=20)}, year=YEAR)
    mean, mean_before = (10 + 20 + 20 + 40) / 4, (10 + 20 + 20 + 20) / 4
    assert found.ratio.tolist() == [10 / mean, 20 / mean, 20 / mean, 40 / mean]
    assert found.ratio_before.tolist() == [10 / mean_before, *[20 / mean_before] * 3]


def test_bad_reference_patients_are_refused():
    """None, a negative one, one without exposure at all."""
    people = like(2, 1, 1, 1, 1)
    with pytest.raises(MissingError, match="residuals has no row"):
        paid(people, residuals=residuals().iloc[:0])
    with pytest.raises(InputError, match="residuals, row 1, 2, 3, 4, 5 and 395 more: observed_eur is missing"):
        paid(people, residuals=residuals().assign(observed_eur=-1.0))
    with pytest.raises(InputError, match="exposure_share is 0 in every row"):
        paid(people, residuals=residuals().assign(exposure_share=0.0))


def test_targets_of_groups():
    """Expected 1,000 EUR with a trend of 1.02; the interval is that of the mean of 900 lucky or unlucky members."""
    people = like(LIST, 0, 1000, 0, 1000).drop(columns="observed_eur")
    frames = inputs(people[people["year"] == YEAR], nation=nation(trend=1.02).iloc[1:])
    found = targets(frames, year=YEAR, rules=ipep_rules(), draws=DRAWS)
    figures = found.figures.set_index("figure")["value"].astype(float)
    assert (figures["patients"], figures["expected_eur"]) == (LIST, 1020)
    sample = residuals()
    error = 1020 * (sample["observed_eur"] / sample["observed_eur"].mean()).std(ddof=0) / sqrt(LIST)
    assert figures["expected_low_eur"] == pytest.approx(1020 - 1.96 * error, abs=0.15 * error)
    assert figures["expected_high_eur"] == pytest.approx(1020 + 1.96 * error, abs=0.15 * error)
    assert found.refused.empty and found.excluded.empty


def test_targets_lose_no_group():
    """A group without patients and patients without a group are named."""
    frames = inputs(like(3, 1, 1, 1, 1, structure="G2"))
    found = targets(frames, year=YEAR, rules=ipep_rules(), draws=10)
    assert found.figures.empty
    assert found.refused[["structure_id", "reason"]].values.tolist() == [
        ["G1", "no_patients"],
        ["G2", "not_taking_part"],
    ]


@pytest.mark.slow
def test_a_large_group_in_seconds():
    """18,000 members, 1,000 draws: the payment is computed (its time is in the report of the tests)."""
    rng = np.random.default_rng(0)
    expected = rng.gamma(1.0, 2000.0, 18_000)
    people = members(*(expected * rng.gamma(0.5, 2.0, 18_000) if spent else expected for spent in (1, 0, 1, 0)))
    sample = pd.DataFrame({"expected_eur": rng.gamma(1.0, 2000.0, 50_000)})
    for name in ("observed_eur", "observed_before_eur"):
        sample[name] = sample["expected_eur"] * rng.gamma(0.5, 2.0, 50_000)
    amount = paid(people, draws=1000, residuals=sample)
    # Independent years: closed form and draws agree.
    assert number(amount, "chance_mean_eur") == pytest.approx(number(amount, "chance_normal_eur"), rel=0.12)
