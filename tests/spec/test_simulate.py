"""Simulations: changes of inputs and rules, compared to the cent; with a payment made for the test, and real ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemes.ipso
import schemes.peps
from features.errors import InputError, RuleError
from schemes.amounts import Amount, Payment, Walk
from schemes.money import total_eur
from schemes.rulebook import Rules
from schemes.simulate import (
    changed,
    fidelisation_moves,
    fidelisation_set,
    list_grows,
    other_perimeter,
    parameter,
    patientele,
    rules_on,
    simulate,
    sweep,
    totals,
    with_parameter,
)
from tests.schemes.ipso_made import ipso_inputs, ipso_rules
from tests.schemes.peps_made import peps_inputs, peps_rules
from tests.schemes.rules_made import made_rules

YEAR = 2023


def made_pay(inputs: Mapping[str, pd.DataFrame], *, year: int, rules: Rules | Mapping[str, Rules]) -> Payment:
    """A payment made for the test: Σ expected × present as `base`, × fidelisation, less a cap per patient.

    A structure with fewer patients than min_patients is refused.
    """
    own = rules if isinstance(rules, Rules) else rules["peps"]
    amounts, refused = [], []
    for structure, rows in inputs["patients"].groupby("structure_id", sort=True):
        if len(rows) < own.whole("min_patients"):
            refused.append((structure, "too_few_patients", ""))
            continue
        walk, base = Walk(), total_eur(rows["expected_eur"] * rows["present_share"])
        inside, outside = int(rows["in_team_cents"].sum()), int(rows["outside_cents"].sum())
        walk.to("base", base)
        kept = walk.to("fidelisation", base * inside / (inside + outside))
        if own.decimal_or_none("cap_over_ffs") is not None:
            walk.to("cap", min(kept, (1 + own.decimal("cap_over_ffs")) * 100 * len(rows)), "cap_over_ffs")
        amounts.append(Amount(str(structure), "made", year, tuple(walk.components), {}))
    empty = pd.DataFrame(columns=["structure_id", "reason", "patients"])
    frame = pd.DataFrame(refused, columns=["structure_id", "reason", "detail"])
    return Payment(tuple(amounts), pd.DataFrame(), frame, empty)


def people(structure: str, count: int, *, outside: int = 25_00) -> list[dict[str, object]]:
    """Patients expected at 100, 110, … EUR, 75.00 of care in the team each."""
    return [
        {
            "structure_id": structure,
            "patient_id": f"{structure}{place:03}",
            "expected_eur": 100.0 + 10 * place,
            "in_team_cents": 75_00,
            "outside_cents": outside,
        }
        for place in range(count)
    ]


def inputs(*rows: dict[str, object]) -> dict[str, pd.DataFrame]:
    return peps_inputs(patients=list(rows) or people("S1", 10))


def rules(**overrides: str) -> Rules:
    return made_rules("peps", **{"min_patients": "5", "cap_over_ffs": "none", **overrides})


def components(frame: pd.DataFrame, column: str = "difference_cents") -> dict[str, int]:
    return dict(zip(frame["component"], frame[column], strict=True))


def test_no_change_no_difference():
    """10 patients, 1,450 EUR at 75 %: the same on both sides."""
    found = simulate(made_pay, inputs(), rules(), [], year=YEAR)
    assert components(found, "base_cents") == {"base": 1450_00, "fidelisation": -362_50}
    assert components(found, "simulated_cents") == components(found, "base_cents")
    assert found["difference_cents"].tolist() == [0, 0]
    assert set(found["base_status"]) == set(found["simulated_status"]) == {"paid"}


def test_fidelisation_is_set():
    """At 60 % instead of 75 %: 870.00 instead of 1,087.50; care in the team is as it was."""
    change = fidelisation_set("0.6")
    found = simulate(made_pay, inputs(), rules(), [change], year=YEAR)
    assert components(found) == {"base": 0, "fidelisation": -217_50}
    patients = changed(inputs(), rules(), [change])[0]["patients"]
    assert patients["in_team_cents"].sum() == 750_00
    assert patients["outside_cents"].tolist() == [50_00] * 10


def test_fidelisation_moves_by_points():
    """75 % less five points is 70 %; more than 100 % is 100 %: nothing outside."""
    rate = simulate(made_pay, inputs(), rules(), [fidelisation_moves("-0.05")], year=YEAR)
    assert components(rate, "simulated_cents")["fidelisation"] == -435_00
    above = changed(inputs(), rules(), [fidelisation_moves("0.30")])[0]["patients"]
    assert above["outside_cents"].tolist() == [0] * 10


def test_outside_cents_are_shared_as_they_were():
    """100.00 in the team at 80 %: 25.00 outside, two thirds for A as before; where nobody had any, as care inside."""
    rows = [
        {"patient_id": "A", "outside_cents": 20_00, "in_team_cents": 60_00},
        {"patient_id": "B", "outside_cents": 10_00, "in_team_cents": 40_00},
    ]
    outside = changed(inputs(*rows), rules(), [fidelisation_set("0.8")])[0]["patients"]["outside_cents"]
    assert outside.tolist() == [16_67, 8_33]
    faithful = [{**row, "outside_cents": 0} for row in rows]
    outside = changed(inputs(*faithful), rules(), [fidelisation_set("0.8")])[0]["patients"]["outside_cents"]
    assert outside.tolist() == [15_00, 10_00]


def test_fidelisation_counts_the_patientele():
    """A team on DIAB: only the diabetic's care outside is rescaled, to 75.00 for 50 %."""
    rows = [{"patient_id": "A", "is_diab": True, "in_team_cents": 75_00}, {"patient_id": "B", "outside_cents": 1_00}]
    world = {**inputs(*rows), "participations": peps_inputs(participations=[{"patientele": "DIAB"}])["participations"]}
    assert changed(world, rules(), [fidelisation_set("0.5")])[0]["patients"]["outside_cents"].tolist() == [75_00, 1_00]


