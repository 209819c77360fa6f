"""Combined payments: parts with their own base, share, sign and dates, that add up to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError, MissingError, RuleError
from schemes.amounts import Amount, Walk, amounts_frame
from schemes.combined import RECOVERED, Part, combine, instalments
from schemes.labels import labels

MARCH, SEPTEMBER = date(2024, 3, 1), date(2024, 9, 1)


def amount(
    cents: int, *, structure: str = "S1", year: int = 2023, keys: tuple[str, ...] = (), **more: object
) -> Amount:
    walk = Walk()
    walk.to("base", Decimal(cents) / 100, *keys)
    return Amount(structure, "made", year, tuple(walk.components), {}, **more)  # type: ignore[arg-type]


def test_sequence_and_interessement():
    """The whole sequence, 120,000.00, and half of an intéressement of 8,000.01: 124,000.01 (half a cent up)."""
    parts = [Part("sequence", "sequence", (MARCH,)), Part("interessement", "ipep", (SEPTEMBER,), share=Decimal("0.5"))]
    combined = combine(parts, {"sequence": amount(120_000_00), "ipep": amount(8_000_01)})
    assert [(c.name, c.amount_cents, c.running_cents) for c in combined.components] == [
        ("sequence", 120_000_00, 120_000_00),
        ("interessement", 4_000_01, 124_000_01),
    ]
    assert (combined.structure_id, combined.scheme, combined.year) == ("S1", "combined", 2023)


def test_capitation_less_what_is_recovered():
    """A capitation of 100.00, and 30 % of an advance of 400.00 taken back: a balance of −20.00."""
    parts = [Part("capitation", "c", (MARCH,)), Part("recovery", "a", (MARCH,), sign=RECOVERED, share=Decimal("0.3"))]
    assert combine(parts, {"c": amount(100_00), "a": amount(400_00)}).total_cents == -20_00


def test_instalments_by_date():
    """100.01 in two instalments, the odd cent first; the quality on its own day."""
    parts = [Part("capitation", "c", (MARCH, SEPTEMBER)), Part("quality", "q", (SEPTEMBER,))]
    found = instalments(parts, {"c": amount(100_01), "q": amount(7_00)})
    assert list(found.itertuples(index=False, name=None)) == [
        ("S1", 2023, "capitation", MARCH, 50_01),
        ("S1", 2023, "capitation", SEPTEMBER, 50_00),
        ("S1", 2023, "quality", SEPTEMBER, 7_00),
    ]


def test_figures_keys_and_warnings_come_along():
    """What stands behind each base is kept: its total, its share, its dates, its rule keys and its warnings once."""
    parts = [Part("capitation", "c", (MARCH, SEPTEMBER), share=Decimal("0.25")), Part("quality", "q", (MARCH,))]
    combined = combine(parts, {"c": amount(4_00, keys=("k",), warnings=("w",)), "q": amount(1_00, warnings=("w",))})
    assert {name: figure.value for name, figure in combined.figures.items()} == {
        "capitation_base": "400", "capitation_share": "0.25", "capitation_dates": "2024-03-01, 2024-09-01",
        "quality_base": "100", "quality_share": "1", "quality_dates": "2024-03-01",
    }  # fmt: skip
    assert (combined.components[0].rule_keys, combined.warnings) == (("k",), ("w",))
    assert set(combined.figures) | {c.name for c in combined.components} <= set(labels("combined"))
    assert amounts_frame([combined])["amount_cents"].tolist() == [1_00, 1_00]


def test_a_base_is_there_and_used_once():
    """A base that was not computed, one used twice, one that nobody takes."""
    one = Part("capitation", "c", (MARCH,))
    with pytest.raises(MissingError, match="amount c is not among those computed"):
        combine([one], {})
    with pytest.raises(RuleError, match="base c is used twice"):
        combine([one, Part("quality", "c", (MARCH,))], {"c": amount(1)})
    with pytest.raises(RuleError, match="part capitation is used twice"):
        combine([one, Part("capitation", "q", (MARCH,))], {"c": amount(1), "q": amount(1)})
    with pytest.raises(RuleError, match="amount q is taken by no part"):
        combine([one], {"c": amount(1), "q": amount(1)})
    with pytest.raises(RuleError, match="has no part"):
        combine([], {})


@pytest.mark.parametrize("other", [amount(1, structure="S2"), amount(1, year=2022)])
def test_one_structure_and_year(other: Amount):
    """Amounts of two structures or two years are not one payment."""
    parts = [Part("capitation", "c", (MARCH,)), Part("quality", "q", (MARCH,))]
    with pytest.raises(InputError, match="several structures or years"):
        combine(parts, {"c": amount(1), "q": other})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sign": 0}, "sign is 0"),
        ({"share": Decimal("1.1")}, "share is 1.1"),
        ({"timing": ()}, "instalment dates"),
        ({"timing": (SEPTEMBER, MARCH)}, "in order"),
        ({"timing": (MARCH, MARCH)}, "each once"),
    ],
)
def test_a_part_is_well_formed(change: dict[str, object], message: str):
    with pytest.raises(RuleError, match=message):
        Part(**({"name": "quality", "base": "q", "timing": (MARCH,)} | change))  # type: ignore[arg-type]


PARTS = st.lists(
    st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 1000), st.sampled_from([1, -1]), st.integers(1, 12)),
    min_size=1,
    max_size=5,
)


@given(PARTS)
def test_cents_add_up(rows: list[tuple[int, int, int, int]]):
    """Components add up to the amount, instalments to their component, and no part exceeds its base."""
    parts = [
        Part(
            f"p{place}",
            f"b{place}",
            tuple(date(2024, month, 1) for month in range(1, count + 1)),
            sign,
            Decimal(share) / 1000,
        )
        for place, (_, share, sign, count) in enumerate(rows)
    ]
    amounts = {f"b{place}": amount(cents) for place, (cents, *_) in enumerate(rows)}
    combined = combine(parts, amounts)
    assert combined.total_cents == sum(c.amount_cents for c in combined.components)
    by_part = instalments(parts, amounts).groupby("part")["amount_cents"].sum()
    assert by_part.to_dict() == {c.name: c.amount_cents for c in combined.components}
    assert all(abs(c.amount_cents) <= abs(row[0]) for c, row in zip(combined.components, rows, strict=True))
