"""Acute stays and sessions: T_MCOaaB, C, D, UM, A, STC and VALO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.synth.arrow import at, coded, constant, euros, integers
from features.synth.geography import clinic_finess, hospital_finess
from features.synth.lines import Stage
from features.synth.model import Array, CareModel, read_rows
from features.synth.pmsi import (
    LAST_DUPLICATE_YEAR,
    STAY_CODES,
    Counts,
    Plan,
    Records,
    chaining,
    duplicated_finess,
    is_single,
    plant_records,
    reimbursed_part,
    stay_numbers,
    tally,
)
from features.synth.rates import Rates
from features.synth.stays import MEDICAL_LEVEL, Stays, clinic_of
from features.synth.surgery_plan import ABROAD, ORIGINS, UNITS, Planned

OUTLIER_CENTS = 120_000_000
ASSOCIATED_SHARE = 0.75
ERROR_GROUP = "90Z00Z"


@dataclass(frozen=True)
class StayFile:
    """The records of one part: where they come from, their key, and their cents (0 where private)."""

    stage: Stage
    stays: Stays
    surgery: Planned
    records: Records
    key: dict[str, pa.Array]
    is_private: Array
    base: Array
    reimbursed: Array

    def shown(self, name: str, usual: Array | int) -> Array:
        """A column of the stays of surgery, by record; what is usual for other stays."""
        detail = self.stays.detail[self.records.stay]
        column = np.append(getattr(self.surgery, name), 0)
        return np.where(detail >= 0, column[detail], usual)

    def listed(self) -> tuple[Array, Array]:
        """Records of surgery, and the place of each among the stays of surgery."""
        detail = self.stays.detail[self.records.stay]
        record = np.flatnonzero(detail >= 0)
        return record, detail[record]


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


def write_stays(stage: Stage, stays: Stays, *, surgery: Planned, plan: Plan, to_rehabilitation: Array) -> Counts:
    """Parts of the eight tables; returns rows and cents by control. `to_rehabilitation`: stays that go on in SSR."""
    file = _stay_file(stage, stays, surgery=surgery, plan=plan)
    records, key = file.records, file.key
    diagnoses = _diagnoses(file)
    links = chaining(records, STAY_CODES, first=stays.first, last=stays.last)
    plan.write("T_MCO{}B", {**key, **diagnoses, **_summary(file, to_rehabilitation)})
    plan.write("T_MCO{}C", {**key, **links})
    plan.write("T_MCO{}UM", {**key, **diagnoses, **_unit(file)})
    plan.write("T_MCO{}D", _associated(file))
    plan.write("T_MCO{}A", _procedures(file))
    plan.write("T_MCO{}DMIP", _implants(file))
    public = np.flatnonzero(~file.is_private)
    plan.write("T_MCO{}STC", {**at(key, public), "TOT_MNT_AM": euros(file.reimbursed[public] * 11 // 10)})
    plan.write("T_MCO{}VALO", _values(file))
    return _counts(file)


def _stay_file(stage: Stage, stays: Stays, *, surgery: Planned, plan: Plan) -> StayFile:
    person = stage.state.person[stays.row]
    eligible = np.flatnonzero(~stays.is_private & is_single(stage)[person] & (stays.sessions == 0) & (stays.detail < 0))
    shares = stay_shares(plan.rates, stage.state.year)
    records = plant_records(stage, person, day=stays.first, eligible=eligible, shares=shares)
    stay = records.stay
    base = np.where(stays.is_private, 0, stays.cents)[stay]
    base = np.where(records.of("stay_cost_outlier"), OUTLIER_CENTS + base, base)
    names = (*hospital_finess(), *[f"{text}0" for text in clinic_finess()], *duplicated_finess())
    first_clinic = len(hospital_finess())
    first_duplicate = first_clinic + len(clinic_finess())
    place = (stays.row * 31 + stays.kind * 7)[stay] % first_clinic
    place = np.where(stays.is_private[stay], first_clinic + clinic_of(stays, stay), place)
    detail = stays.detail[stay]
    own = np.append(surgery.place, 0)[detail] + np.where(stays.is_private[stay], first_clinic, 0)
    place = np.where(detail >= 0, own, place)
    place = np.where(records.of("finess_duplicate"), first_duplicate + stay % len(duplicated_finess()), place)
    return StayFile(
        stage=stage,
        stays=stays,
        surgery=surgery,
        records=records,
        key={"ETA_NUM": coded(place, names), "RSA_NUM": stay_numbers(plan.part.chunk, stay.size, width=10)},
        is_private=stays.is_private[stay],
        base=base,
        reimbursed=reimbursed_part(stays.row[stay], base, is_exempt=plan.is_exempt),
    )


def _summary(file: StayFile, to_rehabilitation: Array) -> dict[str, pa.Array]:
    """Columns of T_MCOaaB after the key and the diagnoses."""
    stays, state, records = file.stays, file.stage.state, file.records
    stay = records.stay
    is_between = records.of("inter_establishment")
    leaves = np.where(stays.dies, 2, np.where(to_rehabilitation, 1, 0))[stay]
    groups, group = _groups(file.stage.model)
    place = np.where(records.of("ghm_error"), len(groups) - 1, group[stays.kind[stay], stays.level[stay]])
    return {
        "GRG_GHM": coded(place, groups),
        "ENT_MOD": coded(np.where(is_between, 1, file.shown("entry", 0)), ["8", "0", "7"]),
        "ENT_PRV": coded(file.shown("origin", -1), ORIGINS),
        "BDI_COD": coded(np.where(file.shown("is_abroad", 0) > 0, 0, -1), [ABROAD]),
        "SOR_MOD": coded(np.where(is_between, 3, leaves), ["8", "6", "9", "0"]),
        "SOR_DES": coded(np.where(leaves == 1, 0, -1), ["2"]),
        "SEJ_NBJ": integers(stays.nights[stay], stays.sessions[stay] > 0),
        "NBR_SEA": integers(stays.sessions[stay]),
        "SEJ_TYP": coded(np.where(is_between, 0, -1), ["B"]),
        "TYP_GEN_RSA": constant("0", stay.size),
        "AGE_ANN": integers(state.age[stays.row[stay]]),
        "COD_SEX": coded(state.sex[stays.row[stay]] - 1, ["1", "2"]),
    }


def _unit(file: StayFile) -> dict[str, pa.Array]:
    """Order and type of the unit: one unit a stay, its type told for surgery."""
    size = file.records.stay.size
    return {"UM_ORD_NUM": integers(np.ones(size)), "AUT_TYP1_UM": coded(file.shown("unit", -1), UNITS)}


def _implants(file: StayFile) -> dict[str, pa.Array]:
    """T_MCOaaDMIP: implants of public stays paid besides the stay."""
    cents = np.where(file.is_private, 0, file.shown("implant_cents", 0))
    record = np.flatnonzero(cents > 0)
    return {**at(file.key, record), "NBR_POS_PRI": euros(cents[record])}


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
    from_acts = {row["dp"] for row in read_rows("synth_surgery_acts")}
    from_surgery = {row["icd10"] for row in read_rows("synth_surgery_codes")}
    return tuple(sorted((from_stays | from_conditions | from_acts | from_surgery) - {""}))


def condition_codes(model: CareModel, person: Array, *, condition: Array) -> Array:
    """Place in `diagnosis_codes` of the ICD-10 code of each person's condition: one of its list, for life."""
    codes = diagnosis_codes(model)
    longest = max(len(listed) for listed in model.icd10)
    table = np.array([[codes.index(listed[i % len(listed)]) for i in range(longest)] for listed in model.icd10])
    count = np.array([len(listed) for listed in model.icd10])
    return table[condition, (person * 7919 + condition) % count[condition]]


