"""The cards of the indicators as a page of the documentation (docs/reference/indicators.md)."""

from __future__ import annotations

from features import bricks
from features.indicators.card import Indicator
from features.indicators.catalogue import CATALOGUE, LEFT_OUT
from features.indicators.measure import UNIVERSE
from features.reference_data import reference

INTRODUCTION = f"""# Quality indicators

Generated from `features/indicators/`. Each is counted in claims by `forfait count`, for every structure, every
territory and the nation, and written in the dataset `indicators`.

Whose care counts: {UNIVERSE}; the whole year's care of a patient counts. Ages are those reached on 31 December.

An indicator that cannot be measured (a year not read, a code that the claims do not hold) has no row, and its reason
is in the provenance record; where nobody is concerned, the value is empty, never 0. Nothing is adjusted for age, sex
or morbidity.
"""
CODE_LISTS = ("avoidable_stays", "iterative_stays", "prevention_codes", "delivery_ghm")
BRICKS_INTRODUCTION = f"""
## Thematic bricks of IPSO

Dataset `bricks`, one row per patient and year, as claims known on 1 January show them: a control of the bricks that
doctors declare, not a substitute. Source: {bricks.SPECIFICATION}.

| brick | French | English | rule | what the claims cannot tell |
|---|---|---|---|---|
"""
BETTER = {"increasing": "higher is better", "decreasing": "lower is better"}


def indicators_markdown() -> str:
    """The page, as Markdown: a card per indicator, what is not measured, the bricks of IPSO, the code lists."""
    cards = "".join(_card(known) for known in CATALOGUE)
    left = "".join(f"* **{name}**: {reason}.\n" for name, reason in LEFT_OUT.items())
    lists = "".join(_code_list(name) for name in CODE_LISTS)
    return f"{INTRODUCTION}{cards}\n## Not measured\n\n{left}{_bricks()}\n## Code lists\n{lists}"


def _card(known: Indicator) -> str:
    card = known.card
    rows = {
        "French": f"{card.label_fr}. {card.definition_fr}",
        "Definition": card.definition,
        "Numerator": card.numerator,
        "Denominator": card.denominator,
        "Counted in": card.unit,
        "Direction": f"{card.direction} ({BETTER[card.direction]})",
        "Source": card.source,
        "What the claims cannot tell": card.limits,
    }
    lines = "".join(f"| {name} | {text} |\n" for name, text in rows.items())
    return f"\n## {card.label_en} (`{card.name}`)\n\n| | |\n|---|---|\n{lines}"


def _bricks() -> str:
    rows = "".join(
        f"| `{known.name}` | {known.label_fr} | {known.label_en} | {known.rule} | {known.limits} |\n"
        for known in bricks.CATALOGUE
    )
    return BRICKS_INTRODUCTION + rows


def _code_list(name: str) -> str:
    frame = reference(name)
    rows = "".join("| " + " | ".join(row) + " |\n" for row in frame.itertuples(index=False, name=None))
    head = "| " + " | ".join(frame.columns) + " |\n|" + "---|" * len(frame.columns) + "\n"
    return f"\n### {name}.csv\n\n{head}{rows}"
