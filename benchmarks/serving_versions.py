"""Frozen versions for the measures of the service: one booster with a log link, and a blend of parts."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np
import pandas as pd

from features.versions import Card, CardFeature, sha256, write_version
from training import SpendingRegressor

REFERENCES = 100
BLEND_ROWS = 2_000


def write_model(root: Path, *, features: int, trees: int) -> None:
    """Version 1 of `peps_mg`: one booster with a log link, as today's recipes give."""
    names, matrix, euros = _made(20_000, features)
    data = lgb.Dataset(matrix, euros, feature_name=names)
    parameters = {"objective": "tweedie", "num_leaves": 31, "learning_rate": 0.08, "verbosity": -1, "num_threads": 1}
    text = lgb.train(parameters, data, trees).model_to_string()
    references = tuple(tuple(row) for row in matrix[:REFERENCES].tolist())
    write_version(root, Card(
        model="peps_mg", version=1, perimeter="MG", objective="tweedie", link="log", balance_factor=1.0,
        features=_kinds(names), reference_rows=references, model_sha256=sha256(text.encode()),
    ), text)  # fmt: skip


def write_blend(root: Path, *, features: int, rows: int = BLEND_ROWS) -> int:
    """Version 1 of `blend`: what `SpendingRegressor(objective="blend")` makes of made-up rows. Its number of trees."""
    names, matrix, euros = _made(rows, features)
    fitted = SpendingRegressor(objective="blend", n_jobs=1, random_state=0).fit(
        pd.DataFrame(matrix, columns=names), euros
    )
    text = fitted.booster_.model_to_string()
    references = tuple(tuple(row) for row in np.asarray(fitted.reference_).tolist())
    write_version(root, Card(
        model="blend", version=1, perimeter="MG", objective="blend", link="parts", parts=fitted.parts_,
        balance_factor=fitted.balance_factor_, floor_eur=fitted.floor_, features=_kinds(names),
        reference_rows=references, model_sha256=sha256(text.encode()),
    ), text)  # fmt: skip
    return int(fitted.n_trees_)


def rows_of(root: Path, count: int, model: str = "peps_mg") -> list[dict[str, float | int]]:
    """Rows that the version accepts."""
    card = card_of(root, model)
    rng = np.random.default_rng(1)
    return [
        {
            f.name: round(float(rng.uniform(0, 100)), 2) if f.kind == "number" else int(rng.integers(2))
            for f in card.features
        }
        for _ in range(count)
    ]


def card_of(root: Path, model: str) -> Card:
    """The card of version 1."""
    return msgspec.json.decode((root / model / "1" / "card.json").read_bytes(), type=Card)


def _made(rows: int, features: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, characteristics (a tenth numbers, the rest flags) and euros: sums and products, zeros, a long tail."""
    rng = np.random.default_rng(0)
    numbers = max(features // 10, 1)
    flags = rng.random((rows, features - numbers)) < rng.uniform(0.02, 0.5, features - numbers)
    matrix = np.column_stack([rng.uniform(0, 100, (rows, numbers)), flags])
    score = matrix[:, :numbers] @ rng.gamma(1.0, 0.01, numbers) / numbers**0.5
    score += matrix[:, numbers:] @ rng.normal(0.05, 0.15, features - numbers)
    mean = 100 * np.exp(score) + matrix @ rng.gamma(1.0, 3.0, features)
    euros = mean * rng.gamma(1.0, 1.0, rows) * (rng.random(rows) < 0.9)
    names = [f"number_{place:03}" if place < numbers else f"flag_{place:03}" for place in range(features)]
    return names, matrix, euros


def _kinds(names: list[str]) -> tuple[CardFeature, ...]:
    return tuple(CardFeature(n, n, n, "ald", "number" if n[0] == "n" else "flag", low=0.0, high=100.0) for n in names)
