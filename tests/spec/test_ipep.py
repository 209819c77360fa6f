"""IPEP: gains, phases and quality money of groups drawn by hand, exact to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError, MissingError, RuleError
from schemes.amounts import Amount
from schemes.ipep import pay
from schemes.ipep.groups import phase_of
from tests.schemes.ipep_made import (
    BOTH,
    PERFECT,
    YEAR,
    indicators,
    inputs,
    ipep_rules,
    like,
    members,
    nation,
    participations,
    phase_3,
)

# No quality money, so that a test on gains reads gains alone.
GAINS = {"quality_max_eur_per_patient": "0"}


def paid(people: pd.DataFrame, *, rules: dict[str, str] | None = None, **frames: pd.DataFrame) -> Amount:
    """The one amount paid, without draws."""
    payment = pay(inputs(people, **frames), year=YEAR, rules=ipep_rules(**(GAINS if rules is None else rules)), draws=0)
    assert payment.refused.empty
    return payment.amounts[0]


def steps(amount: Amount) -> dict[str, int]:
    return {component.name: component.amount_cents for component in amount.components}


def value(amount: Amount, name: str) -> Decimal:
    return Decimal(amount.figures[name].value)


def reason_of(frames: dict[str, pd.DataFrame], **rules: str) -> list[str]:
    payment = pay(frames, year=YEAR, rules=ipep_rules(**rules), draws=0)
    assert payment.amounts == () and payment.forfaits.empty
    return payment.refused["reason"].tolist()


def test_worked_example_of_the_specifications():
    """Vector 1: écart 50, évolution 48.514851: 24.504950 EUR per patient, 122,524.75 EUR for 5,000 patients."""
    amount = paid(like(5000, 2450, 2500, 2450 / 1.01, 2500 / 1.03), rules={"min_patients": "5000", **GAINS})
    assert amount.total_cents == 122_524_75
    assert value(amount, "gain_ecart_eur") == Decimal("50")
    assert value(amount, "gain_evolution_eur") == Decimal("48.514851")
    assert value(amount, "gains_per_patient_eur") == Decimal("24.504950")
    assert value(amount, "observed_before_eur") == Decimal("2425.742574")
    assert steps(amount) == {"ecart": 83_333_33, "evolution": 161_716_17, "sharing": -122_524_75, "quality": 0}


def test_a_bad_level_does_not_cancel_a_good_evolution():
    """Vector 2: écart −80 counts 0; évolution 48.514851 pays 16.171617 EUR per patient."""
    before = 2450 / 1.01
    amount = paid(like(5000, 2450, 2370, before, 2370 / 1.03))
    assert value(amount, "gain_ecart_eur") == Decimal("-80")
    assert value(amount, "gains_per_patient_eur") == Decimal("16.171617")
    assert amount.total_cents == 80_858_09


def test_a_bad_evolution_does_not_cancel_a_good_level():
    """Vector 2: écart 50, évolution −10: 8.333333 EUR per patient, 41,666.67 EUR for 5,000."""
    amount = paid(like(5000, 2450, 2500, 2400, 2500 / (2440 / 2400)))
    assert value(amount, "gain_ecart_eur") == Decimal("50")
    assert value(amount, "gain_evolution_eur") == Decimal("-10")
    assert value(amount, "gains_per_patient_eur") == Decimal("8.333333")
    assert amount.total_cents == 41_666_67


def test_two_bad_gains_pay_nothing():
    """Vector 2: both negative: 0, never a penalty."""
    assert paid(like(100, 2600, 2500, 2400, 2500)).total_cents == 0


def test_both_variants_are_shown_and_the_rules_choose():
    """Expected 1,000 → 1,100, observed 800 → 850: ratio 1.1 × 800 − 850 = 30; difference 100 − 50 = 50."""
    people = like(10, 850, 1100, 800, 1000)
    for variant, evolution, cents in (("ratio", "30", 516_67), ("difference", "50", 583_33)):
        amount = paid(people, rules={"evolution_variant": variant, **GAINS})
        assert value(amount, "gain_evolution_eur") == Decimal(evolution)
        assert value(amount, "gain_evolution_ratio_eur") == 30
        assert value(amount, "gain_evolution_difference_eur") == 50
        # 10 × 50 % × (250 / 3 + 2 × évolution / 3)
        assert amount.total_cents == cents


def test_the_nation_sets_the_trend_of_each_year():
    """The nation spends 2 % above the frozen model in 2024 and 1 % below in 2023: so are the groups' expectations."""
    amount = paid(like(10, 1000, 1000, 990, 1000), nation=nation(trend=1.02, trend_before=0.99))
    assert value(amount, "expected_eur") == 1020
    assert value(amount, "expected_before_eur") == 990
    assert value(amount, "gain_ecart_eur") == 20
    # 1020 / 990 × 990 − 1000
    assert value(amount, "gain_evolution_eur") == 20


