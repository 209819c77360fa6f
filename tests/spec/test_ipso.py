"""IPSO payment: phases, socle, fidelisation, bricks by month, envelope; by hand, to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError, MissingError, RuleError
from features.tables import BRICK_NAMES
from schemes.amounts import Payment
from schemes.ipso import pay, upcoding
from schemes.labels import labels
from schemes.runs import results
from tests.schemes.ipso_made import FOUR, Inputs, Row, ipso_inputs, ipso_rules
from tests.schemes.rules_made import made_rules

BLEND, CATEGORY, MEAN = date(2022, 1, 1), date(2023, 1, 1), date(2021, 1, 1)
ALD = {"brick": "ald", "from_date": "2020-06-16"}


def paid(inputs: Inputs, on: date = CATEGORY, **overrides: str) -> Payment:
    return pay(inputs, year=on.year, rules=ipso_rules(on, **overrides))


def components(payment: Payment) -> dict[str, int]:
    """Components of the first practice in cents, without those that are 0."""
    return {c.name: c.amount_cents for c in payment.amounts[0].components if c.amount_cents}


def counted(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    return {(row.structure_id, row.reason): row.patients for row in frame.itertuples()}


def test_mean_phase():
    """2021: 12 months at 9.82 EUR, and 20 EUR of envelope; no reference, age or brick is needed."""
    inputs = ipso_inputs([{"age_months": None, "in_team_cents": 0, "outside_cents": 0}], reference=[])
    assert components(paid(inputs, MEAN)) == {"mean_forfait": 117_84, "team_envelope": 20_00}


def test_mean_phase_by_month():
    """Two patients, 12 and 3 months: 15 × 9.82 = 147.30; envelope 20 × 15/12 = 25.00."""
    patients = [{}, {"patient_id": "B", "present_share": 0.25}]
    payment = paid(ipso_inputs(patients), MEAN)
    assert components(payment) == {"mean_forfait": 147_30, "team_envelope": 25_00}
    assert payment.forfaits["amount_cents"].tolist() == [137_84, 34_46]
    assert payment.forfaits["present_share"].tolist() == [1.0, 0.25]


def test_category_phase():
    """S = 45 (mean) + 46 (FMT with an ALD) + 5 (ROSP) = 96; × 0.8; + 30 for the brick ald."""
    payment = paid(ipso_inputs([{"ald": True}], reference=FOUR, declared=[ALD]))
    assert components(payment) == {"socle": 96_00, "fidelisation": -19_20, "brick_ald": 30_00}
    assert payment.total_cents == 106_80
    assert [c.name for c in payment.amounts[0].components] == [
        "socle", "fidelisation", *(f"brick_{name}" for name in BRICK_NAMES), "team_envelope",
    ]  # fmt: skip


def test_category_phase_without_fmt():
    """socle_includes_fmt no: 45 + 5 = 50, × 0.8 = 40; the rules of the FMT are then not wanted."""
    rules = ipso_rules(socle_includes_fmt="no")
    payment = pay(ipso_inputs(reference=FOUR), year=2023, rules={"ipso": rules["ipso"]})
    assert components(payment) == {"socle": 50_00, "fidelisation": -10_00}
    with pytest.raises(RuleError, match="give the rules of forfait_medecin_traitant"):
        pay(ipso_inputs(reference=FOUR), year=2023, rules={"ipso": ipso_rules()["ipso"]})


def test_blend():
    """2022, λ 25, 50, 75, 100 %: 62.5 % of 106.80 and 37.5 % of 12 × 9.82, plus 10 EUR of envelope.

    66.75 + 44.19 = 110.94; the step `blend` takes 106.80 there.
    """
    payment = paid(ipso_inputs([{"ald": True}], reference=FOUR, declared=[ALD]), BLEND)
    assert components(payment) == {
        "socle": 96_00, "fidelisation": -19_20, "brick_ald": 30_00, "blend": 4_14, "team_envelope": 10_00,
    }  # fmt: skip
    assert payment.amounts[0].figures["category_share"].value == "0.625"


def test_blend_by_month_present():
    """There in the fourth quarter only (λ = 1): the forfait by category alone, 3/12 of 106.80 = 26.70."""
    days = {"ald": True, "first_day": "2022-10-15", "last_day": "2022-12-31"}
    payment = paid(ipso_inputs([days], reference=FOUR, declared=[ALD]), BLEND)
    assert components(payment) == {
        "socle": 24_00, "fidelisation": -4_80, "brick_ald": 7_50, "team_envelope": 2_50,
    }  # fmt: skip


def test_fidelisation_is_the_practice_s():
    """A: 80 in of 100; B: 10 in of 200, both 40 without ALD: τ = 90 / 300 = 0.3 for each; S = 55, two of them."""
    patients = [{}, {"patient_id": "B", "in_team_cents": 1000, "outside_cents": 19_000}]
    payment = paid(ipso_inputs(patients, reference=FOUR))
    assert components(payment) == {"socle": 110_00, "fidelisation": -77_00}
    assert payment.amounts[0].figures["fidelisation_rate"].value == "0.3"


def test_fidelisation_by_patient():
    """Level patient, κ = 60: A (80 + 18) / 160 = 0.6125, B (10 + 18) / 260; S = 55: 33.6875 + 5.92… = 39.61."""
    patients = [{}, {"patient_id": "B", "in_team_cents": 1000, "outside_cents": 19_000}]
    payment = paid(ipso_inputs(patients, reference=FOUR), fidelisation_level="patient", fidelisation_shrinkage_eur="60")
    assert payment.forfaits["amount_cents"].tolist() == [33_69, 5_92]


def test_bricks_are_paid_by_month_declared():
    """Declared from 20 March to 2 June: four months of 30 EUR a year."""
    spell = {"from_date": "2023-03-20", "to_date": "2023-06-02"}
    inputs = ipso_inputs(reference=FOUR, declared=[spell, {**spell, "from_date": "2023-05-01"}])
    assert components(paid(inputs))["brick_ald"] == 10_00


def test_bricks_declared_or_claimed():
    """bricks_from says which pays; the figures show the total on each: 44.00, with 30.00 more where ald counts."""
    inputs = ipso_inputs(reference=FOUR, declared=[ALD])
    for source, brick in {"declared": 30_00, "claims": 0}.items():
        payment = paid(inputs, bricks_from=source)
        assert components(payment).get("brick_ald", 0) == brick
        figures = payment.amounts[0].figures
        assert [figures[f"total_on_{on}"].value for on in ("declared", "claims", "both")] == ["7400", "4400", "4400"]
    with pytest.raises(RuleError, match="bricks_from is 'guesses'"):
        paid(inputs, bricks_from="guesses")


def test_fmt_cells_and_supplements():
    """FMT 2026, no care outside: not seen 5, C2S + 10, two indicators + 10; 45 + 5 of ROSP; nothing unmeasured."""
    fmt = made_rules("forfait_medecin_traitant", on=date(2026, 1, 1))
    rules = {"ipso": ipso_rules()["ipso"], "forfait_medecin_traitant": fmt}
    seen = {"is_seen": True, "c2s": False, "prevention_indicators": 0, "outside_cents": 0}
    patients = [
        {**seen, "patient_id": "A", "ald": True},
        {**seen, "patient_id": "B", "ald": True, "is_seen": False},
        {**seen, "patient_id": "C", "c2s": True, "prevention_indicators": 2},
    ]
    payment = pay(ipso_inputs(patients, reference=FOUR), year=2023, rules=rules)
    assert payment.forfaits["amount_cents"].tolist() == [(50 + 55) * 100, (50 + 5) * 100, (50 + 5 + 10 + 10) * 100]
    assert not [text for text in payment.amounts[0].warnings if text.startswith("fmt_")]
    bare = pay(ipso_inputs(reference=FOUR), year=2023, rules=rules)
    assert [text for text in bare.amounts[0].warnings if text.startswith("fmt_")] == [
        "fmt_not_seen_not_measured", "fmt_c2s_not_measured", "fmt_prevention_not_measured",
    ]  # fmt: skip


def test_monthly_mean_is_checked():
    """Bounds of 8 and 22 EUR: 44.00 a year is below; 9.82 a month is within; a mean of 25 is above."""
    assert "mean_month_below_sanity" in paid(ipso_inputs(reference=FOUR)).amounts[0].warnings
    assert paid(ipso_inputs(), MEAN).amounts[0].warnings == ()
    assert paid(ipso_inputs(), MEAN, mean_month_eur="25").amounts[0].warnings == ("mean_month_above_sanity",)


def test_a_brick_without_price_is_warned():
    """Handicap is declared and nobody in the reference has it: paid nothing, and said."""
    payment = paid(ipso_inputs(reference=FOUR, declared=[{**ALD, "brick": "handicap"}]))
    assert "brick_without_price" in payment.amounts[0].warnings
    assert payment.amounts[0].figures["price_handicap"].value == ""
    assert "no_brick_declared" in paid(ipso_inputs(reference=FOUR)).amounts[0].warnings


def test_exclusions_are_counted():
    """Each patient left out has one reason; declarations of people not on the list are counted too."""
    patients = [
        {},
        {"patient_id": "B", "age_months": None},
        {"patient_id": "C", "ald": None},
        {"patient_id": "D", "sex": 2},
        {"patient_id": "E", "present_share": 0.0},
        {"patient_id": "F", "structure_id": "P9"},
        {"patient_id": "G", "sex": None},
    ]
    declared = [{"patient_id": "Z"}, {"patient_id": "Z", "brick": "enfant"}, {"patient_id": "Y"}]
    payment = paid(ipso_inputs(patients, reference=FOUR, declared=declared))
    assert counted(payment.excluded) == {
        ("P1", "declared_not_on_list"): 2,
        ("P1", "no_age_or_sex"): 2,
        ("P1", "no_bricks_known"): 1,
        ("P1", "no_reference_cell"): 1,
        ("P1", "not_present"): 1,
        ("P9", "structure_not_in_scheme"): 1,
    }
    assert payment.forfaits["patient_id"].tolist() == ["A"]


def test_contracts_are_counted():
    """B signed nothing; a contract of Z, who is not on the list, is counted."""
    inputs = ipso_inputs([{}, {"patient_id": "B"}], reference=FOUR)
    inputs["contracts"] = pd.DataFrame(
        [("P1", who, "2022-01-01", "") for who in "AZ"], columns=["structure_id", "patient_id", "from_date", "to_date"]
    )
    assert counted(paid(inputs).excluded) == {("P1", "no_contract"): 1, ("P1", "contract_not_on_list"): 1}


def test_a_patient_in_two_practices_is_paid_once():
    """P1 and P2 both list A all year: P1 is paid, P2 has nobody to pay; the practice that shares is warned."""
    practices = [{}, {"structure_id": "P2"}]
    payment = paid(ipso_inputs([{}, {"structure_id": "P2"}], reference=FOUR, participations=practices))
    assert [amount.structure_id for amount in payment.amounts] == ["P1"]
    assert "patients_in_two_practices" in payment.amounts[0].warnings
    assert counted(payment.excluded) == {("P2", "paid_in_another_practice"): 1}
    assert payment.refused.to_dict("records") == [
        {"structure_id": "P2", "reason": "empty_patientele", "detail": "nobody to pay in 2023"}
    ]


def test_refusals():
    """P1 had no care to measure, P2 lists nobody; P3 left in 2022 and is not there at all."""
    practices = [{}, {"structure_id": "P2"}, {"structure_id": "P3", "to_date": "2022-12-31"}]
    inputs = ipso_inputs([{"in_team_cents": 0, "outside_cents": 0}], reference=FOUR, participations=practices)
    payment = paid(inputs)
    assert payment.amounts == ()
    assert list(payment.refused[["structure_id", "reason"]].itertuples(index=False, name=None)) == [
        ("P1", "no_care_measured"), ("P2", "empty_patientele"),
    ]  # fmt: skip
    assert counted(payment.excluded) == {("P1", "structure_refused"): 1}
    results(payment)


@pytest.mark.parametrize(
    ("frame", "row", "message"),
    [
        ("patients", {"in_team_cents": -1}, "patients: column in_team_cents, row 1: should be 0 or more"),
        ("patients", {"present_share": 1.2}, "patients: column present_share, row 1: should be 0 to 1"),
        ("patients", {"patient_id": None}, "patients: column patient_id, row 1: should be filled"),
        ("declared", {"to_date": "2019-12-31"}, "declared: column to_date, row 1: should be on or after from_date"),
        ("declared", {"from_date": ""}, "declared: column from_date, row 1: should be a day"),
        ("declared", {"from_date": "soon"}, "declared: column from_date, row 1: should be a day"),
        ("declared", {"brick": "brique"}, "declared: column brick, row 1: should be one of nourrisson"),
        ("reference", {"weight": 0.0}, "reference: column weight, row 1: should be above 0"),
        ("reference", {"observed_eur": float("nan")}, "reference: column observed_eur, row 1: should be 0 or more"),
        ("participations", {"to_date": "2019-01-01"}, "participations: column to_date, row 1"),
    ],
)
def test_a_bad_row_is_refused(frame: str, row: Row, message: str):
    """Frame, column and row are named; no patient is."""
    rows: dict[str, list[Row]] = {"patients": [{}], frame: [row]}
    with pytest.raises(InputError, match=message):
        paid(ipso_inputs(rows.pop("patients"), **rows))


def test_a_patient_twice_is_refused():
    """Two rows of one patient and practice."""
    with pytest.raises(InputError, match="patients: column patient_id, row 2: should be found once"):
        paid(ipso_inputs([{}, {}]))


def test_missing_frames_columns_and_rules():
    """A frame, a column, the scheme's own rules, a phase that does not exist."""
    inputs = ipso_inputs()
    with pytest.raises(MissingError, match="needs the frame reference"):
        paid({name: frame for name, frame in inputs.items() if name != "reference"})
    with pytest.raises(InputError, match="patients: column sex, handicap is missing"):
        paid({**inputs, "patients": inputs["patients"].drop(columns=["sex", "handicap"])})
    with pytest.raises(RuleError, match="no rules were given"):
        pay(inputs, year=2023, rules={})
    with pytest.raises(RuleError, match="phase is 'free'"):
        paid(inputs, phase="free")


