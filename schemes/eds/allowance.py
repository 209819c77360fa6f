"""The allowance for avoidable complications: the part of their expected cost that a forfait pays."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from features.errors import InputError
from schemes.frames import refuse
from schemes.rulebook import Rules

AVOIDABLE = "avoidable"
KEY = "avoidable_allowance_share"
EXPECTED, COLUMN = "expected_eur", "avoidable_eur"


def allowances(rows: pd.DataFrame, rules: Rules) -> list[Decimal | None]:
    """The factor of the forfait of each row (expected_eur, avoidable_eur); None for all where the rules pay it whole.

    factor = 1 − (1 − allowance share) × avoidable / expected, which is (typical + share × avoidable) / expected.
    Rule: PROMETHEUS, allowance for potentially avoidable complications; a share of 1 is the mean price.
    Errors: InputError where the share is below 1 and an expectation does not tell its avoidable part.
    """
    share = rules.decimal(KEY)
    if share == 1:
        return [None] * len(rows)
    if COLUMN not in rows or rows[COLUMN].isna().any():
        raise InputError(
            f"predictions: {COLUMN} is not filled, and {KEY} is {share} in {rules.file}: "
            "take model versions that tell typical and avoidable spending apart"
        )
    refuse("predictions", COLUMN, (rows[COLUMN] > rows[EXPECTED]).to_numpy(), f"at most {EXPECTED}")
    parts = zip(rows[EXPECTED], rows[COLUMN], strict=True)
    return [1 - (1 - share) * Decimal(repr(float(part))) / Decimal(repr(float(whole))) for whole, part in parts]