def test_fidelisation_of_one_structure():
    """Only S2 moves; an unknown structure, a rate of 0, care that is all outside are refused."""
    world = inputs(*people("S1", 5), *people("S2", 5))
    found = simulate(made_pay, world, rules(), [fidelisation_set(1, structures=["S2"])], year=YEAR)
    assert totals(found)[["structure_id", "difference_cents"]].to_numpy().tolist() == [["S1", 0], ["S2", 150_00]]
    with pytest.raises(InputError, match="structure S9 has no row"):
        changed(world, rules(), [fidelisation_set(1, structures=["S9"])])
    with pytest.raises(InputError, match=r"fidelisation of 0\.0000"):
        fidelisation_set(0)
    with pytest.raises(InputError, match=r"fidelisation of -0\.0500"):
        changed(world, rules(), [fidelisation_moves("-0.80")])
    with pytest.raises(InputError, match="gives no care itself"):
        changed(inputs({"in_team_cents": 0, "outside_cents": 1}), rules(), [fidelisation_set("0.5")])
    with pytest.raises(InputError, match="hold no fidelisation"):
        changed({"boxes": pd.DataFrame()}, rules(), [fidelisation_set("0.5")])


def test_the_list_doubles():
    """100 % more: every patient twice, under a new number; every component doubles."""
    change = list_grows(1, seed=7)
    found = simulate(made_pay, inputs(), rules(), [change], year=YEAR)
    assert components(found) == components(found, "base_cents")
    patients = changed(inputs(), rules(), [change])[0]["patients"]
    assert patients["patient_id"].is_unique
    assert patients["patient_id"].tolist()[10] == "S1000~S1~1"


def test_the_list_grows_by_whole_patients():
    """15 % of 10 patients is 1.5, rounded to 2; 15 % fewer takes 2 out; −100 % is not a list."""
    for share, count in (("0.15", 12), ("-0.15", 8), ("2.5", 35), ("0.04", 10)):
        assert len(changed(inputs(), rules(), [list_grows(share, seed=1)])[0]["patients"]) == count
    with pytest.raises(InputError, match="above -1"):
        list_grows(-1, seed=1)
    with pytest.raises(InputError, match="have no list"):
        changed({"boxes": pd.DataFrame()}, rules(), [list_grows("0.1", seed=1)])


