"""The PEPS forfait of 2023, on patients drawn by hand: from the base to what is due."""

from __future__ import annotations

from decimal import Decimal

import pytest

from features.errors import InputError
from schemes.peps import pay
from tests.schemes.peps_made import amount, components, paid, peps_inputs, peps_rules


def patients(count: int, **row: object) -> list[dict[str, object]]:
    return [{"patient_id": f"P{place:03d}", **row} for place in range(count)]


def test_vector_3():
    """Spec, section 9, vector 3: 490.50, local 1.03, quality 0.6 of 5 %, cap at 1.20 × 420: 504.00 is payable."""
    drawn = [(60.0, 90, 1.0), (150.0, 80, 1.0), (320.0, 95, 1.0), (25.0, 100, 0.5)]
    people = [
        {"patient_id": str(place), "expected_eur": eur, "present_share": exposure, "in_team_cents": rate,
         "outside_cents": 100 - rate}
        for place, (eur, rate, exposure) in enumerate(drawn)
    ]  # fmt: skip
    zones = [{"observed_eur": 103.0}, {"zone_id": "75", "observed_eur": 97.0}]
    former = [{"shadow_ffs_cents": 420_00}]
    inputs = peps_inputs(patients=people, zones=zones, fee_for_service=former, participations=[{"quality_share": 0.6}])
    found = amount(inputs, fidelisation_level="patient", fidelisation_shrinkage_eur="0", cap_basis="shadow")
    assert [(step.name, step.running_cents) for step in found.components] == [
        ("base", 542_50), ("fidelisation", 490_50), ("local", 505_22), ("quality", 520_37), ("activity", 520_37),
        ("modules", 520_37), ("cap", 504_00), ("floor", 504_00), ("phase", 504_00),
    ]  # fmt: skip
    assert components(found)["cap"] == -16_37
    figures = {name: figure.value for name, figure in found.figures.items()}
    assert (figures["gross_eur"], figures["local_mean"], figures["cap_eur"]) == ("505.215", "1.03", "504")
    assert "capped" in found.warnings


def test_base():
    """exposure × k_cal × expected × tariff index: 0.5 × 1.1 × 100 × 1.02 = 56.10."""
    inputs = peps_inputs(patients=[{"present_share": 0.5}], reference=[{"observed_eur": 1100.0}])
    found = amount(inputs, tariff_index="1.02")
    assert components(found)["base"] == 56_10
    assert found.figures["k_cal"].value == "1.1"
    assert found.figures["exposure"].value == "0.5"


def test_each_patientele_has_its_own_balance():
    """DIAB is balanced by the reference of DIAB, whatever that of TOT."""
    inputs = peps_inputs(
        participations=[{"patientele": "DIAB"}],
        patients=[{"is_diab": True}],
        reference=[{"patientele": "DIAB", "observed_eur": 900.0}, {"observed_eur": 2000.0}],
    )
    assert components(amount(inputs))["base"] == 90_00


def test_a_stated_mean_forfait_brings_the_nation_to_it():
    """96 EUR stated, 100 EUR observed per patient of the nation: k_cal × 0.96."""
    found = amount(peps_inputs(), mean_forfait_reference_eur="96")
    assert components(found)["base"] == 96_00
    assert found.figures["mean_forfait_reference_eur"].value == "96"


def test_fixed_forfait_of_the_capitation():
    """90 EUR × exposure, without model, balance or index; an unknown expectation does not matter."""
    inputs = peps_inputs(
        participations=[{"scheme": "capitation", "from_date": "2026-01-01", "legal_form": None}],
        patients=[{"present_share": 0.5, "expected_eur": None}, {"patient_id": "B"}],
        reference=[{"observed_eur": 2000.0}],
    )
    payment = pay(inputs, year=2026, rules=peps_rules("capitation", tariff_index="1.5"))
    assert components(payment.amounts[0])["base"] == 135_00
    assert payment.total_cents == 135_00
    assert payment.forfaits["expected_eur"].isna().tolist() == [True, False]
    assert payment.amounts[0].figures["mean_expected_eur"].value == "200"


def test_local_coefficient_is_relative_to_the_nation():
    """Both zones spend 10 % more than expected: k_cal holds that, so that no zone has a coefficient."""
    zones = [{"observed_eur": 110.0}, {"zone_id": "75", "observed_eur": 110.0}]
    assert components(amount(peps_inputs(zones=zones)))["local"] == 0


