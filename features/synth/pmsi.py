"""What the PMSI tables have in common: establishments, records with planted defects, chaining, counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from features.synth.arrow import Part, coded, days, texts
from features.synth.lines import Stage
from features.synth.model import Array, read_rows
from features.synth.rates import Rates

STAY_CONTROLS = (
    "kept",
    "finess_duplicate",
    "ghm_error",
    "inter_establishment",
    "anonymous_identifier",
    "return_code",
    "unknown_person",
    "stay_not_valued",
    "stay_cost_outlier",
)
LAST_DUPLICATE_YEAR = 2017
ANONYMOUS = ("xxxxxxxxxxxxxxxxx", "XXXXXXXXXXXXXXXXD")
RETURN_CODES = ("NIR_RET", "NAI_RET", "SEX_RET", "SEJ_RET", "FHO_RET", "PMS_RET", "DAT_RET")
STAY_CODES = (*RETURN_CODES, "COH_NAI_RET", "COH_SEX_RET")
REIMBURSED_PERCENT = 93
MOST_CHUNKS = 4000
Counts = dict[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Records:
    """Stay records to write: the stay each comes from, the control it must hit, its pseudonym, its number.

    pseudonym: place in `names`; failed: place of the return code that is not 0, -1 for none.
    """

    stay: Array
    control: Array
    pseudonym: Array
    failed: Array
    names: tuple[str, ...]

    def of(self, *controls: str) -> Array:
        """True for records of these controls."""
        return np.isin(self.control, [STAY_CONTROLS.index(name) for name in controls])


@dataclass(frozen=True)
class Plan:
    """What the writers of one part share: where it goes, two-digit year, rates, rows of the state in ALD."""

    part: Part
    year: str
    rates: Rates
    is_exempt: Array

    def write(self, table: str, columns: dict[str, pa.Array]) -> None:
        """The part of a table of the year (`{}` in its name)."""
        self.part.write(table.format(self.year), columns)


@cache
def duplicated_finess() -> tuple[str, ...]:
    """FINESS transmitted twice until 2017."""
    return tuple(row["finess_geo"] for row in read_rows("finess_duplicates"))


def plant_records(stage: Stage, person: Array, *, day: Array, eligible: Array, shares: dict[str, float]) -> Records:
    """One record per stay, and copies of eligible stays each with one defect, in the shares given by control."""
    rng = stage.rng
    parts, controls = [np.arange(person.size)], [np.zeros(person.size, dtype=np.int64)]
    for name, share in shares.items():
        count = int(rng.binomial(eligible.size, share)) if eligible.size else 0
        parts.append(eligible[rng.integers(0, max(eligible.size, 1), count)])
        controls.append(np.full(count, STAY_CONTROLS.index(name)))
    stay, control = np.concatenate(parts), np.concatenate(controls)
    identities = stage.identities
    pseudonym = identities.on(person[stay], day[stay])
    is_anonymous = control == STAY_CONTROLS.index("anonymous_identifier")
    is_unknown = control == STAY_CONTROLS.index("unknown_person")
    pseudonym = np.where(is_anonymous, len(identities.text) + stay % 2, pseudonym)
    pseudonym = np.where(is_unknown, identities.unknown[stay % identities.unknown.size], pseudonym)
    failed = np.where(control == STAY_CONTROLS.index("return_code"), rng.integers(0, 5, stay.size), -1)
    return Records(stay, control, pseudonym, failed, (*identities.text, *ANONYMOUS))


def is_single(stage: Stage) -> Array:
    """True for persons of the chunk who share their pseudonym with no twin."""
    twin_of = stage.persons.twin_of
    return (twin_of < 0) & ~np.isin(np.arange(twin_of.size), twin_of)


def stay_numbers(chunk: int, size: int, *, width: int) -> pa.Array:
    """Numbers of the records of a chunk: those of two chunks never meet in one establishment."""
    first = chunk * (10**width // MOST_CHUNKS)
    return texts([f"{place:0{width}d}" for place in range(first, first + size)])


def chaining(records: Records, names: tuple[str, ...], *, first: Array, last: Array) -> dict[str, pa.Array]:
    """Pseudonym, days and return codes of the records of a C table."""
    columns = {
        "NIR_ANO_17": coded(records.pseudonym, records.names),
        "EXE_SOI_DTD": days(first[records.stay]),
        "EXE_SOI_DTF": days(last[records.stay]),
    }
    for place, name in enumerate(names):
        columns[name] = coded(records.failed == place, ["0", "1"])
    return columns


def tally(stage: Stage, records: Records, *, row: Array, base: Array, reimbursed: Array) -> Counts:
    """Rows, base and reimbursed cents received, by planted control, and of twins. `row`: row of each stay."""
    is_twin = ~is_single(stage)[stage.state.person[row[records.stay]]]
    masks = {name: records.of(name) for name in STAY_CONTROLS[1:]}
    masks["ambiguous_twin"] = records.of("kept") & is_twin
    masks["rows_in"] = np.ones(base.size, dtype=bool)
    return {name: (int(hit.sum()), int(base[hit].sum()), int(reimbursed[hit].sum())) for name, hit in masks.items()}


def reimbursed_part(row: Array, cents: Array, *, is_exempt: Array) -> Array:
    """Cents paid by compulsory insurance: all for persons in ALD, most for others."""
    return np.where(is_exempt[row], cents, cents * REIMBURSED_PERCENT // 100)