def test_the_mix_is_kept():
    """Half of the patients are diabetic, and expected spending rises by step: so do those of the patients added."""
    rows = [{**row, "is_diab": place % 2 == 0} for place, row in enumerate(people("S1", 40))]
    patients = changed(inputs(*rows), rules(), [list_grows("0.5", seed=3)])[0]["patients"]
    added = patients[patients["patient_id"].str.contains("~")]
    assert (len(added), added["is_diab"].sum()) == (20, 10)
    assert abs(added["expected_eur"].mean() - patients["expected_eur"][:40].mean()) <= 10


def test_the_seed_and_other_structures():
    """The same seed picks the same patients, whatever the other structures; another seed may pick others."""

    def picked(world: dict[str, pd.DataFrame], seed: int) -> list[str]:
        patients = changed(world, rules(), [list_grows("0.1", seed=seed)])[0]["patients"]
        return sorted(p for p in patients["patient_id"] if p.startswith("S1") and "~" in p)

    alone, both = inputs(*people("S1", 30)), inputs(*people("S2", 7), *reversed(people("S1", 30)))
    assert picked(alone, 5) == picked(both, 5)
    assert len({tuple(picked(alone, seed)) for seed in range(100)}) == 10


def test_frames_follow_the_list():
    """Declared bricks are copied with their patient; acts and shadow fee-for-service grow in proportion."""
    world = ipso_inputs([{}, {"patient_id": "B"}], declared=[{}, {"brick": "enfant"}])
    grown = changed(world, rules(), [list_grows(1, seed=1)])[0]
    assert grown["declared"]["patient_id"].tolist() == ["A", "A", "A~P1~1", "A~P1~1"]
    assert grown["reference"] is world["reference"]
    labelled_twice = {**world, "declared": world["declared"].set_axis([0, 0])}
    assert changed(labelled_twice, rules(), [list_grows(1, seed=1)])[0]["declared"].equals(grown["declared"])
    former = {"reference_ffs_cents": 100, "shadow_ffs_cents": 333, "acts_observed": 10.0, "acts_expected": None}
    world = peps_inputs(patients=people("S1", 10), fee_for_service=[former])
    row = changed(world, rules(), [list_grows("0.5", seed=1)])[0]["fee_for_service"].iloc[0]
    assert row[["reference_ffs_cents", "shadow_ffs_cents", "acts_observed"]].tolist() == [100, 500, 15.0]
    assert pd.isna(row["acts_expected"])


def test_a_parameter_changes():
    """A cap of 8 % on 100 EUR a patient: 1,080.00 instead of 1,087.50; a component that the base does not have."""
    found = simulate(made_pay, inputs(), rules(), [parameter("cap_over_ffs", "0.08")], year=YEAR)
    assert components(found) == {"base": 0, "fidelisation": 0, "cap": -7_50}
    assert components(found, "base_cents")["cap"] == 0


def test_a_changed_parameter_says_so():
    """Value, grade and source are those of a simulation, the hash is no file's; the rest is as it was."""
    before = rules()
    after = with_parameter(before, "min_patients", "300")
    assert (after.whole("min_patients"), after.parameters["min_patients"].grade) == (300, "assumed")
    assert after.parameters["min_patients"].source == f"simulation; 5 in {before.file}"
    assert after.sha256 != before.sha256
    assert {key for key in after.parameters if after.parameters[key] != before.parameters[key]} == {"min_patients"}
    assert before.whole("min_patients") == 5


def test_parameters_that_cannot_be():
    """A key that no rules have, a scheme that is not there, a value that does not fit its unit."""
    book = {"peps": rules(), "peps2": made_rules("peps2")}
    with pytest.raises(RuleError, match="parameter colour is missing"):
        with_parameter(rules(), "colour", "1")
    with pytest.raises(RuleError, match="no rules of this payment have the parameter colour"):
        changed(inputs(), book, [parameter("colour", "1")])
    with pytest.raises(RuleError, match="no rules of ipep"):
        changed(inputs(), book, [parameter("min_patients", "1", scheme="ipep")])
    with pytest.raises(RuleError, match="min_patients is 'few' in a simulation"):
        with_parameter(rules(), "min_patients", "few")
    only = changed(inputs(), book, [parameter("min_patients", "7", scheme="peps")])[1]
    assert isinstance(only, dict)
    assert (only["peps"].whole("min_patients"), only["peps2"]) == (7, book["peps2"])