def test_local_coefficient_is_shrunk():
    """A ratio of 1.08 on 1,000 patients, shrunk by 3,000 patients of the mean: 1 + 0.08 / 4 = 1.02."""
    zones = [{"observed_eur": 108.0, "patients": 1000}, {"zone_id": "75", "observed_eur": 92.0, "patients": 1000}]
    assert components(amount(peps_inputs(zones=zones), local_shrinkage_patients="3000"))["local"] == 2_00


@pytest.mark.parametrize(("observed", "cents"), [(150.0, 10_00), (50.0, -10_00)])
def test_local_coefficient_is_bounded(observed: float, cents: int):
    """A zone at 1.5 or 0.5 counts for 1.10 or 0.90."""
    zones = [{"observed_eur": observed}, {"zone_id": "75", "observed_eur": 200.0 - observed}]
    assert components(amount(peps_inputs(zones=zones)))["local"] == cents


def test_poverty_uplift():
    """From quintile 5 on, 5 %, over the local coefficient; below it and where the quintile is unknown, nothing."""
    people = [{"patient_id": name, "fdep_quintile": quintile} for name, quintile in (("A", 5), ("B", 4), ("C", None))]
    found = amount(peps_inputs(patients=people), poverty_uplift_max="0.05", poverty_uplift_quintile="5")
    assert components(found)["local"] == 5_00
    assert "quintile_unknown" in found.warnings


def test_a_patient_without_zone_has_the_national_level():
    """An empty zone, or one that the reference does not have, counts for 1; the amount says so and counts them."""
    zones = [{"observed_eur": 110.0}, {"zone_id": "75", "observed_eur": 90.0}]
    people = [{}, *({"patient_id": f"P{place}", "zone_id": zone} for place, zone in enumerate([None, "99"]))]
    found = amount(peps_inputs(zones=zones, patients=people), small_cell_min="2")
    assert components(found)["local"] == 10_00
    assert "zone_unknown" in found.warnings
    assert found.figures["zone_unknown_patients"].value == "2"
    assert amount(peps_inputs(zones=zones, patients=people)).figures["zone_unknown_patients"].value == ""


def test_quality_bonus():
    """5 % at full quality: half of it at 0.5."""
    found = amount(peps_inputs(participations=[{"quality_share": 0.5}]))
    assert components(found)["quality"] == 2_50
    assert found.figures["quality_share"].value == "0.5"


def test_quality_malus_where_the_rules_have_one():
    """Bonus 5 % × 0.5, malus 4 % × 0.5: 0.5 % of 100 EUR."""
    inputs = peps_inputs(participations=[{"quality_share": 0.5}])
    assert components(amount(inputs, quality_malus_max="0.04"))["quality"] == 50


def test_unknown_quality_is_not_zero():
    """Neither bonus nor malus, the figure is empty, and a warning says so; a quality of 0 has the malus."""
    unknown = amount(peps_inputs(participations=[{"quality_share": None}]), quality_malus_max="0.04")
    assert components(unknown)["quality"] == 0
    assert unknown.figures["quality_share"].value == ""
    assert "quality_unknown" in unknown.warnings
    assert components(amount(peps_inputs(), quality_malus_max="0.04"))["quality"] == -4_00


def test_presumed_quality():
    """Where the rules presume it, an unknown quality has the whole bonus; one that is known is used."""
    rules = {"presumed_quality_share": "1"}
    unknown = amount(peps_inputs(participations=[{"quality_share": None}]), **rules)
    assert components(unknown)["quality"] == 5_00
    assert "quality_presumed" in unknown.warnings
    assert components(amount(peps_inputs(participations=[{"quality_share": 0.2}]), **rules))["quality"] == 1_00


def test_quality_is_presumed_for_some_months():
    """Presumed for 30 months from 1 January 2021: 181 of the 365 days of 2023; 5 % × 181 / 365 of 100 EUR."""
    inputs = peps_inputs(participations=[{"quality_share": None}])
    found = amount(inputs, presumed_quality_share="1", presumed_quality_months="30")
    assert components(found)["quality"] == 2_48
    assert "quality_presumed_in_part" in found.warnings
    over = amount(inputs, presumed_quality_share="1", presumed_quality_months="24")
    assert (components(over)["quality"], "quality_unknown" in over.warnings) == (0, True)


