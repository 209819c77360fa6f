"""IR_BEN_R, IR_IMB_R, IR_MTT_R and IR_ORC_R of one chunk, with their planted rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.synth.arrow import coded, days, integers, write_part
from features.synth.days import MISSING, NEVER, first_day
from features.synth.doctors import Contracts, Doctors
from features.synth.geography import communes
from features.synth.identities import Identities
from features.synth.model import Array, CareModel
from features.synth.pmsi_mco import condition_codes, diagnosis_codes
from features.synth.population import Persons, ages
from features.synth.rates import Rates

ALD_PERIOD_DAYS = 1826
OTHER_EXEMPTIONS = (11, 12, 13)
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
    rng: np.random.Generator

    @property
    def start(self) -> int:
        """First day of the years."""
        return first_day(self.years[0])

    @property
    def end(self) -> int:
        """Day after the last of the years."""
        return first_day(self.years[-1] + 1)

    def pseudonym(self, person: Array, day: Array) -> dict[str, pa.Array]:
        """BEN_NIR_PSA and BEN_RNG_GEM in use by each person on a day (before the years: the first one)."""
        return {
            "BEN_NIR_PSA": coded(self.identities.on(person, day), self.identities.text),
            "BEN_RNG_GEM": integers(self.identities.rank[person]),
        }

    def nobody(self, size: int) -> dict[str, pa.Array]:
        """Pseudonyms absent from IR_BEN_R."""
        place = self.identities.unknown[self.rng.integers(0, self.identities.unknown.size, size)]
        return {"BEN_NIR_PSA": coded(place, self.identities.text), "BEN_RNG_GEM": integers(np.ones(size))}


def write_beneficiaries(desk: Desk, folder: Path, part: str) -> Counts:
    """IR_BEN_R: a row per person, one more per move or second pseudonym, and fictitious identifiers."""
    persons = desk.persons
    everyone = np.arange(persons.size)
    moved = np.flatnonzero((persons.moved_on < NEVER) & (persons.moved_on <= persons.death))
    renamed = np.flatnonzero((persons.second_from < NEVER) & (persons.second_from <= persons.death))
    person = np.concatenate([everyone, moved, renamed])
    since = np.concatenate(
        [np.full(persons.size, desk.start - 400), persons.moved_on[moved], persons.second_from[renamed]]
    )
    fictitious = int(desk.rng.binomial(persons.size, desk.rates.person_fictitious))
    row = np.concatenate([person, desk.rng.integers(0, persons.size, fictitious)])
    is_real = np.arange(row.size) < person.size
    since = np.concatenate([since, np.full(fictitious, desk.start)])
    owner = desk.identities.on(row, since)
    twice = desk.identities.fictitious[np.arange(fictitious) % desk.identities.fictitious.size]
    owner[~is_real] = twice
    place = np.where(persons.moved_on[row] <= since, persons.new_commune[row], persons.commune[row])
    code = np.where(is_real, np.where(persons.is_ame[row], 1, 0), 2 + np.arange(row.size) % len(FICTITIOUS_CODES))
    names = (
        *persons.patient_id,
        *[f"F0{text[1:]}" for text in np.array(desk.identities.text)[desk.identities.fictitious]],
    )
    who = np.where(is_real, row, persons.size + np.arange(row.size) % desk.identities.fictitious.size)
    rank = np.where(is_real, desk.identities.rank[row], 1 + np.arange(row.size) // desk.identities.fictitious.size % 90)
    columns = {
        "BEN_NIR_PSA": coded(owner, desk.identities.text),
        "BEN_RNG_GEM": integers(rank),
        "BEN_IDT_ANO": coded(who, names),
        "BEN_CDI_NIR": coded(code, ("00", "04", *FICTITIOUS_CODES)),
        **_civil_state(persons, row),
        "BEN_RES_DPT": coded(place, communes().department),
        "BEN_RES_COM": coded(place, communes().rank),
        "MAX_TRT_DTD": days(_latest_claim(desk, row, since)),
    }
    write_part(folder / "IR_BEN_R", part, columns)
    pairs = int((persons.twin_of >= 0).sum())
    return {
        "rows_in": int(row.size),
        "fictitious_identifier": fictitious,
        "several_pseudonyms": int(person.size - persons.size),
        "ambiguous_twin": 2 * pairs,
        "sentinel_date": 0,
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


def _latest_claim(desk: Desk, row: Array, since: Array) -> Array:
    """Last claim under a row: the next change of the person, else the end of the years or death."""
    persons = desk.persons
    end = np.minimum(persons.death[row], desk.end + 120)
    for change in (persons.moved_on[row], persons.second_from[row]):
        end = np.where((change > since) & (change < end), change, end)
    return np.maximum(end, since)


def write_ald(desk: Desk, folder: Path, part: str) -> Counts:
    """IR_IMB_R: a period per condition in ALD, old and closed ones, and planted rows."""
    person, number, reason, start = _ald_periods(desk)
    size, rng, rates = person.size, desk.rng, desk.rates
    codes = (*diagnosis_codes(desk.model), UNALLOCATED_REASON, CLOSED_REASON)
    planned = start + ALD_PERIOD_DAYS * (1 + (desk.end + 200 - start) // ALD_PERIOD_DAYS)
    is_closed = number == CLOSED_NUMBER
    end = np.where(is_closed, start + ALD_PERIOD_DAYS, planned)
    is_open = (rng.random(size) < rates.ald_sentinel_end) & ~is_closed
    is_numberless = (rng.random(size) < rates.ald_number_missing) & ~is_open & (number < UNLISTED_NUMBER) & ~is_closed
    kind = np.where(number == UNLISTED_NUMBER, UNLISTED, np.where(number == SEVERAL_NUMBER, SEVERAL, LISTED))
    extra = {
        name: rng.permutation(np.flatnonzero(~is_open & ~is_numberless))[: int(rng.binomial(size, share))]
        for name, share in (
            ("not_an_ald", rates.ald_other_exemption),
            ("ald_unallocated", rates.ald_unallocated),
            ("duplicate_period", rates.ald_duplicate),
            ("unknown_person", rates.ald_unknown_person),
        )
    }
    row = np.concatenate([np.arange(size), *extra.values()])
    label = np.repeat(np.arange(5), [size, *[places.size for places in extra.values()]])
    shown = np.where(is_numberless, 0, number)[row]
    nobody = desk.identities.unknown[row % desk.identities.unknown.size]
    unallocated, other = label == 2, label == 1
    columns = {
        "BEN_NIR_PSA": coded(
            np.where(label == 4, nobody, desk.identities.on(person[row], start[row])), desk.identities.text
        ),
        "BEN_RNG_GEM": integers(np.where(label == 4, 1, desk.identities.rank[person[row]])),
        "IMB_ETM_NAT": integers(
            np.where(other, np.array(OTHER_EXEMPTIONS)[row % 3], np.where(unallocated, LISTED, kind[row]))
        ),
        "IMB_ALD_NUM": integers(np.where(other | unallocated, 0, shown)),
        "IMB_ALD_DTD": days(start[row] + np.where(unallocated, 1, 0)),
        "IMB_ALD_DTF": days(np.where(is_open[row], MISSING, end[row])),
        "MED_MTF_COD": coded(np.where(other, -1, np.where(unallocated, len(codes) - 2, reason[row])), codes),
        "INS_DTE": days(start[row] + 5 + row % 25),
    }
    write_part(folder / "IR_IMB_R", part, columns)
    counts = {name: int(places.size) for name, places in extra.items()}
    return {
        "rows_in": int(row.size),
        **counts,
        "ald_number_from_icd10": int(is_numberless.sum()),
        "sentinel_end_date": int(is_open.sum()),
    }


def _ald_periods(desk: Desk) -> tuple[Array, Array, Array, Array]:
    """Person, ALD number, place of the reason, first day: conditions in ALD, severe hypertension of old, closed ones."""
    persons, model, rng = desk.persons, desk.model, desk.rng
    number = model.number["ald"].astype(np.int64)
    begun = (persons.onset < desk.end) & (persons.onset <= persons.death[:, None])
    person, condition = np.nonzero(begun & persons.is_ald & (number > 0))
    start = persons.onset[person, condition] + rng.integers(0, 40, person.size)
    reason = condition_codes(model, person, condition)
    age = ages(persons.birth, desk.start)
    place = model.conditions.index("hypertension")
    old = np.flatnonzero((persons.onset[:, place] < desk.start) & (age >= 68) & (rng.random(age.size) < 0.06))
    closed = np.flatnonzero((age >= 25) & (rng.random(age.size) < 0.006))
    last = len(diagnosis_codes(model)) + 1
    parts = (
        (person, number[condition], reason, start),
        (old, np.full(old.size, OLD_HYPERTENSION), _reason(model, "I10", old.size), _before_2011(rng, old.size)),
        (closed, np.full(closed.size, CLOSED_NUMBER), np.full(closed.size, last), _long_ago(desk, closed.size)),
    )
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    is_alive = joined[3] <= persons.death[joined[0]]
    return joined[0][is_alive], joined[1][is_alive], joined[2][is_alive], joined[3][is_alive]


def _reason(model: CareModel, code: str, size: int) -> Array:
    return np.full(size, diagnosis_codes(model).index(code))


def _before_2011(rng: np.random.Generator, size: int) -> Array:
    return first_day(2011) - rng.integers(1, 2000, size)


def _long_ago(desk: Desk, size: int) -> Array:
    return desk.start - ALD_PERIOD_DAYS - desk.rng.integers(10, 1500, size)


def write_contracts(desk: Desk, contracts: Contracts, doctors: Doctors, folder: Path, *, part: str) -> Counts:
    """IR_MTT_R: the contracts of each person, and planted rows."""
    persons, rng, rates = desk.persons, desk.rng, desk.rates
    death = persons.death
    first = np.flatnonzero((contracts.begins < NEVER) & (contracts.begins <= death) & (contracts.begins < desk.end))
    second = np.flatnonzero((contracts.second_begins < NEVER) & (contracts.second_begins <= death))
    replaced = np.where(contracts.second_begins <= death, contracts.second_begins, NEVER)[first]
    closes = (rng.random(persons.size) < 0.3) & (death < NEVER)
    person = np.concatenate([first, second])
    doctor = np.concatenate([contracts.doctor[first], contracts.second_doctor[second]])
    begins = np.concatenate([contracts.begins[first], contracts.second_begins[second]])
    ends = np.concatenate([np.where(replaced < NEVER, replaced - 1, MISSING), np.full(second.size, MISSING)])
    is_replaced = ends > MISSING
    ends = np.where(~is_replaced & closes[person], death[person], ends)
    reason = np.where(is_replaced, 0, np.where(ends > MISSING, 1, -1))
    empty = rng.permutation(person.size)[: int(rng.binomial(person.size, rates.contract_empty))]
    unknown = rng.permutation(person.size)[: int(rng.binomial(person.size, rates.contract_unknown_person))]
    row = np.concatenate([np.arange(person.size), empty, unknown])
    label = np.repeat(np.arange(3), [person.size, empty.size, unknown.size])
    nobody = desk.identities.unknown[row % desk.identities.unknown.size]
    late = np.maximum(begins, np.where(persons.second_from[person] < NEVER, begins, begins))
    columns = {
        "BEN_NIR_PSA": coded(
            np.where(label == 2, nobody, desk.identities.on(person[row], late[row])), desk.identities.text
        ),
        "BEN_RNG_GEM": integers(np.where(label == 2, 1, desk.identities.rank[person[row]])),
        "MTT_PFS_NUM": coded(doctor[row], doctors.number_array),
        "MTT_DEB_DTE": days(begins[row]),
        "MTT_FIN_DTE": days(np.where(label == 1, begins[row] - 1 - row % 50, ends[row])),
        "MTT_MTF_COD": coded(reason[row], END_REASONS),
    }
    write_part(folder / "IR_MTT_R", part, columns)
    return {
        "rows_in": int(row.size),
        "unknown_person": int(unknown.size),
        "empty_contract": int(empty.size),
        "sentinel_end_date": int((ends == MISSING).sum()),
    }


def write_cover(desk: Desk, folder: Path, part: str) -> Counts:
    """IR_ORC_R: C2S contracts of the schemes that send them, other contracts, and rows of nobody."""
    persons, rng, rates = desk.persons, desk.rng, desk.rates
    covered = np.flatnonzero((persons.c2s > 0) & persons.has_cover_row & (persons.c2s_from < desk.end))
    covered = covered[persons.c2s_from[covered] <= persons.death[covered]]
    other = rng.permutation(persons.size)[: int(rng.binomial(persons.size, rates.cover_other))]
    unknown = covered[
        rng.integers(0, max(covered.size, 1), int(rng.binomial(covered.size, rates.cover_unknown_person)))
    ]
    person = np.concatenate([covered, other, unknown])
    label = np.repeat(np.arange(3), [covered.size, other.size, unknown.size])
    nobody = desk.identities.unknown[person % desk.identities.unknown.size]
    begins = np.where(label == 1, desk.start - 100, persons.c2s_from[person])
    owner = np.where(label == 2, nobody, desk.identities.on(person, begins))
    columns = {
        "BEN_NIR_PSA": coded(owner, desk.identities.text),
        "BEN_RNG_GEM": integers(np.where(label == 2, 1, desk.identities.rank[person])),
        "BEN_CTA_TYP": integers(np.where(label == 1, OTHER_CONTRACT, C2S_CONTRACT)),
        "REF_C2S_COD": coded(np.where(label == 1, -1, np.maximum(persons.c2s[person], 1) - 1), ("G", "P")),
        "MLL_CTA_DSD": days(begins),
        "MLL_CTA_DSF": days(persons.c2s_to[person]),
    }
    write_part(folder / "IR_ORC_R", part, columns)
    return {"rows_in": int(person.size), "not_c2s": int(other.size), "unknown_person": int(unknown.size)}
