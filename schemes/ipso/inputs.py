"""The named frames that an IPSO payment reads, checked; a bad one is refused with frame, column and row number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError, MissingError
from features.tables import BRICK_NAMES

Inputs = Mapping[str, pd.DataFrame]
Days = npt.NDArray[np.datetime64]

SCHEME = "ipso"
KEY = ["structure_id", "patient_id"]
BRICKS = list(BRICK_NAMES)
CARE = ["in_team_cents", "outside_cents"]
DAYS = ["first_day", "last_day"]
PATIENT_COLUMNS = [*KEY, "present_share", "age_months", "sex", "expected_eur", *CARE, *BRICKS]
REFERENCE_COLUMNS = ["age_months", "sex", "weight", "expected_eur", "observed_eur", *BRICKS]
SPELL = ["from_date", "to_date"]
OPEN_END = np.datetime64("9999-12-31", "D")


@dataclass(frozen=True)
class Tables:
    """The frames checked: patients in the order of their key, spells with their days; contracts None if not given."""

    participations: pd.DataFrame
    patients: pd.DataFrame
    declared: pd.DataFrame
    reference: pd.DataFrame
    contracts: pd.DataFrame | None


def tables(inputs: Inputs) -> Tables:
    """The frames of an IPSO payment, checked.

    participations; patients (may have first_day and last_day, and c2s, is_seen, prevention_indicators for the
    supplements of the forfait of the médecin traitant); declared bricks (empty: none); reference; contracts (may be
    absent: structure_id, patient_id, from_date, to_date, a row for each signed contract).
    Errors: MissingError for a frame that is absent; InputError for a column that is absent, a value that is empty or
    impossible, a patient twice in a structure, a spell that ends before it starts.
    """
    participations = frame(inputs, "participations", ["structure_id", "scheme", *SPELL])
    declared = frame(inputs, "declared", [*KEY, "brick", *SPELL])
    refuse("declared", "brick", ~declared["brick"].isin(BRICKS), f"one of {', '.join(BRICKS)}")
    contracts = spells("contracts", frame(inputs, "contracts", [*KEY, *SPELL])) if "contracts" in inputs else None
    return Tables(
        participations=spells("participations", participations[participations["scheme"] == SCHEME]),
        patients=_patients(frame(inputs, "patients", PATIENT_COLUMNS)),
        declared=spells("declared", declared),
        reference=_reference(frame(inputs, "reference", REFERENCE_COLUMNS)),
        contracts=contracts,
    )


def frame(inputs: Inputs, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """A frame that has the columns, its rows numbered from 0. Errors: MissingError, InputError."""
    if name not in inputs:
        raise MissingError(f"IPSO needs the frame {name}; the inputs have {', '.join(sorted(inputs)) or 'none'}")
    if lacking := [column for column in columns if column not in inputs[name].columns]:
        raise InputError(f"{name}: column {', '.join(lacking)} is missing")
    return inputs[name].reset_index(drop=True)


def refuse(name: str, column: str, wrong: pd.Series | npt.NDArray[np.bool_], want: str) -> None:
    """Nothing where no row is wrong. Errors: InputError naming frame, column, first wrong row (1 is the first)."""
    places = np.flatnonzero(np.asarray(wrong, dtype=bool))
    if len(places):
        more = f" ({len(places)} such rows)" if len(places) > 1 else ""
        raise InputError(f"{name}: column {column}, row {places[0] + 1}{more}: should be {want}")


def spells(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with from_date and to_date as days, both included; an empty to_date is open.

    Errors: InputError for an empty or unreadable day, or a to_date before its from_date.
    """
    first, last = days(name, rows, "from_date"), days(name, rows, "to_date")
    refuse(name, "from_date", np.isnat(first), "a day, YYYY-MM-DD")
    last = np.where(np.isnat(last), OPEN_END, last)
    refuse(name, "to_date", last < first, "on or after from_date")
    kept = rows.drop(columns=SPELL).reset_index(drop=True)
    return kept.assign(from_date=pd.Series(first), to_date=pd.Series(last))


def days(name: str, rows: pd.DataFrame, column: str) -> Days:
    """Days of a column from dates, timestamps or text; NaT where empty. Errors: InputError for what is no day."""
    values = rows[column].astype(object)
    is_empty = values.isna() | (values == "")
    read = pd.to_datetime(values.where(~is_empty, None), errors="coerce", format="mixed")
    refuse(name, column, read.isna().to_numpy() & ~is_empty.to_numpy(), "a day, YYYY-MM-DD")
    return read.to_numpy().astype("datetime64[D]")


def numbers(
    name: str, rows: pd.DataFrame, column: str, *, highest: float = np.inf, nullable: bool = False
) -> pd.Series:
    """A column as floats of 0 or more, at most `highest`; nan where empty if `nullable`. Errors: InputError."""
    read = pd.to_numeric(rows[column], errors="coerce").astype("float64")
    values = read.to_numpy()
    is_empty = rows[column].isna().to_numpy() & nullable
    wrong = ~(np.isfinite(values) & (values >= 0) & (values <= highest)) & ~is_empty
    refuse(name, column, wrong, "0 or more" if np.isinf(highest) else f"0 to {highest:g}")
    return read


def _patients(rows: pd.DataFrame) -> pd.DataFrame:
    for column in KEY:
        refuse("patients", column, rows[column].isna(), "filled")
    refuse("patients", "patient_id", rows.duplicated(KEY), "found once in a structure; an earlier row has it")
    known = ("age_months", "sex", "expected_eur")
    typed = rows.assign(
        present_share=numbers("patients", rows, "present_share", highest=1.0),
        **{column: numbers("patients", rows, column, nullable=True) for column in known},
        **{column: numbers("patients", rows, column) for column in CARE},
        **{column: rows[column].astype("boolean") for column in BRICKS},
    )
    if set(DAYS) <= set(rows.columns):
        first, last = (days("patients", rows, column) for column in DAYS)
        refuse("patients", "first_day", np.isnat(first), "a day, YYYY-MM-DD")
        refuse("patients", "last_day", np.isnat(last) | (last < first), "a day, on or after first_day")
        typed = typed.assign(first_day=pd.Series(first), last_day=pd.Series(last))
    return typed.sort_values(KEY, kind="stable", ignore_index=True)


def _reference(rows: pd.DataFrame) -> pd.DataFrame:
    typed = rows.assign(**{column: numbers("reference", rows, column) for column in REFERENCE_COLUMNS[:5]})
    refuse("reference", "weight", typed["weight"] <= 0, "above 0")
    for column in BRICKS:
        refuse("reference", column, rows[column].isna(), "true or false")
    return typed.astype(dict.fromkeys(BRICKS, bool))
