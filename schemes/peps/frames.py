"""The named frames that a PEPS payment reads, checked: columns, keys, values; errors name frame, column and row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.errors import InputError
from schemes import frames
from schemes.frames import Kinds, Spec, numeric, one_of, typed_frame

PATIENTELES = {"DIAB": "is_diab", "AGE": "is_age", "TOT": "is_tot"}
PERIMETERS = ("MG", "MG_IDE")
PROFESSIONS = ("mg", "ide", "other")
QUINTILES = (1, 2, 3, 4, 5)
KINDS: Kinds = {
    **frames.KINDS,
    "quintile": (numeric(lambda n: np.isin(n, QUINTILES)), "a quintile, 1 to 5"),
    "patientele": (one_of(tuple(PATIENTELES)), f"one of {', '.join(PATIENTELES)}"),
    "perimeter": (one_of(PERIMETERS), f"one of {', '.join(PERIMETERS)}"),
    "profession": (one_of(PROFESSIONS), f"one of {', '.join(PROFESSIONS)}"),
}

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

    Errors: InputError for a missing frame, and those of `typed_frame`.
    """
    spec = FRAMES[name]
    if name in inputs:
        return typed_frame(name, inputs[name], spec, KINDS)
    if spec.is_optional:
        return pd.DataFrame({column: [] for column in spec.columns})
    raise InputError(f"{name}: the frame is missing; a PEPS payment reads {', '.join(FRAMES)}")
