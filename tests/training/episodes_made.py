"""Made-up episodes with a known truth: multiplicative effects of the specification (4.4), gamma noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.episodes.catalogue import EPISODE_CATALOGUE
from features.provenance import Provenance
from features.store import write_dataset
from features.tables import EPISODE_FEATURES, EPISODES
from features.tables.episodes import COMPONENTS, EXCLUSIONS, PERIODS

PROVENANCE = Provenance(command="tests")
MEANS = {"pth": 8_000.0, "ptg": 9_000.0, "colectomie": 11_000.0}
FLAGS = {
    "obesity": (0.20, 1.03), "severe_obesity": (0.04, 1.10), "diabetes": (0.11, 1.04), "heart_failure": (0.03, 1.12),
    "ckd": (0.03, 1.08), "dementia_parkinson": (0.015, 1.22), "malnutrition": (0.015, 1.10), "anaemia": (0.06, 1.06),
    "lives_alone": (0.32, 1.06), "c2s_free": (0.04, 1.04), "prior_long_stay": (0.08, 1.06),
    "inflammatory_arthritis": (0.04, 1.05), "prior_ssr": (0.03, 1.16),
}  # fmt: skip
NOISE = 0.35
PUBLIC_RATIO = 1.20


def made_features(count: int, generator: np.random.Generator) -> pd.DataFrame:
    """Columns of the catalogue; those without an effect are zero."""
    age = np.clip(generator.normal(69, 11, count), 18, 105).astype(int)
    ill = 1 + (age > 75)
    columns: dict[str, object] = {known.name: np.zeros(count) for known in EPISODE_CATALOGUE}
    for name, (share, _) in FLAGS.items():
        columns[name] = (generator.random(count) < share * ill * 0.75).astype(float)
    columns |= {
        "age": age.astype(float),
        "is_woman": (generator.random(count) < 0.54).astype(float),
        "fdep_quintile": generator.choice(["1", "2", "3", "4", "5", "missing"], count, p=[0.19] * 5 + [0.05]),
        "charlson_score": generator.poisson(0.35 * ill).astype(float),
        "ald_count": generator.binomial(3, 0.12 * ill).astype(float),
        "prior_spent_eur": generator.lognormal(7, 1, count).round(2),
        "prior_atc_classes": generator.poisson(6, count).astype(float),
    }
    return pd.DataFrame(columns)


def truth(known: pd.DataFrame, mean_eur: float) -> np.ndarray:
    """Expected cost of each row in a private establishment: effects of table 4.4, multiplied."""
    log = np.log(mean_eur) + 0.049 * (known["age"].clip(lower=70) - 70) / 10 + 0.02 * known["is_woman"]
    for name, (_, ratio) in FLAGS.items():
        log = log + np.log(ratio) * known[name]
    score = known["charlson_score"]
    log = log + np.log(1.05) * (score >= 1) + np.log(1.14 / 1.05) * (score >= 3) + np.log(1.25 / 1.14) * (score >= 5)
    log = log + np.log(1.03) * (known["fdep_quintile"] == "5") + np.log(1.04) * known["ald_count"].clip(upper=1)
    log = log + np.log(1.04) * (np.log1p(known["prior_spent_eur"]) - 7)
    return np.exp(log).to_numpy(float)


def made_episodes(
    programme: str, year: int, count: int, *, seed: int = 0, noise: float = NOISE
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Rows of EPISODES and EPISODE_FEATURES, and the true expectation of each; a seventh are not final or complete."""
    generator = np.random.default_rng([seed, year, len(programme), *map(ord, programme)])
    known = made_features(count, generator)
    is_public = generator.random(count) < 0.3 + 0.1 * (known["charlson_score"] > 0)
    expected = truth(known, MEANS[programme]) * np.where(is_public, PUBLIC_RATIO, 1.0)
    has_return = generator.random(count) < 0.10 + 0.08 * (known["heart_failure"] + (known["charlson_score"] > 2))
    noisy = expected * generator.gamma(1 / noise**2, noise**2, count)
    returned = np.where(has_return, 0.3, 0.0) * noisy
    cents = (100 * noisy).round().astype("int64")
    readmission = (100 * returned).round().astype("int64")
    entry = pd.Timestamp(year, 1, 5) + pd.to_timedelta(generator.integers(0, 340, count), unit="D")
    ids = [f"{programme}-{year}-{place:05d}" for place in range(count)]
    patients = [f"P{number:06d}" for number in generator.integers(0, 20 * count, count)]
    final = generator.random(count) < 0.93
    houses = [
        f"{1 if public else 2}{number:08d}"
        for public, number in zip(is_public, generator.integers(0, 20, count), strict=True)
    ]
    rows: dict[str, object] = {
        "episode_id": ids, "patient_id": patients, "stay_id": ids, "programme": programme,
        "sector": np.where(is_public, "public", "private"),
        "establishment_id": houses,
        "ghm": "08C481", "entry_date": entry, "intervention_date": entry, "exit_date": entry + pd.Timedelta(days=4),
        "window_start": entry - pd.Timedelta(days=45), "window_end": entry + pd.Timedelta(days=90),
        **dict.fromkeys(EXCLUSIONS, False), "excl_age": ~final, "from_medico_social": False, "is_final": final,
        "is_truncated": False, "died_in_window": False, "is_complete": generator.random(count) < 0.97,
        "cost_total_allcause_cents": np.where(final, cents, None), "cost_in_scope_cents": np.where(final, cents, None),
        **{f"cost_{name}_cents": np.where(final, 0, None) for name in (*COMPONENTS, *PERIODS)},
        "cost_index_cents": np.where(final, cents - readmission, None),
        "cost_readmission_cents": np.where(final, readmission, None),
    }  # fmt: skip
    episodes = pd.DataFrame(rows)
    described = episodes[["episode_id", "patient_id", "programme", "entry_date"]].assign(index_dx_policy="whitelist")
    return episodes, pd.concat([described, known], axis=1)[final], expected


def write_episodes(data: Path, year: int, counts: dict[str, int], *, seed: int = 0, noise: float = NOISE) -> None:
    """EPISODES, EPISODE_FEATURES and the oracle of a year, programme by programme."""
    made = [made_episodes(name, year, count, seed=seed, noise=noise) for name, count in counts.items()]
    episodes = pd.concat([one[0] for one in made], ignore_index=True)
    write_dataset(EPISODES, data, episodes, year, provenance=PROVENANCE)
    described = pd.concat([one[1] for one in made], ignore_index=True)
    write_dataset(EPISODE_FEATURES, data, described, year, provenance=PROVENANCE)
    known = episodes[["patient_id", "programme", "entry_date", "sector"]]
    oracle = known.assign(expected_in_scope_eur=np.concatenate([one[2] for one in made]))
    path = data / "oracle" / "episodes.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = [pd.read_parquet(path)] if path.exists() else []
    pd.concat([*before, oracle], ignore_index=True).to_parquet(path, index=False)