def test_rules_of_another_day():
    """The cap of 27 November 2022 on a payment under the rules of before; of one scheme, of all, of one set alone."""
    before = made_rules("peps", on=date(2022, 1, 1))
    assert before.decimal_or_none("cap_over_ffs") is None
    world = inputs(*people("S1", 300))
    found = simulate(made_pay, world, {"peps": before}, [rules_on(date(2022, 12, 1))], year=2022)
    assert "cap" in components(found)
    _, single = changed(world, before, [rules_on(date(2022, 12, 1))])
    assert isinstance(single, Rules)
    assert single.decimal("cap_over_ffs") == Decimal("0.20")
    _, kept = changed(world, {"peps": before}, [rules_on(date(2022, 12, 1), schemes=["peps2"])])
    assert kept == {"peps": before}
    with pytest.raises(RuleError, match="no rule in force on 2010-01-01"):
        changed(world, before, [rules_on(date(2010, 1, 1))])


def test_another_patientele():
    """DIAB instead of TOT; what was counted on TOT to cap with is emptied, and no other structure moves."""
    former = {"reference_ffs_cents": 100, "reference_base_eur": 1.0, "acts_observed": 3.0}
    world = peps_inputs(
        participations=[{}, {"structure_id": "S2"}], fee_for_service=[former, {**former, "structure_id": "S2"}]
    )
    moved = changed(world, rules(), [patientele("DIAB", structures=["S1"])])[0]
    assert moved["participations"]["patientele"].tolist() == ["DIAB", "TOT"]
    emptied, other = (moved["fee_for_service"].iloc[row].drop("structure_id") for row in (0, 1))
    assert emptied.isna().all()
    assert other[list(former)].tolist() == list(former.values())
    with pytest.raises(InputError, match="patientele 'ALL' is unknown"):
        patientele("ALL")
    with pytest.raises(InputError, match="has no patientele"):
        changed(ipso_inputs(), rules(), [patientele("TOT")])


def test_another_perimeter():
    """The frames of the other perimeter take the place of those of the first; an unknown frame is refused."""
    nurses = {"patients": inputs()["patients"].assign(expected_eur=200.0)}
    found = simulate(made_pay, inputs(), rules(), [other_perimeter("MG_IDE", nurses)], year=YEAR)
    assert components(found, "simulated_cents")["base"] == 2000_00
    with pytest.raises(InputError, match="frame patient is not among"):
        changed(inputs(), rules(), [other_perimeter("MG_IDE", {"patient": nurses["patients"]})])


def test_who_is_no_longer_paid_is_told():
    """A gate of 6 patients refuses S1; S2, refused on both sides, has one row without amount."""
    world = inputs(*people("S1", 5), *people("S2", 4))
    found = simulate(made_pay, world, rules(), [parameter("min_patients", "6")], year=YEAR)
    assert found["component"].tolist() == ["base", "fidelisation", "not_paid"]
    assert totals(found).drop(columns="base_cents").to_numpy().tolist() == [
        ["S1", "paid", "too_few_patients", 0, -450_00],
        ["S2", "too_few_patients", "too_few_patients", 0, 0],
    ]


def test_changes_are_applied_in_order():
    """Doubled, then at 60 %: 2,900 EUR × 0.6; the inputs and rules given are not touched."""
    world, book = inputs(), rules()
    before = {name: frame.copy() for name, frame in world.items()}
    found = simulate(made_pay, world, book, [list_grows(1, seed=1), fidelisation_set("0.6")], year=YEAR)
    assert totals(found)["simulated_cents"].tolist() == [1740_00]
    assert all(world[name].equals(frame) for name, frame in before.items())


def test_sweep_of_fidelisation():
    """60, 75 and 100 %: 870.00, 1,087.50 and 1,450.00, against 1,087.50."""
    found = sweep(made_pay, inputs(), rules(), fidelisation_set, values=["0.6", 0.75, 1], year=YEAR)
    assert found.to_numpy().tolist() == [
        [0.6, "S1", 870_00, -217_50, "paid"],
        [0.75, "S1", 1087_50, 0, "paid"],
        [1.0, "S1", 1450_00, 362_50, "paid"],
    ]


