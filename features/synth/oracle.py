"""The oracle: expected euros of each person and year, and beside them what was drawn, before any trap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from features.synth.arrow import Part, texts
from features.synth.expectation import IDE, expected_euros
from features.synth.lines import GP_SPECIALTIES, ORDINARY, Lines, Stage
from features.synth.model import Array
from features.synth.pmsi import REIMBURSED_PERCENT
from features.synth.pmsi_other import Visits
from features.synth.reimbursed import expected_reimbursed
from features.synth.stays import LongStays, Stays
from features.synth.surgery_agenda import Yearly

DEVICES = ("lpp", "lpp_heavy")
DIABETES = ("diabetes", "diabetes_complicated")


@dataclass(frozen=True)
class Drawn:
    """Everything drawn for one chunk and year; is_exempt: rows of the state in ALD; contribution_share: of the acts of
    doctors, those on which the flat contribution is taken."""

    stage: Stage
    lines: Lines
    stays: Stays
    rehabilitation: LongStays
    home: LongStays
    visits: Visits
    is_exempt: Array
    surgery: Yearly
    contribution_share: float

    @cached_property
    def row(self) -> Array:
        """Row of the state of each claim line."""
        return self.stage.row_of[self.lines.person]

    def euros(self, cents: Array, mask: Array | None = None) -> Array:
        """Euros of the claim lines (of those in `mask`), by row of the state."""
        chosen = slice(None) if mask is None else np.flatnonzero(mask)
        size = self.stage.state.person.size
        return np.bincount(self.row[chosen], weights=cents[chosen], minlength=size) / 100

    def public_euros(self) -> Array:
        """Euros of public stays, rehabilitation, home hospitalisation and outpatient care, by row of the state."""
        size = self.stage.state.person.size
        cents = np.where(self.stays.is_private, 0, self.stays.cents)
        total = np.bincount(self.stays.row, weights=cents, minlength=size)
        for part in (self.rehabilitation, self.home, self.visits):
            total = total + np.bincount(part.row, weights=part.cents, minlength=size)
        return total / 100


def write_oracle(drawn: Drawn, part: Part) -> None:
    """Parts of `expected` (the oracle) and `drawn` (the oracle, the state and the euros drawn)."""
    stage = drawn.stage
    expected, surgery = expected_euros(stage.model, stage.state, rates=stage.rates), drawn.surgery
    names = np.array(stage.persons.patient_id)[stage.state.person]
    year = np.full(names.size, stage.state.year, dtype=np.int64)
    oracle = {
        "patient_id": texts(names.tolist()),
        "year": pa.array(year),
        "expected_mg_eur": pa.array(expected.mg + surgery.mg),
        "expected_mg_ide_eur": pa.array(expected.mg_ide + surgery.mg_ide),
        "expected_total_eur": pa.array(expected.total + surgery.total),
        "expected_amo_eur": pa.array(_reimbursed(drawn) + surgery.amo),
    }
    part.write("expected", oracle, plain=list(oracle))
    found = {name: pa.array(values) for name, values in {**_state(drawn), **_spent(drawn)}.items()}
    part.write("drawn", {**oracle, **found}, plain=[*oracle, *found])


def _reimbursed(drawn: Drawn) -> Array:
    return expected_reimbursed(drawn.stage, drawn.is_exempt, contribution_share=drawn.contribution_share)


def _state(drawn: Drawn) -> dict[str, Array]:
    """The state that a report needs."""
    stage, state = drawn.stage, drawn.stage.state
    model = stage.model
    in_ald = (state.present > 0) & stage.persons.is_ald[state.person] & (model.number["ald"] > 0)
    diabetes = [model.conditions.index(name) for name in DIABETES]
    return {
        "exposure_share": stage.year.share,
        "age": state.age,
        "sex": state.sex,
        "c2s": state.c2s,
        "is_ame": state.is_ame.astype(np.int64),
        "has_minimum": state.has_minimum.astype(np.int64),
        "quintile": state.quintile,
        "ald_count": in_ald.sum(axis=1),
        "condition_count": (state.present[:, model.parent < 0] > 0).sum(axis=1),
        "has_diabetes": (state.present[:, diabetes] > 0).any(axis=1).astype(np.int64),
        "dies": stage.year.dies.astype(np.int64),
    }


def _spent(drawn: Drawn) -> dict[str, Array]:
    """Lines, acts and euros drawn."""
    stage, lines = drawn.stage, drawn.lines
    acts = stage.model.acts
    is_gp = np.isin(lines.specialty, GP_SPECIALTIES)
    is_nurse = np.isin(lines.act, np.concatenate([acts[name].act for name in IDE]))
    is_device = np.isin(lines.act, np.concatenate([acts[name].act for name in DEVICES]))
    base, ones = lines.base_cents, np.full(lines.size, 100)
    mg, public = drawn.euros(base, is_gp), drawn.public_euros()
    part = np.where(drawn.is_exempt, 1.0, REIMBURSED_PERCENT / 100)
    return {
        "lines": drawn.euros(ones),
        "gp_acts": drawn.euros(ones, is_gp & (lines.kind == ORDINARY)),
        "spent_mg_eur": mg,
        "spent_mg_ide_eur": mg + drawn.euros(base, is_nurse),
        "spent_total_eur": drawn.euros(base) + public,
        "reimbursed_total_eur": drawn.euros(lines.reimbursed_cents) + public * part,
        "hospital_eur": drawn.euros(base, lines.clinic >= 0) + public,
        "medicines_eur": drawn.euros(base, lines.pack >= 0),
        "devices_eur": drawn.euros(base, is_device),
    }
