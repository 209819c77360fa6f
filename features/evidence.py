"""Evidence of disease: which clauses each patient's ALD, stays, drugs and sessions raise, as bits of a few words.

Codes are matched once per distinct code, in memory, then joined to the rows; bits are pooled by patient. A
word of bits costs the memory of one number where a hundred flags under aggregation would cost a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import cache

import ibis
import pandas as pd

from features.codes import (
    DRUG_DATES,
    DRUG_DATES_LARGE_PACK,
    Clause,
    Rule,
    all_rules,
    drug_list,
    drug_lists,
    matches,
    plain,
    prefixes,
)
from features.history import DRUG_YEARS, History

BITS_PER_WORD = 62  # a signed 64-bit number, and room to spare
PLACES = {"M": "main", "A": "associated", "G": "ghm"}


@ibis.udf.agg.builtin
def bit_or(word: int) -> int:  # type: ignore[empty-body]
    """Union of the bits of a column of words; named alike in DuckDB and Spark (Ibis knows it for DuckDB alone)."""


@cache
def bits() -> dict[Clause, int]:
    """Place of the bit of each clause."""
    return {clause: place for place, clause in enumerate(dict.fromkeys(rule.clause for rule in all_rules()))}


def words() -> list[str]:
    """Names of the columns that hold the bits."""
    return [f"word_{number}" for number in range((len(bits()) - 1) // BITS_PER_WORD + 1)]


def is_raised(row: ibis.Table, clause: Clause) -> ibis.BooleanValue:
    """Whether the bit of a clause is set on a row; a row without words raises nothing."""
    word, bit = divmod(bits()[clause], BITS_PER_WORD)
    return (row[words()[word]].fill_null(0) & ibis.literal(1 << bit, "int64")) != 0


def evidence(history: History) -> ibis.Table:
    """One row per patient with evidence: patient_id and the words of bits, from every source."""
    sources = (_ald(history), _stays(history), _drugs(history), _sessions(history))
    found = ibis.union(*sources, distinct=False)
    return found.group_by("patient_id").aggregate(**{word: bit_or(found[word]) for word in words()})


def _ald(history: History) -> ibis.Table:
    first, last = date(history.on.year - 1, 1, 1), date(history.on.year - 1, 12, 31)
    periods = history.ald_periods
    in_force = periods.end_date.isnull() | (periods.end_date >= history.on)
    lived = periods.filter(periods.end_date.isnull() | (periods.end_date >= first)).select(
        "patient_id",
        number=periods.ald_number,
        code=periods.icd10.fill_null(""),
        in_force=in_force,
        in_year=periods.start_date <= last,
        recent=periods.start_date >= date(first.year - 1, 1, 1),
    )
    return _raise(lived, ["number", "code", "in_force", "in_year", "recent"], _ald_clauses)


def _ald_clauses(number: int, code: str, in_force: bool, in_year: bool, recent: bool) -> list[Clause]:
    found = [rule for rule in all_rules() if rule.route.startswith("ald") and _is_ald(rule, number, plain(code))]
    linked = any(rule.clause.flag.startswith("carto_") and rule.route != "ald_other" for rule in found)
    holds = {
        "ald_in_force": in_force,
        "ald_recent": in_year and recent,
        "ald_earlier": in_year and not recent,
        "ald_other": in_year and not linked,
    }
    return [rule.clause for rule in found if holds.get(rule.route, in_year)]


def _is_ald(rule: Rule, number: int, code: str) -> bool:
    if rule.route == "ald_other":
        return True
    if rule.route in ("ald_number", "ald_in_force"):
        return str(number) in rule.codes and not (rule.without and code.startswith(rule.without))
    return matches(code, rule.codes, rule.without)


def _stays(history: History) -> ibis.Table:
    """Diagnoses and GHM of the stays: one row per code, tagged M (main or linked), A (associated) or G (GHM)."""
    stays = history.stays
    diagnoses = stays.main_diagnoses.concat(stays.associated_diagnoses)
    tagged = (
        stays.main_diagnoses.map(lambda code: ibis.literal("M") + code)
        .concat(stays.associated_diagnoses.map(lambda code: ibis.literal("A") + code))
        .concat(ibis.array([ibis.literal("G") + stays.ghm.fill_null("")]))
    )
    conditions = {f"holds_{i}": _has_code(diagnoses, codes) for i, codes in enumerate(_stay_conditions())}
    rows = stays.select("patient_id", code=tagged, back=_years_back(stays, history.on), **conditions).unnest("code")
    return _raise(rows, ["code", "back", *conditions], _stay_clauses)


@cache
def _stay_conditions() -> tuple[str, ...]:
    """Code lists that a rule asks to find, or not to find, in the same stay."""
    return tuple(dict.fromkeys(rule.stay.partition(" ")[2] for rule in all_rules() if rule.stay))


def _has_code(diagnoses: ibis.ArrayValue, codes: str) -> ibis.BooleanValue:
    def starts(code: ibis.StringValue) -> ibis.BooleanValue:
        return ibis.or_(*[code.startswith(prefix) for prefix in prefixes(codes)])

    return diagnoses.filter(starts).length() > 0


def _stay_clauses(code: str, back: int, *holds: bool) -> list[Clause]:
    met = dict(zip(_stay_conditions(), holds, strict=True))

    def applies(rule: Rule) -> bool:
        word, _, condition = rule.stay.partition(" ")
        return back <= rule.years_back and (not word or met[condition] == (word == "with"))

    return [rule.clause for rule in _code_rules(code[0], plain(code[1:])) if applies(rule)]


@cache
def _code_rules(place: str, code: str) -> tuple[Rule, ...]:
    return tuple(r for r in all_rules() if r.route == PLACES[place] and matches(code, r.codes, r.without))


def _years_back(stays: ibis.Table, on: date) -> ibis.IntegerValue:
    """0 for a stay loaded in the twelve months before `on` (or later), 1 in the twelve before them, and so on.

    Years of loading, not of care: a stay takes months to be loaded, and by year of care one of December would be
    unknown on 1 January and out of the window a year after.
    """
    months = (on.year - stays.known_date.year()) * 12 + (on.month - stays.known_date.month())
    return ((months - 1) // 12).clip(lower=0).cast("int64")


def _drugs(history: History) -> ibis.Table:
    """Patients treated with a drug list in a year: three dispensing dates, two with a large pack."""
    drugs = history.dispensings.mutate(back=(history.on.year - 1 - ibis._.care_date.year()).cast("int64"))
    dated = drugs.inner_join(_listed_drugs(drugs), "atc")
    days = dated.group_by(["patient_id", "drug", "back", "care_date"]).aggregate(large=dated.is_large_pack.max())
    years = days.group_by(["patient_id", "drug", "back"]).aggregate(dates=days.count(), large=days.large.max())
    treated = years.filter((years.dates >= DRUG_DATES) | (years.large & (years.dates >= DRUG_DATES_LARGE_PACK)))
    keys = pd.DataFrame([(name, back) for name in drug_lists() for back in range(DRUG_YEARS)], columns=["drug", "back"])
    return _raise(treated, ["drug", "back"], _drug_clauses, found=keys)


def _listed_drugs(drugs: ibis.Table) -> ibis.Table:
    """ATC classes found, with each drug list that holds them."""
    found = drugs.filter(drugs.atc.notnull()).select("atc").distinct().to_pandas()["atc"]
    pairs = [
        {"atc": atc, "drug": name}
        for atc in sorted(found)
        for name, (taken, left) in drug_lists().items()
        if matches(atc, taken, left)
    ]
    return ibis.memtable(
        pd.DataFrame(pairs, columns=["atc", "drug"]), schema=ibis.schema({"atc": "string", "drug": "string"})
    )


def _drug_clauses(drug: str, back: int) -> list[Clause]:
    return [r.clause for r in all_rules() if r.route == "drug" and drug_list(r) == drug and back <= r.years_back]


def _sessions(history: History) -> ibis.Table:
    """Patients with enough sessions of a GHM list loaded in the twelve months before; a column per rule."""
    rules = [rule for rule in all_rules() if rule.route == "sessions"]
    stays = history.stays.filter(lambda t: _years_back(t, history.on) == 0)
    listed = [ibis.or_(*[stays.ghm.startswith(code) for code in rule.codes]) for rule in rules]
    enough = (
        stays.filter(ibis.or_(*listed))
        .group_by("patient_id")
        .aggregate(
            **{
                f"is_{i}": stays.sessions.sum(where=held).fill_null(0) >= rule.at_least
                for i, (rule, held) in enumerate(zip(rules, listed, strict=True))
            }
        )
    )

    def clauses(*held: bool) -> list[Clause]:
        return [rule.clause for rule, is_held in zip(rules, held, strict=True) if is_held]

    return _raise(enough, [f"is_{i}" for i in range(len(rules))], clauses)


def _raise(
    rows: ibis.Table, keys: list[str], clauses: Callable[..., Iterable[Clause]], *, found: pd.DataFrame | None = None
) -> ibis.Table:
    """patient_id and words of the rows that raise a clause, each distinct key (or those `found`) looked up once."""
    types = {name: rows.schema()[name].copy(nullable=True) for name in keys}
    if found is None:
        found = rows.select(*keys).distinct().to_pandas()
    raised = [_words(clauses(*key)) for key in found.itertuples(index=False, name=None)]
    held = pd.DataFrame(raised, columns=words(), index=found.index, dtype="int64")
    listed = found.join(held)[held.any(axis=1)]
    looked_up = ibis.memtable(listed, schema=ibis.schema(types | dict.fromkeys(words(), "int64")))
    return rows.inner_join(looked_up, keys).select("patient_id", *words())


def _words(clauses: Iterable[Clause]) -> list[int]:
    values = [0] * len(words())
    for place in {bits()[clause] for clause in clauses}:
        values[place // BITS_PER_WORD] |= 1 << (place % BITS_PER_WORD)
    return values
