"""Acute stays and sessions: T_MCOaaB, C, D, UM, A, STC and VALO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.synth.arrow import coded, constant, euros, integers, write_part
from features.synth.er_tables import clinic_finess
from features.synth.lines import Stage
from features.synth.model import Array, CareModel
from features.synth.pmsi import (
    LAST_DUPLICATE_YEAR,
    STAY_CODES,
    Records,
    chaining,
    duplicated_finess,
    hospital_finess,
    is_single,
    plant_records,
    reimbursed_part,
    stay_numbers,
    tally,
)
from features.synth.rates import Rates
from features.synth.stays import MEDICAL_LEVEL, LongStays, Stays, clinic_of

OUTLIER_CENTS = 120_000_000
ASSOCIATED_SHARE = 0.75
ERROR_GROUP = "90Z00Z"


@dataclass(frozen=True)
class StayFile:
    """The records of one part with their key and cents (0 where private)."""

    records: Records
    key: dict[str, pa.Array]
    is_private: Array
    base: Array
    reimbursed: Array
    has_value: Array


def stay_shares(rates: Rates, year: int) -> dict[str, float]:
    """Share of planted copies by control."""
    shares = {
        "ghm_error": rates.stay_ghm_error,
        "inter_establishment": rates.stay_inter_establishment,
        "anonymous_identifier": rates.stay_anonymous,
        "return_code": rates.stay_return_code,
        "unknown_person": rates.stay_unknown_person,
        "stay_not_valued": rates.stay_not_valued,
        "stay_cost_outlier": rates.stay_cost_outlier,
    }
    if year <= LAST_DUPLICATE_YEAR:
        shares = {"finess_duplicate": rates.stay_finess_duplicate, **shares}
    return shares


def write_stays(
    stage: Stage, stays: Stays, folder: Path, *, part: str, planted: tuple[Rates, Array, Array]
) -> dict[str, tuple[int, int, int]]:
    """Parts of the seven tables; returns rows and cents by control. `planted`: rates, exempt rows, stays sent to SSR."""
    rates, is_exempt, to_rehabilitation = planted
    file = _stay_file(stage, stays, rates, part=part, is_exempt=is_exempt)
    year = f"{stage.state.year % 100:02d}"
    write_part(folder / f"T_MCO{year}B", part, {**file.key, **_summary(stage, stays, file.records, to_rehabilitation)})
    links = chaining(file.records, stays.first, stays.last, STAY_CODES)
    write_part(folder / f"T_MCO{year}C", part, {**file.key, **links})
    units = {name: column for name, column in _diagnoses(stage, stays, file.records).items()}
    write_part(folder / f"T_MCO{year}UM", part, {**file.key, **units})
    _write_associated(stage, stays, file, folder / f"T_MCO{year}D", part=part)
    _write_procedures(stage, stays, file, folder / f"T_MCO{year}A", part=part)
    _write_values(file, folder, part=part, year=year)
    return _counts(stage, stays, file)


def _stay_file(stage: Stage, stays: Stays, rates: Rates, *, part: str, is_exempt: Array) -> StayFile:
    person = stage.state.person[stays.row]
    eligible = np.flatnonzero(~stays.is_private & is_single(stage)[person] & (stays.sessions == 0))
    shares = stay_shares(rates, stage.state.year)
    records = plant_records(stage, person, stays.first, eligible=eligible, shares=shares)
    stay = records.stay
    base = np.where(stays.is_private, 0, stays.cents)[stay]
    base = np.where(records.of("stay_cost_outlier"), OUTLIER_CENTS + base, base)
    unvalued = records.of("stay_not_valued")
    reimbursed = reimbursed_part(stays.row[stay], base, is_exempt)
    is_private = stays.is_private[stay]
    names = (*hospital_finess(), *[f"{text}0" for text in clinic_finess()], *duplicated_finess())
    place = (stays.row * 31 + stays.kind * 7)[stay] % len(hospital_finess())
    place = np.where(is_private, len(hospital_finess()) + clinic_of(stays, stay), place)
    first_duplicate = len(hospital_finess()) + len(clinic_finess())
    twice = first_duplicate + stay % len(duplicated_finess())
    place = np.where(records.of("finess_duplicate"), twice, place)
    key = {"ETA_NUM": coded(place, names), "RSA_NUM": stay_numbers(part, stay.size, 10)}
    return StayFile(records, key, is_private, base, reimbursed, ~(unvalued & (stay % 2 == 0)))


def _summary(stage: Stage, stays: Stays, records: Records, to_rehabilitation: Array) -> dict[str, pa.Array]:
    """Columns of T_MCOaaB after the key."""
    stay = records.stay
    is_between = records.of("inter_establishment")
    leaves = np.where(stays.dies, 2, np.where(to_rehabilitation, 1, 0))[stay]
    is_session = stays.sessions[stay] > 0
    groups, group = _groups(stage.model)
    place = np.where(records.of("ghm_error"), len(groups) - 1, group[stays.kind[stay], stays.level[stay]])
    row = stays.row[stay]
    return {
        "GRG_GHM": coded(place, groups),
        **_diagnoses(stage, stays, records),
        "ENT_MOD": coded(is_between, ["8", "0"]),
        "SOR_MOD": coded(np.where(is_between, 3, leaves), ["8", "6", "9", "0"]),
        "SOR_DES": coded(np.where(leaves == 1, 0, -1), ["2"]),
        "SEJ_NBJ": integers(stays.nights[stay], is_session),
        "NBR_SEA": integers(stays.sessions[stay]),
        "SEJ_TYP": coded(np.where(is_between, 0, -1), ["B"]),
        "TYP_GEN_RSA": constant("0", stay.size),
        "AGE_ANN": integers(stage.state.age[row]),
        "COD_SEX": coded(stage.state.sex[row] - 1, ["1", "2"]),
    }


def _groups(model: CareModel) -> tuple[tuple[str, ...], Array]:
    """Group codes (the last one is an error group) and their place by row of synth_stays and level."""
    codes: list[str] = []
    place = np.zeros((len(model.stays), 5), dtype=np.int64)
    for row, entry in enumerate(model.stays):
        has_level = int(entry["has_levels"])
        for level in range(5):
            suffix = (str(max(level, 1)) if has_level == MEDICAL_LEVEL else "A") if has_level else ""
            code = entry["ghm"] + suffix
            if code not in codes:
                codes.append(code)
            place[row, level] = codes.index(code)
    return (*codes, ERROR_GROUP), place


def diagnosis_codes(model: CareModel) -> tuple[str, ...]:
    """All ICD-10 codes that the fictional stays may carry."""
    from_stays = {row[name] for row in model.stays for name in ("dp", "dr")}
    from_conditions = {code for codes in model.icd10 for code in codes}
    return tuple(sorted((from_stays | from_conditions) - {""}))


def condition_codes(model: CareModel, person: Array, condition: Array) -> Array:
    """Place in `diagnosis_codes` of the ICD-10 code of each person's condition: one of its list, for life."""
    codes = diagnosis_codes(model)
    longest = max(len(listed) for listed in model.icd10)
    table = np.array([[codes.index(listed[i % len(listed)]) for i in range(longest)] for listed in model.icd10])
    count = np.array([len(listed) for listed in model.icd10])
    return table[condition, (person * 7919 + condition) % count[condition]]


