"""The feature table of a year: every characteristic of everyone alive in it, as known on 1 January."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
from ibis.backends import BaseBackend

from features.buckets import Share, bucket_count
from features.catalogue import FORECAST_FEATURES, Feature
from features.engine import dataset_path
from features.evidence import evidence
from features.flags import morbidity_columns
from features.forecast import past_use
from features.history import History, alive_in, latest_year, load_history
from features.morbidity import DIAGNOSIS_SOURCE, MORBIDITY_SOURCE
from features.payment import SINGLE, is_in_force
from features.provenance import Provenance
from features.shares import Made, write_by_share
from features.store import read_dataset, write_dataset, write_expression
from features.tables import BENEFICIARIES, FEATURE_TABLE

NEVER_NULL = (MORBIDITY_SOURCE, DIAGNOSIS_SOURCE)
UNIVERSE = "beneficiaries alive on 1 January, and those born during the year (age 0, no history)"


def build_features(
    con: BaseBackend,
    data: Path,
    year: int,
    *,
    known_on: date | None = None,
    progress: Callable[[str], None] | None = None,
) -> ibis.Table:
    """The dataset `feature_table` of a year, written: one row per beneficiary alive on some day of it.

    The index date is 1 January of `year`. Nothing counts that happened on or after it, or that was loaded on
    or after `known_on` (default: the index date). Columns: those declared, then the catalogue's, in its order.
    Errors: MissingError where year - 1 was not read.
    """
    say = progress or (lambda step: None)
    of = bucket_count(BENEFICIARIES, data, latest_year(BENEFICIARIES, data, year))
    if of > 1:
        _build_by_share(con, data, year, known_on=known_on, of=of, say=say)
        return read_dataset(con, FEATURE_TABLE, data, year)
    history = load_history(con, data, year, known_on=known_on)
    say("matching codes of diagnoses and drugs")
    with TemporaryDirectory(dir=data, prefix=".features-") as folder:
        rows, outside = _rows_of(con, history, Path(folder))
        say("writing feature_table")
        write_dataset(FEATURE_TABLE, data, rows, year, provenance=_provenance(history, data, year, outside))
    return read_dataset(con, FEATURE_TABLE, data, year)


def _build_by_share(
    con: BaseBackend, data: Path, year: int, *, known_on: date | None, of: int, say: Callable[[str], None]
) -> None:
    """As `build_features` for a large country: bucket after bucket, from where an interrupted run stopped."""
    first = load_history(con, data, year, known_on=known_on, share=Share(0, of))

    def make(share: Share, path: Path) -> dict[str, int]:
        rows, outside = _rows_of(con, load_history(con, data, year, known_on=known_on, share=share), path.parent)
        write_expression(FEATURE_TABLE, rows, path)
        (path.parent / "evidence").unlink()
        return {"outside": outside}

    def provenance(counts: list[dict[str, int]]) -> Provenance:
        return _provenance(first, data, year, sum(share["outside"] for share in counts))

    inputs = provenance([]).inputs
    made = Made(FEATURE_TABLE, year, of, inputs, (first.on, first.known_on, first.years), make)
    write_by_share(data, made, provenance=provenance, say=say)


def _rows_of(con: BaseBackend, history: History, folder: Path) -> tuple[ibis.Table, int]:
    """Rows of `feature_table`, and how many with evidence of disease are none of its patients."""
    people = alive_in(history.beneficiaries, history.on.year)
    con.to_parquet(evidence(history), folder / "evidence")
    found = con.read_parquet(folder / "evidence")
    outside = int(found.anti_join(people, "patient_id").count().execute())
    return feature_rows(history, people, found), outside


def _provenance(history: History, data: Path, year: int, outside: int) -> Provenance:
    return Provenance(
        command=f"features --year {year}",
        inputs=tuple(dataset_path(data, name, past) for name, years in history.years.items() for past in years),
        parameters={
            "index_date": history.on,
            "known_on": history.known_on,
            "universe": UNIVERSE,
            "years_read": history.years,
            "patients_with_evidence_outside_universe": outside,
        },
    )


def feature_rows(history: History, people: ibis.Table, found: ibis.Table) -> ibis.Table:
    """Rows of `feature_table` for `people`, `found` being their evidence of disease (an unwritten expression)."""
    joined = people.select("patient_id", "sex", **_personal(people, history.on))
    parts = (_declared(history), *_singles(history), found, *past_use(history))
    for number, part in enumerate(parts):
        joined = joined.left_join(part, "patient_id", rname=f"{{name}}_{number}")
    columns = morbidity_columns(joined.drop([name for name in joined.columns if name.startswith("patient_id_")]))
    return columns.select(
        "patient_id",
        year=ibis.literal(history.on.year, "int32").cast("int64"),
        index_date=ibis.literal(history.on),
        has_declared_doctor=columns.has_declared_doctor.fill_null(False),
        **{known.name: _filled(columns, known) for known in FORECAST_FEATURES},
    )


def _filled(columns: ibis.Table, known: Feature) -> ibis.Value:
    """The column of a feature; someone whom a source does not know has 0 there, never a null.

    The cast goes through a float: engines widen a small number when they fill it, unseen by Ibis.
    """
    column = columns[known.name]
    if known.nullable or known.kind == "category" or known.source in NEVER_NULL:
        return column
    return column.fill_null(0).cast("float64").cast(column.type())


def _personal(people: ibis.Table, on: date) -> dict[str, ibis.Value]:
    personal = [single for single in SINGLE if single.feature.source == "beneficiaries"]
    return {single.feature.name: single.compute(people, on) for single in personal}


def _singles(history: History) -> list[ibis.Table]:
    """One table per source: patient_id and the stand-alone features aggregated from it in one scan."""
    sources = {"ald_periods": history.ald_periods, "coverages": history.coverages}
    return [
        rows.group_by("patient_id").aggregate(
            **{s.feature.name: s.compute(rows, history.on) for s in SINGLE if s.feature.source == name}
        )
        for name, rows in sources.items()
    ]


def _declared(history: History) -> ibis.Table:
    opened = history.declarations.filter(is_in_force(history.declarations, history.on))
    return opened.select("patient_id").distinct().mutate(has_declared_doctor=True)
