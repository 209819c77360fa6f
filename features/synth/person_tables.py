"""IR_BEN_R, IR_IMB_R, IR_MTT_R and IR_ORC_R of one chunk, with their planted rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.synth.arrow import Part, coded, days, integers, looked_up
from features.synth.days import MISSING, NEVER, first_day
from features.synth.doctors import Contracts
from features.synth.geography import communes
from features.synth.identities import FICTITIOUS, Identities
from features.synth.model import Array, CareModel
from features.synth.pmsi_mco import condition_codes, diagnosis_codes
from features.synth.population import Persons, ages
from features.synth.rates import Rates

ALD_PERIOD_DAYS = 1826
OTHER_EXEMPTIONS = np.array([11, 12, 13])
ALD_CONTROLS = ("not_an_ald", "ald_unallocated", "duplicate_period", "unknown_person")
LONG_BEFORE = 400
CLOSED_BY_DEATH = 0.3
LISTED, UNLISTED, SEVERAL = 41, 43, 45
UNLISTED_NUMBER, SEVERAL_NUMBER, OLD_HYPERTENSION = 31, 32, 12
UNALLOCATED_REASON, CLOSED_REASON, CLOSED_NUMBER = "R69", "A169", 29
C2S_CONTRACT, OTHER_CONTRACT = 89, 83
FICTITIOUS_CODES = ("01", "11", "12", "15")
END_REASONS = ("FIS", "FIB")
Counts = dict[str, int]


@dataclass(frozen=True)
class Desk:
    """What the writers of person tables share."""

    model: CareModel
    persons: Persons
    identities: Identities
    rates: Rates
    years: range
    part: Part
    rng: np.random.Generator

    @property
    def start(self) -> int:
        """First day of the years."""
        return first_day(self.years[0])

    @property
    def end(self) -> int:
        """Day after the last of the years."""
        return first_day(self.years[-1] + 1)

    def pseudonym(self, person: Array, *, day: Array, is_nobody: Array) -> dict[str, pa.Array]:
        """BEN_NIR_PSA and BEN_RNG_GEM in use by each person on a day, or a pseudonym absent from IR_BEN_R."""
        identities = self.identities
        nobody = identities.unknown[person % identities.unknown.size]
        return {
            "BEN_NIR_PSA": coded(np.where(is_nobody, nobody, identities.on(person, day)), identities.text),
            "BEN_RNG_GEM": integers(np.where(is_nobody, 1, identities.rank[person])),
        }

    def some(self, places: Array, share: float) -> Array:
        """Some of the places, at random: a share of them on average."""
        return self.rng.permutation(places)[: int(self.rng.binomial(places.size, share))]


def write_beneficiaries(desk: Desk) -> Counts:
    """IR_BEN_R: a row per person, one more per move or second pseudonym, and fictitious identifiers."""
    persons, identities = desk.persons, desk.identities
    moved = np.flatnonzero((persons.moved_on < NEVER) & (persons.moved_on <= persons.death))
    renamed = np.flatnonzero((persons.second_from < NEVER) & (persons.second_from <= persons.death))
    row = np.concatenate([np.arange(persons.size), moved, renamed])
    before = np.full(persons.size, desk.start - LONG_BEFORE)
    since = np.concatenate([before, persons.moved_on[moved], persons.second_from[renamed]])
    fake = desk.some(np.arange(persons.size), desk.rates.person_fictitious)
    turn = np.arange(fake.size)
    real = {
        "BEN_NIR_PSA": identities.on(row, since),
        "BEN_RNG_GEM": identities.rank[row],
        "BEN_IDT_ANO": row,
        "BEN_CDI_NIR": np.where(persons.is_ame[row], 1, 0),
    }
    fictitious = {
        "BEN_NIR_PSA": identities.fictitious[turn % FICTITIOUS],
        "BEN_RNG_GEM": 1 + turn // FICTITIOUS % 90,
        "BEN_IDT_ANO": persons.size + turn % FICTITIOUS,
        "BEN_CDI_NIR": 2 + turn % len(FICTITIOUS_CODES),
    }
    who = {name: np.concatenate([real[name], fictitious[name]]) for name in real}
    row = np.concatenate([row, fake])
    since = np.concatenate([since, np.full(fake.size, desk.start)])
    desk.part.write(
        "IR_BEN_R", {**_identity(desk, who), **_civil_state(persons, row), **_residence(desk, row, since=since)}
    )
    return {
        "rows_in": int(row.size),
        "fictitious_identifier": int(fake.size),
        "several_pseudonyms": int(moved.size + renamed.size),
        "ambiguous_twin": 2 * int((persons.twin_of >= 0).sum()),
        "sentinel_date": 0,
    }


def _identity(desk: Desk, who: dict[str, Array]) -> dict[str, pa.Array]:
    """Pseudonym, rank, person and certification from their places."""
    identities = desk.identities
    invented = [f"F0{identities.text[place][1:]}" for place in identities.fictitious]
    return {
        "BEN_NIR_PSA": coded(who["BEN_NIR_PSA"], identities.text),
        "BEN_RNG_GEM": integers(who["BEN_RNG_GEM"]),
        "BEN_IDT_ANO": coded(who["BEN_IDT_ANO"], (*desk.persons.patient_id, *invented)),
        "BEN_CDI_NIR": coded(who["BEN_CDI_NIR"], ("00", "04", *FICTITIOUS_CODES)),
    }


def _residence(desk: Desk, row: Array, *, since: Array) -> dict[str, pa.Array]:
    """Commune under each row, and the row's last claim: the next change, else the end of the years or death."""
    persons = desk.persons
    place = np.where(persons.moved_on[row] <= since, persons.new_commune[row], persons.commune[row])
    end = np.minimum(persons.death[row], desk.end + 120)
    for change in (persons.moved_on[row], persons.second_from[row]):
        end = np.where((change > since) & (change < end), change, end)
    return {
        "BEN_RES_DPT": looked_up(place, communes().department),
        "BEN_RES_COM": looked_up(place, communes().rank),
        "MAX_TRT_DTD": days(np.maximum(end, since)),
    }