@pytest.mark.parametrize(("observed", "cents"), [(130, 10_00), (109, 0), (91, 0), (70, -10_00)])
def test_activity_corridor(observed: int, cents: int):
    """Acts 30 % above expected: half of the 20 points beyond the corridor of 10 %; below it likewise."""
    inputs = peps_inputs(fee_for_service=[{"acts_observed": observed, "acts_expected": 100}])
    assert components(amount(inputs, activity_corridor_applies="yes"))["activity"] == cents
    assert components(amount(inputs, activity_corridor_applies="no"))["activity"] == 0


def test_unknown_activity_moves_nothing():
    """Acts that were not measured are not 0 acts."""
    found = amount(peps_inputs(fee_for_service=[{"acts_expected": 100}]), activity_corridor_applies="yes")
    assert components(found)["activity"] == 0
    assert "activity_unknown" in found.warnings


def test_no_expected_acts_is_an_error():
    """The corridor cannot be placed around 0 acts."""
    inputs = peps_inputs(fee_for_service=[{"acts_observed": 1, "acts_expected": 0}])
    with pytest.raises(InputError, match="acts_expected should be above 0"):
        amount(inputs, activity_corridor_applies="yes")


def test_modules_are_added_before_the_cap():
    """Two modules of 30 and 20 EUR on a forfait of 100 EUR, capped at 120 EUR."""
    inputs = peps_inputs(
        modules=[{"amount_cents": 30_00}, {"module": "objectifs", "amount_cents": 20_00}],
        fee_for_service=[{"shadow_ffs_cents": 100_00}],
    )
    found = components(amount(inputs, cap_basis="shadow"))
    assert (found["modules"], found["cap"]) == (50_00, -30_00)


def test_cap_by_both_definitions():
    """Former 60 EUR on a list of 80 EUR, now 100 EUR at an index of 1.02: 76.50 EUR. Acts under PEPS: 70 EUR."""
    former = [{"reference_ffs_cents": 60_00, "reference_base_eur": 80.0, "shadow_ffs_cents": 70_00}]
    inputs = peps_inputs(fee_for_service=former)
    by_reference = amount(inputs, tariff_index="1.02", cap_basis="reference")
    figures = {name: figure.value for name, figure in by_reference.figures.items()}
    assert (figures["ffs_reference_eur"], figures["ffs_shadow_eur"]) == ("76.5", "70")
    assert (figures["cap_reference_eur"], figures["cap_shadow_eur"], figures["cap_eur"]) == ("91.8", "84", "91.8")
    assert by_reference.total_cents == 91_80
    assert amount(inputs, tariff_index="1.02", cap_basis="shadow").total_cents == 84_00


def test_no_cap_before_the_rule():
    """Without a cap in the rules nothing is cut, and there is no figure of a cap; the revenue is shown all the same."""
    found = amount(peps_inputs(fee_for_service=[{"shadow_ffs_cents": 10_00}]), cap_over_ffs="none", cap_basis="shadow")
    assert found.total_cents == 100_00
    assert (found.figures["cap_eur"].value, found.figures["ffs_shadow_eur"].value) == ("", "10")


def test_a_cap_without_former_revenue_is_not_zero():
    """A structure without former fee-for-service is not capped, not paid 0; a warning says so."""
    found = amount(peps_inputs(fee_for_service=[{"shadow_ffs_cents": 10_00}]), cap_basis="reference")
    assert found.total_cents == 100_00
    assert "cap_or_floor_unknown" in found.warnings


def test_floor():
    """At most 5 % under a former revenue of 200 EUR: 190 EUR."""
    inputs = peps_inputs(fee_for_service=[{"shadow_ffs_cents": 200_00}])
    found = amount(inputs, floor_under_ffs="0.05", cap_basis="shadow")
    assert (components(found)["floor"], found.total_cents) == (90_00, 190_00)
    assert "raised_to_floor" in found.warnings


@pytest.mark.parametrize(("year", "phase", "cents"), [(2021, "1", 0), (2022, "2", 30_00), (2023, "3", 100_00)])
def test_three_phases(year: int, phase: str, cents: int):
    """Simulated: nothing. Retrospective: 100 − 70 EUR billed. Prospective: the forfait."""
    found = amount(peps_inputs(patients=[{"in_team_cents": 70_00}]), year)
    assert (found.figures["phase"].value, found.total_cents) == (phase, cents)


