"""The internal split of a collective forfait between professionals, by several methods side by side.

A team shares its forfait as it likes: this shows what each method would give, and imposes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from schemes.money import allot

Numbers = npt.NDArray[np.floating]
Measures = dict[str, Numbers]

METHODS = {"list": "patients", "acts": "acts", "time": "hours"}
MIXED = "mixed"


def split(
    total_cents: int, professionals: pd.DataFrame, *, mix: Mapping[str, Decimal | float | str] | None = None
) -> pd.DataFrame:
    """Cents of each professional by method: professional_id, list_cents, acts_cents, time_cents, mixed_cents, lacking.

    professionals: professional_id, patients, acts, hours; an empty value is "not known". Each method shares the total
    in proportion to its measure among the professionals for whom it is known; a professional without it has an empty
    amount and the measure is named in `lacking` (separated by spaces), never 0. A method whose measure nobody has is
    empty for all. `mix` (method → weight, adding up to 1) cuts the total into pots, each shared by its method; someone
    lacking a measure of the mix has what the other pots give, empty where there is none. Without a mix, mixed_cents
    is empty. Each column that is not wholly empty adds up to the total, to the cent.
    Errors: InputError for a professional twice, no professional, a negative or unreadable value, a measure that is 0
    for everyone, a mix of unknown methods or one that does not add up to 1, a pot that nobody can share.
    """
    measures = _measures(professionals)
    ids = professionals["professional_id"].astype("string").to_numpy()
    order = np.argsort(ids, kind="stable")
    found = {f"{name}_cents": _shared(total_cents, measures[name], order) for name in METHODS}
    mixed = _mixed(total_cents, measures, _weights(mix), order) if mix else _nobody(len(ids))
    columns: dict[str, object] = {"professional_id": ids, **found, f"{MIXED}_cents": mixed}
    lacking = [" ".join(name for name in METHODS if np.isnan(measures[name][row])) for row in range(len(ids))]
    return pd.DataFrame(columns).assign(lacking=lacking).iloc[order].reset_index(drop=True)


def _measures(professionals: pd.DataFrame) -> Measures:
    if missing := [name for name in ("professional_id", *METHODS.values()) if name not in professionals.columns]:
        raise InputError(f"professionals: column {', '.join(missing)} is missing")
    if professionals.empty:
        raise InputError("professionals has no row; a forfait is split between one professional or more")
    ids = professionals["professional_id"]
    _refuse("professional_id", ids.isna().to_numpy() | ids.duplicated().to_numpy(), "filled, each professional once")
    found: Measures = {}
    for name, column in METHODS.items():
        given = professionals[column]
        values = pd.to_numeric(given, errors="coerce").astype("float64").to_numpy()
        is_empty = given.isna().to_numpy() | (given.astype(object) == "").to_numpy()
        _refuse(column, ~is_empty & ~(np.isfinite(values) & (values >= 0)), "a number of 0 or more, or empty")
        if not is_empty.all() and not np.nansum(values):
            raise InputError(f"professionals: column {column} is 0 for everyone; leave it empty if it is not known")
        found[name] = values
    return found


def _refuse(column: str, wrong: npt.NDArray[np.bool_], want: str) -> None:
    if wrong.any():
        raise InputError(f"professionals: column {column}, row {int(np.argmax(wrong)) + 1}: should be {want}")


def _weights(mix: Mapping[str, Decimal | float | str]) -> dict[str, Decimal]:
    weights = {name: Decimal(str(weight)) for name, weight in mix.items()}
    if unknown := sorted(set(weights) - set(METHODS)):
        raise InputError(f"mix: {', '.join(unknown)} is unknown; choose among {', '.join(METHODS)}")
    if min(weights.values()) < 0 or sum(weights.values()) != 1:
        raise InputError(
            f"mix: the weights add up to {sum(weights.values())}; they should be 0 or more and add up to 1"
        )
    return weights


def _shared(total_cents: int, measure: Numbers, order: npt.NDArray[np.int64]) -> pd.arrays.IntegerArray:
    """Cents in proportion to a measure among those who have it; equal remainders go by professional_id."""
    cents = _nobody(len(measure))
    known = order[~np.isnan(measure[order])]
    if len(known):
        cents[known] = allot(total_cents, measure[known].tolist())
    return cents


def _mixed(
    total_cents: int, measures: Measures, weights: Mapping[str, Decimal], order: npt.NDArray[np.int64]
) -> pd.arrays.IntegerArray:
    used = [name for name in METHODS if weights.get(name)]
    pots = allot(total_cents, [float(weights[name]) for name in used])
    mixed = _nobody(len(order))
    for name, pot in zip(used, pots, strict=True):
        part = _shared(pot, measures[name], order)
        if part.isna().all():
            raise InputError(f"mix: nobody's {METHODS[name]} is known; give it, or leave {name} out of the mix")
        known = ~part.isna()
        mixed[known] = np.where(mixed.isna(), 0, mixed)[known].astype("int64") + part[known].astype("int64")
    return mixed


def _nobody(length: int) -> pd.arrays.IntegerArray:
    return pd.array([pd.NA] * length, dtype="Int64")