def _diagnoses(file: StayFile) -> dict[str, pa.Array]:
    """Main and linked diagnosis; chemotherapy is linked to the person's active cancer."""
    model, stays, state = file.stage.model, file.stays, file.stage.state
    codes = diagnosis_codes(model)
    main = np.array([codes.index(row["dp"]) for row in model.stays])[stays.kind]
    linked = np.array([codes.index(row["dr"]) if row["dr"] else -1 for row in model.stays])[stays.kind]
    is_chemo = np.array([row["cause"] == "chemo" for row in model.stays])[stays.kind]
    active = np.flatnonzero(model.number["chemo"] > 0)
    cancer = active[state.present[stays.row][:, active].argmax(axis=1)]
    linked = np.where(is_chemo, condition_codes(model, state.person[stays.row], condition=cancer), linked)
    stay = file.records.stay
    told, more = file.shown("dp", -1), file.shown("dr", -1)
    main, linked = np.where(told >= 0, told, main[stay]), np.where(more >= 0, more, linked[stay])
    return {"DGN_PAL": coded(main, codes), "DGN_REL": coded(linked, codes)}


def _associated(file: StayFile) -> dict[str, pa.Array]:
    """T_MCOaaD: most conditions of the person are coded at each stay (sessions apart)."""
    model, state, stay = file.stage.model, file.stage.state, file.records.stay
    row = file.stays.row[stay]
    is_coded = file.stage.rng.random((stay.size, len(model.conditions)), dtype=np.float32) < ASSOCIATED_SHARE
    present = (state.present[row] > 0) & is_coded & (model.parent < 0)
    present[file.stays.sessions[stay] > 0] = False
    record, condition = np.nonzero(present)
    code = condition_codes(model, state.person[row[record]], condition=condition)
    own, place = file.listed()
    more, column = np.nonzero(file.surgery.das[place] >= 0)
    record = np.concatenate([record, own[more]])
    code = np.concatenate([code, file.surgery.das[place][more, column]])
    return {**at(file.key, record), "ASS_DGN": coded(code, diagnosis_codes(model))}


