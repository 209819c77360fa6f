"""From paid to due, one reason after the other, on a scheme that pays 10 EUR a patient-year times its rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from schemes.amounts import Amount, Payment, Walk
from schemes.ledger import DECIDED, PAID, LedgerEntry
from schemes.money import total_eur
from schemes.reconcile import Seen, balances, reconcile
from schemes.rulebook import Rules
from tests.schemes.rules_made import made_rules

EMPTY = pd.DataFrame()


def pay(inputs: Mapping[str, pd.DataFrame], rules: Mapping[str, Rules]) -> Payment:
    """expected x presence x share of care in the team x quality bonus, summed by structure."""
    amounts = []
    for structure, mine in inputs["patients"].groupby("structure_id"):
        care = mine["in_team_cents"].sum() / (mine["in_team_cents"] + mine["outside_cents"]).sum()
        bonus = rules["peps"].decimal("quality_bonus_max")
        walk = Walk()
        walk.to("base", total_eur(mine["expected_eur"] * mine["present_share"] * care) * (1 + bonus))
        amounts.append(Amount(str(structure), "peps", 2024, tuple(walk.components), {}))
    return Payment(tuple(amounts), EMPTY, EMPTY, EMPTY)


def patients(*rows: tuple[str, float, float, int, int]) -> pd.DataFrame:
    columns = ["patient_id", "present_share", "expected_eur", "in_team_cents", "outside_cents"]
    return pd.DataFrame(rows, columns=columns).assign(structure_id="STR001")


def seen(frame: pd.DataFrame, *, bonus: str = "0", version: str = "v1") -> Seen:
    return Seen({"patients": frame}, {"peps": made_rules("peps", quality_bonus_max=bonus)}, version)


def entry(kind: str, cents: int, number: int) -> LedgerEntry:
    day = date(2024, 1, 31)
    return LedgerEntry(
        kind=kind, structure_id="STR001", scheme="peps", year=2024, label=f"{number}", amount_cents=cents,
        due_on=day, recorded_on=day, by="Cnam", number=number,
    )  # fmt: skip


def reasons(frame: pd.DataFrame) -> dict[str, int]:
    return dict(zip(frame["reason"], frame["amount_cents"], strict=True))


BEFORE = patients(("A", 1.0, 100.0, 10, 0), ("B", 1.0, 50.0, 10, 0))
AFTER = patients(("A", 0.5, 120.0, 15, 5), ("C", 1.0, 80.0, 10, 0))


def test_each_reason_is_worth_what_it_changes():
    """A stayed half the year (-50), B left (-50), C came (+80), care left the team (130 x 25/30 = 108.33), A is
    expected at 120 (140 x 25/30 = 116.67), then the bonus rose from 0 to 5 %: x 1.05 = 122.50 EUR due."""
    frame = reconcile("peps", 2024, before=seen(BEFORE), after=seen(AFTER, bonus="0.05"), pay=pay, ledger=[
        entry(DECIDED, 6750, 1), entry(DECIDED, 6750, 2), entry(PAID, 6750, 1),
    ])  # fmt: skip
    assert reasons(frame) == {
        "paid": 67_50,
        "decided_not_paid": 67_50,
        "withheld": 15_00,
        "presence": -50_00,
        "patients_out": -50_00,
        "patients_in": 80_00,
        "late_claims": -21_67,
        "characteristics": 8_34,
        "participation": 0,
        "rule_change": 5_83,
    }
    assert frame["running_cents"].iloc[-1] == 122_50
    assert balances(frame).to_dict("records") == [
        {
            "structure_id": "STR001",
            "due_cents": 12250,
            "paid_cents": 6750,
            "decided_cents": 13500,
            "balance_cents": -1250,
        }
    ]


def test_another_version_is_named():
    """The same move of expectations is the model's when its version changed."""
    frame = reconcile("peps", 2024, before=seen(BEFORE), after=seen(AFTER, version="v2"), pay=pay, ledger=[])
    assert reasons(frame)["model_change"] == 8_34
    assert "characteristics" not in reasons(frame)


def test_without_a_provisional_payment():
    """All of it is one reason: nothing was computed before."""
    frame = reconcile("ipep", 2024, before=None, after=seen(BEFORE), pay=pay, ledger=[])
    assert reasons(frame) == {"paid": 0, "decided_not_paid": 0, "withheld": 0, "first_computation": 150_00}


def test_a_structure_that_is_no_longer_due_gives_back():
    """Paid 10 EUR under a list that is now empty: 10 EUR are to recover."""
    frame = reconcile("peps", 2024, before=seen(BEFORE), after=seen(AFTER.iloc[:0]), pay=pay, ledger=[
        entry(DECIDED, 1000, 1), entry(PAID, 1000, 1),
    ])  # fmt: skip
    assert balances(frame)["balance_cents"].tolist() == [-1000]


ROW = st.tuples(
    st.sampled_from("ABCDE"), st.floats(0, 1), st.floats(0, 500), st.integers(1, 10_000), st.integers(0, 10_000)
)
LISTS = st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: row[0])


@settings(deadline=None)
@given(LISTS, LISTS, st.integers(0, 10**6))
def test_reasons_add_up_to_the_cent(before: list, after: list, paid: int):
    """Whatever the lists: paid + every reason = due."""
    ledger = [entry(DECIDED, paid, 1), replace_kind(entry(DECIDED, paid, 1))]
    frame = reconcile(
        "peps", 2024, before=seen(patients(*before)), after=seen(patients(*after)), pay=pay, ledger=ledger
    )
    due = pay(seen(patients(*after)).inputs, seen(patients(*after)).rules).total_cents
    assert frame["amount_cents"].sum() == due


def replace_kind(decided: LedgerEntry) -> LedgerEntry:
    import msgspec

    return msgspec.structs.replace(decided, kind=PAID, settles=1, number=2)


def test_order_of_rows_changes_nothing():
    """Both lists shuffled: the same reasons."""
    shuffled = replace(seen(AFTER), inputs={"patients": AFTER.iloc[::-1]})
    first = reconcile("peps", 2024, before=seen(BEFORE), after=seen(AFTER), pay=pay, ledger=[])
    second = reconcile("peps", 2024, before=seen(BEFORE.iloc[::-1]), after=shuffled, pay=pay, ledger=[])
    pd.testing.assert_frame_equal(first, second)
