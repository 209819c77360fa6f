"""What a decision came to, read from the recorded answer: amounts with components, targets, or expected spending."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from schemes.labels import label
from schemes.statements.document import Column, KeyFigure, Section, Table, Value
from serving.auditing.account import money
from serving.auditing.cases import Case
from serving.auditing.words import Words
from serving.batch import PARQUET
from serving.decisions.record import Decision, unpacked
from serving.decisions.recording import is_json

Result = dict[str, Any]
MOST_TABLES = 20


def result_of(decision: Decision) -> Result:
    """The answer as recorded; empty where it is a page or a table."""
    found = msgspec.json.decode(unpacked(decision.result)) if is_json(decision.result_type) else {}
    return found if isinstance(found, dict) else {}


def amounts_section(decision: Decision, result: Result, case: Case | None, words: Words) -> Section | None:
    """Components of each amount of the answer; of the episode looked at, for forfaits at admission."""
    package = str(result.get("scheme", ""))
    tables = [_components(one["structure_id"], one, package, words) for one in result.get("amounts", [])]
    tables += [_target(one, package, words) for one in result.get("targets", [])]
    tables += [_components(one["episode_id"], one, package, words) for one in _episodes(result, case)]
    tables += [_refused(result["refused"], package, words)] if result.get("refused") else []
    if not tables:
        return None
    return Section(words.say("amounts"), tables=tuple(tables[:MOST_TABLES]))


def key_amount(decision: Decision, result: Result, words: Words) -> KeyFigure | None:
    """The sum of what is paid, or of what is expected."""
    paid = [one["total_cents"] for one in result.get("amounts", [])]
    paid += [one["forfait_cents"] for one in result.get("episodes", [])]
    if paid:
        return KeyFigure(words.say("amount"), Value(words.cents(sum(paid))))
    expected = expected_of(decision, result)
    if expected:
        return KeyFigure(words.say("patients_expected"), Value(words.euros(round(sum(expected), 2))))
    return None


def expected_of(decision: Decision, result: Result) -> list[float]:
    """Expected euros of the rows of /predict and /explain; none for another route, or for a page."""
    if "expected_eur" in result:
        return list(result["expected_eur"])
    if "explanations" in result:
        return [one["expected_eur"] for one in result["explanations"]]
    if is_json(decision.result_type) or decision.result_type.startswith("text/"):
        return []
    reader = pa.BufferReader(unpacked(decision.result))
    is_parquet = decision.result_type.startswith(PARQUET)
    table = pq.read_table(reader) if is_parquet else pa.ipc.open_stream(reader).read_all()
    if "expected_eur" in table.column_names:
        return table.column("expected_eur").to_pylist()
    return table.group_by("row").aggregate([("contribution_eur", "sum")]).column("contribution_eur_sum").to_pylist()


def _episodes(result: Result, case: Case | None) -> Sequence[Result]:
    found = result.get("episodes", [])
    if case is None:
        return found
    name = case.part.beside[case.number].get("episode_id")
    return [one for one in found if one["episode_id"] == name]


def _components(name: str, one: Result, package: str, words: Words) -> Table:
    rows = tuple(
        (_label(package, step, words), step["amount_cents"], step["running_cents"]) for step in one["components"]
    )
    total = one.get("total_cents", one.get("forfait_cents"))
    columns = (
        Column("component", words.say("component")),
        Column("amount", words.say("amount"), "eur_cents", is_signed=True),
        Column("running", words.say("running"), "eur_cents"),
    )
    caption = words.say("components", name=name)
    return Table(f"components_{name}", caption, columns, (*rows, (words.say("total"), total, total)), has_total=True)


def _label(package: str, step: Result, words: Words) -> str:
    return words.set(label(package, step["component"], words.language))


def _refused(found: Sequence[Result], package: str, words: Words) -> Table:
    rows = tuple(
        (one["structure_id"], words.set(label(package, one["reason"], words.language)), one["detail"]) for one in found
    )
    columns = tuple(Column(key, words.say(key)) for key in ("structures", "reason", "detail"))
    return Table("refused", words.say("refused"), columns, rows)


def _target(one: Result, package: str, words: Words) -> Table:
    rows = tuple(
        (words.set(label(package, name, words.language)), _figure(figure)) for name, figure in one["figures"].items()
    )
    columns = (Column("item", words.say("item")), Column("value", words.say("value"), "mixed"))
    return Table(f"target_{one['structure_id']}", words.say("targets", name=one["structure_id"]), columns, rows)


def _figure(figure: Result) -> Value:
    """A figure as kept, exact text, with its unit: euros and shares as such, the rest as numbers."""
    text, unit = figure["value"], figure["unit"]
    if text is None:
        return Value(None)
    try:
        value = Decimal(text)
    except ArithmeticError:
        return Value(text)
    if unit.startswith("EUR"):
        return Value(money(float(value)), "eur")
    return Value(int(value), "eur_cents") if unit == "cents" else Value(value, "number")
