"""Small frozen versions, their register, and rows that they accept, for the tests of the service."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np

from features.versions import Card, CardFeature, Entry, append_entry, read_version, sha256, write_version

FEATURES = (
    CardFeature("age", "Âge", "Age", "age_sex", "number", "years", 0.0, 110.0, monotone=1),
    CardFeature("is_woman", "Femme", "Woman", "age_sex", "flag"),
    CardFeature("ald_08", "ALD 8 : diabète", "ALD 8: diabetes", "ald", "flag", monotone=1),
    CardFeature("ald_count", "Nombre d'ALD", "ALD count", "ald", "number", "ALD", 0.0, 32.0, monotone=1),
    CardFeature("charlson_score", "Score de Charlson", "Charlson score", "comorbidity", "number", "points", 0.0, 40.0),
    CardFeature("c2s_free", "C2S gratuite", "Free C2S", "precarity", "flag", nullable=True),
    CardFeature(
        "fdep_quintile",
        "Quintile de défavorisation",
        "Deprivation quintile",
        "territory",
        "category",
        categories=("1", "2", "3", "4", "5", "missing"),
    ),
)
ROW = {
    "age": 67,
    "is_woman": 1,
    "ald_08": True,
    "ald_count": 2,
    "charlson_score": 3.5,
    "c2s_free": None,
    "fdep_quintile": "4",
}


def rows_of(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Rows that the card accepts, of every kind of value."""
    rng = np.random.default_rng(seed)
    return [
        {
            "age": int(rng.integers(0, 111)),
            "is_woman": bool(rng.integers(2)),
            "ald_08": int(rng.integers(2)),
            "ald_count": int(rng.integers(0, 6)),
            "charlson_score": float(rng.uniform(0, 12)),
            "c2s_free": [None, 0, True][int(rng.integers(3))],
            "fdep_quintile": str(rng.choice(FEATURES[6].categories)),
        }
        for _ in range(count)
    ]


def patients(seed: int) -> np.ndarray:
    """Encoded characteristics of 2,000 made-up patients."""
    rng = np.random.default_rng(seed)
    numbers, flags = rng.uniform(0, 9, (2, 2000)), rng.integers(0, 2, (2, 2000))
    rest = [rng.choice([0, 1, np.nan], 2000), rng.integers(0, 6, 2000)]
    return np.column_stack([rng.integers(0, 100, 2000), *flags, *numbers, *rest])


def train(seed: int, objective: str = "regression") -> str:
    """LightGBM text of a small model of euros."""
    matrix = patients(seed)
    noise = np.random.default_rng(seed).normal(0, 300, 2000)
    euros = np.maximum(20 * matrix[:, 0] + 900 * matrix[:, 2] + 300 * matrix[:, 4] + noise, 0)
    parameters = {"objective": objective, "num_leaves": 15, "num_threads": 1, "seed": seed, "deterministic": True}
    data = lgb.Dataset(matrix, euros, feature_name=[feature.name for feature in FEATURES])
    return lgb.train(parameters | {"verbosity": -1}, data, num_boost_round=40).model_to_string()


def freeze(root: Path, model: str, version: int, *, floor_eur: float | None = None) -> None:
    """Write a version."""
    text = train(version)
    card = Card(
        model=model,
        version=version,
        perimeter="MG",
        objective="regression",
        balance_factor=1.0 + version / 100,
        floor_eur=floor_eur,
        cap_quantile=0.995,
        cap_eur=12_000.0,
        features=FEATURES,
        training_years=(2022, 2023),
        test_year=2024,
        population={"patients": 2000.0, "person_years": 1950.5},
        metrics={"r2": 0.31, "cpm": 0.22},
        data_hashes={"feature_table/2023": "ab" * 32},
        parameters={"num_leaves": 15},
        model_sha256=sha256(text.encode()),
    )
    write_version(root, card, text)


def freeze_log_link(root: Path, model: str, version: int) -> None:
    """Write a Poisson version, with ten reference patients."""
    text = train(version, "poisson")
    references = tuple(tuple(None if v != v else v for v in row) for row in patients(version)[:10].tolist())
    card = Card(
        model=model,
        version=version,
        perimeter="MG",
        objective="poisson",
        link="log",
        balance_factor=1.03,
        features=FEATURES,
        reference_rows=references,
        model_sha256=sha256(text.encode()),
    )
    write_version(root, card, text)


def promote(root: Path, model: str, version: int, *, start: str, decided: str) -> None:
    """Append a promotion to the register."""
    digest = read_version(root, model, version)[2]
    append_entry(
        root,
        Entry(
            model=model,
            version=version,
            version_hash=digest,
            from_date=date.fromisoformat(start),
            decided_on=date.fromisoformat(decided),
            by="Comité des forfaits",
            why="Réapprentissage annuel",
        ),
    )


def write_versions(root: Path) -> Path:
    """peps_mg 1 in force from 2023, 2 from 2024; peps_mg 3 and total 1 frozen, never promoted."""
    freeze(root, "peps_mg", 1)
    freeze(root, "peps_mg", 2, floor_eur=900.0)
    freeze(root, "peps_mg", 3)
    freeze(root, "total", 1)
    promote(root, "peps_mg", 1, start="2023-01-01", decided="2022-12-10")
    promote(root, "peps_mg", 2, start="2024-01-01", decided="2023-12-12")
    return root


def body(rows: list[dict[str, object]], **names: object) -> bytes:
    """JSON request for peps_mg version 2, unless said otherwise."""
    return msgspec.json.encode({"model": "peps_mg", "version": 2, "rows": rows} | names)
