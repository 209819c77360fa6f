"""What more patients, or the truth itself, would bring to a model of fictional France.

    python -m benchmarks.knowable --data DIR [--models peps_mg ipep] [--year 2023] [--sizes 40000 160000 640000]

One year of a large country. Some patients test; others, more and more of them, train our recipe as `forfait train`
fits it, and the same number trains trees on the true expectation of data/oracle, which no payer has. Between those
trees and the oracle lies what the characteristics do not show; between ours and them, what chance hides from so few
patients. R² and CPM (total made right) weighted by exposure, with 95 % bootstrap intervals by patient.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.france_cases import ONE, true_year
from benchmarks.france_scores import Yardstick
from forfait.console import working
from training.bootstrap import bootstrap_of, interval
from training.population import Rows, experiment_patients, load_year
from training.recipes import Recipe, recipe_of
from training.train import fit_recipe

TAUGHT = {"objective": "regression", "num_leaves": 63, "learning_rate": 0.05, "min_data_in_leaf": 20, "verbosity": -1}
MOST_TREES, PATIENCE, HELD_OUT = 3_000, 50, 0.2


@dataclass(frozen=True)
class Country:
    """Rows of one year, their true expectation, and the places of those that test and of those that may train."""

    rows: Rows
    truth: np.ndarray
    tested: np.ndarray
    others: np.ndarray


def country_of(data: Path, recipe: Recipe, year: int, tested: int, *, seed: int) -> Country:
    """The country, `tested` of its patients drawn at random. Errors: ValueError without an oracle of the perimeter."""
    rows, patients, _ = load_year(data, recipe, year, experiment_patients(data))
    truth = true_year(data, recipe, patients.to_numpy(), year)
    if truth is None:
        raise ValueError(f"data/oracle holds no expectation of {recipe.perimeter}")
    drawn = np.random.default_rng(seed).permutation(len(truth))
    return Country(replace(rows, patients=np.arange(len(truth))), truth, np.sort(drawn[:tested]), drawn[tested:])


def learnt(recipe: Recipe, rows: Rows, tested: Rows, seed: int) -> np.ndarray:
    """What our recipe, fitted on the rows, expects of the tested ones."""
    fitted, _ = fit_recipe(recipe, rows, seed, lambda step: None)
    return np.asarray(fitted.predict(tested.frame()))


def taught(rows: Rows, truth: np.ndarray, tested: Rows, seed: int) -> np.ndarray:
    """What trees taught the truth of the rows expect of the tested ones; a fifth of the rows says when to stop."""
    kept = np.random.default_rng(seed).random(len(truth)) >= HELD_OUT
    matrix = rows.matrix
    known, judge = (lgb.Dataset(matrix[some], truth[some], weight=rows.exposure[some]) for some in (kept, ~kept))
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    booster = lgb.train(TAUGHT | {"seed": seed}, known, MOST_TREES, valid_sets=[judge], callbacks=[stop])
    return np.asarray(booster.predict(tested.matrix))


def measured(recipe: Recipe, country: Country, sizes: list[int], *, seed: int) -> Iterator[dict[str, object]]:
    """A row per number of patients and who learnt; the oracle first."""
    tested = country.rows.at(country.tested)
    patients = np.arange(len(country.tested))
    strata = np.full(len(patients), ONE, dtype=object)
    yardstick = Yardstick(
        tested.spent_eur, tested.exposure, strata, float("inf"), 1.0, bootstrap_of(patients, seed=seed)
    )
    best = yardstick.r2(country.truth[country.tested])
    yield _row(yardstick, country.truth[country.tested], best, "oracle", None)
    for size in sizes:
        places = np.sort(country.others[:size])
        rows = country.rows.at(places)
        for who, learn in (
            ("ours", lambda rows=rows: learnt(recipe, rows, tested, seed)),
            ("taught the truth", lambda rows=rows, at=places: taught(rows, country.truth[at], tested, seed)),
        ):
            started = perf_counter()
            expected = learn()
            yield _row(yardstick, expected, best, who, len(places)) | {"seconds": perf_counter() - started}


def _row(yardstick: Yardstick, expected: np.ndarray, best: float, who: str, size: int | None) -> dict[str, object]:
    low, high = interval(yardstick.drawn(expected)["r2"])
    r2 = yardstick.r2(expected)
    return {
        "who": who, "patients": size, "r2": r2, "low": float(low), "high": float(high),
        "cpm": yardstick.cpm(expected), "share_of_oracle": r2 / best,
    }  # fmt: skip


def main() -> None:
    """Print a table per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["peps_mg", "ipep"])
    parser.add_argument("--year", type=int, default=2023)
    parser.add_argument("--sizes", type=int, nargs="+", default=[40_000, 160_000, 640_000])
    parser.add_argument("--tested", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for model in asked.models:
        recipe, found = recipe_of(model), []
        with working(model) as say:
            country = country_of(asked.data, recipe, asked.year, asked.tested, seed=asked.seed)
            for row in measured(recipe, country, asked.sizes, seed=asked.seed):
                say(f"{row['who']}, {row['patients'] or len(country.truth):,} patients: R² {row['r2']:.4f}")
                found.append(row)
        print(f"\n{model}, {asked.year}: {len(country.tested):,} patients test")
        print(pd.DataFrame(found).round(4).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
