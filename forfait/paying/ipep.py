"""The inputs of an IPEP payment: the groups' members and the nation over two years, under one frozen model."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

import schemes.ipep
from features.spending import PERIMETERS
from features.tables import BENEFICIARIES, CONTACTS, DECLARATIONS, FEATURE_TABLE, INDICATORS, SPENDING
from forfait.paying.sources import (
    Priced,
    Sources,
    has_c2s,
    members,
    outside,
    participants,
    predicted,
    rows,
    with_doctor,
)
from schemes.rulebook import Rules

FAMILY = ("ipep",)
MODELS = {"AMO": "ipep"}
OBSERVED = PERIMETERS["AMO"]
SAMPLE = 20_000
COLUMNS = [
    "patient_id", "present_share", "exposure_share", "expected_eur", "observed_eur", "year", "model", "version",
    "version_hash",
]  # fmt: skip


def ipep_inputs(sources: Sources, year: int, *, priced_by: Priced, rules: Rules) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.ipep.pay` for a year and the one before, scored by one version.

    A member of a year had a médecin traitant of the group on 31 December, or on the day of death; a consumer had
    reimbursed care in either year, member or not. The nation is made of everyone else who had a médecin traitant on
    that day, outside every structure. Errors: MissingError.
    """
    groups = participants(sources, FAMILY, year)
    both = (year - 1, year)
    members_of = pd.concat([_members(sources, past, groups, priced_by) for past in both], ignore_index=True)
    people = pd.concat([_reference(sources, past, priced_by) for past in both], ignore_index=True)
    consumers = set().union(*(_consumers(sources, past) for past in both))
    members_of, people = (
        frame.assign(is_consumer=frame["patient_id"].isin(consumers)) for frame in (members_of, people)
    )
    return {
        "participations": groups,
        "members": members_of,
        **schemes.ipep.national(people, year=year, rules=rules, sample=SAMPLE),
        "indicators": _indicators(sources, groups, year),
        "contacts": _contacts(sources, groups, year),
        "described": _described(sources, members_of[members_of["year"] == year], year),
    }


def _members(sources: Sources, year: int, groups: pd.DataFrame, priced_by: Priced) -> pd.DataFrame:
    listed = with_doctor(members(sources, groups["structure_id"].unique(), year))
    wanted = ibis.memtable(listed[["patient_id"]].drop_duplicates())
    found = listed.merge(_lives(sources, year, wanted, priced_by), on="patient_id", how="left", validate="m:1")
    kept = found[found["last_day"] >= found["last_seen"].fillna(pd.Timestamp(date(year, 12, 31)))]
    return _of_year(kept, year, priced_by)[["structure_id", *COLUMNS]]


def _reference(sources: Sources, year: int, priced_by: Priced) -> pd.DataFrame:
    """Patients with a médecin traitant at the end of the year (or on the day of death), outside every structure."""
    contracts = sources.table(DECLARATIONS, year)
    people = sources.table(BENEFICIARIES, year)
    held = contracts.inner_join(people, "patient_id")
    last = _last_seen(held.death_date, year)
    is_open = (held.start_date <= last) & (held.end_date.isnull() | (held.end_date >= last))
    declared = outside(sources, held.filter(is_open).select("patient_id").distinct())
    lives = _lives(sources, year, declared, priced_by).assign(present_share=1.0)
    return _of_year(lives, year, priced_by)[COLUMNS]


def _lives(sources: Sources, year: int, wanted: ibis.Table, priced_by: Priced) -> pd.DataFrame:
    """Exposure, spending, expectation and last day lived of some patients, one row each."""
    people = sources.table(BENEFICIARIES, year)
    lived = people.select("patient_id", last_seen=_last_seen(people.death_date, year))
    spent = sources.table(SPENDING, year).select("patient_id", "exposure_share", observed_eur=OBSERVED)
    joined = lived.semi_join(wanted, "patient_id").inner_join(spent, "patient_id")
    joined = joined.left_join(predicted(sources, year, priced_by), "patient_id").drop("patient_id_right")
    return rows(joined)


def _of_year(people: pd.DataFrame, year: int, priced_by: Priced) -> pd.DataFrame:
    return people.assign(
        year=year, model=priced_by.model, version=priced_by.version, version_hash=priced_by.version_hash
    )


def _consumers(sources: Sources, year: int) -> set[str]:
    """Patients with reimbursed care in a year."""
    spent = sources.table(SPENDING, year)
    return set(rows(spent.filter(spent[OBSERVED] > 0).select("patient_id"))["patient_id"])


def _last_seen(death_date: ibis.DateValue, year: int) -> ibis.DateValue:
    """31 December, or the day of death where it comes first."""
    last = ibis.literal(date(year, 12, 31))
    return ibis.ifelse(death_date.notnull() & (death_date < last), death_date, last)


def _indicators(sources: Sources, groups: pd.DataFrame, year: int) -> pd.DataFrame:
    found = pd.concat([rows(sources.table(INDICATORS, past)) for past in (year - 1, year)], ignore_index=True)
    mine = (found["entity"] != "structure") | found["entity_id"].isin(set(groups["structure_id"]))
    return found[mine].reset_index(drop=True)


def _contacts(sources: Sources, groups: pd.DataFrame, year: int) -> pd.DataFrame:
    found = rows(sources.table(CONTACTS, year))
    return found[found["structure_id"].isin({*groups["structure_id"], "*"})].reset_index(drop=True)


def _described(sources: Sources, listed: pd.DataFrame, year: int) -> pd.DataFrame:
    """Members of the groups and of the nation counted by age band, sex, ALD and C2S: structure_id "*" is the nation."""
    known = sources.table(FEATURE_TABLE, year)
    wanted = ("patient_id", "age", "is_woman", "ald_count", "has_declared_doctor")
    frame = rows(known.select(*wanted, has_c2s=has_c2s(known)))
    frame["age_band"] = pd.cut(
        frame["age"].astype("float64"),
        [-1, 15, 39, 64, 74, 84, 200],
        labels=["0-15", "16-39", "40-64", "65-74", "75-84", "85+"],
    ).astype("string")
    frame["has_ald"] = frame["ald_count"] > 0
    frame["is_woman"] = frame["is_woman"].astype("boolean")
    nation = frame[frame["has_declared_doctor"]].assign(structure_id="*")
    mine = listed[["structure_id", "patient_id"]].merge(frame, on="patient_id", how="inner", validate="m:1")
    by = ["structure_id", "age_band", "is_woman", "has_ald", "has_c2s"]
    return pd.concat([mine, nation])[by].value_counts(dropna=False).rename("patients").reset_index()