def _civil_state(persons: Persons, row: Array) -> dict[str, pa.Array]:
    birth = persons.birth[row].astype("M8[D]")
    year = birth.astype("M8[Y]").astype(np.int64) + 1970
    month = birth.astype("M8[M]").astype(np.int64) % 12
    death = persons.death[row]
    return {
        "BEN_NAI_ANN": coded(year - 1850, [str(value) for value in range(1850, 2100)]),
        "BEN_NAI_MOI": coded(month, [f"{value:02d}" for value in range(1, 13)]),
        "BEN_SEX_COD": integers(persons.sex[row]),
        "BEN_DCD_DTE": days(np.where(death < NEVER, death, MISSING)),
    }


def write_ald(desk: Desk) -> Counts:
    """IR_IMB_R: a period per condition in ALD, old and closed ones, and planted rows."""
    person, number, reason, start = _ald_periods(desk)
    size, rng, rates = person.size, desk.rng, desk.rates
    is_closed = number == CLOSED_NUMBER
    is_open = (rng.random(size) < rates.ald_sentinel_end) & ~is_closed
    is_numberless = (rng.random(size) < rates.ald_number_missing) & ~is_open & (number < UNLISTED_NUMBER) & ~is_closed
    planned = start + ALD_PERIOD_DAYS * (1 + (desk.end + LONG_BEFORE - start) // ALD_PERIOD_DAYS)
    end = np.where(is_open, MISSING, np.where(is_closed, start + ALD_PERIOD_DAYS, planned))
    ordinary = np.flatnonzero(~is_open & ~is_numberless)
    shares = (rates.ald_other_exemption, rates.ald_unallocated, rates.ald_duplicate, rates.ald_unknown_person)
    planted = {name: desk.some(ordinary, share) for name, share in zip(ALD_CONTROLS, shares, strict=True)}
    row = np.concatenate([np.arange(size), *planted.values()])
    label = np.repeat(np.arange(5), [size, *[places.size for places in planted.values()]])
    shown = np.where(is_numberless, 0, number)
    kind = np.where(number == UNLISTED_NUMBER, UNLISTED, np.where(number == SEVERAL_NUMBER, SEVERAL, LISTED))
    is_other, is_unallocated = label == 1, label == 2
    codes = (*diagnosis_codes(desk.model), UNALLOCATED_REASON, CLOSED_REASON)
    columns = {
        **desk.pseudonym(person[row], day=start[row], is_nobody=label == 4),
        "IMB_ETM_NAT": integers(np.select([is_other, is_unallocated], [OTHER_EXEMPTIONS[row % 3], LISTED], kind[row])),
        "IMB_ALD_NUM": integers(np.where(is_other | is_unallocated, 0, shown[row])),
        "IMB_ALD_DTD": days(start[row] + is_unallocated),
        "IMB_ALD_DTF": days(end[row]),
        "MED_MTF_COD": coded(np.select([is_other, is_unallocated], [-1, len(codes) - 2], reason[row]), codes),
        "INS_DTE": days(start[row] + 5 + row % 25),
    }
    desk.part.write("IR_IMB_R", columns)
    return {
        "rows_in": int(row.size),
        **{name: int(places.size) for name, places in planted.items()},
        "ald_number_from_icd10": int(is_numberless.sum()),
        "sentinel_end_date": int(is_open.sum()),
    }


def _ald_periods(desk: Desk) -> tuple[Array, Array, Array, Array]:
    """Person, ALD number, place of the reason, first day: conditions in ALD, old hypertension, closed ones."""
    persons, model, rng = desk.persons, desk.model, desk.rng
    number = model.number["ald"].astype(np.int64)
    begun = (persons.onset < desk.end) & (persons.onset <= persons.death[:, None])
    person, condition = np.nonzero(begun & persons.is_ald & (number > 0))
    start = persons.onset[person, condition] + rng.integers(0, 40, person.size)
    reason = condition_codes(model, person, condition=condition)
    age = ages(persons.birth, desk.start)
    place = model.conditions.index("hypertension")
    old = np.flatnonzero((persons.onset[:, place] < desk.start) & (age >= 68) & (rng.random(age.size) < 0.06))
    closed = np.flatnonzero((age >= 25) & (rng.random(age.size) < 0.006))
    last = len(diagnosis_codes(model)) + 1
    parts = (
        (person, number[condition], reason, start),
        (old, np.full(old.size, OLD_HYPERTENSION), _reason(model, "I10", size=old.size), _before_2011(rng, old.size)),
        (closed, np.full(closed.size, CLOSED_NUMBER), np.full(closed.size, last), _long_ago(desk, closed.size)),
    )
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    is_alive = joined[3] <= persons.death[joined[0]]
    return joined[0][is_alive], joined[1][is_alive], joined[2][is_alive], joined[3][is_alive]


def _reason(model: CareModel, code: str, *, size: int) -> Array:
    return np.full(size, diagnosis_codes(model).index(code))


def _before_2011(rng: np.random.Generator, size: int) -> Array:
    return first_day(2011) - rng.integers(1, 2000, size)


def _long_ago(desk: Desk, size: int) -> Array:
    return desk.start - ALD_PERIOD_DAYS - desk.rng.integers(10, 1500, size)


def write_contracts(desk: Desk, contracts: Contracts, *, numbers: pa.Array) -> Counts:
    """IR_MTT_R: the contracts of each person, and planted rows. `numbers`: of all professionals."""
    person, doctor, begins, ends = _contract_rows(desk, contracts)
    everyone = np.arange(person.size)
    empty = desk.some(everyone, desk.rates.contract_empty)
    unknown = desk.some(everyone, desk.rates.contract_unknown_person)
    row = np.concatenate([everyone, empty, unknown])
    label = np.repeat(np.arange(3), [person.size, empty.size, unknown.size])
    is_last = ends == desk.persons.death[person]
    reason = np.where(ends == MISSING, -1, np.where(is_last, END_REASONS.index("FIB"), END_REASONS.index("FIS")))
    columns = {
        **desk.pseudonym(person[row], day=begins[row], is_nobody=label == 2),
        "MTT_PFS_NUM": coded(doctor[row], numbers),
        "MTT_DEB_DTE": days(begins[row]),
        "MTT_FIN_DTE": days(np.where(label == 1, begins[row] - 1 - row % 50, ends[row])),
        "MTT_MTF_COD": coded(reason[row], END_REASONS),
    }
    desk.part.write("IR_MTT_R", columns)
    return {
        "rows_in": int(row.size),
        "unknown_person": int(unknown.size),
        "empty_contract": int(empty.size),
        "sentinel_end_date": int((ends == MISSING).sum()),
    }


def _contract_rows(desk: Desk, contracts: Contracts) -> tuple[Array, Array, Array, Array]:
    """Person, doctor, first and last day of each contract; a death closes some, others stay open."""
    death = desk.persons.death
    first = np.flatnonzero((contracts.begins < desk.end) & (contracts.begins <= death))
    second = np.flatnonzero((contracts.second_begins < NEVER) & (contracts.second_begins <= death))
    person = np.concatenate([first, second])
    begins = np.concatenate([contracts.begins[first], contracts.second_begins[second]])
    until = np.concatenate([contracts.second_begins[first], np.full(second.size, NEVER)])
    closes = (desk.rng.random(death.size) < CLOSED_BY_DEATH) & (death < NEVER)
    last = np.where(closes[person], death[person], MISSING)
    ends = np.where((until < NEVER) & (until <= death[person]), until - 1, last)
    doctor = np.concatenate([contracts.doctor[first], contracts.second_doctor[second]])
    return person, doctor, begins, ends


def write_cover(desk: Desk) -> Counts:
    """IR_ORC_R: C2S contracts of the schemes that send them, other contracts, and rows of nobody."""
    persons, rates = desk.persons, desk.rates
    is_sent = (persons.c2s > 0) & persons.has_cover_row & (persons.c2s_from < desk.end)
    covered = np.flatnonzero(is_sent & (persons.c2s_from <= persons.death))
    other = desk.some(np.arange(persons.size), rates.cover_other)
    unknown = desk.some(covered, rates.cover_unknown_person)
    person = np.concatenate([covered, other, unknown])
    label = np.repeat(np.arange(3), [covered.size, other.size, unknown.size])
    begins = np.where(label == 1, desk.start - 100, persons.c2s_from[person])
    columns = {
        **desk.pseudonym(person, day=begins, is_nobody=label == 2),
        "BEN_CTA_TYP": integers(np.where(label == 1, OTHER_CONTRACT, C2S_CONTRACT)),
        "REF_C2S_COD": coded(np.where(label == 1, -1, persons.c2s[person] - 1), ("G", "P")),
        "MLL_CTA_DSD": days(begins),
        "MLL_CTA_DSF": days(persons.c2s_to[person]),
    }
    desk.part.write("IR_ORC_R", columns)
    return {"rows_in": int(person.size), "not_c2s": int(other.size), "unknown_person": int(unknown.size)}
