"""One chunk of persons, from their draw to their rows: the unit of work, the same whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.synth.arrow import texts, write_part
from features.synth.claims import CONTROLS, Claims, ordinary_claims
from features.synth.conditions import State, draw_year, state_on
from features.synth.days import first_day
from features.synth.doctors import Contracts, Directory, Doctors, draw_contracts, draw_directory
from features.synth.er_tables import write_claims
from features.synth.expectation import IDE, MG, Expected, care_rates, expected_euros
from features.synth.identities import Identities, draw_identities
from features.synth.lines import Lines, Stage, chronic_packs, contributions, join_lines, stream_lines, with_full_rate
from features.synth.model import Array, CareModel, care_model
from features.synth.person_tables import Desk, write_ald, write_beneficiaries, write_contracts, write_cover
from features.synth.pitfalls import CASH, UNKNOWN_ACT, plant
from features.synth.pmsi_mco import write_stays
from features.synth.pmsi_other import (
    Plan,
    outpatient_cents,
    write_home_hospital,
    write_outpatient,
    write_rehabilitation,
)
from features.synth.population import Persons, draw_persons
from features.synth.rates import Rates
from features.synth.stays import LongStays, Stays, draw_stays, follow_ups, home_hospital, private_lines, rehabilitation

CHUNK = 20_000
Count = tuple[int, int, int]
Planted = dict[tuple[str, str, int | None], Count]


@dataclass(frozen=True)
class Order:
    """What to make: the whole is cut into chunks, and a chunk depends on nothing but its order and its number."""

    data: Path
    patients: int
    years: range
    seed: int
    rates: Rates


def make_chunk(order: Order, chunk: int) -> Planted:
    """Writes every part of the chunk; returns rows and cents planted, by table, control and care year."""
    model = care_model()
    directory = draw_directory(order.patients, order.years, order.seed)
    seeds = np.random.SeedSequence((order.seed, chunk)).spawn(len(order.years) + 1)
    rng = np.random.default_rng(seeds[0])
    size = min(CHUNK, order.patients - chunk * CHUNK)
    persons = draw_persons(model, rng, size, first_place=chunk * CHUNK, years=order.years, rates=order.rates)
    identities = draw_identities(persons)
    contracts = draw_contracts(rng, directory, persons, years=order.years)
    planted: Planted = {}
    part = f"{chunk:05d}"
    for year, seed in zip(order.years, seeds[1:], strict=True):
        doctors = Doctors(directory, contracts.doctor_on(first_day(year)), first_day(year))
        state = state_on(model, persons, year)
        generator = np.random.default_rng(seed)
        stage = Stage(
            model=model,
            persons=persons,
            state=state,
            year=draw_year(model, persons, state, generator),
            rates=care_rates(model, state),
            doctors=doctors,
            identities=identities,
            rng=generator,
        )
        planted.update(_make_year(order, stage, f"{part}-{year}"))
    desk = Desk(model, persons, identities, order.rates, order.years, rng)
    planted.update(_write_persons(desk, contracts, Doctors(directory, contracts.doctor, 0), order.data, part=part))
    return planted


def _write_persons(desk: Desk, contracts: Contracts, doctors: Doctors, data: Path, *, part: str) -> Planted:
    folder = data / "snds"
    counts = {
        "IR_BEN_R": write_beneficiaries(desk, folder, part),
        "IR_IMB_R": write_ald(desk, folder, part),
        "IR_MTT_R": write_contracts(desk, contracts, doctors, folder, part=part),
        "IR_ORC_R": write_cover(desk, folder, part),
    }
    return {(table, control, None): (rows, 0, 0) for table, found in counts.items() for control, rows in found.items()}


def _make_year(order: Order, stage: Stage, part: str) -> Planted:
    """All tables of one care year, and the oracle's rows."""
    year = stage.state.year
    folder = order.data / "snds"
    is_exempt = _is_exempt(stage)
    stays = draw_stays(stage)
    rehabilitated, at_home = rehabilitation(stage, stays), home_hospital(stage, stays)
    parts, visit_row, visit_day = stream_lines(stage, *follow_ups(stage, stays))
    lines = join_lines([*parts, *chronic_packs(stage), *private_lines(stage, stays)])
    lines = with_full_rate(stage, lines, is_exempt)
    lines = join_lines([lines, contributions(stage, lines, order.rates.line_participation)])
    claims = ordinary_claims(lines, stage.identities, stage.rng, year=year, is_ame=stage.persons.is_ame)
    visits = (visit_row, visit_day, outpatient_cents(stage, visit_row.size))
    hospital = _Hospital(stays, rehabilitated, at_home, visits)
    _write_oracle(order, stage, lines, hospital, part=part)
    claims = plant(stage, claims, stage.identities, order.rates)
    packs = write_claims(stage, claims, folder, part=part, unknown_packs=order.rates.pack_unknown)
    plan = Plan(folder, part, f"{year % 100:02d}", order.rates, is_exempt)
    to_rehabilitation = np.zeros(stays.size, dtype=bool)
    to_rehabilitation[rehabilitated.stay] = True
    counts = {
        "ER_PRS_F": _claim_counts(claims),
        "ER_PHA_F": {name: (rows, 0, 0) for name, rows in packs.items()},
        "T_MCOaaB": write_stays(stage, stays, folder, part=part, planted=(order.rates, is_exempt, to_rehabilitation)),
        "T_SSRaaB": write_rehabilitation(stage, stays, rehabilitated, plan),
        "T_HADaaB": write_home_hospital(stage, stays, at_home, plan),
        "T_MCOaaCSTC": write_outpatient(stage, visits, plan),
    }
    return {(table, control, year): count for table, found in counts.items() for control, count in found.items()}


