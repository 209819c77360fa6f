"""Cells of a frozen yearly version balanced: feasibility first, then the layer, then before and after.

Samples: in_sample, the rows that trained version and layer; out_of_fold, version and layer fitted again without each
fold of patients; out_of_time, the version and layer as they are, on a later year.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import by_name
from features.errors import InputError, MissingError
from features.scoring import Scorer, encode_frame
from features.versions import CardFeature
from training.bootstrap import bootstrap_of
from training.cells.declare import Asked, Cells, resolve
from training.cells.folded import Folded, bare, folded
from training.cells.layer import Layer, floored
from training.cells.measured import CellRow, Sample, cell_rows, feasibility_rows, fit_rows, with_folds
from training.cells.record import CellReport, Wanted
from training.cells.text import with_layer
from training.cells.unseen import Judged, UnseenRow, unseen_rows
from training.evaluation.groups import People, known_of, yearly_groupings
from training.evaluation.money import Grouping
from training.evaluation.monotone import monotone_rows
from training.evaluation.record import MonotoneRow
from training.evaluation.yearly import Version, version_of
from training.judgement import observed_of, year_to_judge
from training.population import Rows, experiment_patients, load_rows
from training.recipes import Recipe, card_features, recipe_of

UNSEEN_GROUPS = ("region", "department", "deceased", "new", "no_care", "past_quintile", "sector")
CELLS, BASE = "cells", "cells_of_version"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Balanced:
    """The report, and the version with its layer: a scorer (its card not numbered yet) and the text of its trees.

    `recipe`, `tested`, `judged` (out of time) and `population` are those that the version is registered with.
    """

    report: CellReport
    scorer: Scorer
    text: str
    recipe: Recipe
    tested: Rows
    judged: Sample
    population: pd.DataFrame


@dataclass(frozen=True)
class _Read:
    """A version with its training rows, those of the last training year, those of the year judged, what was asked."""

    one: Version
    past: Rows
    last: Rows
    tested: Rows
    year: int
    asked: Asked
    population: pd.DataFrame


def balance_version(data: Path, root: Path, wanted: Wanted, *, progress: Say | None = None) -> Balanced:
    """The report of the cells asked for, and the version balanced on those that it sees.

    Population and weights: as in training (declared doctor, outside the experiments). Errors: InputError for cells
    that nobody knows, a year that trained, a version balanced already; MissingError without the years that trained it.
    """
    say = progress or (lambda step: None)
    say("1/4 reading the years")
    read = _read(data, root, wanted)
    card = read.one.scorer.card
    say("2/4 fitting again by fold")
    apart = folded(card, read.one.recipe, read.past, rule=wanted.rule, folds=wanted.folds, progress=say)
    say("3/4 the layer, before and after")
    before = bare(read.one.scorer).predict(read.past.matrix)
    layer = apart.whole(read.asked.cells, before)
    samples = _samples(read, apart, layer, wanted)
    scorer, text = _balanced(read, layer)
    euros = (before, before + layer.of(read.past.matrix))
    feasible = feasibility_rows(read.asked.cells, apart, layer, samples[1], euros)
    say("4/4 groups that were not asked for, and those that no feature sees")
    others, missing = _others(data, read, samples[2])
    report = CellReport(
        model=wanted.model, version=wanted.version, year=read.year, asked=wanted.asked,
        fewest_patients=wanted.rule.fewest_patients, believed_gap=wanted.rule.believed_gap, cap_eur=card.cap_eur,
        folds=wanted.folds, draws=wanted.draws, seed=wanted.seed,
        feasibility=feasible, unseen=_unseen(data, read, apart, wanted),
        constant_eur=layer.constant_eur, corrections=_corrections(layer),
        is_settled=layer.is_settled, left_eur=layer.left_eur,
        cells=_before_after(read, samples, apart), others=others,
        fit=tuple(row for sample in samples for row in fit_rows(sample)),
        monotone=_proof(scorer), not_measured=missing,
    )  # fmt: skip
    return Balanced(report, scorer, text, read.one.recipe, read.tested, samples[2], read.population)


def _read(data: Path, root: Path, wanted: Wanted) -> _Read:
    one = version_of(root, wanted.model, wanted.version)
    card = one.scorer.card
    year = year_to_judge(card, wanted.year)
    if CELLS in card.parameters:
        base = card.parameters.get(BASE)
        raise InputError(f"{wanted.model} version {wanted.version} has cells already; balance version {base} instead")
    asked = resolve(wanted.asked, card.features, others=(*by_name(), *UNSEEN_GROUPS))
    for name in asked.unseen:
        _whole_catalogue(name)  # bands that are wrong are told now, not once all is fitted
    excluded = experiment_patients(data)
    if not card.training_years:
        raise MissingError(f"{wanted.model} version {wanted.version} names no training year; train it again")
    loaded = [load_rows(data, one.recipe, [known], excluded=excluded) for known in (*card.training_years, year)]
    *parts, tested = (rows for rows, _ in loaded)
    population = pd.concat([counts for _, counts in loaded], ignore_index=True)
    return _Read(one, _joined(parts), parts[-1], tested, year, asked, population)


def _joined(parts: list[Rows]) -> Rows:
    columns = zip(*((part.matrix, part.spent_eur, part.exposure, part.patients) for part in parts), strict=True)
    return Rows(parts[0].names, *(np.concatenate(column) for column in columns))


def _samples(read: _Read, apart: Folded, layer: Layer, wanted: Wanted) -> tuple[Sample, Sample, Sample]:
    """In sample, out of fold, out of time."""
    card, naked = read.one.scorer.card, bare(read.one.scorer)
    trained = observed_of(read.past, read.past, card.cap_eur)
    of_past = bootstrap_of(read.past.patients, draws=wanted.draws, seed=wanted.seed)
    of_tested = bootstrap_of(read.tested.patients, draws=wanted.draws, seed=wanted.seed)
    found = []
    for name, rows, draws in (("in_sample", read.past, of_past), ("out_of_time", read.tested, of_tested)):
        raw = naked.predict(rows.matrix)
        before, after = (floored(euros, card.floor_eur) for euros in (raw, raw + layer.of(rows.matrix)))
        found.append(Sample(name, observed_of(rows, read.past, card.cap_eur), before, after, draws))
    folds = Sample("out_of_fold", trained, apart.before, apart.after(read.asked.cells), of_past)
    return found[0], folds, found[1]


def _before_after(read: _Read, samples: tuple[Sample, ...], apart: Folded) -> tuple[CellRow, ...]:
    """Cells asked for in each sample, in the order in which they and their levels were asked."""
    rows: list[CellRow] = []
    folds = [fold.unseen for fold in apart.folds]
    for sample in samples:
        matrix = (read.tested if sample.name == "out_of_time" else read.past).matrix
        for one in read.asked.cells:
            labels = one.labels(matrix)
            told = cell_rows(sample, [Grouping(one.name, labels, True)], asked=True)
            if sample.name == "out_of_fold":
                told = tuple(with_folds(row, sample, labels == row.level, folds) for row in told)
            rows += sorted(told, key=lambda row: one.levels.index(row.level))
    return tuple(rows)


def _others(data: Path, read: _Read, sample: Sample) -> tuple[tuple[CellRow, ...], tuple[str, ...]]:
    """Groups of the report of an evaluation, out of time, but for deciles and what was asked."""
    groupings, missing = _groupings(data, read.year, read.tested, sample.before, read.one)
    asked = {one.name for one in read.asked.cells}
    kept = [one for one in groupings if one.name not in asked | {"decile"}]
    return cell_rows(sample, kept, asked=False), missing


def _groupings(
    data: Path, year: int, rows: Rows, expected: np.ndarray, one: Version
) -> tuple[tuple[Grouping, ...], tuple[str, ...]]:
    known = known_of(data, year, rows.patients)
    return yearly_groupings(data, year, People(rows.patients, known, expected, rows.exposure, rows.names))


def _unseen(data: Path, read: _Read, apart: Folded, wanted: Wanted) -> tuple[UnseenRow, ...]:
    """Levels of the groups that the model does not see, on the last training year, out of fold."""
    if not read.asked.unseen:
        return ()
    rows, card = read.last, read.one.scorer.card
    expected = apart.before[-len(rows.exposure) :]
    judged = Judged(rows.names, rows.matrix, observed_of(rows, read.past, card.cap_eur), expected, card.floor_eur)
    draws = bootstrap_of(rows.patients, draws=wanted.draws, seed=wanted.seed)
    year = card.training_years[-1]
    given = {one.name: one.labels for one in _groupings(data, year, rows, expected, read.one)[0]}
    found: list[UnseenRow] = []
    for name, lacks in read.asked.unseen.items():
        labels = given[name] if name in given else _labels(data, year, rows, name)
        found += unseen_rows(name, labels, judged, draws, lacks=lacks)
    return tuple(found)


def _labels(data: Path, year: int, rows: Rows, name: str) -> np.ndarray:
    """Levels of cells that the model does not read in full. Errors: MissingError without the dataset of a group."""
    cells = _whole_catalogue(name)
    if cells is None:
        raise MissingError(
            f"cells {name!r}: the dataset that tells them is not there for {year}; read it, or drop them"
        )
    features = _catalogue()
    known = known_of(data, year, rows.patients)[[feature.name for feature in features]]
    return cells.labels(encode_frame(features, known))


def _whole_catalogue(name: str) -> Cells | None:
    """Cells over every feature of the catalogue; None for a group that is none. Errors: InputError, as `resolve`."""
    if name in UNSEEN_GROUPS:
        return None
    return resolve(name, _catalogue()).cells[0]


def _catalogue() -> tuple[CardFeature, ...]:
    return card_features(replace(recipe_of("budget_total"), features=tuple(by_name().values())))


def _balanced(read: _Read, layer: Layer) -> tuple[Scorer, str]:
    card, text = with_layer(read.one.scorer, layer, read.past.matrix)
    return Scorer(lgb.Booster(model_str=text), card, read.one.scorer.hash), text


def _proof(scorer: Scorer) -> tuple[MonotoneRow, ...]:
    """Every tree, those of the layer included, against the directions of the catalogue."""
    features = scorer.card.features
    return monotone_rows(
        scorer.booster,
        [known.name for known in features],
        {known.name: known.monotone for known in features if known.monotone},
        labels={known.name: (known.label_fr, known.label_en) for known in features},
    )


def _corrections(layer: Layer) -> dict[str, dict[str, float]]:
    return {
        one.name: dict(zip(one.levels, euros.tolist(), strict=True))
        for one, euros in zip(layer.cells, layer.euros, strict=True)
    }
