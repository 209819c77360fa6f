"""ER_PRS_F and its detail tables, written by part."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.synth.arrow import Part, at, coded, constant, days, euros, integers, long_integers, looked_up
from features.synth.biology import biology_details
from features.synth.claims import CERTIFICATIONS, CONTROLS, Claims
from features.synth.days import first_of_month, month_of, uniform
from features.synth.geography import CLINICS, clinic_finess, communes, hospital_finess
from features.synth.lines import CONTRIBUTION, GP_SPECIALTIES, ORDINARY, SUPPLEMENT, Stage
from features.synth.model import Array, CareModel
from features.synth.prescribers import prescribers

PLAIN = ("DCT_ORD_NUM",)
LINES_PER_STATEMENT = 4
C2S_TYPES = ("ZZZ", "G89", "P89")
AME_SCHEME, GENERAL_SCHEME = 95, 101
PATHWAY_DECLARED, PATHWAY_REPLACED, PATHWAY_AWAY = 1, 7, 6
EMERGENCY, OUTSIDE_PATHWAY, UNDER_16 = (25, 5), (24, 23), (34, 33)  # without a declared doctor, and with one
EMERGENCY_SHARE, AWAY_SHARE, REPLACED_SHARE = 0.09, 0.08, 0.3
ADULT_DAYS = 16 * 365.25
ANAESTHETIST = 2
CIP_FIRST, UNKNOWN_CIP_FIRST = 3400930000000, 3400999000000


def write_claims(stage: Stage, claims: Claims, *, part: Part, unknown_packs: float) -> dict[str, int]:
    """Parts of ER_PRS_F, ER_PHA_F, ER_CAM_F, ER_BIO_F and ER_ETE_F; returns rows of ER_PHA_F by control."""
    key = _key(stage, claims, chunk=part.chunk)
    part.write("ER_PRS_F", {**key, **_person(stage, claims), **_act(stage, claims)}, plain=PLAIN)
    packs, counts = _packs(stage, claims, key=key, unknown_packs=unknown_packs)
    part.write("ER_PHA_F", packs, plain=PLAIN)
    part.write("ER_CAM_F", _procedures(stage, claims, key=key), plain=PLAIN)
    part.write("ER_BIO_F", biology_details(stage, claims, key), plain=PLAIN)
    part.write("ER_ETE_F", _establishments(claims, key), plain=PLAIN)
    return counts


def _key(stage: Stage, claims: Claims, *, chunk: int) -> dict[str, pa.Array]:
    """The 9-part key: transmitter = chunk, file = care year, statement and rank = place of the row."""
    size = claims.lines.size
    place = np.arange(size)
    january = month_of(np.array([stage.year_start]))[0]
    load = first_of_month(january + np.arange(32))
    treated = load[claims.load] - 1 - stage.rng.integers(0, 27, size)
    commune = stage.persons.commune[claims.lines.person]
    offices = [f"01C{department}000"[:9] for department in communes().department]
    return {
        "DCT_ORD_NUM": integers(place // LINES_PER_STATEMENT + 1),
        "FLX_DIS_DTD": days(load[claims.load]),
        "FLX_EMT_NUM": integers(np.full(size, chunk % 10_000)),
        "FLX_EMT_ORD": integers(np.full(size, stage.state.year % 100 + 100 * (chunk // 10_000))),
        "FLX_EMT_TYP": integers(np.ones(size)),
        "FLX_TRT_DTD": days(treated),
        "ORG_CLE_NUM": looked_up(commune, offices),
        "PRS_ORD_NUM": integers(place % LINES_PER_STATEMENT + 1),
        "REM_TYP_AFF": integers(np.ones(size)),
    }


def _person(stage: Stage, claims: Claims) -> dict[str, pa.Array]:
    """Pseudonym, rank, certification, scheme and rights of each line."""
    lines, persons = claims.lines, stage.persons
    person = lines.person
    is_covered = (persons.c2s_from[person] <= lines.day) & (persons.c2s_to[person] >= lines.day)
    minimum = np.zeros(persons.size, dtype=np.int32)
    minimum[stage.state.person[stage.state.has_minimum]] = 1
    is_ame = persons.is_ame[person]
    return {
        "BEN_NIR_PSA": coded(claims.pseudonym, stage.identities.text),
        "BEN_RNG_GEM": integers(claims.rank),
        "BEN_CDI_NIR": coded(claims.certification, CERTIFICATIONS),
        "RGM_COD": integers(np.where(is_ame, AME_SCHEME, GENERAL_SCHEME)),
        "RGM_GRG_COD": integers(np.ones(lines.size)),
        "BEN_C2S_TYP": coded(np.where(is_covered, persons.c2s[person], 0), C2S_TYPES),
        "BEN_CMU_TOP": coded(np.zeros(lines.size), ["0"]),
        "BEN_CMU_CAT": constant("0", lines.size),
        "MTM_NAT": integers(minimum[person]),
    }


def _act(stage: Stage, claims: Claims) -> dict[str, pa.Array]:
    """Act, days, amounts and qualifiers of each line."""
    lines = claims.lines
    nothing = np.zeros(lines.size, dtype=np.int64)
    prescribed = prescribers(stage.model, lines.person + stage.persons.first_place, pack=lines.pack)
    is_contribution = lines.kind == CONTRIBUTION
    base, reimbursed = euros(claims.base_cents), claims.reimbursed_cents
    return {
        "PRS_NAT_REF": integers(lines.act),
        "EXE_SOI_DTD": days(lines.day),
        "EXE_SOI_DTF": days(lines.last_day),
        "PRS_ACT_QTE": integers(lines.quantity * claims.sign),
        "PRS_PAI_MNT": base,
        "BSE_REM_BSE": base,
        "BSE_REM_MNT": euros(np.where(is_contribution, 0, reimbursed)),
        "CPL_REM_BSE": euros(nothing),
        "CPL_REM_MNT": euros(np.where(is_contribution, reimbursed, 0)),
        "CPL_MAJ_TOP": integers(np.where(lines.kind == ORDINARY, 0, 2)),
        "CPL_AFF_COD": integers(np.where(is_contribution, 16, 0)),
        "DPN_QLF": integers(claims.dpn, claims.dpn < 0),
        "PRS_DPN_QLP": integers(claims.dpn_place),
        "PRS_PPU_SEC": integers(claims.sector),
        "PSE_SPE_COD": integers(lines.specialty),
        "PFS_EXE_NUM": coded(lines.performer, stage.doctors.directory.number_array),
        "PRS_PDS_QCP": integers(_pathway(stage, claims)),
        "ETB_PRE_FIN": coded(prescribed.hospital, [finess[:8] for finess in hospital_finess()]),
        "PSP_SPE_COD": integers(prescribed.specialty, prescribed.specialty < 0),
    }


def _pathway(stage: Stage, claims: Claims) -> Array:
    """Place in the coordinated pathway (IR_QPS_V) of general-practice acts; 0 for other acts.

    The declared doctor; a colleague of the structure who replaces him; emergency, away from home, under 16 or
    outside the pathway, as the person, the day and the performer have it, so that a reversal repeats its line.
    """
    codes = np.zeros(claims.lines.size, dtype=np.int64)
    places = np.flatnonzero(np.isin(claims.lines.specialty, GP_SPECIALTIES) & (claims.lines.kind != SUPPLEMENT))
    lines, directory = claims.lines.take(places), stage.doctors.directory
    declared = stage.doctors.declared[lines.person]
    has = (declared >= 0).astype(np.int64)
    team = np.where(declared >= 0, directory.team[declared], -1)
    performer = np.minimum(lines.performer, directory.gp_count - 1)
    is_colleague = (team >= 0) & (directory.team[performer] == team)
    draw = uniform(lines.person, lines.day, lines.performer, salt=7)
    is_minor = lines.day - stage.persons.birth[lines.person] < ADULT_DAYS
    other = np.where(is_minor, np.array(UNDER_16)[has], np.array(OUTSIDE_PATHWAY)[has])
    codes[places] = np.select(
        [
            lines.performer == declared,
            is_colleague,
            draw < EMERGENCY_SHARE,
            draw < EMERGENCY_SHARE + AWAY_SHARE,
        ],
        [
            PATHWAY_DECLARED,
            np.where(draw < REPLACED_SHARE, PATHWAY_REPLACED, other),
            np.array(EMERGENCY)[has],
            PATHWAY_AWAY,
        ],
        other,
    )
    return codes


def _packs(
    stage: Stage, claims: Claims, *, key: dict[str, pa.Array], unknown_packs: float
) -> tuple[dict[str, pa.Array], dict[str, int]]:
    """ER_PHA_F: one row per pharmacy line; some packs kept have a code absent from IR_PHA_R. And rows by control."""
    places = np.flatnonzero(claims.lines.pack >= 0)
    control = claims.control[places]
    code = cip_codes(stage.model)[claims.lines.pack[places]]
    is_unknown = (control == 0) & (stage.rng.random(places.size) < unknown_packs)
    columns = {
        **at(key, places),
        "PHA_ORD_NUM": integers(np.ones(places.size)),
        "PHA_PRS_C13": long_integers(np.where(is_unknown, UNKNOWN_CIP_FIRST + np.arange(places.size), code)),
        "PHA_ACT_QSN": integers((claims.lines.quantity * claims.sign)[places]),
    }
    is_read = control != CONTROLS.index("outside_flux_window")
    return columns, {
        "unknown_pack": int(is_unknown.sum()),
        "detail_of_dropped_line": int(((control > 0) & is_read).sum()),
    }


def _procedures(stage: Stage, claims: Claims, *, key: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """ER_CAM_F: one row per line of a CCAM act."""
    places = np.flatnonzero(claims.lines.ccam >= 0)
    return {
        **at(key, places),
        "CAM_ORD_NUM": integers(np.ones(places.size)),
        "CAM_PRS_IDE": coded(claims.lines.ccam[places], stage.model.ccam),
        "CAM_ACT_COD": coded(claims.lines.specialty[places] == ANAESTHETIST, ["1", "4"]),
        "CAM_TRT_PHA": integers(np.zeros(places.size)),
    }


def _establishments(claims: Claims, key: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """ER_ETE_F: lines of clinics, of public hospitals, and of health centres."""
    places = np.flatnonzero(claims.taa >= 0)
    clinic = claims.lines.clinic[places]
    return {
        **at(key, places),
        "ETB_EXE_FIN": coded(np.where(clinic >= 0, clinic, places % CLINICS), clinic_finess()),
        "ETE_IND_TAA": integers(claims.taa[places]),
        "ETE_CAT_COD": integers(claims.category[places]),
        "MDT_COD": integers(np.full(places.size, 3)),
        "PRS_PPU_SEC": integers(claims.sector[places]),
    }


def cip_codes(model: CareModel) -> Array:
    """CIP13 of each drug: that of its row, else an invented one of 12 digits and the check digit of EAN-13."""
    first = CIP_FIRST // 10 + np.arange(len(model.drugs)) * 137
    digits = (first[:, None] // 10 ** np.arange(11, -1, -1)) % 10
    total = (digits * np.tile([1, 3], 6)).sum(axis=1)
    given = np.array([int(row["cip13"] or 0) for row in model.drugs])
    return np.where(given > 0, given, first * 10 + (10 - total % 10) % 10)
