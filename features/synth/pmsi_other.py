"""Rehabilitation (T_SSRaa…), home hospitalisation (T_HADaa…) and public outpatient care (T_MCOaaCSTC, VALOACE)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.synth.arrow import at, coded, constant, euros
from features.synth.geography import hospital_finess
from features.synth.lines import Stage
from features.synth.model import ACE_EUR, Array
from features.synth.pmsi import (
    STAY_CODES,
    Counts,
    Plan,
    Records,
    chaining,
    is_single,
    plant_records,
    reimbursed_part,
    stay_numbers,
    tally,
)
from features.synth.pmsi_mco import condition_codes, diagnosis_codes
from features.synth.stays import LongStays, Stays

OUTPATIENT_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET")
SSR_GROUPS = ("0803A1", "0147A2", "0503A0", "0840A1", "0841A0", "0603A1", "90H000")
FIRST_OF_SURGERY = 3
HAD_GROUPS = ("0104", "0307", "9999")
BILLED_PERCENT = 90
MAX_WEEKS = 26
LONG_CONTROLS = ("ghm_error", "return_code", "unknown_person")


@dataclass(frozen=True)
class Visits:
    """Public outpatient care: rows of the state, days, cents."""

    row: Array
    day: Array
    cents: Array


@dataclass(frozen=True)
class LongFile:
    """Records of rehabilitation or home hospitalisation: what they come from, key, main diagnosis, cents."""

    stage: Stage
    long: LongStays
    records: Records
    key: dict[str, pa.Array]
    cause: Array
    base: Array
    reimbursed: Array

    def chained(self) -> dict[str, pa.Array]:
        """Columns of the C table."""
        return {**self.key, **chaining(self.records, STAY_CODES, first=self.long.first, last=self.long.last)}

    def group(self, groups: tuple[str, ...], *, usual: int) -> Array:
        """Place of the group of each record: one of the `usual` first ones, that of its programme after surgery where
        there is one, or an error group, the last.
        """
        programme = self.long.programme[self.records.stay]
        is_own = (programme >= 0) & (len(groups) > usual + 1)
        place = np.where(is_own, usual + programme, self.records.stay % usual)
        return np.where(self.records.of("ghm_error"), len(groups) - 1, place)

    def associated(self, column: str) -> dict[str, pa.Array]:
        """Associated diagnoses: the conditions of the person."""
        model, state = self.stage.model, self.stage.state
        row = self.long.row[self.records.stay]
        record, condition = np.nonzero((state.present[row] > 0) & (model.parent < 0))
        code = condition_codes(model, state.person[row[record]], condition=condition)
        return {**at(self.key, record), column: coded(code, diagnosis_codes(model))}

    def counts(self) -> Counts:
        """Rows and cents by control that is planted."""
        found = tally(self.stage, self.records, row=self.long.row, base=self.base, reimbursed=self.reimbursed)
        return {name: found[name] for name in ("rows_in", "ambiguous_twin", *LONG_CONTROLS)}


def write_rehabilitation(stage: Stage, stays: Stays, *, long: LongStays, plan: Plan) -> Counts:
    """Parts of T_SSRaaB (one row a week), C, D and VALO."""
    file = _long_file(stage, stays, long=long, plan=plan, key=("ETA_NUM", "RHA_NUM", 7))
    weeks = np.minimum((long.last - long.first)[file.records.stay] // 7 + 1, MAX_WEEKS)
    row = np.repeat(np.arange(weeks.size), weeks)
    week = np.arange(row.size) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    codes = diagnosis_codes(stage.model)
    weekly = {
        **at(file.key, row),
        "RHS_NUM": coded(week, [f"{number + 1:03d}" for number in range(MAX_WEEKS)]),
        "GRG_GME": coded(file.group(SSR_GROUPS, usual=FIRST_OF_SURGERY)[row], SSR_GROUPS),
        "MOR_PRP": coded(file.cause[row], codes),
        "ETL_AFF": coded(np.full(row.size, -1), codes),
    }
    plan.write("T_SSR{}B", weekly)
    plan.write("T_SSR{}C", file.chained())
    plan.write("T_SSR{}D", file.associated("DGN_COD"))
    billed = file.reimbursed * BILLED_PERCENT // 100
    amounts = {"VALO": constant("1", billed.size), "MNT_AM_RSF": euros(billed)}
    amounts |= {"DMA_AM": euros(file.reimbursed - billed), "DMA_BR": euros(file.base - billed)}
    plan.write("T_SSR{}VALO", {**file.key, **amounts})
    return file.counts()


def write_home_hospital(stage: Stage, stays: Stays, *, long: LongStays, plan: Plan) -> Counts:
    """Parts of T_HADaaB, C, D, GRP and STC: what is billed stands for the base and is paid in full."""
    file = _long_file(stage, stays, long=long, plan=plan, key=("ETA_NUM_EPMSI", "RHAD_NUM", 10))
    file = replace(file, reimbursed=file.base)
    plan.write("T_HAD{}B", {**file.key, "DGN_PAL": coded(file.cause, diagnosis_codes(stage.model))})
    plan.write("T_HAD{}C", file.chained())
    plan.write("T_HAD{}D", file.associated("DGN_ASS"))
    plan.write(
        "T_HAD{}GRP", {**file.key, "PAP_GRP_GHPC": coded(file.group(HAD_GROUPS, usual=len(HAD_GROUPS) - 1), HAD_GROUPS)}
    )
    plan.write("T_HAD{}STC", {**file.key, "TOT_MNT_AM": euros(file.base)})
    return file.counts()


def outpatient_cents(stage: Stage, size: int) -> Array:
    """Cents of public outpatient visits: spread around their mean."""
    return np.rint(ACE_EUR * 100 * stage.rng.gamma(2.5, 1 / 2.5, size)).astype(np.int64)


def write_outpatient(stage: Stage, visits: Visits, *, plan: Plan) -> Counts:
    """Parts of T_MCOaaCSTC and T_MCOaaVALOACE."""
    person = stage.state.person[visits.row]
    shares = {name: share for name, share in _long_shares(plan).items() if name != "ghm_error"}
    eligible = np.flatnonzero(is_single(stage)[person])
    records = plant_records(stage, person, day=visits.day, eligible=eligible, shares=shares)
    base = visits.cents[records.stay]
    reimbursed = reimbursed_part(visits.row[records.stay], base, is_exempt=plan.is_exempt)
    key = _key(records, plan, names=("ETA_NUM", "SEQ_NUM", 8))
    plan.write("T_MCO{}CSTC", {**key, **chaining(records, OUTPATIENT_CODES, first=visits.day, last=visits.day)})
    amounts = {"VALO": constant("1", base.size), "MNT_BR": euros(base), "MNT_REMB": euros(reimbursed)}
    plan.write("T_MCO{}VALOACE", {**key, **amounts})
    found = tally(stage, records, row=visits.row, base=base, reimbursed=reimbursed)
    return {name: found[name] for name in ("rows_in", "ambiguous_twin", *shares)}


def _long_shares(plan: Plan) -> dict[str, float]:
    """Share of planted copies by control."""
    rates = plan.rates
    values = (rates.stay_ghm_error, rates.stay_return_code, rates.stay_unknown_person)
    return dict(zip(LONG_CONTROLS, values, strict=True))


def _long_file(stage: Stage, stays: Stays, *, long: LongStays, plan: Plan, key: tuple[str, str, int]) -> LongFile:
    person = stage.state.person[long.row]
    eligible = np.flatnonzero(is_single(stage)[person])
    records = plant_records(stage, person, day=long.first, eligible=eligible, shares=_long_shares(plan))
    base = long.cents[records.stay]
    codes = diagnosis_codes(stage.model)
    main = np.array([codes.index(entry["dp"]) for entry in stage.model.stays])
    return LongFile(
        stage=stage,
        long=long,
        records=records,
        key=_key(records, plan, names=key),
        cause=np.where(long.dp >= 0, long.dp, main[stays.kind[long.stay]])[records.stay],
        base=base,
        reimbursed=reimbursed_part(long.row[records.stay], base, is_exempt=plan.is_exempt),
    )


def _key(records: Records, plan: Plan, *, names: tuple[str, str, int]) -> dict[str, pa.Array]:
    """Establishment and number of each record; `names`: their columns, and the width of the number."""
    place = records.pseudonym % len(hospital_finess())
    number = stay_numbers(plan.part.chunk, records.stay.size, width=names[2])
    return {names[0]: coded(place, hospital_finess()), names[1]: number}
