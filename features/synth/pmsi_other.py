"""Rehabilitation (T_SSRaa…), home hospitalisation (T_HADaa…) and public outpatient care (T_MCOaaCSTC, VALOACE)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.synth.arrow import coded, constant, euros, integers, write_part
from features.synth.lines import Stage
from features.synth.model import ACE_EUR, Array
from features.synth.pmsi import (
    STAY_CODES,
    Records,
    chaining,
    hospital_finess,
    is_single,
    plant_records,
    reimbursed_part,
    stay_numbers,
    tally,
)
from features.synth.pmsi_mco import condition_codes, diagnosis_codes
from features.synth.rates import Rates
from features.synth.stays import LongStays, Stays

OUTPATIENT_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "IAS_RET", "ENT_DAT_RET")
SSR_GROUPS = ("0841A0", "0803A1", "0147A2", "0503A0", "90H000")
HAD_GROUPS = ("0104", "0307", "9999")
BILLED_PERCENT = 90
MAX_WEEKS = 26
Counts = dict[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Plan:
    """What the writers of a part share: folder, part, two-digit year, rates, rows of the state in ALD."""

    folder: Path
    part: str
    year: str
    rates: Rates
    is_exempt: Array


def write_rehabilitation(stage: Stage, stays: Stays, long: LongStays, plan: Plan) -> Counts:
    """Parts of T_SSRaaB (one row a week), C, D and VALO."""
    records, base, reimbursed = _records(stage, long, plan)
    key = _key("ETA_NUM", "RHA_NUM", records, plan, width=7)
    weeks = np.minimum((long.last - long.first)[records.stay] // 7 + 1, MAX_WEEKS)
    row = np.repeat(np.arange(records.stay.size), weeks)
    week = np.arange(row.size) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    group = np.where(records.of("ghm_error"), len(SSR_GROUPS) - 1, records.stay % (len(SSR_GROUPS) - 1))
    codes = diagnosis_codes(stage.model)
    cause = np.array([codes.index(entry["dp"]) for entry in stage.model.stays])[stays.kind[long.stay]][records.stay]
    weekly = {name: column.take(pa.array(row)) for name, column in key.items()}
    weekly["RHS_NUM"] = coded(week, [f"{n + 1:03d}" for n in range(MAX_WEEKS)])
    weekly["GRG_GME"] = coded(group[row], SSR_GROUPS)
    weekly["MOR_PRP"] = coded(cause[row], codes)
    weekly["ETL_AFF"] = coded(np.full(row.size, -1), codes)
    folder, part = plan.folder, plan.part
    write_part(folder / f"T_SSR{plan.year}B", part, weekly)
    write_part(folder / f"T_SSR{plan.year}C", part, {**key, **chaining(records, long.first, long.last, STAY_CODES)})
    _write_associated(stage, long, records, key, plan, table="T_SSR{}D", column="DGN_COD")
    billed = reimbursed * BILLED_PERCENT // 100
    valued = {"VALO": constant("1", base.size), "MNT_AM_RSF": euros(billed)}
    valued |= {"DMA_AM": euros(reimbursed - billed), "DMA_BR": euros(base - billed)}
    write_part(folder / f"T_SSR{plan.year}VALO", part, {**key, **valued})
    return _counts(stage, long.row, records, base, reimbursed)


def write_home_hospital(stage: Stage, stays: Stays, long: LongStays, plan: Plan) -> Counts:
    """Parts of T_HADaaB, C, D, GRP and STC."""
    records, billed, _ = _records(stage, long, plan)
    key = _key("ETA_NUM_EPMSI", "RHAD_NUM", records, plan, width=10)
    codes = diagnosis_codes(stage.model)
    cause = np.array([codes.index(entry["dp"]) for entry in stage.model.stays])[stays.kind[long.stay]][records.stay]
    group = np.where(records.of("ghm_error"), len(HAD_GROUPS) - 1, records.stay % (len(HAD_GROUPS) - 1))
    folder, part = plan.folder, plan.part
    write_part(folder / f"T_HAD{plan.year}B", part, {**key, "DGN_PAL": coded(cause, codes)})
    write_part(folder / f"T_HAD{plan.year}C", part, {**key, **chaining(records, long.first, long.last, STAY_CODES)})
    _write_associated(stage, long, records, key, plan, table="T_HAD{}D", column="DGN_ASS")
    write_part(folder / f"T_HAD{plan.year}GRP", part, {**key, "PAP_GRP_GHPC": coded(group, HAD_GROUPS)})
    write_part(folder / f"T_HAD{plan.year}STC", part, {**key, "TOT_MNT_AM": euros(billed)})
    return _counts(stage, long.row, records, billed, billed)


def outpatient_cents(stage: Stage, size: int) -> Array:
    """Cents of public outpatient visits: spread around their mean."""
    return np.rint(ACE_EUR * 100 * stage.rng.gamma(2.5, 1 / 2.5, size)).astype(np.int64)


def write_outpatient(stage: Stage, visits: tuple[Array, Array, Array], plan: Plan) -> Counts:
    """Parts of T_MCOaaCSTC and T_MCOaaVALOACE. `visits`: rows of the state, days, cents."""
    row, day, cents = visits
    person = stage.state.person[row]
    eligible = np.flatnonzero(is_single(stage)[person])
    shares = {"return_code": plan.rates.stay_return_code, "unknown_person": plan.rates.stay_unknown_person}
    records = plant_records(stage, person, day, eligible=eligible, shares=shares)
    base = cents[records.stay]
    reimbursed = reimbursed_part(row[records.stay], base, plan.is_exempt)
    key = _key("ETA_NUM", "SEQ_NUM", records, plan, width=8)
    links = chaining(records, day, day, OUTPATIENT_CODES)
    write_part(plan.folder / f"T_MCO{plan.year}CSTC", plan.part, {**key, **links})
    amounts = {"VALO": constant("1", base.size), "MNT_BR": euros(base), "MNT_REMB": euros(reimbursed)}
    write_part(plan.folder / f"T_MCO{plan.year}VALOACE", plan.part, {**key, **amounts})
    return _counts(stage, row, records, base, reimbursed)


def _records(stage: Stage, long: LongStays, plan: Plan) -> tuple[Records, Array, Array]:
    person = stage.state.person[long.row]
    shares = {
        "ghm_error": plan.rates.stay_ghm_error,
        "return_code": plan.rates.stay_return_code,
        "unknown_person": plan.rates.stay_unknown_person,
    }
    eligible = np.flatnonzero(is_single(stage)[person])
    records = plant_records(stage, person, long.first, eligible=eligible, shares=shares)
    base = long.cents[records.stay]
    return records, base, reimbursed_part(long.row[records.stay], base, plan.is_exempt)


def _key(establishment: str, number: str, records: Records, plan: Plan, *, width: int) -> dict[str, pa.Array]:
    place = records.pseudonym % len(hospital_finess())
    return {
        establishment: coded(place, hospital_finess()),
        number: stay_numbers(plan.part, records.stay.size, width),
    }


def _write_associated(
    stage: Stage, long: LongStays, records: Records, key: dict[str, pa.Array], plan: Plan, *, table: str, column: str
) -> None:
    """Associated diagnoses: the conditions of the person."""
    row = long.row[records.stay]
    record, condition = np.nonzero((stage.state.present[row] > 0) & (stage.model.parent < 0))
    code = condition_codes(stage.model, stage.state.person[row[record]], condition)
    columns = {name: values.take(pa.array(record)) for name, values in key.items()}
    columns[column] = coded(code, diagnosis_codes(stage.model))
    write_part(plan.folder / table.format(plan.year), plan.part, columns)


def _counts(stage: Stage, row: Array, records: Records, base: Array, reimbursed: Array) -> Counts:
    counts = {name: count for name, count in tally(records, base, reimbursed).items() if count[0]}
    shared = records.of("kept") & ~is_single(stage)[stage.state.person[row[records.stay]]]
    counts["ambiguous_twin"] = (int(shared.sum()), int(base[shared].sum()), int(reimbursed[shared].sum()))
    counts["rows_in"] = (int(base.size), int(base.sum()), int(reimbursed.sum()))
    return counts
