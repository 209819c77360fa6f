"""Biosimilars: V × R × t per hospital and molecule, to the cent (specs of other Article 51 models, vector 6)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError, RuleError
from schemes.amounts import Payment, amounts_frame
from schemes.biosimilars import SCHEMES, pay
from schemes.labels import labels
from schemes.rulebook import Rules, rules

CAQES_2019 = rules("biosimilars_caqes", on=date(2019, 6, 1))
ARTICLE_51_2022 = rules("biosimilars", on=date(2022, 1, 1))
MOLECULES = ("adalimumab", "etanercept", "glargine")


def hospitals(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["structure_id", "scheme", "from_date", "to_date"])
    return frame.assign(from_date=pd.to_datetime(frame["from_date"]), to_date=pd.to_datetime(frame["to_date"]))


def boxes(*rows: tuple[str, str, float, float], year: int = 2019, patients: int = 20) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["establishment_id", "molecule", "boxes", "biosimilar_boxes"])
    return frame.assign(year=year, patients=patients)


def paid(counted: pd.DataFrame, *, book: Rules = CAQES_2019, year: int = 2019, **who: str) -> Payment:
    span = {"from_date": "2018-01-01", "to_date": "2199-12-31"} | who
    names = sorted(counted["establishment_id"].unique())
    listed = hospitals(*[(name, book.scheme, span["from_date"], span["to_date"]) for name in names])
    return pay({"participations": listed, "boxes": counted}, year=year, rules=book)


def test_vector_6_national_share():
    """1,000 boxes of adalimumab, 40 % biosimilars, R 31.30 EUR (20 % of the gap): 12,520.00 EUR."""
    payment = paid(boxes(("75000001", "adalimumab", 1000, 400)))
    assert payment.total_cents == 12_520_00


def test_vector_6_article_51_share():
    """At 30 % of the same gap R is 46.95 EUR: 18,780.00 EUR."""
    in_2019 = rules("biosimilars", on=date(2019, 3, 1))
    assert {row["molecule"]: row["amount_eur"] for row in in_2019.grid("gaps")}["adalimumab"] == "46.95"
    assert paid(boxes(("75000001", "adalimumab", 1000, 400)), book=in_2019).total_cents == 18_780_00


def test_molecules_are_components_that_add_up():
    """R of 2022: 10 × 26.65 + 4 × 21.68 + 100 × 0.34, each molecule in cents, the total their sum."""
    counted = boxes(
        ("75000001", "glargine", 300, 100), ("75000001", "adalimumab", 20, 10), ("75000001", "etanercept", 4, 4),
        year=2022,
    )  # fmt: skip
    amount = paid(counted, book=ARTICLE_51_2022, year=2022).amounts[0]
    parts = {component.name: component.amount_cents for component in amount.components}
    assert parts == {"adalimumab": 266_50, "etanercept": 86_72, "glargine": 34_00}
    assert amount.total_cents == 387_22
    assert amount.figures["adalimumab_boxes"].value == "20"
    assert amount.figures["adalimumab_biosimilar_share"].value == "0.5"
    assert amount.figures["adalimumab_amount_eur"].value == "26.65"


def test_each_molecule_is_rounded_once():
    """Half boxes: 0.5 × 1.15 = 0.575 and 0.05 × 31.30 = 1.565: 0.58 and 1.57, not the 2.14 of a sum rounded once."""
    counted = boxes(("75000001", "glargine", 1, 0.5), ("75000001", "adalimumab", 1, 0.05))
    amount = paid(counted).amounts[0]
    parts = {component.name: component.amount_cents for component in amount.components}
    assert parts == {"adalimumab": 157, "glargine": 58}
    assert amount.total_cents == 215


def test_a_third_is_not_rounded_on_the_way():
    """One biosimilar of three boxes: exactly R, though t is not a finite decimal."""
    assert paid(boxes(("75000001", "etanercept", 3, 1))).total_cents == 30_00


def test_without_biosimilars_the_amount_is_zero_not_absent():
    """A hospital that prescribes references only is paid 0 EUR, and shown."""
    amount = paid(boxes(("75000001", "adalimumab", 10, 0))).amounts[0]
    assert (amount.total_cents, amount.figures["adalimumab_biosimilar_share"].value) == (0, "0")


def test_a_hospital_without_a_box_is_refused():
    """Nothing found is not 0 EUR: the hospital is named, with the reason."""
    listed = hospitals(
        ("75000001", "biosimilars_caqes", "2018-01-01", ""), ("75000002", "biosimilars_caqes", "2018-01-01", "")
    )
    counted = boxes(("75000001", "adalimumab", 10, 5))
    payment = pay({"participations": listed, "boxes": counted}, year=2019, rules=CAQES_2019)
    assert [amount.structure_id for amount in payment.amounts] == ["75000001"]
    assert payment.refused.to_dict("records") == [
        {"structure_id": "75000002", "reason": "no_boxes", "detail": f"no box of {', '.join(MOLECULES)} in 2019"}
    ]


def test_other_hospitals_are_counted_and_not_paid():
    """Patients of a hospital of another scheme are excluded, and counted."""
    listed = hospitals(("75000001", "biosimilars_caqes", "2018-01-01", ""), ("75000002", "ipep", "2018-01-01", ""))
    counted = boxes(("75000001", "adalimumab", 10, 5), ("75000002", "adalimumab", 10, 5), patients=7)
    payment = pay({"participations": listed, "boxes": counted}, year=2019, rules=CAQES_2019)
    assert [amount.structure_id for amount in payment.amounts] == ["75000001"]
    assert payment.excluded.to_dict("records") == [{"structure_id": "*", "reason": "not_taking_part", "patients": 7}]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2018-10-01", "2019-06-30", ("partial_year",)),
        ("2019-12-31", "2199-12-31", ("partial_year",)),
        ("2018-10-01", "2019-12-31", ()),
        ("2020-01-01", "2199-12-31", None),
        ("2017-01-01", "2018-12-31", None),
    ],
)
def test_participation_covers_the_year(first: str, last: str, found: tuple[str, ...] | None):
    """A day of the year is enough; a year in part is warned of; a year outside pays nothing."""
    payment = paid(boxes(("75000001", "adalimumab", 10, 5)), from_date=first, to_date=last)
    assert [amount.warnings for amount in payment.amounts] == ([] if found is None else [found])


def test_boxes_of_other_years_do_not_count():
    counted = pd.concat([boxes(("H", "adalimumab", 10, 5)), boxes(("H", "adalimumab", 90, 80), year=2018)])
    assert paid(counted).total_cents == 156_50


def test_an_unknown_molecule_is_refused():
    """Boxes of a molecule without an amount: named with the file, never paid 0."""
    with pytest.raises(RuleError, match=r"grid gaps has no amount for infliximab; it has adalimumab, etanercept"):
        paid(boxes(("75000001", "infliximab", 10, 5)))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("H", "adalimumab", 10, 11), "boxes: row 1, column biosimilar_boxes should not exceed boxes"),
        (("H", "adalimumab", -1, -1), "boxes: row 1, column boxes should be a number of 0 or more"),
        (("H", "adalimumab", 10, float("nan")), "boxes: row 1, column biosimilar_boxes should be a number"),
    ],
)
def test_bad_boxes_are_refused(row: tuple[str, str, float, float], says: str):
    with pytest.raises(InputError, match=says):
        paid(boxes(row))


def test_a_row_that_comes_twice_is_refused():
    with pytest.raises(InputError, match="row 2, column molecule repeats a row above"):
        paid(boxes(("H", "adalimumab", 10, 5), ("H", "adalimumab", 10, 5)))


def test_a_missing_input_is_named():
    with pytest.raises(InputError, match="biosimilars: the input participations is missing; it has boxes"):
        pay({"boxes": boxes()}, year=2019, rules=CAQES_2019)


def test_every_name_has_a_label():
    """Components, figures, reasons and warnings, in French and English, for every molecule of every rule file."""
    named = labels("biosimilars")
    figures = ("boxes", "biosimilar_share", "amount_eur")
    wanted = {*MOLECULES, *(f"{name}_{figure}" for name in MOLECULES for figure in figures)}
    assert set(named) == wanted | {"no_boxes", "not_taking_part", "partial_year"}
    assert all(text["fr"] and text["en"] for text in named.values())
    assert {row["molecule"] for book in (CAQES_2019, ARTICLE_51_2022) for row in book.grid("gaps")} == set(MOLECULES)
    assert {CAQES_2019.scheme, ARTICLE_51_2022.scheme} == set(SCHEMES)


COUNTS = st.tuples(st.integers(0, 5000), st.integers(0, 5000))


@settings(deadline=None)
@given(st.lists(COUNTS, min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_amounts_are_bounded_monotone_and_add_up(counts: list[tuple[int, int]], seed: int):
    """0 ≤ amount ≤ V × R; one box more of a biosimilar adds R; cents add up; the order of rows changes nothing."""
    named = enumerate(zip(MOLECULES, counts, strict=True))
    drawn = [(f"H{place % 2}", name, max(pair), min(pair)) for place, (name, pair) in named]
    counted = boxes(*drawn)
    payment = paid(counted)
    per_box = {row["molecule"]: Decimal(row["amount_eur"]) for row in CAQES_2019.grid("gaps")}
    for amount in payment.amounts:
        assert sum(component.amount_cents for component in amount.components) == amount.total_cents
    most = sum(int(per_box[name] * 100 * total) for _, name, total, _ in drawn)
    assert 0 <= payment.total_cents <= most
    more = counted.assign(boxes=counted["boxes"] + 1, biosimilar_boxes=counted["biosimilar_boxes"] + 1)
    step = int(sum(per_box.values()) * 100)
    assert paid(more).total_cents - payment.total_cents == step
    shuffled = counted.sample(frac=1, random_state=np.random.default_rng(seed))
    pd.testing.assert_frame_equal(amounts_frame(paid(shuffled).amounts), amounts_frame(payment.amounts))
