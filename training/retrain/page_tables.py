"""The tables of the page, in words, from the records."""

from __future__ import annotations

from collections.abc import Iterable

from training.evaluation.page_tables import Head, Row, Table
from training.evaluation.wording import DASH, between, group_name, level_name, number, written
from training.retrain.record import CompareRow, Drift, DriftRow, GateResult, ImpactRow, PairedGroup
from training.retrain.words import gate_name, gate_words, level, what, words_in

TEXTS = (
    "gate",
    "meaning",
    "status",
    "kind",
    "grade",
    "state",
    "what",
    "level",
    "measure",
    "group",
    "structure",
    "seen",
)
GATE_MARKS = {"passed": "good", "failed": "bad", "warned": "doubt", "not_measured": "bad", "not_applicable": "told"}
DRIFT_MARKS = {"ok": "good", "watch": "doubt", "alert": "bad", "masked": "told", "told": "told"}


def gate_table(gates: Iterable[GateResult], language: str) -> Table:
    """Each gate with its value, threshold, status and the source of the threshold."""
    words = words_in(language)
    rows = [
        Row(
            (
                gate_name(gate, language),
                words[f"status_{gate.status}"],
                written(gate.value, gate.unit, language),
                f"{gate.sign} {written(gate.threshold, gate.unit, language)}",
                _meaning(gate, language),
                words[f"kind_{gate.kind}"],
                f"{words[f'grade_{gate.grade}']} : {gate.source_fr if language == 'fr' else gate.source_en}",
            ),
            GATE_MARKS[gate.status],
        )
        for gate in gates
    ]
    return _table(("gate", "status", "value", "threshold", "meaning", "kind", "grade"), rows, language)


def drift_table(drift: Drift, rows: Iterable[DriftRow], language: str) -> Table:
    """Rows of drift, each with both years, the change, its interval, thresholds and status."""
    words = words_in(language)
    years = {"before": drift.before_year, "year": drift.year}
    cells = [
        Row(
            (
                what(row, language),
                words[f"state_{row.status}"],
                level(row, language),
                words[f"measure_{row.measure}"],
                _figure(row.before, row, language),
                _figure(row.after, row, language),
                _change(row, row.value, language),
                DASH if row.low is None or row.high is None else between(row.low, row.high, _unit(row), language),
                _limits(row, language),
            ),
            DRIFT_MARKS[row.status],
        )
        for row in rows
    ]
    names = ("what", "state", "level", "measure", "before", "after", "change", "interval", "limits")
    return _table(names, cells, language, **years)


def compare_table(rows: Iterable[CompareRow], language: str) -> Table:
    """Each measure of both versions, and the paired difference."""
    words = words_in(language)
    cells = [
        Row(
            (
                words[f"m_{row.name}"],
                written(row.champion, row.unit, language),
                written(row.challenger, row.unit, language),
                written(row.difference, row.unit, language, signed=True),
                between(row.low, row.high, row.unit, language),
            )
        )
        for row in rows
    ]
    return _table(("measure", "champion", "challenger", "difference", "interval"), cells, language)


def group_table(rows: Iterable[PairedGroup], language: str) -> Table:
    """Each large group under both versions."""
    words = words_in(language)
    cells = [
        Row(
            (
                group_name(row.group, language),
                level_name(row.group, row.level, language),
                words["yes" if row.is_seen else "no"],
                number(row.patients, 0, language),
                written(row.champion_net_eur, "EUR", language, signed=True),
                written(row.challenger_net_eur, "EUR", language, signed=True),
                written(row.champion_ratio, "ratio", language),
                written(row.challenger_ratio, "ratio", language),
            )
        )
        for row in rows
    ]
    names = ("champion_net", "challenger_net", "champion_ratio", "challenger_ratio")
    return _table(("group", "level", "seen", "patients", *names), cells, language)


def impact_table(rows: Iterable[ImpactRow], language: str) -> Table:
    """Each structure's total under both versions."""
    cells = [
        Row(
            (
                row.structure,
                number(row.patients, 0, language),
                written(row.champion_eur, "EUR", language),
                written(row.challenger_eur, "EUR", language),
                written(row.difference_eur, "EUR", language, signed=True),
                written(row.change, "share", language, signed=True),
                written(row.moved, "share", language, signed=True),
            )
        )
        for row in rows
    ]
    names = ("structure", "patients", "champion_eur", "challenger_eur", "difference_eur", "share", "moved")
    return _table(names, cells, language)


def _meaning(gate: GateResult, language: str) -> str:
    """What is measured; where it is not nil, what stands out."""
    meaning, named = gate.meaning_fr if language == "fr" else gate.meaning_en, gate_words(gate, language)
    return f"{meaning} ({named})" if named and gate.value else meaning


def _table(names: Iterable[str], rows: list[Row], language: str, **known: int) -> Table:
    words = words_in(language)
    return Table(tuple(Head(words[f"col_{name}"].format(**known), name not in TEXTS) for name in names), tuple(rows))


def _unit(row: DriftRow) -> str:
    """The unit of the change: relative changes and points are per cent."""
    return row.unit if row.measure in ("psi", "smd") or row.unit == "ratio" else "share"


def _figure(value: float | None, row: DriftRow, language: str) -> str:
    if value is not None and row.unit == "share" and 0 < abs(value) < 0.01:  # rare codes are all "0.1 %" else
        return number(100 * value, 3, language) + ("\u202f%" if language == "fr" else "%")
    return written(value, row.unit, language)


def _change(row: DriftRow, value: float | None, language: str) -> str:
    return written(value, _unit(row), language, signed=row.measure != "psi")


def _limits(row: DriftRow, language: str) -> str:
    if row.watch is None or row.alert is None:
        return DASH
    return f"{written(row.watch, _unit(row), language)} / {written(row.alert, _unit(row), language)}"
