"""The drawing of an explanation, and how French readers are given numbers."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import pytest

from serving import french
from serving.explanations import Contribution, Explanation, FamilyTotal
from serving.waterfall import waterfall_svg

SVG = "{http://www.w3.org/2000/svg}"


def explanation(count: int, floor_eur: float = 0.0) -> Explanation:
    """Contributions 1, -2, 3, -4… euros."""
    euros = [float(n if n % 2 else -n) for n in range(1, count + 1)]
    parts = [Contribution(f"f{n}", f"Libellé <{n}> & co", "ald", n, euro) for n, euro in enumerate(euros, 1)]
    total = 100.0 + sum(euros) + floor_eur
    return Explanation(total, 100.0, floor_eur, tuple(parts), (FamilyTotal("ald", "ALD", sum(euros)),))


def amounts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [group.findall(f"{SVG}text")[-1].text or "" for group in root.iter(f"{SVG}g")]


def test_twelve_largest_then_the_rest_then_the_total():
    """20 features: base, 12 bars by size, the other 8 summed (1 − 2 + 3 − 4 + 5 − 6 + 7 − 8 = −4), total."""
    drawn = amounts(waterfall_svg(explanation(20)))
    assert drawn[0] == "100,00\u00a0€"
    assert drawn[1:3] == ["−20,00\u00a0€", "+19,00\u00a0€"]
    assert drawn[13] == "−4,00\u00a0€"
    assert drawn[14] == "90,00\u00a0€"
    assert len(drawn) == 15


def test_few_features_have_no_rest():
    """3 features: base, 3 bars, total; the floor has its own bar when it binds."""
    assert len(amounts(waterfall_svg(explanation(3)))) == 5
    assert "+7,00\u00a0€" in amounts(waterfall_svg(explanation(3, floor_eur=7.0)))
    assert len(amounts(waterfall_svg(explanation(3), by_family=True))) == 3


def test_bars_stay_inside_and_join():
    """Each bar begins where the one before ends, also when euros go below zero."""
    low = Explanation(-50.0, 100.0, 0.0, (Contribution("a", "A", "ald", None, -150.0),), ())
    root = ElementTree.fromstring(waterfall_svg(low))
    width = float(root.attrib["width"])
    for bar in root.iter(f"{SVG}rect"):
        assert 0 <= float(bar.attrib["x"]) <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width
    base, drop, total = root.iter(f"{SVG}rect")
    right = [float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in (base, drop)]
    assert right[0] == pytest.approx(right[1], abs=0.2)
    assert drop.attrib["x"] == total.attrib["x"]


def test_the_drawing_can_be_read_aloud_and_runs_nothing():
    """role img, a title and a description with every amount; labels escaped; no script, small."""
    svg = waterfall_svg(explanation(20))
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert "90,00\u00a0€" in (root.findtext(f"{SVG}title") or "")
    assert all(amount in (root.findtext(f"{SVG}desc") or "") for amount in amounts(svg))
    assert "Libellé <20> & co" in (root.findtext(f"{SVG}desc") or "")
    assert "<script" not in svg and len(svg) < 10_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0,00\u00a0€"), (1234.5, "1\u202f234,50\u00a0€"), (-0.001, "0,00\u00a0€"), (-12.345, "−12,35\u00a0€")],
)
def test_euros(value: float, text: str):
    """Comma, narrow spaces, true minus, no minus before zero."""
    assert french.euros(value) == text


def test_days_and_values():
    """The first of a month is "1er"; values keep the decimals they have."""
    assert french.day(date(2024, 3, 1)) == "1er mars 2024"
    assert french.day(date(2024, 12, 31)) == "31 décembre 2024"
    assert [french.plain(v) for v in (None, 67, 3.5, 0.0, -2.0, "4", True, 1e-9, 12345.678)] == [
        "manquant", "67", "3,5", "0", "−2", "4", "oui", "0", "12\u202f345,678",
    ]  # fmt: skip
