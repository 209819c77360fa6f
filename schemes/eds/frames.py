"""The named frames that EDS reads, checked: columns, keys, values; errors name frame, column and row."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from features.errors import InputError, MissingError
from schemes.peps.frames import KINDS, Spec, refuse

Inputs = Mapping[str, pd.DataFrame]

SECTORS = ("public", "private")
DAYS = ("entry_date", "intervention_date", "exit_date")
COST = "cost_in_scope_cents"

FRAMES = {
    "participations": Spec(
        {"structure_id": "text", "scheme": "text", "from_date": "day", "to_date": "day_or_none"},
        key=("structure_id", "scheme", "from_date"),
        may_have={"phase_from": "day_or_none", "phase": "text_or_none", "programmes": "text_or_none",
                  "quality_share": "share_or_none"},
    ),
    "episodes": Spec(
        {"episode_id": "text", "patient_id": "text", "programme": "text", "sector": "text",
         "establishment_id": "text", "exit_date": "day", "window_end": "day", "is_final": "flag",
         COST: "number_or_none"},
        key=("episode_id",),
        may_have={"entry_date": "day", "intervention_date": "day", "is_complete": "flag",
                  "cost_ssr_cents": "number_or_none", "cost_had_cents": "number_or_none"},
    ),
    "predictions": Spec(
        {"episode_id": "text", "expected_eur": "above_zero_or_none"},
        key=("episode_id",),
        may_have={"typical_eur": "amount_or_none", "avoidable_eur": "amount_or_none"},
    ),
    "reference": Spec(
        {"programme": "text", "sector": "text", "observed_eur": "above_zero", "expected_eur": "above_zero",
         "episodes": "whole"},
        key=("programme", "sector", "pathway", "year"),
        may_have={"pathway": "text", "year": "whole", "index_sum": "above_zero", "cap_eur": "above_zero_or_none"},
    ),
    "volumes": Spec(
        {"establishment_id": "text", "programme": "text", "episodes": "whole"}, key=("establishment_id", "programme")
    ),
    "quality": Spec(
        {"establishment_id": "text", "indicator": "text", "observed": "number_or_none", "expected": "amount_or_none",
         "patients": "whole"},
        key=("establishment_id", "indicator"),
        is_optional=True,
    ),
}  # fmt: skip


def checked(name: str, inputs: Inputs) -> pd.DataFrame:
    """A frame of the inputs with its declared columns only, typed; an optional frame not given is empty.

    Errors: MissingError for a frame that is not there; InputError for a missing column, an empty or impossible value,
    or two rows of one key, naming the frame, the column and the first such row (1 is the first row of the frame).
    """
    spec = FRAMES[name]
    if name not in inputs:
        if spec.is_optional:
            return pd.DataFrame({column: pd.Series(dtype=object) for column in spec.columns})
        raise MissingError(f"EDS needs the frame {name}; the inputs have {', '.join(sorted(inputs)) or 'none'}")
    frame = inputs[name]
    if lacking := [column for column in spec.columns if column not in frame.columns]:
        raise InputError(f"{name}: column {', '.join(lacking)} is missing; it has {', '.join(map(str, frame.columns))}")
    kinds = {**spec.columns, **{column: kind for column, kind in spec.may_have.items() if column in frame.columns}}
    typed = pd.DataFrame({column: typed_column(name, frame[column], kind) for column, kind in kinds.items()})
    key = [column for column in spec.key if column in typed.columns]
    refuse(name, key, typed.duplicated(key).to_numpy(), "found once; an earlier row has the same key")
    return typed


def typed_column(name: str, values: pd.Series, kind: str) -> pd.Series:
    """The values as their kind reads them. Errors: InputError naming the first row that is not of the kind."""
    base, is_nullable = kind.removesuffix("_or_none"), kind.endswith("_or_none")
    read, want = KINDS[base]
    typed, wrong = read(values)
    absent = values.isna().to_numpy() | (values.astype(object) == "").to_numpy()
    refuse(name, str(values.name), wrong & ~absent, want)
    if not is_nullable:
        refuse(name, str(values.name), absent, f"{want}, not empty")
    return typed.reset_index(drop=True)
