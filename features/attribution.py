"""Who belongs to which structure in a year: declared contracts, the dated roster, and State medical aid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.attribution_report import Attribution, report_of
from features.contracts import clipped, governing_contracts, presence
from features.engine import dataset_path
from features.payment import age_on, is_in_force
from features.postes import gp_act_codes
from features.provenance import Provenance
from features.roster import read_roster, without_overlap
from features.spending import days_in
from features.store import read_dataset, write_dataset
from features.tables import (
    ALD_PERIODS,
    ATTRIBUTION_REPORT,
    BENEFICIARIES,
    CARE_LINES,
    COVERAGES,
    DECLARATIONS,
    PATIENTELE,
    Table,
)

AME_MAJORITY = "ame_majority"
DIAB_ALD = (8,)
AGE_MIN, AGE_MIN_WITH_ALD, AGE_ALD = 65, 50, (15, 16, 25)
INPUTS = (BENEFICIARIES, ALD_PERIODS, DECLARATIONS, COVERAGES, CARE_LINES)


def attribute(
    con: BaseBackend, data: Path, roster: Path, year: int, *, progress: Callable[[str], None] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The datasets `patientele` and `attribution_report` of a year, written.

    A patient is present on the days when the governing contract (the latest begun of those open) is with a
    professional on the structure's roster; present_share is those days over the days of the year. Patientèles
    (PEPS): DIAB in ALD 8; AGE from 65, or from 50 in ALD 15, 16 or 25; TOT every patient, and the AME patients
    without a contract whom the structure gave the majority of their general-practice acts. Age and ALD are those
    of 1 January. Errors: InputError for the roster; MissingError where the year was not read.
    """
    say = progress or (lambda step: None)
    tables = {table.name: read_dataset(con, table, data, year) for table in INPUTS}
    listed = read_roster(roster)
    lines = without_overlap(listed)
    say("finding contracts")
    contracts = _contracts(tables["declarations"], lines, year)
    spells = presence(governing_contracts(contracts), lines)
    spells = spells[(spells["first"] <= f"{year}-12-31") & (spells["last"] >= f"{year}-01-01")]
    say("finding patients under State medical aid")
    aided = _aided(tables, lines, year)
    people = _people(tables, sorted({*spells["patient_id"], *aided["patient_id"]}), year)
    present = clipped(pd.concat([spells, aided], ignore_index=True), people, year)
    say("writing patientele")
    patientele = _patientele(present, people, year)
    found = Attribution(listed, contracts, spells, present, patientele, _active(tables["care_lines"], lines), year)
    _write(data, PATIENTELE, patientele, roster=roster, year=year)
    _write(data, ATTRIBUTION_REPORT, report_of(found, people), roster=roster, year=year)
    return read_dataset(None, PATIENTELE, data, year), read_dataset(None, ATTRIBUTION_REPORT, data, year)


def _write(data: Path, table: Table, rows: pd.DataFrame, *, roster: Path, year: int) -> None:
    inputs = (roster, *(dataset_path(data, source.name, year) for source in INPUTS))
    write_dataset(table, data, rows, year, provenance=Provenance(command=f"attribute --year {year}", inputs=inputs))


def _contracts(declarations: ibis.Table, roster: pd.DataFrame, year: int) -> pd.DataFrame:
    """Every contract of the patients who ever declared a professional of the roster."""
    numbers = ibis.memtable(roster[["professional_id"]].drop_duplicates())
    declared = declarations.semi_join(numbers, declarations.doctor_id == numbers.professional_id)
    return _frame(declarations.semi_join(declared, "patient_id").select(*DECLARATIONS.column_names[:4]))


def _people(tables: dict[str, ibis.Table], patients: list[str], year: int) -> pd.DataFrame:
    """Birth, death, age and patientèle flags of the patients on 1 January, one row each."""
    on = date(year, 1, 1)
    wanted = ibis.memtable(pd.DataFrame({"patient_id": patients}), schema=ibis.schema({"patient_id": "string"}))
    people = tables["beneficiaries"].semi_join(wanted, "patient_id")
    ald = tables["ald_periods"].filter(lambda t: is_in_force(t, on))
    flags = ald.group_by("patient_id").aggregate(
        has_diab=ald.ald_number.isin(DIAB_ALD).max(), has_age_ald=ald.ald_number.isin(AGE_ALD).max()
    )
    lives = people.select("patient_id", "birth_date", "death_date", age=age_on(people.birth_date, on))
    joined = lives.left_join(flags, "patient_id").drop("patient_id_right")
    frame = _frame(
        joined.mutate(has_diab=joined.has_diab.fill_null(False), has_age_ald=joined.has_age_ald.fill_null(False))
    )
    old = (frame["age"] >= AGE_MIN) | ((frame["age"] >= AGE_MIN_WITH_ALD) & frame["has_age_ald"])
    return frame.assign(is_diab=frame["has_diab"].astype(bool), is_age=old.fillna(False).astype(bool))


