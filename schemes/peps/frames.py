"""The named frames that a PEPS payment reads, checked: columns, keys, values; errors name frame, column and row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.errors import FrameError, InputError

PATIENTELES = {"DIAB": "is_diab", "AGE": "is_age", "TOT": "is_tot"}
PERIMETERS = ("MG", "MG_IDE")
PROFESSIONS = ("mg", "ide", "other")
QUINTILES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Spec:
    """Columns a frame must have and may have, each with its kind, and the columns no two rows share."""

    columns: dict[str, str]
    key: tuple[str, ...]
    may_have: dict[str, str] = field(default_factory=dict)
    is_optional: bool = False


FRAMES = {
    "participations": Spec(
        {"structure_id": "text", "scheme": "text", "patientele": "patientele_or_none", "from_date": "day",
         "to_date": "day_or_none"},
        key=("structure_id", "scheme", "from_date"),
        may_have={"perimeter": "perimeter_or_none", "phase_from": "day_or_none", "quality_share": "share_or_none",
                  "legal_form": "text_or_none"},
    ),
    "teams": Spec(
        {"structure_id": "text", "profession": "profession", "members": "whole"}, key=("structure_id", "profession")
    ),
    "patients": Spec(
        {"structure_id": "text", "patient_id": "text", "present_share": "share", "is_diab": "flag", "is_age": "flag",
         "is_tot": "flag", "expected_eur": "amount_or_none", "zone_id": "text_or_none",
         "fdep_quintile": "quintile_or_none", "in_team_cents": "whole", "outside_cents": "whole",
         "neutralised_cents": "whole", "ame": "flag"},
        key=("structure_id", "patient_id"),
        may_have={"first_day": "day", "last_day": "day"},
    ),
    "reference": Spec(
        {"patientele": "patientele", "observed_eur": "amount", "expected_eur": "above_zero", "patients": "whole"},
        key=("patientele",),
    ),
    "zones": Spec(
        {"zone_id": "text", "observed_eur": "amount", "expected_eur": "above_zero", "patients": "whole"},
        key=("zone_id",),
    ),
    "fee_for_service": Spec(
        {"structure_id": "text", "reference_ffs_cents": "whole_or_none", "reference_base_eur": "amount_or_none",
         "shadow_ffs_cents": "whole_or_none", "acts_observed": "amount_or_none", "acts_expected": "amount_or_none"},
        key=("structure_id",),
        may_have={"reference_year": "whole_or_none"},
    ),
    "modules": Spec(
        {"structure_id": "text", "module": "text", "amount_cents": "whole"}, key=("structure_id", "module"),
        is_optional=True,
    ),
    "families": Spec(
        {"structure_id": "text", "family": "text", "mean_eur": "number"}, key=("structure_id", "family"),
        is_optional=True,
    ),
}  # fmt: skip


def checked(name: str, inputs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A frame of the inputs with its declared columns only, typed; an optional frame not given is empty.

    Errors: InputError for a missing frame or column, an empty or impossible value, or two rows of one key, naming
    the frame, the column and the first such row (1 is the first row of the frame).
    """
    spec = FRAMES[name]
    if name not in inputs:
        if spec.is_optional:
            return pd.DataFrame({column: [] for column in spec.columns})
        raise InputError(f"{name}: the frame is missing; a PEPS payment reads {', '.join(FRAMES)}")
    frame = inputs[name]
    if missing := [column for column in spec.columns if column not in frame.columns]:
        raise InputError(f"{name}: column {', '.join(missing)} is missing; it has {', '.join(map(str, frame.columns))}")
    kinds = {**spec.columns, **{column: kind for column, kind in spec.may_have.items() if column in frame.columns}}
    typed = pd.DataFrame({column: _typed(name, frame[column], kind) for column, kind in kinds.items()})
    repeated = typed.duplicated(list(spec.key)).to_numpy()
    refuse(name, spec.key, repeated, "found once; an earlier row has the same key")
    return typed


def refuse(name: str, column: str | Sequence[str], wrong: np.ndarray, want: str) -> None:
    """Nothing where no row is wrong. Errors: FrameError naming frame, column(s), first wrong row and how many."""
    if wrong.any():
        columns = (column,) if isinstance(column, str) else tuple(column)
        row, count = int(np.argmax(wrong)), int(wrong.sum())
        raise FrameError(f"should be {want}", frame=name, columns=columns, row=row, count=count)


def _typed(name: str, values: pd.Series, kind: str) -> pd.Series:
    base, is_nullable = kind.removesuffix("_or_none"), kind.endswith("_or_none")
    read, want = KINDS[base]
    typed, wrong = read(values)
    absent = values.isna().to_numpy() | (values.astype(object) == "").to_numpy()
    refuse(name, str(values.name), wrong & ~absent, want)
    if not is_nullable:
        refuse(name, str(values.name), absent, f"{want}, not empty")
    return typed.reset_index(drop=True)


Read = Callable[[pd.Series], tuple[pd.Series, np.ndarray]]


def _text(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    given = zip(values.to_numpy(dtype=object), values.isna().to_numpy(), strict=True)
    texts = [None if is_absent else str(value) for value, is_absent in given]
    return pd.Series([text or None for text in texts], dtype=object), np.zeros(len(values), dtype=bool)


def _one_of(choices: tuple[str, ...]) -> Read:
    return lambda values: (_text(values)[0], ~values.astype(object).isin(choices).to_numpy())


def _number(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _numeric(is_right: Callable[[np.ndarray], np.ndarray]) -> Read:
    def read(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
        numbers = _number(values)
        return numbers, ~(np.isfinite(numbers.to_numpy()) & is_right(numbers.to_numpy()))

    return read


def _flag(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    wrong = ~values.astype(object).isin((True, False)).to_numpy()
    return values.astype(object).eq(True), wrong


def _day(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    days = pd.to_datetime(values.astype(object).where(values.notna(), None), errors="coerce")
    return days, days.isna().to_numpy()


KINDS: dict[str, tuple[Read, str]] = {
    "text": (_text, "text"),
    "day": (_day, "a day, YYYY-MM-DD"),
    "flag": (_flag, "true or false"),
    "number": (_numeric(np.isfinite), "a number"),
    "amount": (_numeric(lambda n: n >= 0), "a number of 0 or more"),
    "above_zero": (_numeric(lambda n: n > 0), "a number above 0"),
    "share": (_numeric(lambda n: (n >= 0) & (n <= 1)), "a share from 0 to 1"),
    "whole": (_numeric(lambda n: (n >= 0) & (n == np.floor(n))), "a whole number of 0 or more"),
    "quintile": (_numeric(lambda n: np.isin(n, QUINTILES)), "a quintile, 1 to 5"),
    "patientele": (_one_of(tuple(PATIENTELES)), f"one of {', '.join(PATIENTELES)}"),
    "perimeter": (_one_of(PERIMETERS), f"one of {', '.join(PERIMETERS)}"),
    "profession": (_one_of(PROFESSIONS), f"one of {', '.join(PROFESSIONS)}"),
}
