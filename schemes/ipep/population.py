"""The population of a group: who counts in each year, who does not and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemes.ipep.inputs import LISTED

REASONS = ("not_on_list", "no_exposure", "no_prediction", "not_consumer")
EXCLUDED = ("structure_id", "reason", "patients")
BEFORE = "_before"
KEYS = ("structure_id", "patient_id")


@dataclass(frozen=True)
class Population:
    """Patients taken into account, one row each: columns of `year` plain, of the year before with `_before`.

    A year in which a patient is not taken into account has exposure 0. is_now: taken into account in `year`.
    listed: patients on the list of `year` by structure, consumers or not: the size the gate looks at.
    excluded: structure_id, reason (ending in _before for the year before), patients.
    """

    rows: pd.DataFrame
    listed: dict[str, int]
    excluded: pd.DataFrame


def population(members: pd.DataFrame, *, year: int) -> Population:
    """Patients on the list on 31 December of `year`, and the members of the year before, who consumed in either.

    The rows of a year are its population: who joined counts in `year` alone, who left in the year before alone; each
    for the part of the year lived (exposure_share), so who died in the year counts. Excluded, each year once, for the
    first reason that holds: not on the list (`year` alone), no exposure, no prediction, no reimbursed care in either
    year. The nation must be made alike (`reference.national`).
    Rule: IPEP specifications, patients "pris en compte" (consumers and exposure assumed).
    """
    consumes = members.groupby(list(KEYS))["is_consumer"].transform("any").astype(bool)
    now, reasons = _taken(members, consumes, year, REASONS)
    before, reasons_before = _taken(members, consumes, year - 1, REASONS[1:])
    wide = now.merge(before, on=list(KEYS), how="outer", suffixes=("", BEFORE), validate="one_to_one")
    wide["is_now"] = wide["exposure_share"].notna()
    for name in ("exposure_share", "observed_eur"):
        for column in (name, name + BEFORE):
            if column in wide:
                wide[column] = wide[column].astype(float).fillna(0.0)
    on_list = reasons[reasons["reason"].isin(("", "no_prediction", "not_consumer"))]
    reasons_before["reason"] = reasons_before["reason"].where(
        reasons_before["reason"] == "", reasons_before["reason"] + BEFORE
    )
    return Population(
        rows=wide.sort_values(list(KEYS), kind="stable", ignore_index=True),
        listed={str(name): int(count) for name, count in on_list.groupby("structure_id").size().items()},
        excluded=_counted(pd.concat([reasons, reasons_before])),
    )


def _taken(
    members: pd.DataFrame, consumes: pd.Series, year: int, names: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a year that count, and structure_id and reason ("" where it counts) of every row of the year."""
    rows = members[members["year"] == year]
    lived = rows["exposure_share"].fillna(0) > 0
    holds = {
        "not_on_list": ~rows[LISTED] | (rows["present_share"] <= 0),
        "no_exposure": ~lived,
        "no_prediction": rows["expected_eur"].isna(),
        "not_consumer": ~consumes[rows.index],
    }
    reason = np.select([holds[name].to_numpy(dtype=bool) for name in names], list(names), default="")
    kept = [*KEYS, "exposure_share", "expected_eur", "observed_eur"]
    columns = [name for name in kept if name in rows] + (["present_share"] if names == REASONS else [])
    return rows.loc[reason == "", columns], rows[["structure_id"]].assign(reason=reason)


def _counted(reasons: pd.DataFrame) -> pd.DataFrame:
    out = reasons[reasons["reason"] != ""]
    return out.groupby(["structure_id", "reason"]).size().rename("patients").reset_index()[list(EXCLUDED)]
