"""The inputs of IPEP, IPSO and biosimilars: who is in, who is not, from which year; on a handful of patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.attribution import AME_MAJORITY
from features.errors import MissingError
from features.tables import BENEFICIARIES, BRICK_NAMES, FEATURE_TABLE, PREDICTIONS, SPENDING
from forfait.paying.biosimilars import biosimilars_inputs
from forfait.paying.ipep import ipep_inputs
from forfait.paying.ipso import ipso_inputs
from forfait.paying.pay import PAY
from forfait.paying.sources import Priced, Sources
from schemes.ipep.inputs import members as checked
from schemes.ipep.population import population
from schemes.rulebook import rules
from tests.features.world import put
from tests.forfait import small_france as small
from tests.schemes.rules_made import made_rules

IPEP = Priced("ipep", 1, "ab" * 32)
GROUP = small.COLUMNS + "G1,Group,ipep,,,2022-01-01,,2022-01-01,\n"
DEATHS = {"P4": date(2024, 5, 10), "R2": date(2024, 3, 1)}
PEOPLE = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "X1", "R1", "R2", "R3", "R4")
CONSUMERS = {"P1": (1000.0, 1100.0), "P2": (400.0, 0.0), "P3": (50.0, 0.0), "P4": (0.0, 90.0), "R1": (200.0, 300.0),
             "R2": (0.0, 80.0), "R3": (70.0, 70.0), "X1": (9000.0, 9000.0)}  # fmt: skip


@pytest.fixture
def france(tmp_path: Path) -> Sources:
    """A group of seven; X1, whom another structure had in 2022; R1 to R4, whom none ever had."""
    data = tmp_path / "data"
    put(data, "patientele", 2022, [{"patient_id": "X1", "structure_id": "T9", "year": 2022}])
    for year in (2023, 2024):
        put(data, "patientele", year, [listed(one, year) for one in there(year)])
        small.table(data, BENEFICIARIES, year, [small.person(one, year, death_date=DEATHS.get(one)) for one in PEOPLE])
        lived = [one for one in PEOPLE if one != "P7"]
        spent = [small.spending(one, year, amo=CONSUMERS.get(one, (0.0, 0.0))[year - 2023]) for one in lived]
        small.table(data, SPENDING, year, spent)
        expected = {one: 500.0 for one in PEOPLE if one != "R4"}
        small.table(data, PREDICTIONS, year, small.predictions("ipep", year, expected))
        small.table(data, FEATURE_TABLE, year, [small.characteristics(one, year) for one in PEOPLE])
        put(data, "declarations", year, [contract(one) for one in PEOPLE if one != "P5"])
        put(data, "indicators", year, [])
        put(data, "contacts", year, [])
    return sources(data, GROUP)


def sources(data: Path, participations: str) -> Sources:
    drawn = small.France(data, data.parent / "versions", data.parent / "rules")
    (data / "roster.csv").write_text(small.ROSTER, encoding="utf-8")
    (data / "participations.csv").write_text(participations, encoding="utf-8")
    return drawn.sources


def there(year: int) -> Sequence[str]:
    return ("P1", "P3", "P4", "P6") if year == 2023 else ("P1", "P2", "P3", "P4", "P5", "P6", "P7")


def listed(patient: str, year: int) -> dict[str, object]:
    """P2 joins in July 2024, P3 leaves on 30 September, P4 dies on 10 May, P5 has State medical aid and no contract."""
    first = {"P2": date(2024, 7, 1)}.get(patient, date(year, 1, 1))
    ends = {("P3", 2024): date(2024, 9, 30), ("P4", 2024): date(2024, 5, 10)}
    reason = AME_MAJORITY if patient == "P5" else "declared"
    return {"patient_id": patient, "structure_id": "G1", "year": year, "first_day": first,
            "last_day": ends.get((patient, year), date(year, 12, 31)), "reason": reason}  # fmt: skip


def contract(patient: str) -> dict[str, object]:
    """R3 leaves the doctor on 30 June 2024."""
    return {"patient_id": patient, "end_date": date(2024, 6, 30) if patient == "R3" else None}


def test_ipep_members_are_those_of_31_december_or_of_the_day_of_death(france: Sources):
    """P3 has left; P5 has no médecin traitant; P4 died on the list; P7, without spending, is counted and not lost."""
    inputs = ipep_inputs(france, 2024, priced_by=IPEP, rules=rules("ipep", on=date(2024, 1, 1)))
    members = inputs["members"]
    now, before = (members[members["year"] == year].set_index("patient_id") for year in (2024, 2023))
    assert sorted(now.index) == ["P1", "P2", "P4", "P6", "P7"]
    assert sorted(before.index) == ["P1", "P3", "P4", "P6"]
    assert set(members["version_hash"]) == {IPEP.version_hash}
    excluded = population(checked(inputs, year=2024), year=2024).excluded
    assert dict(zip(excluded["reason"], excluded["patients"], strict=True)) == {
        "no_exposure": 1,
        "not_consumer": 1,
        "not_consumer_before": 1,
    }


def test_ipep_consumers_had_care_in_either_year(france: Sources):
    """P2 consumed in 2023, before joining; P3 in 2023, P4 in 2024 alone; P6 never."""
    members = ipep_inputs(france, 2024, priced_by=IPEP, rules=rules("ipep", on=date(2024, 1, 1)))["members"]
    found = members.groupby("patient_id")["is_consumer"].agg(["min", "max"])
    assert (found["min"] == found["max"]).all(), "the same in both years"
    assert found["max"].to_dict() == {"P1": True, "P2": True, "P3": True, "P4": True, "P6": False, "P7": False}


def test_ipep_nation_is_outside_every_structure_of_every_year(france: Sources):
    """X1 was on a list in 2022; R4 has no expectation; R3 has no doctor on 31 December 2024; R2 died with one.

    2024: R1 300 and R2 80; 2023: R1 200, R3 70, R2 0 (consumer of 2024).
    """
    nation = ipep_inputs(france, 2024, priced_by=IPEP, rules=made_rules("ipep", winsor_quantile="0.999"))["nation"]
    found = nation.set_index("year")[["patients", "observed_eur"]]
    assert found.loc[2024].tolist() == [2, 380.0]
    assert found.loc[2023].tolist() == [3, 270.0]


def test_ipep_wants_both_years_of_indicators(france: Sources):
    """Evolution needs the year before."""
    (france.data / "indicators" / "2023.parquet").unlink()
    with pytest.raises(MissingError, match="run forfait count --year 2023"):
        ipep_inputs(france, 2024, priced_by=IPEP, rules=rules("ipep", on=date(2024, 1, 1)))


PRACTICE = small.COLUMNS + "T1,One,ipso,,,2020-06-16,,2020-06-16,\n"


def ipso_france(drawn: small.France, participations: str = PRACTICE) -> Sources:
    members = [*small.members(2024), {**small.members(2024)[0], "patient_id": "A9", "reason": AME_MAJORITY}]
    put(drawn.data, "patientele", 2024, members)
    for year in (2023, 2024):
        flags = dict.fromkeys(BRICK_NAMES, False)
        put(drawn.data, "bricks", year, [{"patient_id": one, "year": year, **flags} for one in small.EXPECTED])
    return sources(drawn.data, participations)


def test_ipso_final_and_provisional(small_france: small.France):
    """Final: the list and care of the year, AME without contract left out. Provisional: the year before, all year."""
    drawn = ipso_france(small_france)
    priced_by = Priced("peps_mg", 1, "ab" * 32)
    final = ipso_inputs(drawn, 2024, priced_by=priced_by, provisional=False)["patients"].set_index("patient_id")
    assert sorted(final.index) == ["A1", "A2", "A3", "A4"]
    assert final.loc["A2", ["in_team_cents", "outside_cents"]].tolist() == [3500, 500]
    assert (final.loc["A3", "present_share"], final.loc["A1", "age_months"]) == (0.5, 763)
    for name in ("patientele", "beneficiaries", "spending", "fidelisation"):
        (drawn.data / name / "2024.parquet").unlink()
    early = replace(drawn, entered_by=date(2024, 1, 1))
    before = ipso_inputs(early, 2024, priced_by=priced_by, provisional=True)["patients"].set_index("patient_id")
    assert sorted(before.index) == ["A1", "A2", "A5"]
    assert before["present_share"].tolist() == [1.0, 1.0, 1.0]
    assert before.loc["A2", ["in_team_cents", "outside_cents"]].tolist() == [3000, 1000]
    assert before.loc["A1", "age_months"] == 763, "age of 1 January of the year paid"


def test_ipso_reference_is_outside_and_annualised(small_france: small.France):
    """R1 to R3 of the year before, with what they spent; the patients of the structures are not in it."""
    inputs = ipso_inputs(ipso_france(small_france), 2024, priced_by=Priced("peps_mg", 1, "ab" * 32), provisional=False)
    assert sorted(inputs["reference"]["observed_eur"]) == [90.0, 100.0, 110.0]
    assert inputs["reference"]["weight"].tolist() == [1.0, 1.0, 1.0]


def test_ipso_practice_that_comes_back_in_the_year(small_france: small.France):
    """Two participations in a year: the months of both are due, two of each (A3 is there from July)."""
    spells = "T1,One,ipso,,,2020-06-16,2024-02-29,,\nT1,One,ipso,,,2024-11-01,,,\n"
    drawn = ipso_france(small_france, small.COLUMNS + spells)
    inputs = ipso_inputs(drawn, 2024, priced_by=Priced("peps_mg", 1, "ab" * 32), provisional=False)
    days = inputs["patients"].set_index("patient_id").loc["A1", ["first_day", "last_day"]]
    assert days.tolist() == [pd.Timestamp(2024, 1, 1), pd.Timestamp(2024, 12, 31)]
    ipso = made_rules("ipso", phase="mean", mean_month_eur="10", team_envelope_eur_per_patient="0")
    payment = PAY["ipso"](inputs, 2024, {"ipso": ipso}, 0)
    months = payment.forfaits.set_index("patient_id")["present_share"] * 12
    assert months.round(9).to_dict() == {"A1": 4.0, "A2": 4.0, "A3": 2.0, "A4": 4.0}
    assert payment.total_cents == 14 * 1000


HOSPITALS = small.COLUMNS + "".join(
    f"{hospital},Hospital,{scheme},,,2018-10-01,{end},,\n"
    for hospital, scheme, end in (
        ("35000001", "biosimilars", "2022-12-31"),
        ("35000001", "biosimilars_caqes", ""),
        ("35000002", "biosimilars_caqes", ""),
    )
)


def test_biosimilars_pay_a_hospital_under_one_scheme(tmp_path: Path):
    """2022: 40 boxes × 26.65 in the experiment, not 31.30 too; 10 × 31.30 nationally; the others counted once."""
    data = tmp_path / "data"
    counted = (("35000001", 40.0, 7), ("35000002", 10.0, 5), ("35000003", 9.0, 3))
    put(data, "biosimilar_boxes", 2022, [
        {"establishment_id": hospital, "molecule": "adalimumab", "year": 2022, "boxes": boxes * 2,
         "biosimilar_boxes": boxes, "patients": patients}
        for hospital, boxes, patients in counted
    ])  # fmt: skip
    inputs = biosimilars_inputs(sources(data, HOSPITALS), 2022)
    book = {scheme: rules(scheme, on=date(2022, 1, 1)) for scheme in ("biosimilars", "biosimilars_caqes")}
    payment = PAY["biosimilars"](inputs, 2022, book, 0)
    found = [(amount.structure_id, amount.scheme, amount.total_cents) for amount in payment.amounts]
    assert found == [("35000001", "biosimilars", 106_600), ("35000002", "biosimilars_caqes", 31_300)]
    assert payment.excluded.to_dict("records") == [{"structure_id": "*", "reason": "not_taking_part", "patients": 3}]
    with pytest.raises(MissingError, match="run forfait count --year 2023"):
        biosimilars_inputs(sources(data, HOSPITALS), 2023)
