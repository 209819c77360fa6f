"""Which episodes train and test: final, complete, with characteristics; every one left out counted by reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError, MissingError
from features.scoring import encode_frame
from features.store import read_dataset, years_written
from features.tables import EPISODE_FEATURES, EPISODES
from training.episodes.recipes import checked_recipe
from training.episodes.target import trimmed
from training.population import Rows
from training.recipes import Recipe, card_features

COST, READMISSION = "cost_in_scope_cents", "cost_readmission_cents"
FEWEST = 50
POLICY = "index_dx_policy"
IDENTITY = ["episode_id", "patient_id", "programme", "sector", "establishment_id", "entry_date"]


@dataclass(frozen=True)
class Episodes:
    """Episodes of one programme: `rows` (encoded; `spent_eur` is the cost cut at both ends, exposure 1) and `known`.

    `known`, row by row: identity, sector, establishment, year of exit, raw_eur, avoidable_eur (of the cut cost).
    """

    rows: Rows
    known: pd.DataFrame

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.known)

    @property
    def cost_eur(self) -> np.ndarray:
        """Cost in the perimeter, cut at both ends."""
        return self.rows.spent_eur

    @cached_property
    def strata(self) -> np.ndarray:
        """Sector of each episode: with the programme, its stratum."""
        return self.known["sector"].to_numpy(object)

    @cached_property
    def establishments(self) -> np.ndarray:
        """Establishment of each episode."""
        return self.known["establishment_id"].to_numpy(object)

    def at(self, chosen: np.ndarray) -> Episodes:
        """Some of the episodes, by place."""
        rows = self.rows
        parts = (part[chosen] for part in (rows.matrix, rows.spent_eur, rows.exposure, rows.patients))
        return Episodes(Rows(rows.names, *parts), self.known.iloc[chosen].reset_index(drop=True))

    def with_cost(self, cost_eur: np.ndarray) -> Episodes:
        """The same episodes with another cost to learn."""
        return replace(self, rows=replace(self.rows, spent_eur=cost_eur))


def past_episode_years(data: Path, recipe: Recipe, year: int) -> list[int]:
    """Years before `year` with episodes of the programme that can train. Errors: MissingError when there is none."""
    both = sorted(set(years_written(EPISODES, data)) & set(years_written(EPISODE_FEATURES, data)))
    past = [known for known in both if known < year and _has(data, recipe, known)]
    if not past:
        raise MissingError(
            f"no year before {year} has final and complete episodes of {recipe.perimeter} in {data}: "
            f"run forfait episodes --years {year - 1}..{year}"
        )
    return past


def load_episodes(data: Path, recipe: Recipe, years: Sequence[int]) -> tuple[Episodes, pd.DataFrame]:
    """Episodes of the years of exit, and the counts (year, control, patients: index stays) of kept and left out.

    Errors: as `read_dataset`; InputError for a characteristic that is not known at admission, a final episode
    without a cost, or years built under different policies; MissingError for too few episodes.
    """
    checked_recipe(recipe)
    loaded = [_load_year(data, recipe, year) for year in years]
    both = pd.concat([frame for frame, _ in loaded], ignore_index=True)
    counts = pd.concat([count for _, count in loaded], ignore_index=True)
    if len(both) < FEWEST:
        raise MissingError(
            f"{len(both)} final and complete episodes of {recipe.perimeter} in {_named(years)}; {FEWEST} are needed: "
            f"build more years or patients (left out: {_left_out(counts)})"
        )
    _one_policy(both)
    return _episodes(recipe, both), counts


def policy_of(data: Path, year: int) -> str:
    """Policy of the diagnoses of the index stay under which characteristics of the year were built."""
    return str(_one_policy(read_dataset(None, EPISODE_FEATURES, data, year)))


def _has(data: Path, recipe: Recipe, year: int) -> bool:
    rows = read_dataset(None, EPISODES, data, year)
    return bool(((rows["programme"] == recipe.perimeter) & rows["is_final"] & rows["is_complete"]).any())


def _load_year(data: Path, recipe: Recipe, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    every = read_dataset(None, EPISODES, data, year)
    own = every[every["programme"] == recipe.perimeter]
    if (gaps := int((own["is_final"] & own[COST].isna()).sum())) > 0:
        raise InputError(f"episodes {year}: {COST} is empty in {gaps} final episodes; run forfait episodes again")
    described = read_dataset(None, EPISODE_FEATURES, data, year)
    described = described[described["programme"] == recipe.perimeter]
    names = [known.name for known in recipe.features]
    known = described[["episode_id", POLICY, *names]]
    both = own[[*IDENTITY, COST, READMISSION, "is_final", "is_complete"]].merge(
        known, on="episode_id", how="left", validate="one_to_one", indicator=True
    )
    both = both.sort_values("episode_id", kind="stable", ignore_index=True).assign(year=year)
    reasons = {
        "not_final": ~both["is_final"],
        "not_complete": ~both["is_complete"],
        "without_characteristics": both["_merge"] != "both",
        "no_cost": ~(both[COST].fillna(0) > 0),
    }
    reason = np.select(list(reasons.values()), list(reasons), default="kept")
    strangers = int((~described["episode_id"].isin(own["episode_id"])).sum())
    counted = {"without_episode": strangers} | {name: int((reason == name).sum()) for name in (*reasons, "kept")}
    counts = pd.DataFrame({"year": year, "control": list(counted), "patients": list(counted.values())})
    return both[reason == "kept"], counts


def _episodes(recipe: Recipe, both: pd.DataFrame) -> Episodes:
    names = [known.name for known in recipe.features]
    raw = both[COST].to_numpy(float) / 100
    cost = trimmed(raw, (both["sector"].astype(str) + " " + both["year"].astype(str)).to_numpy(object))
    # what is cut off a cost is cut off its parts alike; what is added to a low one is no complication
    avoidable = both[READMISSION].fillna(0).clip(lower=0).to_numpy(float) / 100 * np.minimum(cost / raw, 1.0)
    matrix = encode_frame(card_features(recipe), both[names])
    rows = Rows(names, matrix, cost, np.ones(len(both)), both["patient_id"].to_numpy(object))
    known = both[[*IDENTITY, "year", POLICY]].assign(raw_eur=raw, avoidable_eur=np.minimum(avoidable, cost))
    return Episodes(rows, known)


def _one_policy(rows: pd.DataFrame) -> str:
    policies = sorted(rows[POLICY].dropna().unique())
    if len(policies) > 1:
        raise InputError(
            f"episode_features: {POLICY} is {' and '.join(policies)}; build every year under one: forfait episodes"
        )
    return str(policies[0]) if policies else ""


def _named(years: Sequence[int]) -> str:
    return ", ".join(map(str, years))


def _left_out(counts: pd.DataFrame) -> str:
    sums = counts[counts["control"] != "kept"].groupby("control", sort=False)["patients"].sum()
    return ", ".join(f"{name} {count}" for name, count in sums.items() if count) or "none"
