"""IR_BEN_R → persons: pseudonyms pooled, attributes by latest claim, same-sex twins found (pitfalls 12 to 15, 28)."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis import _
from ibis.expr.types import BooleanColumn, StringColumn, Table

from features.snds.controls import DROPPED, FLAGGED, NETTED, Count, Report, account
from features.snds.schema import DEFA_UU2015, IR_BEN_R
from features.snds.sources import Sources, real_date

REAL = ("00", "03", "04")
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class Persons:
    """Persons of IR_BEN_R.

    pseudonyms: BEN_NIR_PSA, BEN_RNG_GEM → patient_id, one row each (for claims).
    pmsi: NIR_ANO_17 → linked_id, one row each (for stays): 'ambiguous' where several persons share it.
    beneficiaries: rows of the dataset. report: rows of the read report.
    """

    pseudonyms: Table
    pmsi: Table
    beneficiaries: Table
    report: Report


def read_persons(sources: Sources) -> Persons:
    """Persons, and the two maps that lead claims and stays to them."""
    received = sources.raw(IR_BEN_R)
    rows = sources.materialise("persons", _dated(received.filter(~is_fictitious(received.BEN_CDI_NIR))))
    pseudonyms = sources.materialise("pseudonyms", _pseudonyms(rows))
    pmsi = sources.materialise("pmsi", _pmsi_map(pseudonyms))
    people = sources.materialise("beneficiaries", _beneficiaries(sources, rows, pseudonyms, pmsi))
    return Persons(pseudonyms, pmsi, people, _report(received, rows, pseudonyms, people))


def is_fictitious(certification: StringColumn) -> BooleanColumn:
    """True for an identifier that stands for no person; an empty certification code is taken as valid."""
    return certification.notin(REAL).fill_null(False)


def _dated(rows: Table) -> Table:
    """Real dates, INSEE codes, and `recency`: orders the rows of a person by latest claim, ties broken for ever."""
    year = rows.BEN_NAI_ANN.try_cast("int64")
    month = rows.BEN_NAI_MOI.try_cast("int64").fill_null(1)
    has_birth = year.between(1801, 2999)
    text = [rows.BEN_NIR_PSA, rows.BEN_RNG_GEM.cast("string"), rows.BEN_RES_DPT, rows.BEN_RES_COM]
    latest = rows.MAX_TRT_DTD.cast("string").fill_null("")
    first_day = ibis.date(ibis.ifelse(has_birth, year, 1900), ibis.ifelse(month.between(1, 12), month, 1), 1)
    return rows.select(
        BEN_NIR_PSA=rows.BEN_NIR_PSA,
        BEN_RNG_GEM=rows.BEN_RNG_GEM,
        patient_id=rows.BEN_IDT_ANO,
        birth_date=ibis.ifelse(has_birth, first_day, ibis.null("date")),
        sex=ibis.ifelse(rows.BEN_SEX_COD.isin([1, 2]), rows.BEN_SEX_COD, ibis.null("int64")),
        death_date=real_date(rows.BEN_DCD_DTE),
        department=_department(rows.BEN_RES_DPT),
        commune=_commune(rows.BEN_RES_DPT, rows.BEN_RES_COM),
        recency=ibis.literal("|").join([latest, *[part.fill_null("") for part in text]]),
    )


def _department(received: StringColumn) -> StringColumn:
    """INSEE department: 075 → 75, 02A → 2A, 971 stays; null for 000 and 999."""
    code = received.strip().upper()
    short = ibis.ifelse(code.startswith("0"), code.substr(1), code)
    return ibis.ifelse(code.isin(["", "000", "999"]), ibis.null("string"), short)


def _commune(department: StringColumn, rank: StringColumn) -> StringColumn:
    """INSEE commune, 5 characters: department and 3-character rank; overseas, 3 and the last 2 (pitfall 28)."""
    short = _department(department)
    tail = rank.strip().lpad(3, "0")
    return ibis.ifelse(short.length() == 3, short + tail.substr(1, 2), short + tail)


def _pseudonyms(rows: Table) -> Table:
    """One person per pseudonym and rank: the one of the latest claim."""
    return rows.group_by("BEN_NIR_PSA", "BEN_RNG_GEM").agg(
        patient_id=_.patient_id.argmax(_.recency),
        sex=_.sex.argmax(_.recency),
        person_count=_.patient_id.nunique(),
    )


def _pmsi_map(pseudonyms: Table) -> Table:
    shared = pseudonyms.group_by(NIR_ANO_17="BEN_NIR_PSA").agg(first=_.patient_id.min(), persons=_.patient_id.nunique())
    return shared.select(
        "NIR_ANO_17", linked_id=ibis.ifelse(shared.persons == 1, shared["first"], ibis.literal(AMBIGUOUS))
    )


def _beneficiaries(sources: Sources, rows: Table, pseudonyms: Table, pmsi: Table) -> Table:
    latest = rows.group_by("patient_id").agg(
        **{
            name: rows[name].argmax(rows.recency, where=rows[name].notnull())
            for name in ("birth_date", "sex", "death_date", "commune")
        },
        department=rows.department.argmax(rows.recency, where=rows.commune.notnull()),
    )
    counts = pseudonyms.group_by("patient_id").agg(pseudonym_count=_.count())
    shared = pmsi.filter(_.linked_id == AMBIGUOUS)
    twins = pseudonyms.semi_join(shared, pseudonyms.BEN_NIR_PSA == shared.NIR_ANO_17).select("patient_id").distinct()
    people = latest.inner_join(counts, "patient_id").left_join(twins.mutate(is_twin=True), "patient_id")
    people = people.mutate(is_ambiguous_twin=_.is_twin.fill_null(False))
    quintiles = sources.raw_if_present(DEFA_UU2015)
    if quintiles is None:
        people = people.mutate(fdep_quintile=ibis.null("int64"))
    else:
        grid = quintiles.group_by(commune=_.DEPCOM.strip()).agg(fdep_quintile=_.QUINTILE_POP.max())
        people = people.left_join(grid, "commune")
    return people.select(
        "patient_id",
        "birth_date",
        "sex",
        "death_date",
        "department",
        "commune",
        "fdep_quintile",
        "pseudonym_count",
        "is_ambiguous_twin",
    )


def _report(received: Table, rows: Table, pseudonyms: Table, people: Table) -> Report:
    seen = received.aggregate(rows=_.count(), fictitious=is_fictitious(received.BEN_CDI_NIR).cast("int64").sum())
    total = seen.execute().fillna(0).iloc[0]
    kept = people.aggregate(
        rows=_.count(), twins=_.is_ambiguous_twin.cast("int64").sum(), unborn=_.birth_date.isnull().cast("int64").sum()
    )
    persons = kept.execute().fillna(0).iloc[0]
    shared = pseudonyms.filter(_.person_count > 1).count().execute()
    fictitious = int(total.fictitious)
    hits = [
        Count("fictitious_identifier", DROPPED, fictitious),
        Count("several_pseudonyms", NETTED, int(total.rows) - fictitious - int(persons.rows)),
        Count("pseudonym_of_two_persons", FLAGGED, int(shared)),
        Count("ambiguous_twin", FLAGGED, int(persons.twins), detail="persons"),
        Count("sentinel_date", FLAGGED, int(persons.unborn), detail="persons without a birth date"),
    ]
    return account(IR_BEN_R.name, Count("rows_in", "in", int(total.rows)), hits)
