"""The report of the cells as one HTML page with everything in it: what to keep in mind, picture, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features.catalogue import PAYMENT_FEATURES, by_name
from training.cells.measured import CellRow
from training.cells.picture import ratio_plot
from training.cells.record import CellReport
from training.cells.unseen import UnseenRow
from training.cells.words import cell_level, cells_name, words
from training.evaluation.money import POLICY_SIZE
from training.evaluation.page_tables import Head, Row, Table
from training.evaluation.wording import between, number, written
from training.pages import MARKS, ORDER, page_template

TEXT_COLUMNS = ("cells", "level", "verdict", "why", "mend", "sample", "measure")
PACKAGE = Path(__file__).parent
MOST_OTHERS = 60


def cells_html(report: CellReport, language: str = "fr") -> str:
    """The page in French or English: no script, nothing fetched, the same bytes for the same report.

    Errors: InputError for another language.
    """
    return page_template(PACKAGE, "cells.html").render(page=page_of(report, language), w=words(language))


def page_of(report: CellReport, language: str) -> dict[str, Any]:
    """What the template shows, in words."""
    known, year = words(language), {"year": report.year}
    named = {"model": report.model, "version": report.version, **year}
    samples = ("out_of_time", "out_of_fold", "in_sample")
    gap = known["gap_none"] if report.believed_gap is None else written(report.believed_gap, "share", language)
    method = {"gap": gap, "fewest": report.fewest_patients, "folds": report.folds, "draws": report.draws}
    return {
        "language": language,
        "subtitle": known["subtitle"].format(**named),
        "verdicts": [(status, MARKS[status], sentence) for status, sentence in sentences(report, language)],
        "plot": ratio_plot([row for row in report.cells if row.sample == "out_of_time"], language),
        "plot_means": known["plot_means"].format(**year),
        "feasibility": _feasibility(report, language),
        "unseen": _unseen(report.unseen, language),
        "samples": [
            (known[name].format(**year), _before_after([r for r in report.cells if r.sample == name], language))
            for name in samples
        ],
        "fit": _fit(report, language),
        "others": _before_after(sorted(report.others, key=_worsening)[:MOST_OTHERS], language),
        "method": known["method_text"].format(seed=report.seed, **method),
    }


def sentences(report: CellReport, language: str) -> list[tuple[str, str]]:
    """What to keep in mind: (status, sentence); what fails first."""
    known = words(language)
    left = written(report.left_eur, "EUR", language)
    settled = ("good", "v_settled") if report.is_settled else ("bad", "v_not_settled")
    found = [(settled[0], known[settled[1]].format(left=left)), *_balance(report, language), *_limits(report, language)]
    pairs, broken = (sum(getattr(row, name) for row in report.monotone) for name in ("pairs", "broken"))
    if pairs:
        counted = {"pairs": number(pairs, 0, language), "broken": number(broken, 0, language)}
        found.append(("bad" if broken else "good", known["v_broken" if broken else "v_monotone"].format(**counted)))
    return sorted(found, key=lambda one: ORDER.index(one[0]))


def _balance(report: CellReport, language: str) -> list[tuple[str, str]]:
    """Cells outside the band before and after, their mean distance to 1, the cost in fit, other groups."""
    known = words(language)
    if not report.cells:
        return []
    large = {name: _large(report.cells, name) for name in ("out_of_fold", "out_of_time")}
    tested = large["out_of_time"]
    out = {name: sum(_is_out(row, name) for row in tested) for name in ("before", "after")}
    far = {name: number(_distance(tested, f"ratio_{name}", 1.0), 4, language) for name in ("before", "after")}
    folds = {name: number(_distance(large["out_of_fold"], f"fold_{name}", 0.0), 4, language) for name in far}
    counted = {"year": report.year, "count": len(tested), **out}
    found = [("good" if not out["after"] else "doubt", known["v_band"].format(**counted))]
    told = {"time_before": far["before"], "time_after": far["after"], "year": report.year}
    found.append(("told", known["v_worst"].format(**folds, **told)))
    found.append(("told", known["v_fit"].format(**_fit_words(report, language))))
    worse = [row for row in report.others if _is_policy(row) and _is_out(row, "after") and not _is_out(row, "before")]
    names = ", ".join(f"{cells_name(r.cells, language)} : {cell_level(r.cells, r.level, language)}" for r in worse[:6])
    told_others = known["v_others"].format(count=len(worse), names=names) if worse else known["v_no_others"]
    return [*found, ("doubt" if worse else "good", told_others)]


def _limits(report: CellReport, language: str) -> list[tuple[str, str]]:
    known, rows = words(language), report.feasibility
    bounded = [row for row in rows if row.why == "direction"]
    small = [row for row in rows if row.verdict == "refused"]
    lowered = sum(row.floor_rows or 0 for row in rows if row.cells == rows[0].cells)
    unseen = ", ".join(dict.fromkeys(cells_name(row.cells, language) for row in report.unseen))
    found = []
    if bounded:
        names = ", ".join(
            f"{cells_name(r.cells, language)} : {cell_level(r.cells, r.level, language)}" for r in bounded
        )
        found.append(("doubt", known["v_bounded"].format(count=len(bounded), names=names)))
    if small:
        found.append(("told", known["v_small"].format(count=len(small), fewest=report.fewest_patients)))
    if unseen:
        found.append(("bad", known["v_unseen"].format(names=unseen)))
    return [*found, ("told", known["v_floor"].format(count=number(lowered, 0, language)))] if rows else found


def _fit_words(report: CellReport, language: str) -> dict[str, Any]:
    rows = {row.measure: row for row in report.fit if row.sample == "out_of_time"}
    found: dict[str, Any] = {"year": report.year, "cap": written(report.cap_eur, "EUR", language)}
    for name in ("r2", "cpm"):
        row = rows[name]
        ends = {"": row.change, "_low": row.low, "_high": row.high}
        found |= {f"{name}{end}": _signed(value, 4, language) for end, value in ends.items()}
    return found


def _feasibility(report: CellReport, language: str) -> Table:
    names = (
        "cells", "level", "verdict", "why", "patients", "ratio", "interval", "net", "chance", "credibility",
        "correction", "floor", "r2", "cpm",
    )  # fmt: skip
    rows = [
        Row(
            (
                cells_name(row.cells, language),
                cell_level(row.cells, row.level, language),
                words(language)[f"verdict_{row.verdict}"],
                words(language)[f"why_{row.why}"],
                number(row.patients, 0, language),
                number(row.ratio, 3, language),
                between(row.low, row.high, "ratio", language),
                written(row.net_eur, "EUR", language, signed=True),
                written(row.chance_share, "share", language),
                number(row.credibility, 2, language),
                written(row.correction_eur, "EUR", language, signed=True),
                number(row.floor_rows, 0, language),
                _signed(row.r2_change, 4, language),
                _signed(row.cpm_change, 4, language),
            ),
            row.verdict,
        )
        for row in report.feasibility
    ]
    return Table(_heads(names, language), tuple(rows))


def _unseen(rows: Iterable[UnseenRow], language: str) -> Table:
    names = ("cells", "level", "patients", "net", "net_interval", "told", "moved", "r2", "mend")
    cells = [
        Row(
            (
                cells_name(row.cells, language),
                cell_level(row.cells.split("=")[0], row.level, language),
                number(row.patients, 0, language),
                written(row.net_eur, "EUR", language, signed=True),
                between(row.net_low, row.net_high, "EUR", language),
                written(row.told_share, "share", language),
                written(row.moved_eur, "EUR", language),
                _signed(row.r2_change, 4, language),
                mend(row, language),
            )
        )
        for row in rows
    ]
    return Table(_heads(names, language), tuple(cells))


def mend(row: UnseenRow, language: str) -> str:
    """What would let the model balance a group that it does not see."""
    known, catalogue = words(language), by_name()
    if any(name in catalogue and catalogue[name] not in PAYMENT_FEATURES for name in row.lacks):
        return known["mend_past"]
    if row.lacks and all(name in catalogue for name in row.lacks):
        return known["mend_feature"].format(names=", ".join(cells_name(name, language) for name in row.lacks))
    return known["mend_none"].format(names=", ".join(cells_name(name, language) for name in row.nearest) or "–")


def _before_after(rows: Sequence[CellRow], language: str) -> Table:
    names = [
        "cells",
        "level",
        "patients",
        "before",
        "before_interval",
        "after",
        "after_interval",
        "net_before",
        "net_after",
    ]
    has_folds = any(row.fold_after is not None for row in rows)
    cells = []
    for row in rows:
        told = [
            cells_name(row.cells, language),
            cell_level(row.cells, row.level, language),
            number(row.patients, 0, language),
            number(row.ratio_before, 3, language),
            between(row.before_low, row.before_high, "ratio", language),
            number(row.ratio_after, 3, language),
            between(row.after_low, row.after_high, "ratio", language),
            written(row.net_before_eur, "EUR", language, signed=True),
            written(row.net_after_eur, "EUR", language, signed=True),
        ]
        folds = [number(value, 4, language) for value in (row.fold_before, row.fold_after)]
        cells.append(Row((*told, *(folds if has_folds else ()))))
    return Table(_heads([*names, *(("fold_before", "fold_after") if has_folds else ())], language), tuple(cells))


def _fit(report: CellReport, language: str) -> Table:
    names = ("sample", "measure", "value_before", "value_after", "change", "interval")
    cells = []
    for row in report.fit:
        digits = 2 if row.measure == "mae_eur" else 4
        ends = (" à " if language == "fr" else " to ").join(
            _signed(end, digits, language) for end in (row.low, row.high)
        )
        shown = (number(value, digits, language) for value in (row.before, row.after))
        change = _signed(row.change, digits, language)
        known = words(language)
        cells.append(Row((known[f"sample_{row.sample}"], known[f"measure_{row.measure}"], *shown, change, ends)))
    return Table(_heads(names, language), tuple(cells))


def _heads(names: Iterable[str], language: str) -> tuple[Head, ...]:
    return tuple(Head(words(language)[f"col_{name}"], name not in TEXT_COLUMNS) for name in names)


def _signed(value: float | None, digits: int, language: str) -> str:
    plus = "+" if value is not None and round(value, digits) > 0 else ""
    return plus + number(value, digits, language)


def _large(rows: Iterable[CellRow], sample: str) -> list[CellRow]:
    return [row for row in rows if row.sample == sample and _is_policy(row)]


def _is_policy(row: CellRow) -> bool:
    return row.patients is not None and row.patients >= POLICY_SIZE and row.ratio_after is not None


def _is_out(row: CellRow, when: str) -> bool:
    return (row.verdict_before if when == "before" else row.verdict_after) in ("outside", "uncertain")


def _distance(rows: Sequence[CellRow], column: str, centre: float) -> float:
    """Mean of |value − centre| over the cells."""
    values = [getattr(row, column) for row in rows]
    return float(np.mean([abs(value - centre) for value in values if value is not None])) if values else float("nan")


def _worsening(row: CellRow) -> float:
    if row.ratio_before is None or row.ratio_after is None:
        return np.inf
    return abs(row.ratio_before - 1) - abs(row.ratio_after - 1)
