"""The twins of a version: scorecard and grid fitted to what it expects, judged on a year that neither saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.baselines import BASELINES, fit_baseline
from training.bootstrap import DRAWS, bootstrap_of
from training.evaluate import Observed
from training.evaluation.fit import rival_rows
from training.evaluation.record import RivalRow
from training.judgement import observed_of
from training.population import Rows
from training.twin.examples import typical_patients
from training.twin.fidelity import Pair, bands, fidelity_of, group_gaps, pair_of, structure_gaps
from training.twin.fit import Fitted, fit_scorecard
from training.twin.record import BeatsGrid, Cell, Example, GapRow, Twin, TwinRow
from training.twin.samples import Samples, samples_of
from training.twin.scorecard import amounts_eur, score

TERMS = 25
SCORECARD, GRID, GRID_OBSERVED, AGE_SEX = "scorecard", "grid", "grid_observed", "age_sex_mean"
GRIDS = (GRID, GRID_OBSERVED)
SHIPS, GRID_DOES, SPLIT = "ships", "grid", "split"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Grid:
    """A grid fitted to a model: its cells, and the cell (from 0) of each row of a frame by feature."""

    cells: tuple[Cell, ...]
    cell_of: Callable[[pd.DataFrame], np.ndarray]

    def amounts_eur(self, frame: pd.DataFrame) -> np.ndarray:
        """Euros of each row."""
        return np.array([cell.expected_eur for cell in self.cells])[self.cell_of(frame)]


GridFit = Callable[[pd.DataFrame, np.ndarray, np.ndarray], Grid]
"""(frame by feature, expected euros, weight), a row per person -> the grid."""


@dataclass(frozen=True)
class Asked:
    """Which version, judged on which year (default: its test year), with how many terms; draws and seed."""

    model: str
    version: int
    year: int | None = None
    terms: int = TERMS
    draws: int = DRAWS
    seed: int = 0


def make_twin(
    data: Path, root: Path, asked: Asked, *, grid: GridFit | None = None, progress: Say | None = None
) -> Twin:
    """Scorecard and grid of a version with their fidelity, and whether the model beats the grid.

    The scorecard is fitted on all training years, the grid on the last one. Errors: as `samples_of`, and those of
    `grid`.
    """
    say = progress or (lambda step: None)
    say("1/4 reading the years")
    samples = samples_of(data, root, asked.model, asked.version, asked.year)
    say("2/4 choosing the terms of the scorecard")
    fitted = fitted_scorecard(samples, asked.terms)
    say("3/4 fitting the grids")
    last = samples.last
    made = grid(last.frame(), samples.scorer.predict(last.matrix), last.exposure) if grid else None
    say("4/4 judging on the last year")
    return judged_twin(samples, fitted, made, draws=asked.draws, seed=asked.seed)


def fitted_scorecard(samples: Samples, terms: int) -> Fitted:
    """The scorecard of the samples."""
    card, rows = samples.scorer.card, samples.trained
    expected, people = samples.scorer.predict(rows.matrix), (rows.patients, rows.exposure)
    return fit_scorecard(card.features, rows.matrix, expected, people, terms=terms, floor_eur=card.floor_eur)


def judged_twin(samples: Samples, fitted: Fitted, grid: Grid | None, *, draws: int = DRAWS, seed: int = 0) -> Twin:
    """The record of a fitted scorecard and grid, judged on the tested rows."""
    card, tested = samples.scorer.card, samples.tested
    observed = observed_of(tested, samples.trained, card.cap_eur)
    expected = samples.scorer.predict(tested.matrix)
    twins = {SCORECARD: lambda rows: amounts_eur(fitted.scorecard, card.features, rows.matrix)}
    twins |= {GRID: lambda rows: grid.amounts_eur(rows.frame())} if grid else {}
    others = {name: amounts(tested) for name, amounts in twins.items()} | _baselines(samples)
    rivals = rival_rows(
        observed, {card.model: expected, **others}, bootstrap_of(tested.patients, draws=draws, seed=seed)
    )
    figures = {SCORECARD: len(fitted.scorecard.lines) + 1, GRID: len(grid.cells) if grid else 0}
    used = sorted({line.feature for line in fitted.scorecard.lines})
    known = {feature.name: feature for feature in card.features}
    return Twin(
        model=card.model, version=card.version, version_hash=samples.scorer.hash, unit=card.unit,
        title_fr=samples.recipe.title_fr, title_en=f"{card.model}, perimeter {card.perimeter}",
        year=samples.year, training_years=card.training_years, patients=len(set(tested.patients)),
        observed_eur=_mean(tested.spent_eur, observed), model_eur=_mean(expected, observed),
        cap_eur=card.cap_eur, draws=draws, seed=seed,
        labels={name: (feature.label_fr, feature.label_en) for name, feature in known.items()},
        kinds={name: feature.kind for name, feature in known.items()},
        families={name: known[name].family for name in used}, whole=_whole(samples.trained, used),
        scorecard=fitted.scorecard, path_r2=fitted.path_r2, cells=grid.cells if grid else (),
        twins=tuple(_twin_row(samples, name, amounts, figures[name]) for name, amounts in twins.items()),
        rivals=rivals, beats_grid=beats_grid(rivals), examples=_examples(samples, fitted, grid),
        not_measured=(*samples.missing, *(() if grid else (GRID,))),
    )  # fmt: skip


def beats_grid(rivals: tuple[RivalRow, ...]) -> BeatsGrid:
    """The advantage over the grids among the rivals: the least in R² and in CPM, and what follows.

    A gain is sure where the whole 95 % interval is above 0. Errors: ValueError without a grid.
    """
    grids = [row for row in rivals[1:] if row.model in GRIDS]
    if not grids:
        raise ValueError("no grid stands beside the model; fit one")
    found = {}
    for name in ("r2_gain", "cpm_gain"):
        found[name] = min((getattr(row, name) for row in grids), key=lambda gain: gain.value or 0.0)
    sure = [(gain.low or 0.0) > 0 for row in grids for gain in (row.r2_gain, row.cpm_gain) if gain is not None]
    verdict = SHIPS if all(sure) else SPLIT if any(sure) else GRID_DOES
    return BeatsGrid(verdict=verdict, against=tuple(row.model for row in grids), **found)


def _baselines(samples: Samples) -> dict[str, np.ndarray]:
    """The grid fitted to what was spent, and the mean by age and sex, on the rows that trained the model."""
    categories = [known.name for known in samples.recipe.features if known.kind == "category"]
    past, cap = samples.trained, samples.scorer.card.cap_eur
    known, unseen = past.frame(categories), samples.tested.frame(categories)
    named = {GRID_OBSERVED: "grid", AGE_SEX: AGE_SEX}
    return {
        name: fit_baseline(BASELINES[baseline], known, past.spent_eur, past.exposure, cap=cap)(unseen)
        for name, baseline in named.items()
    }


def _twin_row(samples: Samples, kind: str, amounts: Callable[[Rows], np.ndarray], figures: int) -> TwinRow:
    tested, members, predict = samples.tested, samples.members, samples.scorer.predict
    pair = pair_of(predict(tested.matrix), amounts(tested), tested.exposure, tested.patients)
    structures: tuple[GapRow, ...] = ()
    if members is not None and samples.structure is not None and len(members.patients):
        twin = amounts(members) / pair.raw_ratio  # the nation's total is made right; that of the structures may move
        own = Pair(predict(members.matrix), twin, members.exposure, members.patients, pair.raw_ratio)
        structures = structure_gaps(own, samples.structure)
    model, low, mean, high = (tuple(map(float, column)) for column in bands(pair).T)
    return TwinRow(
        kind=kind, figures=figures, fidelity=fidelity_of(pair), groups=group_gaps(pair, samples.groupings),
        structures=structures, band_model_eur=model, band_low_eur=low, band_mean_eur=mean, band_high_eur=high,
    )  # fmt: skip


def _examples(samples: Samples, fitted: Fitted, grid: Grid | None) -> tuple[Example, ...]:
    features, scorer = samples.scorer.card.features, samples.scorer
    found = []
    for name, people, values, row in typical_patients(fitted.scorecard, features, samples.trained):
        frame = pd.DataFrame(row[None, :], columns=samples.trained.names)
        cell = int(grid.cell_of(frame)[0]) if grid else None
        found.append(
            Example(
                name=name,
                group_patients=people,
                values=values,
                model_eur=float(scorer.predict(row[None, :])[0]),
                score_cents=score(fitted.scorecard, values).cents,
                grid_eur=grid.cells[cell].expected_eur if grid and cell is not None else None,
                cell=None if cell is None else cell + 1,
            )
        )
    return tuple(found)


def _whole(rows: Rows, names: Sequence[str]) -> tuple[str, ...]:
    """The features that take whole values only."""
    columns = {name: rows.matrix[:, rows.names.index(name)] for name in names}
    return tuple(name for name, values in columns.items() if not np.mod(values[~np.isnan(values)], 1).any())


def _mean(values: np.ndarray, observed: Observed) -> float:
    return float(np.average(values, weights=observed.exposure))
