"""Practices that are paid and their patients; who is left out or refused, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import RuleError
from schemes.ipso.inputs import BRICKS, KEY, SPELL, Inputs, Tables, tables
from schemes.ipso.months import IN_YEAR, Months, category_shares, month_shares, months_due
from schemes.ipso.prices import Prices, prices
from schemes.rulebook import Rules

Marks = npt.NDArray[np.bool_]

MEAN, BLEND, CATEGORY = "mean", "blend", "category"
PHASES = (MEAN, BLEND, CATEGORY)
REFUSED = ["structure_id", "reason", "detail"]
EXCLUDED = ["structure_id", "reason", "patients"]


@dataclass(frozen=True)
class Practice:
    """A practice and its patients: parts of months due; bricks declared and flagged (patient, brick, month)."""

    structure_id: str
    patients: pd.DataFrame
    months: Months
    declared: Marks
    flagged: Marks
    shared_patients: int


@dataclass(frozen=True)
class Year:
    """What a year's payment rests on: practices with someone to pay, λ by month, prices (None: mean phase)."""

    practices: tuple[Practice, ...]
    excluded: pd.DataFrame
    refused: tuple[tuple[str, str, str], ...]
    phase: str
    category_share: npt.NDArray[np.float64]
    prices: Prices | None
    reference: pd.DataFrame


def year_of(inputs: Inputs, *, year: int, rules: Mapping[str, Rules]) -> Year:
    """The practices that take part on some day of the year, with their patients, months, bricks and prices.

    Errors: InputError, MissingError for the frames; RuleError for rules that are missing or unknown.
    """
    if "ipso" not in rules:
        raise RuleError(f"ipso: no rules were given for it; there are {', '.join(sorted(rules)) or 'none'}")
    own, found = rules["ipso"], tables(inputs)
    if (phase := own.text("phase")) not in PHASES:
        raise RuleError(f"{own.file}: phase is {phase!r}; it should be one of {', '.join(PHASES)}")
    priced = None if phase == MEAN else prices(found.reference, own)
    due = months_due(found, rule=own.text("exposure_rule"), year=year)
    reasons = _reasons(found, due, priced)
    running = _running(found.participations, year)
    kept, declared, shared = reasons == "", _declared(found, year), _shared(found.patients)
    flagged = np.repeat(found.patients[BRICKS].fillna(False).to_numpy(dtype=bool)[:, :, None], IN_YEAR, axis=2)
    practices = []
    for structure in running:
        rows = np.flatnonzero(kept & (found.patients["structure_id"] == structure).to_numpy())
        if len(rows):
            listed = found.patients.iloc[rows].reset_index(drop=True)
            at = (due[rows], declared[rows], flagged[rows], int(shared[rows].sum()))
            practices.append(Practice(structure, listed, *at))
    paid = {practice.structure_id for practice in practices}
    return Year(
        practices=tuple(practices),
        excluded=_excluded(found, reasons),
        refused=tuple((name, "empty_patientele", f"nobody to pay in {year}") for name in running if name not in paid),
        phase=phase,
        category_share=_category_share(own, phase, year),
        prices=priced,
        reference=found.reference,
    )


def _category_share(rules: Rules, phase: str, year: int) -> npt.NDArray[np.float64]:
    if phase == BLEND:
        return category_shares(rules.first_day, rules.whole("blend_quarters"), year=year)
    return np.full(IN_YEAR, float(phase == CATEGORY))


def _running(participations: pd.DataFrame, year: int) -> list[str]:
    first, last = (np.datetime64(f"{year}-{day}", "D") for day in ("01-01", "12-31"))
    from_date, to_date = (participations[column].to_numpy().astype("datetime64[D]") for column in SPELL)
    return sorted(set(participations["structure_id"][(from_date <= last) & (to_date >= first)].map(str)))


def _reasons(found: Tables, due: Months, priced: Prices | None) -> npt.NDArray[np.str_]:
    """Why each patient is left out; "" for a patient who is paid. The first reason that holds is the one told."""
    people = found.patients
    checks: list[tuple[str, Marks]] = [
        ("structure_not_in_scheme", ~people["structure_id"].isin(found.participations["structure_id"]).to_numpy())
    ]
    if found.contracts is not None:
        checks.append(("no_contract", ~_is_in(people, found.contracts)))
    elsewhere = _shared(people) & (due.sum(axis=1) == 0)
    checks += [("paid_in_another_practice", elsewhere), ("not_present", due.sum(axis=1) == 0)]
    if priced is not None:
        checks += [
            ("no_age_or_sex", people[["age_months", "sex"]].isna().any(axis=1).to_numpy()),
            ("no_bricks_known", people[BRICKS].isna().any(axis=1).to_numpy()),
            ("no_reference_cell", np.isnan(priced.socle_eur(people))),
        ]
    return np.select([wrong for _, wrong in checks], [reason for reason, _ in checks], default="")


def _excluded(found: Tables, reasons: npt.NDArray[np.str_]) -> pd.DataFrame:
    """structure_id, reason, patients: those left out, and contracts or declarations of people not on the list."""
    left = found.patients[["structure_id", "patient_id"]].assign(reason=reasons)[reasons != ""]
    parts = [left, _not_listed(found, found.declared, "declared_not_on_list")]
    if found.contracts is not None:
        parts.append(_not_listed(found, found.contracts, "contract_not_on_list"))
    counted = pd.concat(parts, ignore_index=True).groupby(["structure_id", "reason"], sort=True)["patient_id"].nunique()
    return counted.rename("patients").reset_index()[EXCLUDED].astype({"patients": "int64"})


def _not_listed(found: Tables, rows: pd.DataFrame, reason: str) -> pd.DataFrame:
    return rows.loc[~_is_in(rows, found.patients), KEY].drop_duplicates().assign(reason=reason)


def _is_in(rows: pd.DataFrame, others: pd.DataFrame) -> Marks:
    known = set(zip(others["structure_id"], others["patient_id"], strict=True))
    return np.array([pair in known for pair in zip(rows["structure_id"], rows["patient_id"], strict=True)], dtype=bool)


def _shared(patients: pd.DataFrame) -> Marks:
    return patients["patient_id"].duplicated(keep=False).to_numpy()


def _declared(found: Tables, year: int) -> Marks:
    """Whether each brick is declared for each patient on some day of each month."""
    marks = np.zeros((len(found.patients), len(BRICKS), IN_YEAR), dtype=bool)
    listed = found.patients[KEY].assign(row=range(len(found.patients)))
    rows = found.declared.merge(listed, on=KEY, how="inner", validate="m:1")
    first, last = (rows[column].to_numpy().astype("datetime64[D]") for column in SPELL)
    brick = rows["brick"].map({name: place for place, name in enumerate(BRICKS)}).to_numpy(dtype=int)
    touched = month_shares(first, last, rule="month_started", year=year) > 0
    np.logical_or.at(marks, (rows["row"].to_numpy(), brick), touched)
    return marks


def excluded_frame(found: Year, refused: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
    """structure_id, reason, patients: those left out, and those of the practices that are refused whole."""
    whole = pd.DataFrame(list(refused), columns=EXCLUDED).astype(found.excluded.dtypes.to_dict())
    return pd.concat([found.excluded, whole], ignore_index=True).sort_values(EXCLUDED, ignore_index=True)


def refused_frame(refused: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """structure_id, reason, detail of the structures that are not paid."""
    return pd.DataFrame(sorted(refused), columns=REFUSED, dtype="str")