def _diagnoses(stage: Stage, stays: Stays, records: Records) -> dict[str, pa.Array]:
    """Main and linked diagnosis; chemotherapy is linked to the person's active cancer."""
    model = stage.model
    codes = diagnosis_codes(model)
    main = np.array([codes.index(row["dp"]) for row in model.stays])[stays.kind]
    linked = np.array([codes.index(row["dr"]) if row["dr"] else -1 for row in model.stays])[stays.kind]
    is_chemo = np.array([row["cause"] == "chemo" for row in model.stays])[stays.kind]
    active = np.flatnonzero(model.number["chemo"] > 0)
    cancer = active[stage.state.present[stays.row][:, active].argmax(axis=1)]
    linked = np.where(is_chemo, condition_codes(model, stage.state.person[stays.row], cancer), linked)
    return {"DGN_PAL": coded(main[records.stay], codes), "DGN_REL": coded(linked[records.stay], codes)}


def _write_associated(stage: Stage, stays: Stays, file: StayFile, folder: Path, *, part: str) -> None:
    """T_MCOaaD: most conditions of the person are coded at each stay (sessions apart)."""
    stay = file.records.stay
    row = stays.row[stay]
    coded_here = stage.rng.random((stay.size, len(stage.model.conditions)), dtype=np.float32) < ASSOCIATED_SHARE
    present = (stage.state.present[row] > 0) & coded_here & (stage.model.parent < 0)
    present[stays.sessions[stay] > 0] = False
    record, condition = np.nonzero(present)
    places = pa.array(record)
    code = condition_codes(stage.model, stage.state.person[row[record]], condition)
    columns = {name: column.take(places) for name, column in file.key.items()}
    write_part(folder, part, {**columns, "ASS_DGN": coded(code, diagnosis_codes(stage.model))})