def test_every_name_has_a_label():
    """Components, figures, warnings, reasons and columns of the control, in French and English."""
    fmt = made_rules("forfait_medecin_traitant", on=date(2026, 1, 1))
    rules = {"ipso": ipso_rules(BLEND)["ipso"], "forfait_medecin_traitant": fmt}
    amounts = [
        *pay(ipso_inputs(reference=FOUR), year=2022, rules=rules).amounts,
        *paid(ipso_inputs(), MEAN, mean_month_eur="25").amounts,
    ]
    names = {c.name for amount in amounts for c in amount.components}
    names |= {name for amount in amounts for name in amount.figures}
    names |= {text for amount in amounts for text in amount.warnings} | set(BRICK_NAMES)
    names |= {
        "brick_without_price", "patients_in_two_practices", "empty_patientele", "no_care_measured", "not_present",
        "structure_not_in_scheme", "no_contract", "contract_not_on_list", "declared_not_on_list", "no_age_or_sex",
        "structure_refused", "paid_in_another_practice", "no_bricks_known", "no_reference_cell",
    }  # fmt: skip
    names |= set(upcoding(ipso_inputs(reference=FOUR), year=2022, rules=rules).columns) - {"structure_id"}
    known = labels("ipso")
    assert names - set(known) == set()
    assert [name for name, texts in known.items() if not (texts["fr"] and texts["en"])] == []


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "present_share": st.integers(1, 12).map(lambda months: months / 12),
            "in_team_cents": st.integers(1, 50_000),
            "outside_cents": st.integers(0, 50_000),
            **dict.fromkeys(("ald", "handicap", "enfant"), st.booleans()),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(
    PEOPLE,
    st.sampled_from([MEAN, BLEND, CATEGORY]),
    st.sampled_from(["team", "patient"]),
    st.randoms(use_true_random=False),
)
def test_properties_of_a_payment(people: list[Row], on: date, level: str, random):
    """Cents of components and of patients add up; the socle never grows by fidelisation; order changes no byte."""
    patients = [{**row, "patient_id": f"{place:02}"} for place, row in enumerate(people)]
    declared = [{"patient_id": row["patient_id"], "brick": "ald"} for row in patients[::2]]
    inputs = ipso_inputs(patients, reference=FOUR, declared=declared)
    payment = paid(inputs, on, fidelisation_level=level)
    (amount,) = payment.amounts
    assert (
        sum(c.amount_cents for c in amount.components) == amount.total_cents == payment.forfaits["amount_cents"].sum()
    )
    assert (payment.forfaits["amount_cents"] >= 0).all()
    assert components(payment).get("fidelisation", 0) <= 0
    shuffled = {
        name: frame.sample(frac=1, random_state=random.randrange(1000)).reset_index(drop=True)
        for name, frame in inputs.items()
    }
    assert results(paid(shuffled, on, fidelisation_level=level)) == results(payment)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20_000), st.integers(1, 20_000))
def test_more_outside_care_never_pays_more(outside: int, more: int):
    """τ falls with care outside, and so does the forfait by category; the blend lies between mean and category."""
    low, high = (
        paid(ipso_inputs([{"outside_cents": cents}], reference=FOUR)).total_cents for cents in (outside + more, outside)
    )
    assert low <= high
    inputs = ipso_inputs([{"outside_cents": outside}], reference=FOUR)
    blend = paid(inputs, BLEND, team_envelope_eur_per_patient="0").total_cents
    assert min(high, 117_84) <= blend <= max(high, 117_84)


def test_prices_are_those_of_the_balance():
    """The figures show the price paid and the factor: 30 EUR and 0.75."""
    figures = paid(ipso_inputs(reference=FOUR, declared=[ALD])).amounts[0].figures
    assert (Decimal(figures["price_ald"].value), figures["balance"].value) == (30, "0.75")
    assert [figures[f"socle_{part}"].value for part in ("consumption", "fmt", "rosp")] == ["45", "5", "5"]
    assert (figures["patients_ald"].value, figures["patients_enfant"].value) == ("1", "0")
