"""Small versions that predict the cost of an episode, their rows, and requests for forfaits at admission."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.versions import EPISODE_UNIT, Card, CardFeature, sha256, write_version
from tests.schemes.eds_made import reference
from tests.serving.made import promote
from tests.serving.schemes_made import rows_of_frame

FEATURES = (
    CardFeature("age", "Âge", "Age", "age_sex", "number", "years", 0.0, 110.0, nullable=True),
    CardFeature("is_woman", "Femme", "Woman", "age_sex", "flag"),
    CardFeature("diabetes", "Diabète", "Diabetes", "comorbidity", "flag"),
    CardFeature("charlson_score", "Score de Charlson", "Charlson score", "comorbidity", "number", "points", 0.0, 40.0),
    CardFeature("prior_spent_eur", "Soins antérieurs", "Prior care", "past_use", "number", "EUR", 0.0, 1_000_000.0),
)
LEVELS = {"pth": 9_000.0, "ptg": 10_000.0, "colectomie": 13_000.0}


def patients(count: int, seed: int) -> np.ndarray:
    """Encoded characteristics of made-up patients."""
    rng = np.random.default_rng(seed)
    age, flags = rng.integers(18, 100, count), rng.integers(0, 2, (2, count))
    return np.column_stack([age, *flags, rng.integers(0, 9, count), rng.integers(0, 20_000, count)]).astype(float)


def features_of(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Rows that the cards accept, an age missing here and there."""
    names = [feature.name for feature in FEATURES]
    rows = [dict(zip(names, values, strict=True)) for values in patients(count, seed).tolist()]
    return [row | {"age": None} if place % 7 == 6 else row for place, row in enumerate(rows)]


def freeze_episodes(root: Path, model: str, version: int, *, objective: str = "regression", **card: Any) -> None:
    """Write a version of a programme (that of the model's name, unless said otherwise)."""
    programme = str(card.pop("perimeter", model.removeprefix("eds_")))
    matrix = patients(2000, version)
    euros = LEVELS.get(programme, 9_000.0) * (0.6 + 0.005 * matrix[:, 0] + 0.1 * matrix[:, 2] + 0.03 * matrix[:, 3])
    euros = euros * np.random.default_rng(version).gamma(20, 1 / 20, len(euros))
    names = [feature.name for feature in card.get("features", FEATURES)]
    parameters = {"objective": objective, "num_leaves": 7, "num_threads": 1, "seed": version, "deterministic": True}
    data = lgb.Dataset(matrix, euros, feature_name=names)
    text = lgb.train(parameters | {"verbosity": -1}, data, num_boost_round=40).model_to_string()
    is_log = objective != "regression"
    plain: dict[str, Any] = {
        "features": FEATURES, "unit": EPISODE_UNIT, "balance_factor": 1.0 + version / 100,
        "link": "log" if is_log else "identity",
        "reference_rows": tuple(map(tuple, matrix[:20].tolist())) if is_log else (),
    }  # fmt: skip
    made = Card(
        model=model, version=version, perimeter=programme, objective=objective, model_sha256=sha256(text.encode()),
        **plain | card,
    )  # fmt: skip
    write_version(root, made, text)


def write_episode_versions(root: Path) -> Path:
    """eds_pth 1 in force from 2023, 2 (gamma) from 2024; eds_ptg 1 from 2023; eds_pth 3 never promoted."""
    freeze_episodes(root, "eds_pth", 1)
    freeze_episodes(root, "eds_pth", 2, objective="gamma")
    freeze_episodes(root, "eds_pth", 3)
    freeze_episodes(root, "eds_ptg", 1)
    promote(root, "eds_pth", 1, start="2023-01-01", decided="2022-12-01")
    promote(root, "eds_pth", 2, start="2024-01-01", decided="2023-12-01")
    promote(root, "eds_ptg", 1, start="2023-01-01", decided="2022-12-01")
    return root


def three_years() -> pd.DataFrame:
    """Yearly means 9,800; 9,600; 9,400, mean expectation 10,000; and the year itself, dearer, which does not count."""
    years = {2021: 9_800.0, 2022: 9_600.0, 2023: 9_400.0, 2024: 11_000.0}
    return pd.concat([reference(mean, year=year) for year, mean in years.items()])


def strata() -> pd.DataFrame:
    """One year of reference for hips and knees of both sectors."""
    return pd.concat(
        reference(level, programme=programme, sector=sector, year=2023, pathway="all", raw_eur=level * 1000,
                  index_sum=1001.0, expected_eur=level * 1000)
        for programme, sector, level in (
            ("pth", "public", 10_000.0), ("pth", "private", 8_400.0), ("ptg", "public", 11_200.0),
            ("ptg", "private", 9_410.0),
        )
    )  # fmt: skip


def episode(name: str, **values: object) -> dict[str, object]:
    """A hip of the public sector."""
    return {"episode_id": name, "programme": "pth", "sector": "public"} | values


def bundles(rows: list[dict[str, object]], frame: pd.DataFrame | None = None, **names: object) -> Mapping[str, Any]:
    """A request for 2024, with the reference of `strata` unless another is given."""
    table = rows_of_frame(strata() if frame is None else frame)
    return {"year": 2024, "inputs": {"episodes": rows, "reference": table}} | names
