"""From frames to an evaluation: the same figures for a yearly model and for one of episodes.

A model is evaluated from what was observed and expected of the same rows, with a weight, the person behind each row
and groups. What needs the model itself (codes, proof, stability) is measured beside and given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import pandas as pd

from training.bootstrap import DRAWS, Bootstrap, bootstrap_of
from training.evaluate import Observed
from training.evaluation.chance import reference_of
from training.evaluation.conformal import coverage_rows, patient_intervals
from training.evaluation.diagrams import diagrams_of
from training.evaluation.fit import fit_figures, right_total, rival_rows
from training.evaluation.money import Grouping, group_rows
from training.evaluation.record import (
    CoverageRow,
    Diagrams,
    Evaluation,
    Facts,
    Figure,
    Incentives,
    OracleRow,
    SizeRow,
    Stability,
    StructureRow,
)
from training.evaluation.selection import selection_rows
from training.evaluation.simulated import SIZES, size_rows
from training.evaluation.structures import ASSUMED_BETWEEN_SD, structure_rows
from training.evaluation.verdicts import verdicts_of

SHARED_SHARE = 0.5
MEMBERS = ("structure_id", "patient_id", "weight", "spent_eur", "expected_eur")
INTERVAL_GROUPS = (
    "decile", "age_sex", "ald", "c2s", "ame", "fdep", "ald_c2s_old", "deceased", "new", "no_care",
    "charlson", "lives_alone", "sector",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What is evaluated, row by row, of a year that training has not seen; of its patients most were there before.

    observed: euros, weight and person of each row; expected: euros expected; groupings: see `money`; rivals: expected
    euros of other models on the same rows; known: what a patient's interval may depend on besides expected euros
    (n, columns); hidden: numbers that the model lacks, for the cream-skimming score; members: patients of structures
    (columns `MEMBERS`, euros annual, expected as the model gives it).
    """

    observed: Observed
    expected: np.ndarray
    groupings: tuple[Grouping, ...] = ()
    rivals: Mapping[str, np.ndarray] = field(default_factory=dict)
    known: np.ndarray | None = None
    hidden: pd.DataFrame | None = None
    members: pd.DataFrame | None = None


@dataclass(frozen=True)
class Effort:
    """How much is drawn: bootstrap draws, simulated structures per size, sizes (None: those usual for the unit), seed;
    share of a saving that a floored incentive pays."""

    draws: int = DRAWS
    simulated: int = 400
    sizes: tuple[int, ...] | None = None
    seed: int = 0
    shared: float = SHARED_SHARE


@dataclass(frozen=True)
class Beside:
    """What was measured on the model itself: figures of fit of its own, incentives, stability, oracle.

    `is_payment`: past spending must pay 0.
    """

    fit: tuple[Figure, ...] = ()
    incentives: Incentives | None = None
    stability: Stability | None = None
    oracle: OracleRow | None = None
    is_payment: bool = True


def evaluate_given(
    given: Given, facts: Facts, beside: Beside | None = None, *, effort: Effort | None = None
) -> Evaluation:
    """The evaluation of `given`. Totals are made right before groups, rivals and structures are compared.

    Errors: ValueError where nothing is expected.
    """
    effort, beside = effort or Effort(), beside or Beside()
    observed, expected = given.observed, given.expected
    draws = bootstrap_of(observed.patients, draws=effort.draws, seed=effort.seed)
    chance = _chance(given, right_total(observed, expected), effort)
    found = Evaluation(
        facts=facts,
        verdicts=(),
        fit=(*fit_figures(observed, expected, draws), *beside.fit),
        rivals=rival_rows(observed, {facts.model: expected, **given.rivals}, draws),
        diagrams=_diagrams(given, facts.model, effort.seed),
        groups=group_rows(observed, expected, given.groupings, draws),
        sizes=chance.sizes,
        structures=chance.structures,
        between_sd=chance.between_sd,
        is_between_assumed=chance.is_assumed,
        coverage=_coverage(given, effort),
        incentives=_incentives(given, beside, draws, effort.seed),
        stability=beside.stability,
        oracle=beside.oracle,
    )
    return msgspec.structs.replace(found, verdicts=verdicts_of(found, is_payment=beside.is_payment))


