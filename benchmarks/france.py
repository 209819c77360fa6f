"""Our models of fictional France beside every peer of spec §3.6, in one run: fit, policy groups, share of the oracle.

    python -m benchmarks.france --data DIR [--models peps_mg ipep] [--budget 10] [--out FILE.csv]

One table per model, all on the same training rows, test year, weights (exposure), groups and draws. Settings of every
peer are chosen among `--budget` trials on three folds by patient of the training years (at most `--rows` rows), the
cap of the target among them; ours is the recipe as `forfait train` fits it, without a trial in this run. Patients of
the test year are not among those that train (`--unseen` groups in turn), since a model that knows its patients by
heart is no better for others; `--unseen 0` lets it. R² is read at the level of the training years, CPM and groups once
the total of the test year is made right, and the raw ratio of totals stands beside them. Gains are ours − peer, 95 %
paired bootstrap by patient. Groups: policy groups that the models see, of 1,000 patients or more. Predictions of peers
are kept in a folder beside `--out`, so that a run that was stopped goes on; `--fresh` forgets them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.france_cases import Case, case_of
from benchmarks.france_scores import group_table, table_of, yardstick_of
from benchmarks.france_search import PEERS, Budget, chosen, fitted_on_all
from forfait.console import working
from training.episodes.population import Episodes
from training.episodes.recipes import is_episode_model
from training.episodes.target import normalised, stratum_factors
from training.episodes.train import choose_and_fit
from training.population import Rows
from training.train import fit_recipe

OURS = "ours"
SHOWN = (
    "model", "r2", "r2_capped", "cpm", "raw_ratio", "oracle_share", "worst_net_eur", "worst_group",
    "worst_unseen_net_eur", "groups", "outside", "interval_outside", "outside_truth", "r2_gain", "cpm_gain", "seconds",
)  # fmt: skip

Say = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What a model expects of the test rows, at the level of the training years and raw; what it took and chose."""

    expected: np.ndarray
    raw: np.ndarray
    seconds: float
    settings: str


