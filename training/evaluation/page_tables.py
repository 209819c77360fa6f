"""The tables of the page: headings and cells in words, from the rows of the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features.catalogue import by_name
from features.episodes.catalogue import EPISODE_CATALOGUE
from training.evaluation.record import (
    CodeRow,
    CoverageRow,
    Evaluation,
    Figure,
    GroupRow,
    MonotoneRow,
    PoolRow,
    SelectionRow,
    ShiftRow,
    SizeRow,
    StructureRow,
)
from training.evaluation.wording import (
    DASH,
    between,
    group_name,
    is_french,
    level_name,
    model_name,
    number,
    texts,
    written,
)

TEXTS = ("group", "level", "verdict", "measure", "means", "model", "structure", "code", "pool", "feature", "capped")


@dataclass(frozen=True)
class Head:
    """A heading; numbers stand to the right."""

    title: str
    is_number: bool


@dataclass(frozen=True)
class Row:
    """Cells as text; `mark` is a class of the page's style."""

    cells: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to be shown."""

    heads: tuple[Head, ...]
    rows: tuple[Row, ...]


def group_table(rows: Iterable[GroupRow], language: str) -> Table:
    """Money by group."""
    names = ("group", "level", "verdict", "patients", "observed", "expected", "net", "interval", "net_total", "ratio")
    cells = [
        Row(
            (
                group_name(row.group, language),
                level_name(row.group, row.level, language),
                texts(language)[f"verdict_{row.verdict}"],
                _count(row.patients, language),
                written(row.observed_eur, "EUR", language),
                written(row.expected_eur, "EUR", language),
                written(row.net_eur, "EUR", language, signed=True),
                between(row.net_low, row.net_high, "EUR", language),
                written(row.net_total_eur, "EUR", language, signed=True),
                written(row.ratio, "ratio", language),
            ),
            row.verdict,
        )
        for row in rows
    ]
    return _table(names, cells, language)


def fit_table(fit: Iterable[Figure], language: str, *, capped: bool = True) -> Table:
    """Each measure with its interval and one sentence; without the capped R² where there is no cap."""
    words = texts(language)
    cells = [
        Row(
            (
                words[f"fit_{figure.name}"],
                written(figure.value, figure.unit, language),
                between(figure.low, figure.high, figure.unit, language),
                words[f"fit_{figure.name}_means"],
            )
        )
        for figure in fit
        if capped or figure.name != "r2_capped"
    ]
    return _table(("measure", "value", "interval", "means"), cells, language)


def rival_table(evaluation: Evaluation, language: str) -> Table:
    """This model and the others, totals made right; without the capped R² where there is no cap."""
    this, words, capped = evaluation.facts.model, texts(language), evaluation.facts.cap_eur is not None
    cells = [
        Row(
            (
                model_name(row.model, this, language),
                number(row.r2, 3, language),
                *((number(row.r2_capped, 3, language),) if capped else ()),
                number(row.cpm, 3, language),
                written(row.mae_eur, "EUR", language),
                _gain(row.r2_gain, language),
                _gain(row.cpm_gain, language),
                number(row.raw_ratio, 3, language),
            ),
            "this" if row.model == this else "",
        )
        for row in evaluation.rivals
    ]
    heads = (words["col_model"], words["fit_r2"], *((words["fit_r2_capped"],) if capped else ()), "CPM")
    rest = (words["fit_mae_eur"], words["col_r2_gain"], words["col_cpm_gain"], words["col_raw"])
    return Table(tuple(Head(title, place > 0) for place, title in enumerate((*heads, *rest))), tuple(cells))


def size_table(rows: Iterable[SizeRow], language: str) -> Table:
    """What chance does at each size."""
    names = ("size", "capped", "interval", "detectable", "credibility", "chance_pay", "coverage")
    words = texts(language)
    cells = [
        Row(
            (
                _count(row.size, language),
                words["capped_yes" if row.is_capped else "capped_no"],
                between(row.low, row.high, "ratio", language),
                written(row.detectable, "share", language),
                written(row.credibility, "share", language),
                written(row.chance_eur_per_patient, "EUR", language),
                written(row.coverage, "share", language),
            )
        )
        for row in rows
    ]
    return _table(names, cells, language)


def structure_table(rows: Iterable[StructureRow], language: str) -> Table:
    """Each structure."""
    names = ("structure", "patients", "ratio", "chance", "own", "credibility", "detectable", "chance_total")
    cells = [
        Row(
            (
                row.structure,
                _count(row.patients, language),
                written(row.ratio, "ratio", language),
                between(row.chance_low, row.chance_high, "ratio", language),
                between(row.low, row.high, "ratio", language),
                written(row.credibility, "share", language),
                written(row.detectable, "share", language),
                written(row.chance_eur, "EUR", language),
            )
        )
        for row in rows
    ]
    return _table(names, cells, language)


def coverage_table(rows: Iterable[CoverageRow], language: str) -> Table:
    """Coverage of patients' intervals."""
    cells = [
        Row(
            (
                group_name(row.group, language),
                level_name(row.group, row.level, language),
                _count(row.patients, language),
                written(row.coverage, "share", language),
                between(row.low, row.high, "share", language),
                written(row.width_eur, "EUR", language),
            )
        )
        for row in rows
    ]
    return _table(("group", "level", "patients", "coverage", "interval", "width"), cells, language)