def _is_exempt(stage: Stage) -> Array:
    """True for rows of the state in ALD on 1 January."""
    has = (stage.state.present > 0) & stage.persons.is_ald[stage.state.person]
    return np.asarray((has & (stage.model.number["ald"] > 0)).any(axis=1))


def _claim_counts(claims: Claims) -> dict[str, Count]:
    """Rows and cents of ER_PRS_F by control; a netted row has given its cents to the row kept, or to its reversal."""
    base, reimbursed = claims.base_cents, claims.reimbursed_cents
    lines = claims.lines
    kept = claims.control == 0
    masks = {name: claims.control == place for place, name in enumerate(CONTROLS) if place}
    masks["unknown_act_code"] = kept & (lines.act == UNKNOWN_ACT)
    masks["cash_benefit"] = kept & np.isin(lines.act, CASH)
    masks["supplement_not_counted"] = kept & (lines.kind > 0)
    masks["rows_in"] = np.ones(kept.size, dtype=bool)
    counts = {
        name: (int(mask.sum()), int(base[mask].sum()), int(reimbursed[mask].sum())) for name, mask in masks.items()
    }
    counts["reversal_netted"] = (counts["reversal_netted"][0], 0, 0)
    return counts


@dataclass(frozen=True)
class _Hospital:
    stays: Stays
    rehabilitated: LongStays
    at_home: LongStays
    visits: tuple[Array, Array, Array]


def _write_oracle(order: Order, stage: Stage, lines: Lines, hospital: _Hospital, *, part: str) -> None:
    """Rows of the oracle: expected euros, and beside them what was drawn, before any trap."""
    state = stage.state
    expected: Expected = expected_euros(stage.model, state, stage.rates)
    names = np.array(stage.persons.patient_id)[state.person]
    size = state.person.size
    folder = order.data / "oracle"
    key = {"patient_id": texts(names.tolist()), "year": pa.array(np.full(size, state.year, dtype=np.int64))}
    oracle = {
        "expected_mg_eur": pa.array(expected.mg),
        "expected_mg_ide_eur": pa.array(expected.mg_ide),
        "expected_total_eur": pa.array(expected.total),
    }
    write_part(folder / "expected", part, {**key, **oracle}, plain=("patient_id", *oracle))
    drawn = {name: pa.array(values) for name, values in _drawn(stage, lines, hospital).items()}
    write_part(folder / "drawn", part, {**key, **oracle, **drawn}, plain=("patient_id", *oracle, *drawn))


def _drawn(stage: Stage, lines: Lines, hospital: _Hospital) -> dict[str, Array]:
    """Euros drawn by person, and the state that a report needs."""
    state, model = stage.state, stage.model
    row = np.searchsorted(state.person, lines.person)
    acts = {name: list(model.acts[name].act) for name in (*MG, *IDE)}
    is_gp = np.isin(lines.specialty, (1, 22, 23))
    is_nurse = np.isin(lines.act, [*acts["nurse_acts"], *acts["nurse_bsi"]])
    in_hospital = lines.clinic >= 0
    is_pack = lines.pack >= 0
    size = state.person.size

    def euros(mask: Array, cents: Array) -> Array:
        return np.bincount(row[mask], weights=cents[mask], minlength=size) / 100

    public = _public_euros(hospital, size)
    base, reimbursed = lines.base_cents, lines.reimbursed_cents
    everything = np.ones(row.size, dtype=bool)
    has_ald = (state.present > 0) & stage.persons.is_ald[state.person] & (model.number["ald"] > 0)
    is_act = is_gp & (lines.kind == 0)
    diabetes = [model.conditions.index(name) for name in ("diabetes", "diabetes_complicated")]
    mg = euros(is_gp, base)
    exempt = has_ald.any(axis=1)
    return {
        "age": state.age,
        "sex": state.sex,
        "exposure_share": stage.year.share,
        "ald_count": has_ald.sum(axis=1),
        "c2s": state.c2s,
        "is_ame": state.is_ame.astype(np.int64),
        "has_minimum": state.has_minimum.astype(np.int64),
        "quintile": state.quintile,
        "has_diabetes": (state.present[:, diabetes] > 0).any(axis=1).astype(np.int64),
        "condition_count": (state.present[:, model.parent < 0] > 0).sum(axis=1),
        "dies": stage.year.dies.astype(np.int64),
        "gp_acts": np.bincount(row[is_act], minlength=size),
        "lines": np.bincount(row, minlength=size),
        "spent_mg_eur": mg,
        "spent_mg_ide_eur": mg + euros(is_nurse, base),
        "spent_total_eur": euros(everything, base) + public,
        "reimbursed_total_eur": euros(everything, reimbursed) + public * np.where(exempt, 1.0, 0.93),
        "hospital_eur": euros(in_hospital, base) + public,
        "medicines_eur": euros(is_pack, base),
        "devices_eur": euros(np.isin(lines.act, [*model.acts["lpp"].act, *model.acts["lpp_heavy"].act]), base),
    }


def _public_euros(hospital: _Hospital, size: int) -> Array:
    """Euros of public stays, rehabilitation, home hospitalisation and outpatient care, by row of the state."""
    stays = hospital.stays
    total = np.bincount(stays.row, weights=np.where(stays.is_private, 0, stays.cents), minlength=size)
    for long in (hospital.rehabilitated, hospital.at_home):
        total += np.bincount(long.row, weights=long.cents, minlength=size)
    total += np.bincount(hospital.visits[0], weights=hospital.visits[2], minlength=size)
    return total / 100
