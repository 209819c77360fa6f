"""Claim lines as they are written: pseudonyms, months of loading, qualifiers, and the control each row must hit."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from features.synth.days import month_of
from features.synth.lines import Lines, Stage, join_lines
from features.synth.model import Array

CONTROLS = (
    "kept",
    "outside_flux_window",
    "reversal_netted",
    "information_only",
    "hospital_in_pmsi",
    "payment_without_act",
    "fictitious_identifier",
    "unknown_person",
)
DELAYS = (0.46, 0.33, 0.11, 0.045, 0.025, 0.013, 0.008)
LAST_LOAD = 18
LATE_SHARE = 0.004
EMPTY_QUALIFIER_SHARE = 0.12
CERTIFICATIONS = ("00", "04", "01", "11", "12", "15")
AME_CERTIFICATION = 1
CLINIC_CATEGORY, HEALTH_CENTRE_CATEGORY = 128, 124


@dataclass(frozen=True)
class Claims:
    """Rows of ER_PRS_F: the lines, and what the SNDS adds. base and reimbursed cents are signed.

    load: months from January of the care year to the load; control: place in CONTROLS; taa: -1 without ER_ETE_F.
    """

    lines: Lines
    control: Array
    pseudonym: Array
    rank: Array
    certification: Array
    load: Array
    sign: Array
    dpn: Array
    dpn_place: Array
    taa: Array
    category: Array
    sector: Array

    @property
    def base_cents(self) -> Array:
        """Signed base of reimbursement."""
        return self.lines.base_cents * self.sign

    @property
    def reimbursed_cents(self) -> Array:
        """Signed reimbursed amount."""
        return self.lines.reimbursed_cents * self.sign

    def take(self, places: Array, *, lines: Lines | None = None, **changes: Array | int) -> Claims:
        """Rows at some places, with their lines and some columns replaced."""
        columns = {name: getattr(self, name)[places] for name in COLUMNS}
        for name, values in changes.items():
            columns[name] = np.broadcast_to(values, places.size).astype(np.int64)
        return Claims(lines=self.lines.take(places) if lines is None else lines, **columns)


COLUMNS = tuple(field.name for field in fields(Claims) if field.name != "lines")


def join_claims(parts: list[Claims]) -> Claims:
    """All rows in one."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Claims(lines=join_lines([part.lines for part in parts]), **columns)


def ordinary_claims(stage: Stage, lines: Lines) -> Claims:
    """The lines as the SNDS receives them, before any trap: all of them must be kept."""
    rng, identities, size = stage.rng, stage.identities, lines.size
    month = month_of(lines.day) - month_of(np.array([stage.year_start]))
    delay = np.searchsorted(np.cumsum(DELAYS), rng.random(size)).clip(0, len(DELAYS) - 1)
    is_late = rng.random(size) < LATE_SHARE
    load = month + 1 + np.where(is_late, rng.integers(len(DELAYS), LAST_LOAD, size), delay)
    in_clinic = lines.clinic >= 0
    return Claims(
        lines=lines,
        control=np.zeros(size, dtype=np.int64),
        pseudonym=identities.on(lines.person, lines.day),
        rank=identities.rank[lines.person],
        certification=np.where(stage.persons.is_ame[lines.person], AME_CERTIFICATION, 0),
        load=np.minimum(load, LAST_LOAD),
        sign=np.ones(size, dtype=np.int64),
        dpn=np.where(rng.random(size) < EMPTY_QUALIFIER_SHARE, -1, 0),
        dpn_place=np.zeros(size, dtype=np.int64),
        taa=np.where(in_clinic, 0, -1),
        category=np.where(in_clinic, CLINIC_CATEGORY, 0),
        sector=np.full(size, 2, dtype=np.int64),
    )