def _write_procedures(stage: Stage, stays: Stays, file: StayFile, folder: Path, *, part: str) -> None:
    ccam = np.array([stage.model.ccam.index(row["ccam"]) if row["ccam"] else -1 for row in stage.model.stays])
    code = ccam[stays.kind[file.records.stay]]
    record = np.flatnonzero(code >= 0)
    columns = {name: column.take(pa.array(record)) for name, column in file.key.items()}
    activity = {"ACV_ACT": constant("1", record.size), "PHA_ACT": constant("0", record.size)}
    delay = {"ENT_DAT_DEL": constant("000", record.size)}
    write_part(folder, part, {**columns, "CDC_ACT": coded(code[record], stage.model.ccam), **activity, **delay})


def _write_values(file: StayFile, folder: Path, *, part: str, year: str) -> None:
    """T_MCOaaSTC and T_MCOaaVALO: public stays only; a stay not valued has no row, or class 0."""
    public = np.flatnonzero(~file.is_private)
    billed = {name: column.take(pa.array(public)) for name, column in file.key.items()}
    amount = euros(file.reimbursed[public] * 11 // 10)
    write_part(folder / f"T_MCO{year}STC", part, {**billed, "TOT_MNT_AM": amount})
    valued = np.flatnonzero(~file.is_private & file.has_value)
    columns = {name: column.take(pa.array(valued)) for name, column in file.key.items()}
    is_off = file.records.of("stay_not_valued")[valued]
    columns["VALO"] = coded(is_off, ["1", "0"])
    columns["MNT_TOT_AM"] = euros(file.reimbursed[valued])
    columns["MNT_TOT_BR"] = euros(file.base[valued])
    write_part(folder / f"T_MCO{year}VALO", part, columns)


def _counts(stage: Stage, stays: Stays, file: StayFile) -> dict[str, tuple[int, int, int]]:
    """Rows, base and reimbursed cents by control; a stay not valued has no amount that can be read."""
    unvalued = file.records.of("stay_not_valued")
    base, reimbursed = np.where(unvalued, 0, file.base), np.where(unvalued, 0, file.reimbursed)
    counts = tally(file.records, base, reimbursed)
    kept = file.records.of("kept")
    is_twin = ~is_single(stage)[stage.state.person[stays.row[file.records.stay]]]
    shared = kept & is_twin
    counts["ambiguous_twin"] = (int(shared.sum()), int(base[shared].sum()), int(reimbursed[shared].sum()))
    counts["private_in_dcir"] = (int((kept & file.is_private).sum()), 0, 0)
    counts["rows_in"] = (int(kept.size), int(base.sum()), int(reimbursed.sum()))
    return counts
