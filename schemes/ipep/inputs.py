"""The frames that IPEP reads, checked: a bad one is refused with table, column, row number and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from features.errors import InputError, MissingError, RuleError

Inputs = Mapping[str, pd.DataFrame]

KEY = ("structure_id", "patient_id", "year")
VERSION = ("model", "version", "version_hash")
LISTED = "is_listed"
ROWS_NAMED = 5


def frame(inputs: Inputs, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """A named frame that has the columns.

    Errors: MissingError where the frame is not among the inputs; InputError naming the columns it lacks.
    """
    if name not in inputs:
        raise MissingError(f"IPEP needs the frame {name}; the inputs have {', '.join(sorted(inputs)) or 'none'}")
    wanted = list(columns)
    if lacking := [column for column in wanted if column not in inputs[name].columns]:
        raise InputError(f"{name} lacks {', '.join(lacking)}; IPEP reads {', '.join(wanted)}")
    return inputs[name].reset_index(drop=True)


def members(inputs: Inputs, *, year: int, spent: bool = True) -> pd.DataFrame:
    """The members of the groups in `year` and the year before, checked, in an order that the rows do not decide.

    A row without exposure is of a patient who did not live in the year (counted exclusion).
    `is_listed` (optional column): médecin traitant in the group on 31 December, or on the day of death; all by default.
    spent=False asks for no spending and no year before (a target).
    Errors: InputError for a repeated member, a patient in two groups, a missing, negative or endless number, a share
    outside 0..1; MissingError for a year without any row; RuleError for predictions of several versions.
    """
    columns = [*KEY, "present_share", "exposure_share", "is_consumer", "expected_eur", *VERSION] + (
        ["observed_eur"] if spent else []
    )
    rows = frame(inputs, "members", columns)
    _no_null("members", rows, KEY)
    for given in (year, year - 1) if spent else (year,):
        if not (rows["year"] == given).any():
            raise MissingError(f"members has no row of {given}; IPEP compares {year} with {year - 1}")
    _refuse("members", rows.duplicated(list(KEY)), "repeats a member of a group and year; keep one row of each")
    _refuse(
        "members",
        rows.duplicated(["patient_id", "year"], keep=False),
        "the patient is in another group too; a patient counts in one group a year",
    )
    numbers("members", rows, "present_share", highest=1.0)
    exposure = numbers("members", rows, "exposure_share", highest=1.0, nullable=True)
    numbers("members", rows, "expected_eur", nullable=True)
    _refuse("members", rows["is_consumer"].isna() & (exposure > 0), "is_consumer is missing; fill it")
    rows["is_consumer"] = rows["is_consumer"].eq(True).astype(bool)
    if spent:
        observed = numbers("members", rows, "observed_eur", nullable=True)
        _refuse(
            "members", np.isnan(observed) & (exposure > 0), "observed_eur is missing; a year lived without care is 0"
        )
    one_version(rows)
    rows[LISTED] = rows[LISTED].astype(bool) if LISTED in rows else True
    return rows.sort_values(list(KEY), kind="stable", ignore_index=True)


def one_version(rows: pd.DataFrame, name: str = "members") -> None:
    """Nothing, where all predictions come from one frozen model.

    Errors: RuleError naming the versions and their years: a change of model would be paid as an evolution.
    """
    predicted = rows[rows["expected_eur"].notna()]
    if predicted.empty:
        return
    _no_null(name, predicted, VERSION)
    versions = predicted.groupby(list(VERSION))["year"].agg(lambda years: sorted(set(years)))
    if len(versions) > 1:
        named = versions.reset_index()[[*VERSION, "year"]].itertuples(index=False)
        seen = "; ".join(
            f"{model} {version} ({str(digest)[:12]}) for {', '.join(map(str, years))}"
            for model, version, digest, years in named
        )
        raise RuleError(f"{name}: predictions of several versions: {seen}; score every year with one frozen version")


def same_version(rows: pd.DataFrame, other: pd.DataFrame, name: str) -> None:
    """Nothing, where a national frame says no version, or that of the members.

    Errors: RuleError where it says another.
    """
    if "version_hash" in other and not set(other["version_hash"].dropna()) <= set(rows["version_hash"].dropna()):
        raise RuleError(f"{name}: version_hash is not that of members; predict the nation with the groups' version")


def numbers(
    name: str, rows: pd.DataFrame, column: str, *, highest: float = np.inf, nullable: bool = False
) -> np.ndarray:
    """The values of a column as floats, 0 or more, at most `highest`, finite; nan where `nullable` and missing.

    Errors: InputError naming rows that break this.
    """
    try:
        values = pd.to_numeric(rows[column]).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {column} should be numbers") from error
    fine = np.isfinite(values) & (values >= 0) & (values <= highest)
    bounds = "0 or more" if np.isinf(highest) else f"0 to {highest:g}"
    _refuse(name, ~(fine | (np.isnan(values) & nullable)), f"{column} is missing, or not a number of {bounds}")
    return values


def _no_null(name: str, rows: pd.DataFrame, columns: Iterable[str]) -> None:
    for column in columns:
        _refuse(name, rows[column].isna(), f"{column} is missing; fill it")


def _refuse(name: str, wrong: pd.Series | np.ndarray, sentence: str) -> None:
    """Errors: InputError naming the first wrong rows, counted from 1."""
    places = np.flatnonzero(np.asarray(wrong))
    if len(places):
        shown = ", ".join(str(place + 1) for place in places[:ROWS_NAMED])
        more = f" and {len(places) - ROWS_NAMED} more" if len(places) > ROWS_NAMED else ""
        raise InputError(f"{name}, row {shown}{more}: {sentence}")