def facts_of(given: Given, effort: Effort | None = None, **known: object) -> Facts:
    """The facts of an evaluation: those given by name (model, version, titles, year…), and those counted."""
    observed, effort = given.observed, effort or Effort()
    counted: dict[str, object] = {
        "patients": int(pd.Series(observed.patients).nunique()),
        "weight": float(observed.exposure.sum()),
        "observed_eur": float(np.average(observed.spent_eur, weights=observed.exposure)),
        "expected_eur": float(np.average(given.expected, weights=observed.exposure)),
        "normalisation": right_total(observed, given.expected),
        "cap_eur": observed.cap_eur if np.isfinite(observed.cap_eur) else None,
        "draws": effort.draws,
        "seed": effort.seed,
    }
    return msgspec.convert(counted | known, Facts)


@dataclass(frozen=True)
class _Chance:
    sizes: tuple[SizeRow, ...]
    structures: tuple[StructureRow, ...] = ()
    between_sd: float = ASSUMED_BETWEEN_SD
    is_assumed: bool = True


def _chance(given: Given, k: float, effort: Effort) -> _Chance:
    """Structures and sizes; where structures show no spread, sizes take the assumed one."""
    observed, expected = given.observed, k * given.expected
    reference = reference_of(observed.spent_eur, expected, observed.exposure)
    structures: tuple[StructureRow, ...] = ()
    spread, is_assumed = ASSUMED_BETWEEN_SD, True
    if given.members is not None and len(given.members):
        members = given.members.assign(expected_eur=k * given.members["expected_eur"])
        structures, spread, is_assumed = structure_rows(members, reference, share=effort.shared, seed=effort.seed)
    sizes = _sizes(observed.spent_eur, expected, observed.exposure, spread or ASSUMED_BETWEEN_SD, effort)
    if np.isfinite(observed.cap_eur):
        capped, quick = np.minimum(observed.spent_eur, observed.cap_eur), replace(effort, simulated=0)
        rows = _sizes(capped, expected, observed.exposure, spread or ASSUMED_BETWEEN_SD, quick)
        sizes += tuple(msgspec.structs.replace(row, is_capped=True) for row in rows)
    return _Chance(sizes, structures, spread, is_assumed)


def _sizes(
    spent: np.ndarray, expected: np.ndarray, weight: np.ndarray, between_sd: float, effort: Effort
) -> tuple[SizeRow, ...]:
    sizes = effort.sizes or SIZES
    return size_rows(
        spent, expected, weight,
        between_sd=between_sd, share=effort.shared, sizes=sizes, structures=effort.simulated, seed=effort.seed,
    )  # fmt: skip


def _incentives(given: Given, beside: Beside, draws: Bootstrap, seed: int) -> Incentives | None:
    """Those measured on the model, with the selection that hidden data allow; None where neither is there."""
    if given.hidden is None or not given.hidden.shape[1]:
        return beside.incentives
    selection = selection_rows(given.observed, given.expected, given.hidden, draws, seed=seed)
    known = beside.incentives or Incentives()
    return msgspec.structs.replace(known, selection=selection, selection_features=given.hidden.shape[1])


def _coverage(given: Given, effort: Effort) -> tuple[CoverageRow, ...]:
    observed = given.observed
    columns = [given.expected] if given.known is None else [given.expected, *given.known.T]
    if pd.Series(observed.patients).nunique() < 100:
        return ()
    found = patient_intervals(np.column_stack(columns), observed.spent_eur, observed.patients, seed=effort.seed)
    labels = {grouping.name: grouping.labels for grouping in given.groupings if grouping.name in INTERVAL_GROUPS}
    return coverage_rows(found, observed.spent_eur, observed.patients, labels)


def _diagrams(given: Given, model: str, seed: int) -> Diagrams:
    """Diagrams of the model beside the mean and its rivals, all brought to the same total."""
    shown = {model: given.expected, **given.rivals}
    right = {name: values * right_total(given.observed, values) for name, values in shown.items()}
    return diagrams_of(given.observed, right, seed=seed)
