"""EDS inputs made by hand: rules with grids replaced, references of round numbers, episodes of one establishment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from schemes.rulebook import Rules
from tests.schemes.rules_made import made_rules

YEAR = 2024
PLAIN = {
    "pays": "yes", "pre_days": "45", "post_days": "90", "trend_ratio": "1", "discount_share": "0",
    "coordination_eur": "0", "low_volume_episodes": "31",
}  # fmt: skip
PARTS = ("pre", "index", "implant", "ssr", "had", "readmission", "kine", "ide", "transport", "drugs_lpp", "other_ville")
PERIODS = ("days_0_30", "days_31_60", "days_61_90", "days_91_up")


def with_grid(rules: Rules, name: str, rows: Sequence[Mapping[str, str]]) -> Rules:
    """The rules with the rows of a grid replaced."""
    return replace(rules, grids=rules.grids | {name: replace(rules.grids[name], rows=tuple(map(dict, rows)))})


def eds_rules(programmes: Mapping[str, Mapping[str, str]] | None = None, **overrides: str) -> Rules:
    """The latest rules of EDS; programmes: columns of the grid by programme, over plain ones (pth alone by default)."""
    rows = [{"programme": name, **PLAIN, **columns} for name, columns in (programmes or {"pth": {}}).items()]
    return with_grid(made_rules("eds", **overrides), "programmes", rows)


def weights(*values: str) -> list[dict[str, str]]:
    """Rows of year_weights, oldest first."""
    return [{"place": str(place), "weight": value} for place, value in enumerate(values, start=1)]


def participations(*rows: Mapping[str, object]) -> pd.DataFrame:
    """Establishments in the two-sided phase, one by default (H1), quality known."""
    plain = {
        "structure_id": "H1", "scheme": "eds", "from_date": pd.Timestamp("2019-09-01"),
        "to_date": pd.Timestamp("2199-12-31"), "phase": "two_sided", "quality_share": 1.0,
    }  # fmt: skip
    return pd.DataFrame([plain | dict(row) for row in rows or ({},)])


def reference(mean_eur: float = 10_000.0, cap_eur: float = 22_000.0, **columns: object) -> pd.DataFrame:
    """One year of 1,000 hips of the public sector: mean cost and mean prediction."""
    plain = {
        "programme": "pth", "sector": "public", "observed_eur": round(mean_eur * 1000, 4),
        "expected_eur": 10_000_000.0, "episodes": 1000, "cap_eur": cap_eur,
    }  # fmt: skip
    return pd.DataFrame([plain | columns])


def episodes(costs_eur: Sequence[float], establishment: str = "H1", **columns: object) -> pd.DataFrame:
    """Final and complete hips of the public sector, discharged on 20 March 2024, each with its in-scope cost."""
    rows = pd.DataFrame(
        {
            "episode_id": [f"{establishment}-{place:04d}" for place in range(len(costs_eur))],
            "patient_id": [f"P-{establishment}-{place:04d}" for place in range(len(costs_eur))],
            "programme": "pth", "sector": "public", "establishment_id": establishment,
            "entry_date": pd.Timestamp("2024-03-14"), "intervention_date": pd.Timestamp("2024-03-15"),
            "exit_date": pd.Timestamp("2024-03-20"), "window_end": pd.Timestamp("2024-06-13"),
            "is_final": True, "is_complete": True,
            "cost_in_scope_cents": [round(cost * 100) for cost in costs_eur],
        }
    )  # fmt: skip
    return rows.assign(**columns)


def with_parts(rows: pd.DataFrame) -> pd.DataFrame:
    """Episodes with components and periods: six tenths index, three SSR in the first month, one kine in the second."""
    cost = rows["cost_in_scope_cents"]
    index, ssr = cost * 6 // 10, cost * 3 // 10
    shares = {"index": index, "ssr": ssr, "kine": cost - index - ssr}
    times = {"days_0_30": ssr, "days_31_60": cost - index - ssr}
    return rows.assign(
        **{f"cost_{name}_cents": shares.get(name, 0) for name in PARTS},
        **{f"cost_{name}_cents": times.get(name, 0) for name in PERIODS},
    )


def predictions(rows: pd.DataFrame, expected_eur: Sequence[float] | float = 10_000.0) -> pd.DataFrame:
    """A prediction for each episode."""
    return pd.DataFrame({"episode_id": rows["episode_id"], "expected_eur": expected_eur})


def volumes(episodes: int = 500, establishment: str = "H1", programme: str = "pth") -> pd.DataFrame:
    """Reference episodes of an establishment."""
    return pd.DataFrame([{"establishment_id": establishment, "programme": programme, "episodes": episodes}])


def eds_inputs(
    costs_eur: Sequence[float] = (9_000.0, 11_000.0), expected_eur: Sequence[float] | float = 10_000.0, **frames: object
) -> dict[str, pd.DataFrame]:
    """All the inputs, one establishment; frames given replace those made."""
    rows = episodes(costs_eur)
    plain = {
        "participations": participations(), "episodes": rows, "predictions": predictions(rows, expected_eur),
        "reference": reference(), "volumes": volumes(),
    }  # fmt: skip
    return {**plain, **frames}  # type: ignore[dict-item]


def quality(*rows: tuple[str, str, float, float | None, int]) -> pd.DataFrame:
    """establishment_id, indicator, observed, expected, patients."""
    return pd.DataFrame(rows, columns=["establishment_id", "indicator", "observed", "expected", "patients"])