def test_sweep_past_a_gate():
    """Beyond 10 patients asked, S1 is not paid: an empty amount and the reason, not 0."""
    found = sweep(made_pay, inputs(), rules(), lambda v: parameter("min_patients", str(v)), values=[10, 11], year=YEAR)
    assert found["status"].tolist() == ["paid", "too_few_patients"]
    assert found["amount_cents"].isna().tolist() == found["difference_cents"].isna().tolist() == [False, True]


def test_simulations_of_ipso():
    """From claims to declared bricks, and at full fidelisation: S = 70, τ 0.8 → 1: 14.00 more."""
    found = simulate(schemes.ipso.pay, ipso_inputs(), ipso_rules(), [fidelisation_set(1)], year=YEAR)
    assert totals(found)["difference_cents"].tolist() == [14_00]
    doubled = simulate(schemes.ipso.pay, ipso_inputs(), ipso_rules(), [list_grows(1, seed=1)], year=YEAR)
    assert totals(doubled)["difference_cents"].tolist() == totals(doubled)["base_cents"].tolist() == [56_00]


def test_simulations_of_peps():
    """One patient of 100 EUR, all care in the team: at 80 %, 80.00; on DIAB nobody is left to pay."""
    found = simulate(schemes.peps.pay, peps_inputs(), peps_rules(), [fidelisation_set("0.8")], year=YEAR)
    assert totals(found)[["base_cents", "simulated_cents"]].to_numpy().tolist() == [[100_00, 80_00]]
    refused = simulate(schemes.peps.pay, peps_inputs(), peps_rules(), [patientele("DIAB")], year=YEAR)
    assert totals(refused)["simulated_status"].tolist() == ["empty_patientele"]


WORLDS = st.lists(
    st.tuples(st.integers(1, 500_00), st.integers(0, 500_00), st.integers(0, 300_00)), min_size=5, max_size=20
)


@settings(max_examples=40, deadline=None)
@given(WORLDS, st.integers(50, 100), st.integers(-40, 150), st.randoms(use_true_random=False))
def test_sums_are_exact(rows: list[tuple[int, int, int]], rate: int, growth: int, random):
    """Differences are simulated − base and add up to the amounts; order of rows changes nothing; τ is the one set."""
    world = inputs(
        *(
            {"patient_id": f"{place:02}", "in_team_cents": kept, "outside_cents": lost, "expected_eur": eur / 100}
            for place, (kept, lost, eur) in enumerate(rows)
        )
    )
    changes = [list_grows(Decimal(growth) / 100, seed=1), fidelisation_set(Decimal(rate) / 100)]
    found = simulate(made_pay, world, rules(min_patients="1"), changes, year=YEAR)
    assert (found["difference_cents"] == found["simulated_cents"] - found["base_cents"]).all()
    other = changed(world, rules(), changes)[0]["patients"]
    again = made_pay({"patients": other}, year=YEAR, rules=rules(min_patients="1"))
    assert found["simulated_cents"].sum() == again.total_cents
    kept, lost = int(other["in_team_cents"].sum()), int(other["outside_cents"].sum())
    assert abs(lost * rate - kept * (100 - rate)) <= rate / 2
    shuffled = {**world, "patients": world["patients"].sample(frac=1, random_state=random.randrange(1000))}
    assert simulate(made_pay, shuffled, rules(min_patients="1"), changes, year=YEAR).equals(found)


@settings(max_examples=40, deadline=None)
@given(WORLDS, st.lists(st.integers(1, 100), min_size=2, max_size=5, unique=True).map(sorted))
def test_sweep_of_fidelisation_is_monotone(rows: list[tuple[int, int, int]], rates: list[int]):
    """More fidelisation never pays less than what one cent of care outside is worth."""
    world = inputs(
        *(
            {"patient_id": f"{place:02}", "in_team_cents": kept, "outside_cents": lost}
            for place, (kept, lost, _) in enumerate(rows)
        )
    )
    values = [Decimal(rate) / 100 for rate in rates]
    amounts = sweep(made_pay, world, rules(), fidelisation_set, values=values, year=YEAR)["amount_cents"].tolist()
    assert amounts == sorted(amounts)