def test_spending_is_cut_alike_on_both_sides_and_by_year():
    """Cap 3,000 in 2024 and 2,000 in 2023: a stay of 50,000 and an expectation of 5,000 both count 3,000."""
    people = members([1000, 50_000], [1000, 5000], [500, 2500], [1000, 1500])
    amount = paid(people, nation=nation(cap=3000, cap_before=2000))
    assert value(amount, "observed_eur") == 2000
    assert value(amount, "expected_eur") == 2000
    assert value(amount, "observed_before_eur") == 1250
    assert value(amount, "expected_before_eur") == 1250


def test_the_cut_is_on_annual_spending():
    """A quarter lived at 1,000 EUR is 4,000 EUR a year: cut at 2,000 a year, it counts 500."""
    people = members([1000, 1000], [1000, 1000], [1000, 1000], [1000, 1000])
    people.loc[(people["year"] == YEAR) & (people["patient_id"] == "G1-00001"), "exposure_share"] = 0.25
    amount = paid(people, nation=nation(cap=2000))
    # (1000 + 500) / 1.25
    assert value(amount, "observed_eur") == 1200
    assert value(amount, "expected_eur") == 1000
    assert value(amount, "patients") == 2
    assert value(amount, "exposure") == Decimal("1.25")


def test_sensitivity_to_the_cut():
    """At P99.5 and without a cut, where the nation is given so; else the amount says that it is not."""
    people = members([1000, 9000], [1000, 3000], [1000, 2000], [1000, 2000])
    plain = nation(cap=3000)
    assert "no_sensitivity" in paid(people, nation=plain).warnings
    full = plain.assign(
        cap_eur_p995=5000.0,
        observed_p995_eur=1e6,
        expected_p995_eur=1e6,
        observed_uncapped_eur=2e6,
        expected_uncapped_eur=1e6,
    )
    amount = paid(people, nation=full)
    assert "no_sensitivity" not in amount.warnings
    assert value(amount, "gain_ecart_eur") == 0
    assert value(amount, "gain_ecart_p995_eur") == -1000
    # 2 × (1000 + 3000) / 2 − (1000 + 9000) / 2
    assert value(amount, "gain_ecart_uncapped_eur") == -1000
    assert value(amount, "gains_uncapped_eur") == 0


def test_who_joins_and_who_leaves_count_in_their_year():
    """One leaves after 2023 (spent 400), one joins in 2024 (spends 300), one stays (200 then 100)."""
    people = members([100, 300, 0], [200, 200, 0], [200, 0, 400], [300, 0, 300])
    gone = (people["year"] == YEAR) & (people["patient_id"] == "G1-00002")
    new = (people["year"] == YEAR - 1) & (people["patient_id"] == "G1-00001")
    payment = pay(inputs(people[~gone & ~new]), year=YEAR, rules=ipep_rules(), draws=0)
    amount = payment.amounts[0]
    assert value(amount, "observed_eur") == 200
    assert value(amount, "observed_before_eur") == 300
    counts = ("patients", "patients_before", "patients_both")
    assert [value(amount, name) for name in counts] == [2, 2, 1]
    assert payment.forfaits["patient_id"].tolist() == ["G1-00000", "G1-00001"]


