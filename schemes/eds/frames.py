"""The named frames that EDS reads, checked: columns, keys, values; errors name frame, column and row."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from features.errors import MissingError
from schemes.frames import KINDS, Spec, typed_frame

Inputs = Mapping[str, pd.DataFrame]

SECTORS = ("public", "private")
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

    Errors: MissingError for a frame that is not there, and those of `typed_frame`.
    """
    spec = FRAMES[name]
    if name in inputs:
        return typed_frame(name, inputs[name], spec, KINDS)
    if spec.is_optional:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in spec.columns})
    raise MissingError(f"EDS needs the frame {name}; the inputs have {', '.join(sorted(inputs)) or 'none'}")
