"""Simulated structures: how often the interval of chance holds what chance gave, for use in tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from training.evaluation.chance import DRAWS, Reference, credibility, detectable, drawn_ratios, ends, floored_pay
from training.evaluation.chance import reference_of as made_reference
from training.evaluation.record import SizeRow

SIZES = (250, 3_800, 5_000, 18_000)
COVERAGE_BAND = (0.93, 0.97)
TILT = 1.0
COVERAGE_DRAWS = 199  # 0.025 × 200 is a whole place: the interval of so few draws is still unbiased


@dataclass(frozen=True)
class Simulated:
    """Simulated structures of a size: how many, and how many fell below or above their own interval of chance."""

    structures: int
    below: int
    above: int

    @property
    def coverage(self) -> float:
        """Share that fell inside; 0.95 is right, with a standard error of √(0.95 × 0.05 / structures)."""
        return 1 - (self.below + self.above) / self.structures


def structure_coverage(
    spent: np.ndarray,
    expected: np.ndarray,
    weight: np.ndarray,
    *,
    size: int,
    structures: int = 400,
    draws: int = COVERAGE_DRAWS,
    seed: int = 0,
) -> float | None:
    """Share of simulated structures of `size` whose observed / expected falls in its own 95 % interval of chance.

    None where `simulated_structures` finds too few patients, or without structures.
    """
    found = simulated_structures(
        spent, expected, weight, size=size, structures=structures, draws=draws, seed=seed
    ) if structures else None  # fmt: skip
    return None if found is None else found.coverage


def simulated_structures(
    spent: np.ndarray,
    expected: np.ndarray,
    weight: np.ndarray,
    *,
    size: int,
    structures: int,
    draws: int = COVERAGE_DRAWS,
    seed: int = 0,
) -> Simulated | None:
    """Structures of `size` beside their own 95 % interval of chance.

    Each takes `size` of the patients without replacement, with a mix of its own (costly patients are up to e times as
    likely, or as unlikely, as cheap ones), and the others are the nation it is compared with: no patient stands on
    both sides. None where the patients are fewer than twice the size.
    """
    if 2 * size > len(spent):
        return None
    generator = np.random.default_rng([seed, size])
    rank = np.argsort(np.argsort(expected, kind="stable")) / len(expected) - 0.5
    below = above = 0
    for number in range(structures):
        members = _members(rank, size, generator)
        nation = reference_of_rest(spent, expected, weight, members)
        scale = _national_ratio(spent, expected, weight, ~members)
        low, high = ends(drawn_ratios(nation, expected[members], weight[members], draws=draws, seed=seed + number))
        w = weight[members]
        ratio = float(w @ spent[members]) / (float(w @ expected[members]) * scale)
        below, above = below + (ratio < low), above + (ratio > high)
    return Simulated(structures, below, above)


def reference_of_rest(spent: np.ndarray, expected: np.ndarray, weight: np.ndarray, members: np.ndarray) -> Reference:
    """The nation without the members."""
    return made_reference(spent[~members], expected[~members], weight[~members])


def size_rows(
    spent: np.ndarray,
    expected: np.ndarray,
    weight: np.ndarray,
    *,
    between_sd: float,
    share: float,
    sizes: Sequence[int] = SIZES,
    structures: int = 400,
    seed: int = 0,
) -> tuple[SizeRow, ...]:
    """One row per size: interval of chance of a list drawn from the nation, and its measured coverage.

    share: what the floored incentive shares of a saving. structures: simulated for the coverage (0: not measured).
    """
    nation = made_reference(spent, expected, weight)
    rows = []
    for size in sizes:
        row = _size_row(nation, expected, weight, size=size, seed=seed, between_sd=between_sd, share=share)
        coverage = structure_coverage(spent, expected, weight, size=size, structures=structures, seed=seed)
        rows.append(row if coverage is None else msgspec.structs.replace(row, coverage=coverage, simulated=structures))
    return tuple(rows)


def _size_row(
    nation: Reference,
    expected: np.ndarray,
    weight: np.ndarray,
    *,
    size: int,
    seed: int,
    between_sd: float,
    share: float,
) -> SizeRow:
    """A list of `size` drawn from the nation (with replacement where it is smaller), and what chance does to it."""
    members = np.random.default_rng([seed, size]).choice(len(expected), size, replace=size > len(expected))
    ratios = drawn_ratios(nation, expected[members], weight[members], draws=DRAWS, seed=seed)
    low, high = ends(ratios)
    total = float(weight[members] @ expected[members])
    return SizeRow(
        size=size,
        low=low,
        high=high,
        detectable=detectable(ratios),
        credibility=credibility(between_sd, ratios),
        chance_eur_per_patient=floored_pay(ratios, total, share=share) / size,
    )


def _members(rank: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """True for `size` rows, drawn without replacement with odds that rise or fall with the rank (Gumbel keys)."""
    keys = 2 * generator.uniform(-TILT, TILT) * rank + generator.gumbel(size=len(rank))
    chosen = np.zeros(len(rank), dtype=bool)
    chosen[np.argpartition(keys, -size)[-size:]] = True
    return chosen


def _national_ratio(spent: np.ndarray, expected: np.ndarray, weight: np.ndarray, rows: np.ndarray) -> float:
    return float(weight[rows] @ spent[rows]) / float(weight[rows] @ expected[rows])