def _procedures(file: StayFile) -> dict[str, pa.Array]:
    """T_MCOaaA: the CCAM act of stays that have one, on the day of entry; those of surgery, on their day.

    An operation is told twice: by the surgeon (activity 1) and by the anaesthetist (4).
    """
    model = file.stage.model
    ccam = np.array([model.ccam.index(row["ccam"]) if row["ccam"] else -1 for row in model.stays])
    told, second = file.shown("act", -1), file.shown("second_act", -1)
    code = np.where(told >= 0, told, ccam[file.stays.kind[file.records.stay]])
    times, delay = file.shown("times", 1), file.shown("delay", 0)
    first, more = np.flatnonzero(code >= 0), np.flatnonzero(second >= 0)
    asleep = np.flatnonzero(file.shown("is_index", 0) > 0)
    record = np.concatenate([first, more, asleep])
    activity = np.repeat([0, 0, 1], [first.size, more.size, asleep.size])
    number = np.concatenate([times[first], np.ones(more.size, dtype=np.int64), np.ones(asleep.size, dtype=np.int64)])
    return {
        **at(file.key, record),
        "CDC_ACT": coded(np.concatenate([code[first], second[more], code[asleep]]), model.ccam),
        "ACV_ACT": coded(activity, ["1", "4"]),
        "PHA_ACT": constant("0", record.size),
        "ENT_DAT_DEL": coded(delay[record], [f"{days:03d}" for days in range(10)]),
        "NBR_EXE_ACT": integers(number),
    }


def _values(file: StayFile) -> dict[str, pa.Array]:
    """T_MCOaaVALO: public stays; a stay not valued has no row, or class 0."""
    unvalued = file.records.of("stay_not_valued")
    is_missing = unvalued & (file.records.stay % 2 == 0)
    valued = np.flatnonzero(~file.is_private & ~is_missing)
    return {
        **at(file.key, valued),
        "VALO": coded(unvalued[valued], ["1", "0"]),
        "MNT_TOT_AM": euros(file.reimbursed[valued]),
        "MNT_TOT_BR": euros(file.base[valued]),
    }


def _counts(file: StayFile) -> Counts:
    """Rows, base and reimbursed cents by control; a stay not valued has no amount that can be read."""
    unvalued = file.records.of("stay_not_valued")
    base, reimbursed = np.where(unvalued, 0, file.base), np.where(unvalued, 0, file.reimbursed)
    counts = tally(file.stage, file.records, row=file.stays.row, base=base, reimbursed=reimbursed)
    counts["private_in_dcir"] = (int((file.records.of("kept") & file.is_private).sum()), 0, 0)
    return counts
