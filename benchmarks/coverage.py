"""Coverage of the 95 % interval of a structure's total, measured on simulated structures of the test year.

    python -m benchmarks.coverage --data DIR [--versions DIR] [--models peps_mg:1 ipep:1] [--structures 1000]

Each structure is drawn from a year that training has not seen, with a mix of its own; the other patients are the
nation (training/evaluation/simulated.py). Sizes for which there are fewer than twice as many patients are left out.
`below` and `above`: share of structures under and over their interval, 2.5 % each where it is right.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from training.episodes.population import load_episodes
from training.episodes.recipes import is_episode_model
from training.evaluation.conformal import wilson
from training.evaluation.episodes import SIZES as EPISODE_SIZES
from training.evaluation.episodes import episode_version_of
from training.evaluation.simulated import SIZES, simulated_structures
from training.evaluation.yearly import tested_rows, version_of
from training.population import Rows

VERSIONS = Path("mlruns/versions")
STRUCTURES, DRAWS = 1_000, 400


def main() -> None:
    """Prints a row per model and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--versions", type=Path, default=VERSIONS)
    parser.add_argument("--models", nargs="*", default=["peps_mg:1", "ipep:1"], help="model:version")
    parser.add_argument("--sizes", type=int, nargs="*", help="default: 250 to 18,000 (episodes: 50 to 1,000)")
    parser.add_argument("--structures", type=int, default=STRUCTURES)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for named in asked.models:
        model, _, version = named.partition(":")
        sizes = asked.sizes or (EPISODE_SIZES if is_episode_model(model) else SIZES)
        for row in covered(asked.data, asked.versions, (model, int(version or 1)), sizes,
                           structures=asked.structures, seed=asked.seed):  # fmt: skip
            print(pd.DataFrame([row]).round(4).to_string(index=False), flush=True)


def covered(
    data: Path, root: Path, named: tuple[str, int], sizes: Sequence[int], *, structures: int, seed: int = 0
) -> Iterator[dict[str, object]]:
    """A row per size: coverage with its Wilson interval, shares below and above."""
    tested, expected = judged_rows(data, root, named)
    for size in sizes:
        started = time.perf_counter()
        found = simulated_structures(
            tested.spent_eur, expected, tested.exposure, size=size, structures=structures, draws=DRAWS, seed=seed
        )
        if found is None:
            continue
        low, high = wilson(structures - found.below - found.above, structures)
        yield {
            "model": named[0],
            "patients": len(expected),
            "size": size,
            "structures": structures,
            "coverage": found.coverage,
            "low": low,
            "high": high,
            "below": found.below / structures,
            "above": found.above / structures,
            "seconds": time.perf_counter() - started,
        }


def judged_rows(data: Path, root: Path, named: tuple[str, int]) -> tuple[Rows, np.ndarray]:
    """Rows of the test year of a version, patients or episodes, and their expected euros."""
    if is_episode_model(named[0]):
        version = episode_version_of(root, *named)
        episodes, _ = load_episodes(data, version.recipe, [version.scorer.card.test_year or 0])
        return episodes.rows, version.expected(episodes)
    one = version_of(root, *named)
    rows = tested_rows(data, one.recipe, one.scorer.card.test_year or 0)
    return rows, one.scorer.predict(rows.matrix)


if __name__ == "__main__":
    main()
