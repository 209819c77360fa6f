"""The page of a structure that is not paid: the gate that closed, what was found, what is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from schemes.statements.document import Cell, Column, Document, Section, Table
from schemes.statements.given import Given, assumed_section
from schemes.statements.wording import ABSENT, capital, texts, written

# What the schemes write of a gate: what was found, and the least that is wanted.
FOUND_WANTED = (
    re.compile(r"(?P<found>fewer than \d+|\d+); at least (?P<wanted>\d+) wanted"),
    re.compile(r"(?P<found>\d+) patients on the list; the rules ask for (?P<wanted>\d+)"),
    re.compile(r"(?P<found>[^;]+); one of (?P<wanted>.+) is wanted"),
)
FEWER = re.compile(r"fewer than (\d+)")
GATE_KEYS = {
    "too_few_patients": "min_patients", "below_min_patients": "min_patients", "too_few_gps": "min_gps",
    "too_few_nurses": "min_nurses", "too_few_professionals": "min_professionals", "legal_form": "legal_forms",
    "no_start_up_amount": "amorcage_eur",
}  # fmt: skip


class Refused(NamedTuple):
    """A gate that a structure fails: its name, and what was found and wanted, in the words of the scheme."""

    reason: str
    detail: str


def refused_of(refused: pd.DataFrame, structure_id: str) -> tuple[Refused, ...]:
    """The gates that a structure fails, by reason; rows of structure_id, reason, detail."""
    rows = refused[refused["structure_id"] == structure_id].sort_values("reason")
    return tuple(Refused(str(row["reason"]), str(row["detail"])) for row in rows.to_dict("records"))


def refusal_page(structure_id: str, given: Given, *, refused: Sequence[Refused]) -> Document:
    """Why a structure is not paid: each gate with what was found and what is wanted, and what can be done.

    Rule: spec, PEPS and IPEP, who can enter; a structure that fails a gate is named with the reason.
    """
    rows = tuple(_row(one, given) for one in refused)
    columns = (
        Column("gate", given.say("column_gate")),
        Column("found", given.say("column_found"), "mixed"),
        Column("wanted", given.say("column_wanted"), "mixed"),
    )
    scheme = given.say(f"scheme_{given.run.scheme}")
    told = given.say(
        "refusal_told" if len(rows) == 1 else "refusal_told_several", scheme=scheme, year=str(given.run.year)
    )
    gates = Table("refused", given.say("refusal_caption"), columns, rows)
    keys = [GATE_KEYS[one.reason] for one in refused if one.reason in GATE_KEYS]
    sections = (
        Section(given.say("refusal_not_paid"), (told,), tables=(gates,), is_alert=True),
        Section(given.say("refusal_next"), (given.say("refusal_next_told"),)),
        assumed_section(given, keys),
    )
    return Document(
        title=given.say("refusal_title", scheme=capital(scheme), year=str(given.run.year)),
        subtitle=given.subtitle(structure_id, state=given.say("refusal_state")),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
        is_one_page=True,
    )


def _row(one: Refused, given: Given) -> tuple[Cell, ...]:
    gate = given.name_of(one.reason)
    for pattern in FOUND_WANTED:
        if found := pattern.fullmatch(one.detail):
            return (gate, _found(found["found"], given), _wanted(found["wanted"], given))
    told, year = f"refused_{one.reason}", str(given.run.year)
    if told not in texts():
        return (gate, one.detail, ABSENT)
    return (gate, given.say(told, year=year), given.say(f"wanted_{one.reason}", year=year))


def _found(text: str, given: Given) -> str:
    if fewer := FEWER.fullmatch(text):
        return given.say("fewer_than", count=fewer[1])
    return written(int(text), "count", given.language) if text.isdigit() else text


def _wanted(text: str, given: Given) -> str:
    if text.isdigit():
        return given.say("at_least", count=written(int(text), "count", given.language))
    return given.say("one_of", names=text)
