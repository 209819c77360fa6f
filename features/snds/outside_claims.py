"""Persons, hospital stays and rights of a large read: what claims do not say, read whole and laid out by bucket."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ibis.expr.types import Table

from features.buckets import bucket_of
from features.snds import schema, schema_pmsi
from features.snds.assembly import HOSPITAL_FIELDS, union_of
from features.snds.by_flux import BY_FLUX, shuffle
from features.snds.persons import read_persons
from features.snds.rights import read_ald, read_c2s, read_declarations
from features.snds.schema import ER_ETE_F, ER_PHA_F, ER_PRS_F, IR_PHA_R, RawTable
from features.snds.sources import Sources, find_parts
from features.tables import CARE_LINES, COVERAGES, STAYS
from features.work import files_state, state_of

SEATS = "seats"


def files_outside(sources: Sources) -> list[Path]:
    """Raw files of the year other than those of the claims."""
    tables = [table for module in (schema, schema_pmsi) for table in vars(module).values()]
    others = {t.file_name(sources.year) for t in tables if isinstance(t, RawTable) and t not in BY_FLUX}
    return [part for name in sorted(others) for part in find_parts(sources.snds, name)]


def outside_state(sources: Sources, buckets: int) -> str:
    """What persons, stays and rights depend on."""
    present = {table.name: sorted(sources.present(table)) for table in BY_FLUX}
    received = [table.name for table in BY_FLUX if find_parts(sources.snds, table.name)]
    common = (sources.year, sources.pmsi_delay_months, buckets, present, received)
    return state_of(*common, files_state(files_outside(sources)))


def read_outside(sources: Sources, folder: Path, buckets: int) -> dict[str, Any]:
    """Reports, absences and tables read; in `folder`, rows by bucket and SEATS: the bucket of each pseudonym."""
    own = replace(sources, scratch=folder / "scratch", absent=[], read=[])
    own.scratch.mkdir(parents=True)
    persons = read_persons(own)
    _note_claims(own)
    fields = [read(own, persons.pmsi) for read in HOSPITAL_FIELDS]
    ald_periods, of_ald = read_ald(own, persons.pseudonyms)
    declarations, of_contracts = read_declarations(own, persons.pseudonyms)
    c2s, of_c2s = read_c2s(own, persons.pseudonyms)
    laid_out = {
        "pseudonyms": persons.pseudonyms,
        "beneficiaries": persons.beneficiaries,
        "ald_periods": ald_periods,
        "declarations": declarations,
        "stays": union_of(STAYS, *[field.stays for field in fields]),
        "care": union_of(CARE_LINES, *[field.care for field in fields]),
        "rights": union_of(COVERAGES, c2s, *[field.rights for field in fields]),
    }
    for name, rows in laid_out.items():
        shuffle(own.con, _in_bucket(rows, buckets), folder / name)
    seats = _in_bucket(persons.pseudonyms, buckets).select("BEN_NIR_PSA", "BEN_RNG_GEM", "bucket")
    own.con.to_parquet(seats, folder / f"{SEATS}.parquet")
    shutil.rmtree(own.scratch, ignore_errors=True)
    of_stays = [line for field in fields for line in field.report]
    return {
        "persons": persons.report,
        "others": [*of_stays, *of_ald, *of_contracts, *of_c2s],
        "absent": own.absent,
        "read": [path.relative_to(own.snds).as_posix() for path in dict.fromkeys(own.read)],
    }


def _in_bucket(rows: Table, buckets: int) -> Table:
    return rows.mutate(bucket=bucket_of(rows.patient_id, buckets))


def _note_claims(sources: Sources) -> None:
    """Ask for the claim tables, so that what is absent of them is noted in the order in which they are read."""
    for table in (ER_PRS_F, ER_ETE_F, ER_PHA_F, IR_PHA_R):
        sources.raw(table)
    for table in (schema.ER_CAM_F, schema.ER_BIO_F):
        sources.raw_if_present(table)