def test_exclusions_are_counted():
    """Out, each once: off the list, dead before the year, without prediction, without care in either year."""
    people = like(6, 100, 100, 100, 100).reset_index(drop=True)
    now, who = people["year"] == YEAR, people["patient_id"].str[-1]
    people.loc[now & (who == "1"), "present_share"] = 0.0
    people["is_consumer"] = people["is_consumer"].astype(object)
    people.loc[now & (who == "2"), ["exposure_share", "observed_eur", "is_consumer"]] = np.nan
    people.loc[now & (who == "3"), "expected_eur"] = np.nan
    people.loc[who == "4", "is_consumer"] = False
    people.loc[now & (who == "5"), "is_consumer"] = False
    payment = pay(inputs(people), year=YEAR, rules=ipep_rules(), draws=0)
    assert payment.excluded.set_index("reason")["patients"].to_dict() == {
        "no_exposure": 1,
        "no_prediction": 1,
        "not_consumer": 1,
        "not_consumer_before": 1,
        "not_on_list": 1,
    }
    amount = payment.amounts[0]
    assert (value(amount, "patients"), value(amount, "listed_patients")) == (2, 4)


def test_who_is_not_listed_on_31_december_is_out():
    """A patient with part of the year in the group but another médecin traitant on 31 December does not count."""
    people = like(3, 100, 100, 100, 100)
    people["is_listed"] = ~((people["year"] == YEAR) & (people["patient_id"] == "G1-00002"))
    payment = pay(inputs(people), year=YEAR, rules=ipep_rules(), draws=0)
    assert payment.excluded.to_dict("records") == [{"structure_id": "G1", "reason": "not_on_list", "patients": 1}]


def test_the_gate():
    """4 patients of 5: refused; 5: paid with a warning; 6: above 110 %, paid without."""
    assert reason_of(inputs(like(4, 1, 1, 1, 1)), min_patients="5") == ["below_min_patients"]
    assert "close_to_gate" in paid(like(5, 1, 1, 1, 1), rules={"min_patients": "5"}).warnings
    assert not [name for name in paid(like(6, 1, 1, 1, 1), rules={"min_patients": "5"}).warnings if "gate" in name]


def test_phases_follow_31_december():
    """From 1 July 2021: 2021 phase 1, 2022 and 2023 phase 2, 2024 and 2025 phase 3, then over."""
    rules = ipep_rules()
    years = [phase_of(date(2021, 7, 1), year=year, rules=rules) for year in range(2020, 2027)]
    assert years == [0, 1, 2, 2, 3, 3, 4]


def test_phase_1_pays_start_up_credits_alone():
    """In the first year the gains are shown and not paid."""
    first = participations({"phase_from": pd.Timestamp("2024-07-01"), "from_date": pd.Timestamp("2024-07-01")})
    amount = paid(like(10, 900, 1000, 1000, 1000), rules={"amorcage_eur": "15000"}, participations=first)
    assert steps(amount) == {"amorcage": 15_000_00}
    assert value(amount, "gains_eur") == 500
    assert reason_of(inputs(like(1, 1, 1, 1, 1), participations=first), amorcage_eur="none") == ["no_start_up_amount"]


def test_phase_2_pays_quality_beside_gains():
    """10 patients, gains 500 EUR, quality 4 EUR × 10 × 100/100; without any gain quality pays all the same."""
    rules = {"quality_max_eur_per_patient": "4"}
    amount = paid(like(10, 900, 1000, 1000, 1000), rules=rules)
    assert steps(amount) == {"ecart": 333_33, "evolution": 666_67, "sharing": -500_00, "quality": 40_00}
    assert paid(like(10, 1100, 1000, 1000, 1000), rules=rules).total_cents == 40_00


@pytest.mark.parametrize(
    ("points", "factor", "cents"), [(np.nan, "1", 500_00), (20, "1.1", 550_00), (5, "1.025", 512_50)]
)
def test_phase_3_modulates_gains_by_quality(points: float, factor: str, cents: int):
    """m = 0.5 + 0.5 × score / 100, at most 1.1: score 100, 120, 105."""
    amount = paid(like(10, 900, 1000, 1000, 1000), participations=phase_3(experience_points=points))
    assert value(amount, "modulation") == Decimal(factor)
    assert amount.total_cents == cents


def test_phase_3_without_quality_halves_gains():
    """Score 0: half of the gains."""
    worst = indicators({"hba1c": (0.1, 0.1), "rh30": (0.9, 0.9)}, BOTH)
    amount = paid(like(10, 900, 1000, 1000, 1000), participations=phase_3(), indicators=worst)
    assert (value(amount, "score"), amount.total_cents) == (0, 250_00)


