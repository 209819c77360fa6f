"""IPEP inputs made by hand: groups of like patients, a nation without trend, rules with the gate out of the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from schemes.rulebook import Rules
from tests.schemes.rules_made import made_rules

YEAR = 2024
VERSION = {"model": "ipep", "version": 3, "version_hash": "abcdef0123456789"}
HIGH = 1e9


def ipep_rules(**overrides: str) -> Rules:
    """The latest rules of IPEP; no gate, two indicators, one of each direction, unless overridden."""
    listed = {"socle_indicators": "hba1c, rh30", "carte_indicators": "none", "decreasing_indicators": "rh30"}
    easy = {"min_patients": "1", **listed}
    return made_rules("ipep", **(easy | overrides))


def participations(*rows: Mapping[str, object]) -> pd.DataFrame:
    """Groups in phase 2 in 2024, one by default (G1)."""
    plain = {
        "structure_id": "G1",
        "scheme": "ipep",
        "from_date": pd.Timestamp("2022-01-01"),
        "to_date": pd.Timestamp("2199-12-31"),
        "phase_from": pd.Timestamp("2022-01-01"),
        "carte": "no",
        "experience_points": np.nan,
    }
    return pd.DataFrame([plain | dict(row) for row in rows or ({},)])


def phase_3(**row: object) -> pd.DataFrame:
    """A group in phase 3 in 2024."""
    return participations({"phase_from": pd.Timestamp("2021-01-01"), **row})


def members(
    observed: Sequence[float],
    expected: Sequence[float],
    observed_before: Sequence[float],
    expected_before: Sequence[float],
    structure: str = "G1",
) -> pd.DataFrame:
    """Members all year long in 2023 and 2024, a number of each by patient."""
    years = {YEAR - 1: (observed_before, expected_before), YEAR: (observed, expected)}
    return pd.concat(
        pd.DataFrame(
            {
                "structure_id": structure,
                "patient_id": [f"{structure}-{place:05d}" for place in range(len(spent))],
                "year": year,
                "present_share": 1.0,
                "exposure_share": 1.0,
                "is_consumer": True,
                "expected_eur": awaited,
                "observed_eur": spent,
                **VERSION,
            }
        )
        for year, (spent, awaited) in years.items()
    )


def like(count: int, *four: float, structure: str = "G1") -> pd.DataFrame:
    """`count` members with the same observed, expected, observed before and expected before."""
    return members(*([value] * count for value in four), structure=structure)


def nation(
    trend: float = 1.0, trend_before: float = 1.0, cap: float = HIGH, cap_before: float | None = None
) -> pd.DataFrame:
    """The nation: 1,000 EUR expected per year lived, observed at the trend."""
    years = ((YEAR - 1, trend_before, cap_before or cap), (YEAR, trend, cap))
    return pd.DataFrame(
        [
            {
                "year": year,
                "patients": 1000,
                "exposure": 1000.0,
                "observed_eur": 1e6 * ratio,
                "expected_eur": 1e6,
                "cap_eur": most,
            }
            for year, ratio, most in years
        ]
    )


def indicators(
    results: Mapping[str, tuple[float | None, float | None]],
    territories: Mapping[str, Sequence[float]],
    structure: str = "G1",
) -> pd.DataFrame:
    """Results (before, now) of a structure, and of territories in the year."""
    rows: list[tuple[object, ...]] = []
    for name, (before, now) in results.items():
        rows += [("structure", structure, YEAR - 1, name, before), ("structure", structure, YEAR, name, now)]
    for name, values in territories.items():
        rows += [("territory", f"T{place}", YEAR, name, value) for place, value in enumerate(values)]
    columns = ["entity", "entity_id", "year", "indicator", "value_share"]
    made = pd.DataFrame(rows, columns=columns)
    return made.assign(numerator=0, denominator=0, value_share=made["value_share"].astype(float))


# Eleven territories from 0.0 to 1.0: the third decile is 0.3, the eighth 0.8.
TENTHS = tuple(place / 10 for place in range(11))
PERFECT = {"hba1c": (0.9, 0.9), "rh30": (0.1, 0.1)}
BOTH = {"hba1c": TENTHS, "rh30": TENTHS}


def residuals(count: int = 400, seed: int = 1) -> pd.DataFrame:
    """Reference patients of one expected spending, with normal luck around it, half of it the same in both years."""
    rng = np.random.default_rng(seed)
    same, now, before = rng.normal(size=(3, count))
    return pd.DataFrame(
        {
            "expected_eur": 1000.0,
            "observed_eur": 1000 + 100 * (same + now) / np.sqrt(2),
            "observed_before_eur": 1000 + 100 * (same + before) / np.sqrt(2),
        }
    )


def inputs(people: pd.DataFrame, **frames: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Inputs of a payment: a group with full quality in a nation without trend, unless given."""
    plain = {
        "participations": participations(),
        "members": people,
        "nation": nation(),
        "residuals": residuals(),
        "indicators": indicators(PERFECT, BOTH),
    }
    return plain | frames
