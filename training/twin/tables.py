"""The tables of the twin's page, in words, and the CSV of what is published."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from training.evaluation.page_tables import Head, Row, Table
from training.evaluation.record import Figure
from training.evaluation.wording import DASH, between, group_name, level_name, number, voice_of, written
from training.twin.record import GapRow, Line, Twin
from training.twin.wording import (
    band_words,
    cell_words,
    cents_words,
    is_flag,
    label_of,
    line_words,
    points_words,
    texts,
)

FEW_CELLS = 200


def points_blocks(twin: Twin, language: str) -> list[tuple[str, Table]]:
    """What is ticked, block by block: the bands of each number under its name, then yes-or-no lines by family."""
    blocks: list[tuple[str, Table]] = []
    features = list(dict.fromkeys(line.feature for line in twin.scorecard.lines))
    plain: dict[str, list[Line]] = {}
    for feature in features:
        own = [line for line in twin.scorecard.lines if line.feature == feature]
        if all(is_flag(line) and line.is_woman is None for line in own) and feature in twin.whole:
            plain.setdefault(twin.families[feature], []).extend(own)
        else:
            blocks.append((label_of(twin, feature, language), _bands(twin, own, language)))
    named = texts(language)
    for family, lines in plain.items():
        rows = [Row((line_words(twin, line, language), *_worth(line, language))) for line in lines]
        blocks.append((named[f"family_{family}"], _points(rows, language)))
    return blocks


def cell_table(twin: Twin, language: str) -> Table:
    """The cells of the grid."""
    heads = ("cell", "age", "sex", "ald", "c2s", "comorbidity", "amount")
    rows = [
        Row((str(place), *cell_words(cell, language), cents_words(round(100 * cell.expected_eur), language)))
        for place, cell in enumerate(twin.cells[:FEW_CELLS], 1)
    ]
    return _table(heads, rows, language, ("cell", "amount"))


def fidelity_table(twin: Twin, language: str) -> Table:
    """How close each twin comes to the model."""
    heads = ("twin", "figures", "r2_model", "rank", "within5", "within10", "within20", "moved", "gap", "raw")
    rows = [
        Row(
            (
                texts(language)[f"name_{row.kind}"],
                str(row.figures),
                number(row.fidelity.r2, 3, language),
                number(row.fidelity.rank_correlation, 3, language),
                *(
                    written(value, "share", language)
                    for value in (row.fidelity.within_5, row.fidelity.within_10, row.fidelity.within_20)
                ),
                written(row.fidelity.moved_share, "share", language),
                written(row.fidelity.mean_gap_eur, "EUR", language),
                number(row.fidelity.raw_ratio, 3, language),
            )
        )
        for row in twin.twins
    ]
    return _table(heads, rows, language, heads[1:])


def rival_table(twin: Twin, language: str) -> Table:
    """Model, twins and grids against observed spending."""
    heads, words = ("model", "r2", "r2_capped", "cpm", "mae", "r2_lost", "cpm_lost"), texts(language)
    rows = [
        Row(
            (
                words["name_model" if row.model == twin.model else f"name_{row.model}"],
                number(row.r2, 3, language),
                number(row.r2_capped, 3, language),
                number(row.cpm, 3, language),
                written(row.mae_eur, "EUR", language),
                _lost(row.r2_gain, language),
                _lost(row.cpm_gain, language),
            ),
            "this" if row.model == twin.model else "",
        )
        for row in twin.rivals
    ]
    return _table(heads, rows, language, heads[1:])


def gap_table(twin: Twin, rows: Iterable[GapRow], language: str, *, is_structures: bool = False) -> Table:
    """Groups, or structures, under the model and the twin."""
    first = ("structure",) if is_structures else ("group", "level")
    heads = (*first, "patients", "model_eur", "twin_eur", "gap_eur", "gap_total", "gap_share")
    voice = voice_of(language, twin.unit)
    cells = [
        Row(
            (
                *((row.level,) if is_structures else
                  (group_name(row.group, voice), level_name(row.group, row.level, voice))),
                DASH if row.patients is None else number(row.patients, 0, language),
                written(row.model_eur, "EUR", language),
                written(row.twin_eur, "EUR", language),
                written(row.gap_eur, "EUR", language, signed=True),
                written(row.gap_total_eur, "EUR", language, signed=True),
                written(row.gap_share, "share", language, signed=True),
            )
        )
        for row in rows
    ]  # fmt: skip
    return _table(heads, cells, language, heads[len(first) :])


def points_frame(twin: Twin) -> pd.DataFrame:
    """The scorecard as a table to publish: the base and the floor first, then each line, in both languages.

    Columns: line, label_fr, label_en, feature, low (included), below (not included), category, is_woman, points_eur,
    patients, share.
    """
    card = twin.scorecard
    rows: list[dict[str, object]] = [{"line": "base", "points_eur": card.base_cents / 100}]
    if card.floor_cents is not None:
        rows.append({"line": "floor", "points_eur": card.floor_cents / 100})
    for place, line in enumerate(card.lines, 1):
        labels = {f"label_{language}": line_words(twin, line, language) for language in ("fr", "en")}
        own = {name: getattr(line, name) for name in ("feature", "low", "below", "category", "is_woman", "points_eur")}
        rows.append({"line": str(place), **labels, **own, "patients": line.patients, "share": round(line.share, 6)})
    columns = ["line", "label_fr", "label_en", "feature", "low", "below", "category", "is_woman", "points_eur"]
    return pd.DataFrame(rows, columns=[*columns, "patients", "share"])


def cells_frame(twin: Twin) -> pd.DataFrame:
    """The grid as a table to publish: bounds (both included; empty is open), people, euros."""
    rows = [
        {"cell": place, **cell.bounds, "patients": cell.patients, "expected_eur": cell.expected_eur}
        for place, cell in enumerate(twin.cells, 1)
    ]
    frame = pd.DataFrame(rows)
    return frame.astype(dict.fromkeys(twin.cells[0].bounds, "Int64") if twin.cells else {})


def _bands(twin: Twin, own: list[Line], language: str) -> Table:
    """Bands of a number or levels of a category; where the sexes differ, one column for each."""
    if all(line.is_woman is None for line in own):
        rows = [Row((band_words(twin, line, language), *_worth(line, language))) for line in own]
        return _points(rows, language)
    cuts = sorted({end for line in own for end in (line.low, line.below) if end is not None})
    rows = []
    for low, below in zip([None, *cuts], [*cuts, None], strict=True):
        band = Line(feature=own[0].feature, points_eur=0, low=low, below=below, patients=0, share=0.0)
        worth = [_in_band(own, low, is_woman) for is_woman in (True, False)]
        rows.append(Row((band_words(twin, band, language), *(points_words(points, language) for points in worth))))
    return _table(("line", "women", "men"), rows, language, ("women", "men"))


def _in_band(own: list[Line], low: float | None, is_woman: bool) -> int:
    for line in own:
        known = float("-inf") if low is None else low
        above = line.low is None or known >= line.low
        if line.is_woman in (None, is_woman) and above and (line.below is None or known < line.below):
            return line.points_eur
    return 0


def _worth(line: Line, language: str) -> tuple[str, str]:
    return points_words(line.points_eur, language), written(line.share, "share", language)


def _points(rows: list[Row], language: str) -> Table:
    return _table(("line", "points", "share"), rows, language, ("points", "share"))


def _lost(gain: Figure | None, language: str) -> str:
    if gain is None:
        return DASH
    ends = between(gain.low, gain.high, "1", language)
    return f"{written(gain.value, '1', language)} ({ends})"


def _table(names: Iterable[str], rows: list[Row], language: str, numbers: Iterable[str]) -> Table:
    words, right = texts(language), set(numbers)
    return Table(tuple(Head(words[f"col_{name}"], name in right) for name in names), tuple(rows))