def _aided(tables: dict[str, ibis.Table], roster: pd.DataFrame, year: int) -> pd.DataFrame:
    """AME patients with no contract open in the year, with the structure that gave most of their acts.

    Spells as `presence` gives them, over the whole year; a professional counts by its number, or by the
    establishment's where that is on the roster.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    in_year = [_lived(tables[name], first, last) for name in ("coverages", "declarations")]
    aided = in_year[0].filter(in_year[0].right == "ame").anti_join(in_year[1], "patient_id")
    lines = tables["care_lines"].semi_join(aided.select("patient_id").distinct(), "patient_id")
    acts = lines.filter((lines.perimeter == "mg") & lines.act_code.isin(gp_act_codes()) & (lines.quantity > 0))
    given = _frame(acts.select("patient_id", "performer_id", "establishment_id", "care_date", "quantity"))
    totals = given.groupby("patient_id", as_index=False).agg(all_acts=("quantity", "sum"))
    own = _acts_of_structures(given, roster).groupby(["patient_id", "structure_id"], as_index=False)["quantity"].sum()
    shares = own.merge(totals, on="patient_id", validate="m:1")
    most = shares[shares["quantity"] * 2 > shares["all_acts"]]
    return most[["patient_id", "structure_id"]].assign(
        doctor_id="", first=pd.Timestamp(first), last=pd.Timestamp(last), reason=AME_MAJORITY
    )


def _acts_of_structures(acts: pd.DataFrame, roster: pd.DataFrame) -> pd.DataFrame:
    """Acts with the structure whose roster held the performer, else the establishment, on the day."""
    numbered = acts.reset_index(names="act")
    by_number = [
        numbered.merge(roster, left_on=number, right_on="professional_id", validate="m:m")
        for number in ("performer_id", "establishment_id")
    ]
    matched = pd.concat(by_number, ignore_index=True)
    held = matched[(matched["from_date"] <= matched["care_date"]) & (matched["care_date"] <= matched["to_date"])]
    return held.drop_duplicates("act")


def _lived(periods: ibis.Table, first: date, last: date) -> ibis.Table:
    return periods.filter((periods.start_date <= last) & (periods.end_date.isnull() | (periods.end_date >= first)))


def _active(lines: ibis.Table, roster: pd.DataFrame) -> set[str]:
    """Numbers of the roster that performed at least one line of the year."""
    numbers = ibis.memtable(roster[["professional_id"]].drop_duplicates())
    performed = [
        _frame(
            lines.select(number=lines[column]).semi_join(numbers, ibis._.number == numbers.professional_id).distinct()
        )
        for column in ("performer_id", "establishment_id")
    ]
    return {number for frame in performed for number in frame["number"]}


def _patientele(present: pd.DataFrame, people: pd.DataFrame, year: int) -> pd.DataFrame:
    days = present.assign(days=(present["last"] - present["first"]).dt.days + 1)
    rows = days.groupby(["patient_id", "structure_id"], as_index=False).agg(
        first_day=("first", "min"), last_day=("last", "max"), days=("days", "sum"), reason=("reason", "max")
    )
    rows = rows.merge(people[["patient_id", "is_diab", "is_age"]], on="patient_id", how="left", validate="m:1")
    aided = rows["reason"] == AME_MAJORITY
    return rows.assign(
        year=year,
        present_share=rows["days"] / days_in(year),
        is_diab=rows["is_diab"] & ~aided,
        is_age=rows["is_age"] & ~aided,
        is_tot=True,
    )[PATIENTELE.column_names]


def _frame(rows: ibis.Table) -> pd.DataFrame:
    """Rows in memory, dates as datetime64."""
    return rows.to_pyarrow().to_pandas(date_as_object=False)