def test_phase_3_floor():
    """A floor of 3 EUR per patient is paid where modulated gains are below; it adds nothing above."""
    rules = {"quality_min_eur_per_patient": "3"}
    low = paid(like(10, 1100, 1000, 1000, 1000), rules=rules, participations=phase_3())
    assert steps(low) == {"ecart": 0, "evolution": 0, "sharing": 0, "modulation": 0, "floor": 30_00}
    high = paid(like(10, 900, 1000, 1000, 1000), rules=rules, participations=phase_3())
    assert (steps(high)["floor"], high.total_cents) == (0, 500_00)


def test_cents_are_allotted_by_the_part_of_the_year_lived():
    """10.01 EUR over years 1, 1 and 0.5: 4.00, 4.00 and 2.00, the last cent to the first."""
    people = like(3, 100, 100, 100, 100)
    people.loc[(people["year"] == YEAR) & (people["patient_id"] == "G1-00002"), ["exposure_share", "observed_eur"]] = (
        0.5,
        50.0,
    )
    rules = {"amorcage_eur": "10.01"}
    first = participations({"phase_from": pd.Timestamp("2024-01-01")})
    payment = pay(inputs(people, participations=first), year=YEAR, rules=ipep_rules(**rules), draws=0)
    assert payment.forfaits["amount_cents"].tolist() == [401, 400, 200]
    assert payment.forfaits["expected_eur"].tolist() == [100.0, 100.0, 100.0]


def test_predictions_of_two_versions_are_refused():
    """A new model between the two years would be paid as an evolution."""
    people = like(2, 1, 1, 1, 1)
    people.loc[people["year"] == YEAR, ["version", "version_hash"]] = (4, "fedcba")
    with pytest.raises(RuleError, match=r"ipep 3 \(abcdef012345\) for 2023; ipep 4 \(fedcba\) for 2024; .* one frozen"):
        paid(people)


def test_a_nation_of_another_version_is_refused():
    """The trend is that of the groups' own model."""
    with pytest.raises(RuleError, match="nation: version_hash is not that of members"):
        paid(like(2, 1, 1, 1, 1), nation=nation().assign(version_hash="other"))


def test_a_year_missing_is_an_error():
    """No members of 2023, or no nation of 2023."""
    people = like(2, 1, 1, 1, 1)
    with pytest.raises(MissingError, match="members has no row of 2023"):
        paid(people[people["year"] == YEAR])
    with pytest.raises(MissingError, match="nation has 0 rows of 2023"):
        paid(people, nation=nation().iloc[1:])


@pytest.mark.parametrize(
    ("column", "bad", "message"),
    [
        ("observed_eur", -1.0, "row 2: observed_eur is missing, or not a number of 0 or more"),
        ("observed_eur", np.nan, "row 2: observed_eur is missing; a year lived"),
        ("expected_eur", np.inf, "row 2: expected_eur is missing, or not a number of 0 or more"),
        ("exposure_share", 1.2, "row 2: exposure_share is missing, or not a number of 0 to 1"),
        ("present_share", np.nan, "row 2: present_share is missing"),
        ("is_consumer", None, "row 2: is_consumer is missing"),
        ("patient_id", "G1-00000", "row 2: repeats a member"),
        ("version", np.nan, "row 2: version is missing"),
    ],
)
def test_bad_members_are_refused_by_row(column: str, bad: object, message: str):
    """The row is named, the patient is not."""
    people = like(3, 1, 1, 1, 1).reset_index(drop=True)
    people[column] = people[column].astype(object).where(people.index != 1, bad)
    with pytest.raises(InputError, match=message) as error:
        paid(people)
    assert "G1-0" not in str(error.value)


def test_a_patient_in_two_groups_is_refused():
    """Both rows are named."""
    people = pd.concat([like(1, 1, 1, 1, 1), like(1, 1, 1, 1, 1, structure="G2")])
    with pytest.raises(InputError, match="row 1, 2, 3, 4: the patient is in another group too"):
        paid(people.assign(patient_id="A"))