def code_table(rows: Iterable[CodeRow], language: str) -> Table:
    """What one more code pays."""
    cells = [
        Row(
            (
                row.label_fr if is_french(language) else row.label_en,
                written(row.prevalence, "share", language),
                written(row.eur_per_code, "EUR", language, signed=True),
                written(row.lowering_share, "share", language),
            )
        )
        for row in rows
    ]
    return _table(("code", "prevalence", "eur_code", "lowering"), cells, language)


def pool_table(rows: Iterable[PoolRow], language: str) -> Table:
    """The upcoding stress."""
    cells = [
        Row(
            (
                texts(language)[f"pool_{row.pool}"],
                written(row.eur_per_code, "EUR", language, signed=True),
                written(row.growth, "share", language, signed=True),
            )
        )
        for row in rows
    ]
    return _table(("pool", "eur_code", "growth"), cells, language)


def past_table(rows: Iterable[Figure], language: str) -> Table:
    """Euros back per euro of past spending, by feature."""
    known = {one.name: one for one in EPISODE_CATALOGUE} | by_name()
    cells = [Row((_label(known, row.name, language), written(row.value, "EUR", language))) for row in rows]
    return _table(("feature", "value"), cells, language)


def selection_table(rows: Iterable[SelectionRow], language: str) -> Table:
    """What a selector gains."""
    cells = [
        Row(
            (
                written(row.kept, "share", language),
                written(row.gain_eur, "EUR", language, signed=True),
                between(row.low, row.high, "EUR", language),
                written(row.share_of_spending, "share", language),
            )
        )
        for row in rows
    ]
    return _table(("kept", "gain", "interval", "gain_share"), cells, language)


def monotone_table(rows: Iterable[MonotoneRow], language: str) -> Table:
    """The proof."""
    cells = [
        Row(
            (
                row.label_fr if is_french(language) else row.label_en,
                _count(row.pairs, language),
                _count(row.broken, language),
            )
        )
        for row in rows
    ]
    return _table(("feature", "pairs", "broken"), cells, language)


def shift_table(rows: Iterable[ShiftRow], language: str) -> Table:
    """Structures under two versions."""
    cells = [
        Row(
            (
                row.structure,
                _count(row.patients, language),
                written(row.before_eur, "EUR", language),
                written(row.after_eur, "EUR", language),
                written(row.change, "share", language, signed=True),
            )
        )
        for row in rows
    ]
    return _table(("structure", "patients", "before", "after", "change"), cells, language)


def _table(names: Sequence[str], rows: Sequence[Row], language: str) -> Table:
    words = texts(language)
    heads = tuple(Head(words[f"col_{name}"], name not in TEXTS) for name in names)
    return Table(heads, tuple(rows))


def _count(value: int | None, language: str) -> str:
    return DASH if value is None else number(float(value), 0, language)


def _gain(figure: Figure | None, language: str) -> str:
    if figure is None:
        return DASH
    ends = between(figure.low, figure.high, "1", language)
    return f"{written(figure.value, '1', language, signed=True)} ({ends})"


def _label(known: dict, name: str, language: str) -> str:
    found = known.get(name)
    return name if found is None else found.label_fr if is_french(language) else found.label_en