def main() -> None:
    asked = _parser().parse_args()
    budget = Budget(asked.budget, asked.rows, asked.seed, asked.threads)
    tables = []
    for model in asked.models:
        year = asked.episodes_year if is_episode_model(model) else asked.year
        case = case_of(asked.data, model, year)
        cache = None if asked.out is None else asked.out.with_suffix("")
        parts = case.unseen(asked.unseen, seed=asked.seed) if asked.unseen else [(case, np.arange(len(case.tested)))]
        table, groups = compared(case, parts, budget, asked.peers, cache=cache, fresh=asked.fresh)
        tables.append(table)
        sizes = f"{len(case.trained):,} rows train, {len(case.tested):,} test, cap {case.cap_eur:,.0f} €"
        print(f"\n{model}, {year}: {sizes}\n{shown(table).to_string(index=False)}", flush=True)
        if asked.out is not None:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            pd.concat(tables).to_csv(asked.out, index=False)
            groups.to_csv(asked.out.with_name(f"{asked.out.stem}-{model}-groups.csv"), index=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["peps_mg", "ipep", "eds_pth", "eds_ptg", "eds_colectomie"])
    parser.add_argument("--year", type=int, default=2024, help="test year; the years before it train")
    parser.add_argument("--episodes-year", type=int, default=2023)
    parser.add_argument("--budget", type=int, default=10, help="trials of each peer")
    parser.add_argument("--rows", type=int, default=30_000, help="most training rows on which trials are compared")
    parser.add_argument(
        "--unseen", type=int, default=2, help="groups of patients, each tested by models without their past; 0: as paid"
    )
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def compared(
    case: Case,
    parts: Sequence[tuple[Case, np.ndarray]],
    budget: Budget,
    peers: list[str],
    *,
    cache: Path | None = None,
    fresh: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row per model (ours first, the oracle last), and our policy groups; each of `parts` is learnt by itself."""
    answers: dict[str, Answer] = {}
    with working(case.recipe.model) as say:
        answers[OURS] = together(
            case, parts, lambda part: ours(part, budget, lambda step: say(f"{OURS}: {step.partition(' ')[2]}"))
        )
        for number, name in enumerate(peers, start=1):
            say(f"{number}/{len(peers)} {name}")
            step = partial(_kept_or_learnt, name=name, budget=budget, say=say, cache=cache, fresh=fresh)
            answers[name] = together(case, parts, step)
    if case.truth is not None:
        answers["oracle"] = Answer(case.truth, case.truth, 0.0, "")
    expected = {name: answer.expected for name, answer in answers.items()}
    table = table_of(case, expected, {name: answer.raw for name, answer in answers.items()}, seed=budget.seed)
    table["seconds"] = [answer.seconds for answer in answers.values()]
    table["settings"] = [answer.settings for answer in answers.values()]
    return table, group_table(case, yardstick_of(case, seed=budget.seed), expected[OURS])


def together(case: Case, parts: Sequence[tuple[Case, np.ndarray]], answer: Callable[[Case], Answer]) -> Answer:
    """The answers to the parts of a case, each row's in its place."""
    expected, raw = np.empty(len(case.tested)), np.empty(len(case.tested))
    given = []
    for part, places in parts:
        given.append(answer(part))
        expected[places], raw[places] = given[-1].expected, given[-1].raw
    return Answer(expected, raw, sum(one.seconds for one in given), " | ".join(one.settings for one in given))


def _kept_or_learnt(case: Case, *, name: str, budget: Budget, say: Say, cache: Path | None, fresh: bool) -> Answer:
    where = None if cache is None else cache / f"{case.recipe.model}-{_key(case, budget, name)}.npz"
    if where is not None and where.exists() and not fresh:
        return _read(where)
    answer = peer(case, name, budget, lambda step: say(f"{name}: {step}"))
    if where is not None:
        _write(where, answer)
    return answer


def ours(case: Case, budget: Budget, say: Say) -> Answer:
    """The recipe as `forfait train` fits it."""
    started = time.perf_counter()
    trained, tested = case.rows
    if isinstance(trained, Episodes) and isinstance(tested, Episodes):
        choice, fitted = choose_and_fit(case.recipe, trained, seed=budget.seed)
        raw = fitted.predict(tested.rows.frame())
        factors = stratum_factors(trained.cost_eur, choice.expected_eur, trained.strata)
        expected, settings = normalised(raw, tested.strata, factors), choice.objective
    elif isinstance(trained, Rows) and isinstance(tested, Rows):
        fitted, _ = fit_recipe(case.recipe, trained, budget.seed, say)
        expected = raw = fitted.predict(tested.frame())
        settings = f"{fitted.objective} {dict(fitted.weights_)}"
    return Answer(expected, raw, time.perf_counter() - started, settings)


def peer(case: Case, name: str, budget: Budget, say: Say) -> Answer:
    """A peer with the settings that the folds chose, fitted on all training rows and brought to their level."""
    started = time.perf_counter()
    best = chosen(PEERS[name], case, budget, say)
    say("fitting on all rows")
    predict = fitted_on_all(PEERS[name], case, best.settings, budget)
    raw, within = np.asarray(predict(case.tested.known)), np.asarray(predict(case.trained.known))
    expected = case.brought_to_level(raw, within, best.expected, case.some_rows(budget.rows, seed=budget.seed))
    settings = json.dumps({**best.settings, "folds_score": round(best.score, 4)})
    return Answer(expected, raw, time.perf_counter() - started, settings)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is printed: shares and euros rounded, intervals of gains as text."""
    gains = {
        f"{name}_gain": [
            f"{low:+.4f} to {high:+.4f}"
            for low, high in zip(table[f"{name}_gain_low"], table[f"{name}_gain_high"], strict=True)
        ]
        for name in ("r2", "cpm")
    }
    rounded = table.assign(**gains, seconds=table["seconds"].round(0), worst_net_eur=table["worst_net_eur"].round(1))
    return rounded.round(4)[list(SHOWN)]


def _key(case: Case, budget: Budget, name: str) -> str:
    """Digest of what a peer is fitted on and how it is chosen."""
    digest = hashlib.sha256(f"{name} {budget} {case.cap_quantile}".encode())
    for sample in (case.trained, case.tested):
        for values in (sample.euros, sample.weight, sample.known.to_numpy(float)):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def _write(where: Path, answer: Answer) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_suffix(".part.npz")
    np.savez(part, expected=answer.expected, raw=answer.raw, seconds=answer.seconds, settings=answer.settings)
    part.replace(where)


def _read(where: Path) -> Answer:
    with np.load(where) as kept:
        return Answer(kept["expected"], kept["raw"], float(kept["seconds"]), str(kept["settings"]))


if __name__ == "__main__":
    main()