def test_missing_frames_and_columns_are_named():
    """A frame that is not there, a column that a frame lacks."""
    full = inputs(like(1, 1, 1, 1, 1))
    rules = ipep_rules()
    with pytest.raises(MissingError, match="IPEP needs the frame nation"):
        pay({name: full[name] for name in full if name != "nation"}, year=YEAR, rules=rules, draws=0)
    with pytest.raises(InputError, match="members lacks observed_eur"):
        pay(full | {"members": full["members"].drop(columns="observed_eur")}, year=YEAR, rules=rules, draws=0)
    with pytest.raises(MissingError, match="residuals"):
        pay({name: full[name] for name in full if name != "residuals"}, year=YEAR, rules=rules)


def test_groups_that_cannot_be_paid_say_why():
    """Nobody on the list, nobody the year before, no indicator, no participation, before and after the trajectory."""
    people = like(2, 1, 1, 1, 1)
    other = like(2, 1, 1, 1, 1, structure="G2")
    young = people[people["year"] == YEAR]
    none = indicators({}, BOTH)
    later = participations({"phase_from": pd.Timestamp("2025-01-01")})
    older = participations({"phase_from": pd.Timestamp("2019-01-01")})
    closed = participations({"to_date": pd.Timestamp("2024-11-30")})
    assert reason_of(inputs(other)) == ["no_patients", "not_taking_part"]
    assert reason_of(inputs(pd.concat([young, other]))) == ["no_year_before", "not_taking_part"]
    assert reason_of(inputs(people, indicators=none)) == ["no_quality_score"]
    assert reason_of(inputs(people, participations=later)) == ["not_started"]
    assert reason_of(inputs(people, participations=older)) == ["trajectory_over"]
    assert reason_of(inputs(people, participations=closed)) == ["not_taking_part"]
    assert reason_of(inputs(like(2, 1, 0, 1, 1))) == ["no_expected_spending"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"experience_points": 21}, "row 1, experience_points is 21"),
        ({"carte": "maybe"}, "row 1, carte is 'maybe'"),
        ({"to_date": pd.Timestamp("2021-01-01")}, "row 1 has a to_date before its from_date"),
        ({"from_date": pd.NaT}, "row 1 has no from_date"),
    ],
)
def test_bad_participations_are_refused(row: dict[str, object], message: str):
    """Row, column and what would be right."""
    with pytest.raises(InputError, match=message):
        paid(like(1, 1, 1, 1, 1), participations=participations(row))


def test_a_group_twice_on_a_day_is_refused():
    """Two open participations of one group."""
    with pytest.raises(InputError, match="row 2 is a second IPEP participation of G1"):
        paid(like(1, 1, 1, 1, 1), participations=participations({}, {}))


def test_weights_that_do_not_add_up_are_refused():
    """1 + 1 over 3."""
    with pytest.raises(RuleError, match="should add up to 1"):
        paid(like(1, 1, 1, 1, 1), rules={"weight_evolution_numerator": "1"})
    with pytest.raises(RuleError, match="evolution_variant is 'log'"):
        paid(like(1, 1, 1, 1, 1), rules={"evolution_variant": "log"})


def test_components_name_the_parameters_they_used():
    """Each key exists in the rules; what quality assumes is among them."""
    rules = ipep_rules()
    for when in (participations(), phase_3(), participations({"carte": "yes"})):
        components = paid(like(1, 1, 1, 1, 1), participations=when).components
        keys = {key for component in components for key in component.rule_keys}
        assert keys <= set(rules.parameters)
        assert {"winsor_quantile", "sharing_share", "quality_target_decile", "socle_indicators"} <= keys
        assert ("quality_carte_points" in keys) == (
            when["carte"].item() == "yes" and bool(rules.listed("carte_indicators"))
        )


def test_warnings_name_what_is_missing():
    """An indicator without a result, an experience not measured."""
    partial = indicators({"hba1c": PERFECT["hba1c"]}, BOTH)
    amount = paid(like(1, 1, 1, 1, 1), indicators=partial)
    assert amount.warnings == (
        "close_to_gate",
        "missing_rh30",
        "experience_not_measured",
        "no_sensitivity",
        "no_chance",
    )
