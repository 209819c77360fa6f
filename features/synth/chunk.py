"""One chunk of persons, from their draw to their rows: the unit of work, the same whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from features.synth.arrow import Part
from features.synth.bricks import write_declared_bricks
from features.synth.claims import ordinary_claims
from features.synth.conditions import draw_year, state_on
from features.synth.days import first_day
from features.synth.doctors import Doctors, draw_contracts, draw_directory
from features.synth.er_tables import write_claims
from features.synth.expectation import care_rates
from features.synth.identities import draw_identities
from features.synth.lines import Stage, chronic_packs, contributions, join_lines, stream_lines, with_full_rate
from features.synth.model import care_model
from features.synth.oracle import Drawn, write_oracle
from features.synth.person_tables import Desk, write_ald, write_beneficiaries, write_contracts, write_cover
from features.synth.pitfalls import claim_counts, plant
from features.synth.pmsi import Plan
from features.synth.pmsi_mco import write_stays
from features.synth.pmsi_other import (
    Visits,
    outpatient_cents,
    write_home_hospital,
    write_outpatient,
    write_rehabilitation,
)
from features.synth.population import draw_persons
from features.synth.rates import Rates
from features.synth.reimbursed import is_exempt
from features.synth.shelf import Shelf
from features.synth.stays import draw_stays, follow_ups, home_hospital, private_lines, rehabilitation
from features.synth.surgery_agenda import Agenda, new_agenda, open_year
from features.synth.surgery_oracle import with_surgery, write_episodes

CHUNK = 20_000
GROUPS, MOST_IN_GROUP = 10, 25
Count = tuple[int, int, int]
Planted = dict[tuple[str, str, int | None], Count]


@dataclass(frozen=True)
class Order:
    """What to make: the whole is cut into chunks, and a chunk depends on nothing but its order and its number.

    by_flux: tables of claims by month of flux, and files of a group of chunks; else a file per chunk and care year.
    """

    data: Path
    patients: int
    years: range
    seed: int
    rates: Rates
    surgery: float = 1.0
    by_flux: bool = False

    @property
    def stage(self) -> Path:
        """Where the country is made before it is shown whole."""
        return self.data / ".synth"

    @property
    def tables(self) -> Path:
        """Raw tables being made."""
        return self.stage / "made" / "snds"

    @property
    def parts(self) -> Path:
        """Parts of the oracle and of the declared bricks, joined at the end."""
        return self.stage / "parts"

    @property
    def chunks(self) -> range:
        """Numbers of all chunks."""
        return range(-(-self.patients // CHUNK))

    @property
    def groups(self) -> list[range]:
        """Chunks of each group, the unit of what is finished and what is not: the same whatever the workers."""
        size = min(max(len(self.chunks) // GROUPS, 1), MOST_IN_GROUP) if self.by_flux else 1
        return [self.chunks[first : first + size] for first in self.chunks[::size]]


_directory = lru_cache(maxsize=1)(draw_directory)


def make_chunk(order: Order, chunk: int, shelf: Shelf | None = None) -> Planted:
    """Writes every part of the chunk; returns rows and cents planted, by table, control and care year."""
    model = care_model()
    directory = _directory(order.patients, order.years, seed=order.seed)
    seeds = np.random.SeedSequence((order.seed, chunk)).spawn(len(order.years) + 1)
    rng = np.random.default_rng(seeds[0])
    places = range(chunk * CHUNK, min((chunk + 1) * CHUNK, order.patients))
    persons = draw_persons(model, rng, places=places, years=order.years, rates=order.rates)
    identities = draw_identities(persons)
    contracts = draw_contracts(rng, directory, persons=persons, years=order.years)
    planted: Planted = {}
    agenda = new_agenda(persons.size, surgery=order.surgery)
    for year, seed in zip(order.years, seeds[1:], strict=True):
        state = state_on(model, persons, year=year)
        generator = np.random.default_rng(seed)
        stage = Stage(
            model=model,
            persons=persons,
            state=state,
            year=draw_year(persons, state, rng=generator),
            rates=care_rates(model, state),
            doctors=Doctors(directory, contracts.doctor_on(first_day(year)), first_day(year)),
            identities=identities,
            rng=generator,
        )
        planted.update(_make_year(order, stage, chunk=chunk, agenda=agenda, shelf=shelf))
    part = Part(order.tables, chunk, f"{chunk:05d}", shelf)
    desk = Desk(model, persons, identities, order.rates, order.years, part, rng)
    counts = {
        "IR_BEN_R": write_beneficiaries(desk),
        "IR_IMB_R": write_ald(desk),
        "IR_MTT_R": write_contracts(desk, contracts, numbers=directory.number_array),
        "IR_ORC_R": write_cover(desk),
    }
    oracle = Part(order.parts, chunk, part.name, shelf)
    write_episodes(agenda, persons, years=order.years, part=oracle)
    write_declared_bricks(desk, contracts, directory=directory, part=oracle)
    return planted | {
        (table, name, None): (rows, 0, 0) for table, found in counts.items() for name, rows in found.items()
    }


def _make_year(order: Order, stage: Stage, *, chunk: int, agenda: Agenda, shelf: Shelf | None) -> Planted:
    """All tables of one care year, and the oracle's rows."""
    year, rates = stage.state.year, order.rates
    exempt = is_exempt(stage)
    stays = draw_stays(stage)
    long, home = rehabilitation(stage, stays), home_hospital(stage, stays)
    parts, visit_row, visit_day = stream_lines(stage, follow_ups(stage, stays))
    visits = Visits(visit_row, visit_day, outpatient_cents(stage, visit_row.size))
    lines = join_lines([*parts, *chronic_packs(stage), *private_lines(stage, stays)])
    due = open_year(agenda, stage, lines, stays=stays, long=[long, home], rng=stage.rng.spawn(1)[0])
    stays, long, home = with_surgery(stage, stays, due, long=long, home=home)
    lines = join_lines([lines, due.lines])
    lines = with_full_rate(stage, lines, is_exempt=exempt)
    lines = join_lines([lines, contributions(stage, lines, share=rates.line_participation)])
    name = f"{chunk:05d}-{year}"
    drawn = Drawn(stage, lines, stays, long, home, visits, exempt, due.expected, rates.line_participation)
    write_oracle(drawn, Part(order.parts, chunk, name, shelf))
    part = Part(order.tables, chunk, name, shelf)
    claims = plant(stage, ordinary_claims(stage, lines), rates=rates)
    packs = write_claims(stage, claims, part=part, unknown_packs=rates.pack_unknown)
    plan = Plan(part, f"{year % 100:02d}", rates, exempt)
    to_rehabilitation = np.isin(np.arange(stays.size), long.stay)
    to_rehabilitation[stays.detail >= 0] = due.stays.to_ssr[stays.detail[stays.detail >= 0]] > 0
    counts = {
        "ER_PRS_F": claim_counts(claims),
        "ER_PHA_F": {control: (rows, 0, 0) for control, rows in packs.items()},
        "T_MCOaaB": write_stays(stage, stays, surgery=due.stays, plan=plan, to_rehabilitation=to_rehabilitation),
        "T_SSRaaB": write_rehabilitation(stage, stays, long=long, plan=plan),
        "T_HADaaB": write_home_hospital(stage, stays, long=home, plan=plan),
        "T_MCOaaCSTC": write_outpatient(stage, visits, plan=plan),
    }
    return {(table, control, year): count for table, found in counts.items() for control, count in found.items()}