def test_no_bonus_where_billing_was_the_higher():
    """Phase 2 never takes back."""
    assert amount(peps_inputs(patients=[{"in_team_cents": 170_00}]), 2022).total_cents == 0


def test_phase_2_bonus_share():
    """Half of a difference of 30 EUR."""
    inputs = peps_inputs(patients=[{"in_team_cents": 70_00}])
    assert amount(inputs, 2022, phase_2_bonus_share="0.5").total_cents == 15_00


def test_billing_is_prorated_to_the_days_in_the_scheme():
    """Phase 2, out after 1 July 2022: 182 days of 365 of a forfait of 100 EUR, and of 70 EUR billed in the year."""
    inputs = peps_inputs(participations=[{"to_date": "2022-07-01"}], patients=[{"in_team_cents": 70_00}])
    assert amount(inputs, 2022).total_cents == round(30_00 * 182 / 365) == 14_96


def test_a_year_in_two_phases():
    """Phase 3 from 2 July 2023 (183 days of 365); before it (182 days) the bonus of phase 2, 30 EUR."""
    inputs = peps_inputs(participations=[{"phase_from": "2021-07-02"}], patients=[{"in_team_cents": 70_00}])
    found = amount(inputs)
    assert found.total_cents == round((183 * 100_00 + 182 * 30_00) / 365) == 65_10
    assert found.figures["phase"].value == "2, 3"
    assert "several_phases" in found.warnings


def test_a_year_after_the_phases_is_refused():
    """Five years from 1 January 2021: 2026 has no phase."""
    assert paid(peps_inputs(), 2026).refused[["structure_id", "reason"]].to_numpy().tolist() == [
        ["S1", "outside_phases"]
    ]


def test_a_team_that_leaves_in_the_year():
    """Out after 1 July 2023 (182 days of 365): patients count for those days at most."""
    inputs = peps_inputs(
        participations=[{"to_date": "2023-07-01"}],
        patients=[{}, {"patient_id": "B", "present_share": 0.25}],
    )
    assert components(amount(inputs))["base"] == round(100_00 * 182 / 365) + 25_00


def test_patient_cents_add_up():
    """100 EUR for three equal patients: 33.34, 33.33, 33.33."""
    payment = paid(peps_inputs(patients=patients(3, expected_eur=100 / 3)))
    assert payment.forfaits["amount_cents"].tolist() == [33_34, 33_33, 33_33]
    assert payment.forfaits["patient_id"].tolist() == ["P000", "P001", "P002"]


def test_each_team_under_its_own_scheme():
    """A PEPS team and a capitation team in one run; the capitation has its 90 EUR."""
    inputs = peps_inputs(
        participations=[{"from_date": "2024-01-01"}, {"structure_id": "S2", "scheme": "capitation"}],
        teams=[{"structure_id": s, "profession": p} for s in ("S1", "S2") for p in ("mg", "ide")],
        patients=[{}, {"structure_id": "S2", "patient_id": "B"}],
    )
    payment = pay(inputs, year=2026, rules={**peps_rules(), **peps_rules("capitation")})
    assert [(a.structure_id, a.scheme, a.total_cents) for a in payment.amounts] == [
        ("S1", "peps", 100_00), ("S2", "capitation", 90_00),
    ]  # fmt: skip


def test_families_become_figures():
    """The explanation of the mean forfait by family is shown as given."""
    found = amount(peps_inputs(families=[{"mean_eur": 12.5}, {"family": "age_sex", "mean_eur": -3.25}]))
    assert found.figures["family_ald_eur"].value == "12.5"
    assert found.figures["family_age_sex_eur"].value == "-3.25"


def test_mean_forfait():
    """Payable over patient-years: (100 + 50) / 1.5."""
    found = amount(peps_inputs(patients=[{}, {"patient_id": "B", "present_share": 0.5}]))
    assert Decimal(found.figures["mean_forfait_eur"].value) == 100
    assert found.figures["patients"].value == "2"


def test_components_name_the_rules_used():
    """Every key a component names is a parameter of the rules."""
    rules = peps_rules()["peps"]
    keys = [key for step in amount(peps_inputs()).components for key in step.rule_keys]
    assert set(keys) <= set(rules.parameters)
