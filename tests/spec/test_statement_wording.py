"""Words and numbers of pages: both languages complete, nothing idle, euros as readers write them."""

from __future__ import annotations

import ast
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from string import Formatter

import pytest
import yaml

from schemes.reconcile import REASONS
from schemes.rulebook import RULES
from schemes.statements.document import Masked, Value
from schemes.statements.wording import decimals_of, often, texts, written
from serving import french

ROOT = Path(__file__).parents[2]
PAIR = ("refused", "wanted")
FOLDERS = ("schemes/statements", "forfait/documents", "serving/documents")
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.py"))]
# Texts of the values of a claim: the code names them by dimension and value.
OF_CLAIMS = ("specialty_", "performer_", "pathway_", "month_", "weekday_", "distance_", "neutralised_")


def rule_files() -> list[Path]:
    return sorted(path for path in RULES.rglob("*.yaml") if path.name != "keys.yaml")


def patterns() -> tuple[set[str], list[str]]:
    """Texts written whole in the code, and those with places to fill, as regular expressions."""
    whole, filled = set(), []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in node.values]
                if isinstance(node.values[0], ast.Constant):
                    filled.append("".join(parts))
    return whole, filled


def test_every_text_is_in_both_languages():
    assert [key for key, text in texts().items() if not text["fr"].strip() or not text["en"].strip()] == [
        key for key in texts() if key.startswith("unit_") and not texts()[key]["fr"]
    ]


def test_both_languages_fill_the_same_places():
    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    assert [key for key, text in texts().items() if places(text["fr"]) != places(text["en"])] == []


def test_no_text_is_idle():
    whole, filled = patterns()
    idle = [
        key
        for key in texts()
        if key not in whole
        and not key.startswith(OF_CLAIMS)
        and not any(re.fullmatch(pattern, key) for pattern in filled)
    ]
    assert idle == []


def test_every_text_asked_for_is_there():
    """Keys given to `say` as they stand."""
    asked = {
        node.args[0].value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        if getattr(node.func, "attr", getattr(node.func, "id", "")) == "say"
    }
    assert sorted(asked - set(texts())) == []


def test_every_parameter_of_the_rules_has_words():
    named = set()
    for path in sorted(RULES.glob("*/keys.yaml")):
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
        named |= set(keys.get("parameters", {})) | set(keys.get("grids") or {})
    assert sorted(name for name in named if f"rule_{name}" not in texts()) == []
    assert sorted(key for key in texts() if key.startswith("rule_") and key[5:] not in named) == []


def test_every_assumption_of_the_rules_is_told_in_french():
    """A French page explains an assumed value in French; a new rule file brings its sentence to texts.csv."""
    told = set()
    for path in rule_files():
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [*content["parameters"].values(), *(content.get("grids") or {}).values()]
        told |= {entry["source"] for entry in entries if entry["grade"] == "assumed"}
    assert sorted(source for source in told if f"source_{source}" not in texts()) == []
    assert sorted(key for key in texts() if key.startswith("source_") and key[7:] not in told) == []


def test_what_a_source_says_is_told_in_both_languages():
    """Sources with a title name a document; what follows the comma says what it says there."""
    said = set()
    for path in rule_files():
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [*content["parameters"].values(), *(content.get("grids") or {}).values()]
        parts = [entry["source"].partition(",") for entry in entries if entry["grade"] != "text"]
        said |= {rest.strip() for name, _, rest in parts if name.strip() in content.get("sources", {}) and rest}
    assert sorted(text for text in said if f"part_{text}" not in texts()) == []
    assert sorted(key for key in texts() if key.startswith("part_") and key[5:] not in said) == []


def test_every_reason_of_a_reconciliation_has_words():
    assert [reason for reason in REASONS if f"reason_{reason}" not in texts()] == []
    assert [reason for reason in REASONS[1:] if f"why_{reason}" not in texts()] == []


def test_what_was_found_comes_with_what_is_wanted():
    found, wanted = ({key.partition("_")[2] for key in texts() if key.startswith(f"{part}_")} for part in PAIR)
    assert found == wanted


@pytest.mark.parametrize(
    ("value", "told"),
    [("0.1359", "14 fois sur 100"), ("0.004", "moins d'une fois sur 100"), ("0", "0 fois sur 100"), (None, "–")],
)
def test_a_probability_is_told_as_times_in_a_hundred(value: str | None, told: str):
    assert often(None if value is None else Decimal(value), "fr") == told


@pytest.mark.parametrize(
    ("cell", "kind", "fr", "en"),
    [
        (123450, "eur_cents", "1\u202f234,50\u00a0€", "€1,234.50"),
        (-5, "eur_cents", "−0,05\u00a0€", "−€0.05"),
        (0, "eur_cents", "0,00\u00a0€", "€0.00"),
        (Decimal("0.8125"), "share", "81,3\u00a0%", "81.3%"),
        (3823, "count", "3\u202f823", "3,823"),
        (Decimal("1.013204512"), "number", "1,0132", "1.0132"),
        (date(2024, 3, 1), "date", "1er mars 2024", "1 March 2024"),
        (Masked.SMALL, "count", "s", "s"),
        (None, "eur_cents", "–", "–"),
        (Value(Decimal("8.3930"), "number", "points"), "mixed", "8,39\u00a0points", "8.39\u00a0points"),
        (Decimal("65314.94"), "eur_whole", "65\u202f315\u00a0€", "€65,315"),
        (Value(Decimal("93.763"), "eur", "par an"), "mixed", "93,76\u00a0€\u00a0par an", "€93.76\u00a0par an"),
    ],
)
def test_cells_as_readers_write_them(cell: object, kind: str, fr: str, en: str):
    assert (written(cell, kind, "fr"), written(cell, kind, "en")) == (fr, en)


def test_what_is_added_has_its_sign():
    assert written(600_000, "eur_cents", "fr", signed=True) == "+6\u202f000,00\u00a0€"
    assert written(0, "eur_cents", "fr", signed=True) == "0,00\u00a0€"
    assert written(Decimal("0.1"), "share", "fr", signed=True) == "+10,0\u00a0%"


def test_numbers_of_a_column_have_as_many_decimals_as_one_another():
    assert decimals_of([Decimal("955.8"), Decimal("20"), None, Masked.SMALL]) == 1
    assert written(Decimal("20"), "number", "fr", decimals=1) == "20,0"


@pytest.mark.parametrize("value", [0.0, 0.004, -0.004, 1234.5, -98765.43, 1e6])
def test_euros_are_written_as_the_service_writes_them(value: float):
    assert written(Decimal(repr(value)), "eur", "fr", signed=True) == french.euros(value, signed=True)
