"""Observed and expected spending of a group per year lived, before and now, cut and brought to the nation's level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from features.errors import InputError, MissingError
from schemes.ipep.inputs import Inputs, frame, numbers
from schemes.money import total_eur

CUTS: Mapping[str, tuple[str, str, str]] = {
    "rule": ("cap_eur", "observed_eur", "expected_eur"),
    "p995": ("cap_eur_p995", "observed_p995_eur", "expected_p995_eur"),
    "uncapped": ("", "observed_uncapped_eur", "expected_uncapped_eur"),
}


@dataclass(frozen=True)
class National:
    """A year of the nation under one cut: where annual spending is cut, and observed over expected."""

    cap_eur: float
    trend: Decimal


@dataclass(frozen=True)
class Means:
    """Euros per year lived of a group, the year before and now; the expected ones carry the national trend."""

    patients: int  # taken into account in the year: those who are paid for
    exposure: Decimal
    exposure_before: Decimal
    observed: Decimal
    observed_before: Decimal
    expected: Decimal
    expected_before: Decimal


def national_year(inputs: Inputs, year: int, cut: str = "rule") -> National | None:
    """The cap and the trend factor of a year; None where the frame has no figures under that cut.

    trend = observed / expected of the reference patients, both cut at the cap.
    Errors: MissingError without the year's row or the columns of the rule's cut; InputError for two rows, or a sum
    that is not above 0.
    """
    cap, observed, expected = CUTS[cut]
    needed = [name for name in (cap, observed, expected) if name]
    nation = frame(inputs, "nation", ["year"] if cut != "rule" else ["year", *needed])
    rows = nation[nation["year"] == year]
    if len(rows) != 1:
        kind = MissingError if rows.empty else InputError
        raise kind(f"nation has {len(rows)} rows of {year}; IPEP needs one: the trend and the cap of the year")
    if cut != "rule" and (not set(needed) <= set(nation.columns) or rows[needed].isna().any(axis=None)):
        return None
    values = {name: float(numbers("nation", rows, name)[0]) for name in needed}
    if min(values.values()) <= 0:
        raise InputError(f"nation: the row of {year} has {', '.join(needed)} of 0; they should be above 0")
    trend = Decimal(repr(values[observed])) / Decimal(repr(values[expected]))
    return National(values[cap] if cap else np.inf, trend)


def cut_at(euros: pd.Series, exposure: pd.Series, cap_eur: float) -> np.ndarray:
    """Euros of a part of the year, cut where the annual amount passes the cap: min(euros, cap × exposure)."""
    weights = exposure.to_numpy(dtype=float)
    ceiling = np.where(weights > 0, cap_eur, 0.0) * np.where(weights > 0, weights, 1.0)
    return np.minimum(euros.to_numpy(dtype=float), ceiling)


def expected_cut(rows: pd.DataFrame, suffix: str, cap_eur: float) -> np.ndarray:
    """Expected euros of the part of the year lived, cut like the observed ones; 0 for a year not lived."""
    weights = rows[f"exposure_share{suffix}"].to_numpy(dtype=float)
    annual = np.minimum(rows[f"expected_eur{suffix}"].to_numpy(dtype=float), cap_eur)
    return np.where(weights > 0, annual, 0.0) * weights


def means(rows: pd.DataFrame, now: National, before: National) -> Means:
    """Observed and expected euros per year lived of a group's patients.

    observed = Σ min(spending, cap × exposure) / Σ exposure; expected = trend × Σ exposure × min(expected, cap) /
    Σ exposure, each year with its own cap and trend, under one model. The same cut on both sides: what is above the
    cap is expected of nobody, and the trend is that of cut spending over cut expectations.
    The caller has checked that each year has exposure.
    """
    exposure, exposure_before = total_eur(rows["exposure_share"]), total_eur(rows["exposure_share_before"])
    spent = cut_at(rows["observed_eur"], rows["exposure_share"], now.cap_eur)
    spent_before = cut_at(rows["observed_eur_before"], rows["exposure_share_before"], before.cap_eur)
    return Means(
        patients=int(rows["is_now"].sum()),
        exposure=exposure,
        exposure_before=exposure_before,
        observed=total_eur(spent) / exposure,
        observed_before=total_eur(spent_before) / exposure_before,
        expected=now.trend * total_eur(expected_cut(rows, "", now.cap_eur)) / exposure,
        expected_before=before.trend * total_eur(expected_cut(rows, "_before", before.cap_eur)) / exposure_before,
    )
