"""What if the list grows or shrinks: whole patients added or taken out, the mix kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from schemes.simulate.change import STRUCTURE, Change, Inputs, concerned, of_inputs

PATIENT = "patient_id"
KEY = [STRUCTURE, PATIENT]
LISTS = ("patients", "members")
MIX = ("is_diab", "is_age", "is_tot", "expected_eur")
COPY = "copy"
IN_PROPORTION: Mapping[str, tuple[str, ...]] = {
    "fee_for_service": ("shadow_ffs_cents", "acts_observed", "acts_expected"),
}


def list_grows(share: Decimal | float | str, *, seed: int, structures: Iterable[str] | None = None) -> Change:
    """The list of each structure grows by a share of itself (0.10: a tenth more patients; −0.10: a tenth fewer).

    Whole patients are copied under a new number or taken out, with their rows in every frame: as many as the share,
    rounded half up. They are picked at a regular step, from a start drawn with `seed`, along the list ordered by
    patientele and expected spending, so that the mix is kept as closely as whole patients allow; what a structure
    draws does not depend on the others. Acts and shadow fee-for-service grow in proportion to the patients.
    Reweighting is not used: a part of the year above 1 is not a patient that a scheme would accept.
    Errors: InputError for a share of −1 or less, inputs without a list, an unknown structure.
    """
    exact = Decimal(str(share))
    if not exact.is_finite() or exact <= -1:
        raise InputError(f"the list cannot change by {share}; give a share above -1, 0.10 for a tenth more")
    return of_inputs(f"list {exact:+f}", lambda inputs: _grown(inputs, exact, seed=seed, structures=structures))


def _grown(inputs: Inputs, share: Decimal, *, seed: int, structures: Iterable[str] | None) -> Inputs:
    name = next((one for one in LISTS if one in inputs), None)
    if name is None:
        raise InputError(f"the inputs have no list ({' or '.join(LISTS)}); they have {', '.join(sorted(inputs))}")
    listed = inputs[name]
    mine = listed[concerned(listed, structures)]
    people = mine.sort_values([*KEY, *(one for one in MIX if one in mine.columns)]).drop_duplicates(KEY)
    counts = {str(key): _copies(rows, share, seed=seed) for key, rows in people.groupby(STRUCTURE, sort=True)}
    if not counts:
        return inputs
    copies = pd.concat(counts.values(), ignore_index=True)
    growth = {key: 1 + float(rows[COPY].sum()) / len(rows) for key, rows in counts.items()}
    return {frame: _with_copies(frame, rows, copies, growth) for frame, rows in inputs.items()}


def _copies(people: pd.DataFrame, share: Decimal, *, seed: int) -> pd.DataFrame:
    """Key and number of copies of each patient of a structure; −1: taken out."""
    order = people.sort_values([*(name for name in MIX if name in people.columns), PATIENT], kind="stable")
    moved = int((len(order) * abs(share)).quantize(Decimal(1), ROUND_HALF_UP))
    whole, rest = divmod(moved, len(order))
    start = np.random.default_rng([seed, zlib.crc32(str(order[STRUCTURE].iloc[0]).encode())]).random()
    copies = np.full(len(order), whole)
    copies[_regular(len(order), rest, start)] += 1
    return order[KEY].assign(**{COPY: -copies if share < 0 else copies})


def _regular(length: int, count: int, start: float) -> npt.NDArray[np.int64]:
    """`count` different places among `length`, at a regular step."""
    return np.floor((np.arange(count) + start) * length / max(count, 1)).astype(np.int64)


def _with_copies(name: str, frame: pd.DataFrame, copies: pd.DataFrame, growth: Mapping[str, float]) -> pd.DataFrame:
    """A frame with its patients copied or taken out, or its counts in proportion."""
    if set(KEY) <= set(frame.columns):
        marked = frame[KEY].merge(copies, on=KEY, how="left", validate="m:1")[COPY].fillna(0).to_numpy(dtype=int)
        kept = frame[marked >= 0]
        times = np.maximum(marked[marked >= 0], 0)
        more = kept.iloc[np.repeat(np.arange(len(kept)), times)]
        number = np.concatenate([np.arange(1, count + 1) for count in times]) if len(times) else np.array([])
        new = [f"{p}~{s}~{n}" for p, s, n in zip(more[PATIENT], more[STRUCTURE], number.astype(int), strict=True)]
        made = more.assign(**{PATIENT: pd.Series(new, dtype=frame[PATIENT].dtype).array})
        return pd.concat([kept, made], ignore_index=True)
    if name in IN_PROPORTION and STRUCTURE in frame.columns:
        ratio = frame[STRUCTURE].map(growth).astype("float64").fillna(1.0)
        columns = [column for column in IN_PROPORTION[name] if column in frame.columns]
        return frame.assign(**{column: _times(column, frame[column], ratio) for column in columns})
    return frame


def _times(column: str, values: pd.Series, ratio: pd.Series) -> pd.Series:
    grown = pd.to_numeric(values).astype("float64") * ratio
    return np.floor(grown + 0.5) if column.endswith("_cents") else grown
