"""A fictional nation of establishments under EDS: three programmes, two sectors, a reference year and the year paid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schemes.eds import reference
from schemes.rulebook import Rules
from tests.schemes.eds_made import PARTS, PERIODS

YEAR, PUBLIC, PRIVATE = 2023, "75000001", "75000002"
MEANS = {"pth": 9_000.0, "ptg": 10_000.0, "colectomie": 13_500.0}
POST_DAYS = {"pth": 90, "ptg": 90, "colectomie": 180}
VOLUMES = {"pth": 60, "ptg": 45, "colectomie": 14}
SHARES = {"pre": 0.05, "index": 0.55, "implant": 0.15, "ssr": 0.1, "readmission": 0.04, "kine": 0.05, "ide": 0.02,
          "transport": 0.02, "drugs_lpp": 0.01, "other_ville": 0.01}  # fmt: skip
TIMES = {"days_0_30": 0.15, "days_31_60": 0.07, "days_61_90": 0.03}
OTHERS = tuple(f"7500001{number}" for number in range(8))


def establishments() -> dict[str, str]:
    """Establishment → sector: the two that take part, and eight others."""
    others = {name: ("public", "private")[place % 2] for place, name in enumerate(OTHERS)}
    return {PUBLIC: "public", PRIVATE: "private", **others}


def nation(rules: Rules, seed: int = 1, few: int = 4) -> dict[str, pd.DataFrame]:
    """Inputs of `schemes.eds.pay`, the same for the same seed; the private establishment has `few` colectomies."""
    rng = np.random.default_rng(seed)
    parts = [
        _episodes(rng, who, sector, programme, year, few if (who, programme) == (PRIVATE, "colectomie") else count)
        for year in (YEAR - 1, YEAR)
        for who, sector in establishments().items()
        for programme, count in VOLUMES.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    predictions = rows[["episode_id"]].assign(expected_eur=rows["expected"].round(2))
    frames = {
        "participations": _participations(),
        "episodes": rows.drop(columns="expected"),
        "predictions": predictions,
    }
    priced = reference(frames, years=range(YEAR - 1, YEAR + 1), rules=rules)
    return {**frames, "reference": priced, "quality": _quality(rng)}


def _participations() -> pd.DataFrame:
    plain = {"scheme": "eds", "to_date": pd.Timestamp("2199-12-31"), "perimeter": "", "quality_share": np.nan}
    rows = [
        {"structure_id": PUBLIC, "structure_name": "CHU des Tilleuls", "phase": "two_sided"},
        {"structure_id": PRIVATE, "structure_name": "Clinique du Lac", "phase": "upside"},
    ]
    return pd.DataFrame([plain | row | {"from_date": pd.Timestamp("2019-09-01")} for row in rows])


def _episodes(rng: np.random.Generator, who: str, sector: str, programme: str, year: int, count: int) -> pd.DataFrame:
    expected = MEANS[programme] * rng.gamma(20, 1 / 20, count) * (0.85 if sector == "private" else 1.0)
    factor = {PUBLIC: 0.94, PRIVATE: 1.02}.get(who, 1.0) if year == YEAR else 1.0
    cost = (expected * rng.gamma(8, 1 / 8, count) * factor * 100).astype("int64")
    exits = pd.Timestamp(f"{year}-01-05") + pd.to_timedelta(rng.integers(0, 180, count), unit="D")
    done = exits - pd.Timedelta(days=5)
    names = [f"{programme}:{who}-{year}-{place:03d}" for place in range(count)]
    frame = pd.DataFrame(
        {
            "episode_id": names, "patient_id": [f"P{name}" for name in names], "programme": programme,
            "sector": sector, "establishment_id": who, "entry_date": done - pd.Timedelta(days=1),
            "intervention_date": done, "exit_date": exits,
            "window_end": done + pd.Timedelta(days=POST_DAYS[programme]), "is_final": True, "is_complete": True,
            "cost_in_scope_cents": cost, "cost_total_allcause_cents": cost + 50_000, "expected": expected,
        }
    )  # fmt: skip
    spent = {name: (cost * share).astype("int64") for name, share in SHARES.items()}
    spent["index"] = spent["index"] + cost - sum(spent.values())
    times = {name: (cost * share).astype("int64") for name, share in TIMES.items()}
    return frame.assign(
        **{f"cost_{name}_cents": spent.get(name, 0) for name in PARTS},
        **{f"cost_{name}_cents": times.get(name, 0) for name in PERIODS},
    )


def _quality(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for who in establishments():
        patients = sum(VOLUMES.values()) * (1 + OTHERS.index(who) if who in OTHERS else 3)
        for indicator, rate in {"rehospitalisation": 0.08, "infection": 0.01, "ssr_use": 0.3}.items():
            rows.append((who, indicator, float(rng.poisson(patients * rate)), patients * rate, patients))
        rows.append((who, "anaemia_screening", float(rng.binomial(patients, 0.6)), np.nan, patients))
        rows.append((who, "chemotherapy_in_time", 9.0, np.nan, 12))
        rows.append((who, "prems_score", float(rng.normal(75, 3)), np.nan, patients // 2))
    return pd.DataFrame(rows, columns=["establishment_id", "indicator", "observed", "expected", "patients"])
