"""What if patients stayed more, or less, with their team: care outside rescaled until the rate is the one asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from schemes.money import allot
from schemes.simulate.change import STRUCTURE, Change, Inputs, concerned, of_inputs

LIST, INSIDE, OUTSIDE = "patients", "in_team_cents", "outside_cents"
FLAGS = {"DIAB": "is_diab", "AGE": "is_age", "TOT": "is_tot"}
ONE = Decimal(1)


def fidelisation_set(rate: Decimal | float | str, *, structures: Iterable[str] | None = None) -> Change:
    """The fidelisation of each structure becomes `rate` (above 0, at most 1).

    Care in the team is kept; care outside becomes in-team × (1 − rate) / rate in whole cents, shared among patients
    as it was (as care in the team where nobody had any outside). The rate counts the patients of the structure's
    patientele. A structure without any care is left as it is.
    Errors: InputError for a rate out of bounds, inputs without fidelisation, a structure with no care in the team.
    """
    wanted = _rate(Decimal(str(rate)))
    return of_inputs(f"fidelisation {wanted}", lambda inputs: _rescaled(inputs, lambda _: wanted, structures))


def fidelisation_moves(points: Decimal | float | str, *, structures: Iterable[str] | None = None) -> Change:
    """The fidelisation of each structure moves by `points` (0.05: five points more), 1 at most; see above."""
    step = Decimal(str(points))
    return of_inputs(
        f"fidelisation {step:+f}",
        lambda inputs: _rescaled(inputs, lambda observed: _rate(min(observed + step, ONE)), structures),
    )


def _rate(rate: Decimal) -> Decimal:
    if not 0 < rate <= 1:
        raise InputError(f"a fidelisation of {rate:.4f} cannot be simulated; it should be above 0 and at most 1")
    return rate


def _rescaled(inputs: Inputs, rate: Callable[[Decimal], Decimal], structures: Iterable[str] | None) -> Inputs:
    if LIST not in inputs or not {INSIDE, OUTSIDE} <= set(inputs[LIST].columns):
        raise InputError(f"the inputs hold no fidelisation ({INSIDE} and {OUTSIDE} of {LIST})")
    patients = inputs[LIST].reset_index(drop=True)
    counted = concerned(patients, structures) & _in_patientele(patients, inputs)
    outside = patients[OUTSIDE].to_numpy(dtype=np.int64).copy()
    for structure, rows in patients[counted].groupby(STRUCTURE, sort=True):
        places = rows.index.to_numpy()
        outside[places] = _outside(rows.sort_values("patient_id", kind="stable"), rate, str(structure))[
            places
        ].to_numpy()
    return {**inputs, LIST: patients.assign(**{OUTSIDE: outside})}


def _outside(rows: pd.DataFrame, rate: Callable[[Decimal], Decimal], structure: str) -> pd.Series:
    """Cents outside of each patient of a structure, at the rate asked."""
    kept, lost = int(rows[INSIDE].sum()), int(rows[OUTSIDE].sum())
    if kept + lost == 0:
        return rows[OUTSIDE]
    if kept == 0:
        raise InputError(f"structure {structure} gives no care itself; no rescaling of care outside changes its rate")
    wanted = rate(Decimal(kept) / Decimal(kept + lost))
    total = int((kept * (ONE - wanted) / wanted).quantize(ONE, ROUND_HALF_UP))
    weights = rows[OUTSIDE] if lost else rows[INSIDE]
    return pd.Series(allot(total, weights.tolist()), index=rows.index, dtype="int64")


def _in_patientele(patients: pd.DataFrame, inputs: Inputs) -> npt.NDArray[np.bool_]:
    """Patients whose care counts: those of the structure's patientele, everyone where it has none."""
    given = inputs.get("participations")
    if given is None or "patientele" not in given.columns:
        return np.ones(len(patients), dtype=bool)
    known = given.dropna(subset=["patientele"]).drop_duplicates(STRUCTURE).set_index(STRUCTURE)["patientele"]
    target = patients[STRUCTURE].map(known)
    is_in = ~target.isin(list(FLAGS)).to_numpy()
    for code, flag in FLAGS.items():
        if flag in patients.columns:
            is_in |= (target == code).to_numpy() & patients[flag].astype(bool).to_numpy()
    return is_in
