"""What every scheme reads: participations, members of the structures, predictions, the national reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.attribution import AME_MAJORITY
from features.engine import dataset_path
from features.errors import MissingError
from features.participations import EDS, EDS_ONLY, read_participations
from features.store import read_dataset, years_written
from features.tables import FEATURE_TABLE, FIDELISATION, PATIENTELE, PREDICTIONS, SPENDING, Table
from features.versions import read_version

KEY = ["structure_id", "patient_id"]
CARE = ["in_team_cents", "outside_cents", "neutralised_cents"]


@dataclass(frozen=True)
class Sources:
    """Where the inputs of a payment lie, and the engine that reads them.

    `entered_by` leaves out who takes part from a later day on: a provisional payment does not know them.
    """

    con: BaseBackend
    data: Path
    versions: Path
    roster: Path
    participations: Path
    entered_by: date | None = None

    def table(self, table: Table, year: int) -> ibis.Table:
        """A dataset of a year. Errors: MissingError naming the command that writes it."""
        return read_dataset(self.con, table, self.data, year)

    def has(self, table: Table, year: int) -> bool:
        """Whether the dataset of a year was written."""
        return year in years_written(table, self.data)


def sources_in(
    con: BaseBackend, data: Path, versions: Path, *, roster: Path | None = None, participations: Path | None = None
) -> Sources:
    """The sources of a data folder; roster and participations lie in it unless they are given."""
    return Sources(con, data, versions, roster or data / "roster.csv", participations or data / "participations.csv")


@dataclass(frozen=True)
class Priced:
    """The model version whose expectations are paid."""

    model: str
    version: int
    version_hash: str


def priced(sources: Sources, model: str, version: int) -> Priced:
    """A version and the hash of its files. Errors: MissingError, RuleError."""
    return Priced(model, version, read_version(sources.versions, model, version)[2])


def rows(expression: ibis.Table) -> pd.DataFrame:
    """Rows in memory, dates as datetime64."""
    return expression.to_pyarrow().to_pandas(date_as_object=False)


def participants(sources: Sources, schemes: Iterable[str], year: int) -> pd.DataFrame:
    """Participations in some schemes that cover a day of the year, one row per structure.

    Errors: MissingError where none does.
    """
    listed = read_participations(sources.participations)
    first, last = pd.Timestamp(date(year, 1, 1)), pd.Timestamp(date(year, 12, 31))
    last = min(last, pd.Timestamp(sources.entered_by)) if sources.entered_by else last
    here = listed["scheme"].isin(list(schemes)) & (listed["from_date"] <= last) & (listed["to_date"] >= first)
    if not here.any():
        raise MissingError(
            f"{sources.participations.name}: no structure is in {', '.join(schemes)} in {year}; "
            "add its row, or choose another year"
        )
    kept = listed[here].sort_values(["structure_id", "from_date"], ignore_index=True)
    return kept if EDS in schemes else kept.drop(columns=list(EDS_ONLY))


def first_days(sources: Sources, schemes: Iterable[str]) -> pd.Series:
    """First day in some schemes of each structure that ever was in one."""
    listed = read_participations(sources.participations)
    return listed[listed["scheme"].isin(list(schemes))].groupby("structure_id")["from_date"].min()


def members(sources: Sources, structures: Iterable[str], year: int) -> pd.DataFrame:
    """Rows of `patientele` of some structures, in the order of structures and patients."""
    listed = sources.table(PATIENTELE, year)
    return rows(listed.filter(listed.structure_id.isin(sorted(structures))).order_by(["structure_id", "patient_id"]))


def with_doctor(listed: pd.DataFrame) -> pd.DataFrame:
    """Members by a contract with a médecin traitant: those under State medical aid without one are PEPS's alone."""
    return listed[listed["reason"] != AME_MAJORITY].reset_index(drop=True)


def on_list(listed: pd.DataFrame, day: date) -> pd.DataFrame:
    """Members present on a day: the snapshot of a list."""
    at = pd.Timestamp(day)
    return listed[(listed["first_day"] <= at) & (listed["last_day"] >= at)].reset_index(drop=True)


def within(listed: pd.DataFrame, participations: pd.DataFrame) -> pd.DataFrame:
    """Members from the first to the last day of their structure's participation; present_share is cut alike.

    Someone with no day in it keeps the days of the list and a share of 0, to be counted among those not paid for.
    """
    spans = participations.groupby("structure_id").agg(from_date=("from_date", "min"), to_date=("to_date", "max"))
    joined = listed.merge(spans, on="structure_id", how="inner", validate="m:1")
    first = joined[["first_day", "from_date"]].max(axis=1)
    last = joined[["last_day", "to_date"]].min(axis=1)
    days, kept = (joined["last_day"] - joined["first_day"]).dt.days + 1, (last - first).dt.days + 1
    share = joined["present_share"] * (kept / days).clip(0.0, 1.0)
    inside = joined.assign(
        first_day=first.where(kept > 0, joined["first_day"]),
        last_day=last.where(kept > 0, joined["last_day"]),
        present_share=share,
    )
    return inside.drop(columns=["from_date", "to_date"])


def list_of(sources: Sources, participations: pd.DataFrame, year: int, *, provisional: bool) -> pd.DataFrame:
    """The list of a year during the participations; provisional: those there on 31 December before, all year long."""
    structures = participations["structure_id"].unique()
    if not provisional:
        return within(members(sources, structures, year), participations)
    snapshot = on_list(members(sources, structures, year - 1), date(year - 1, 12, 31))
    days = {"first_day": pd.Timestamp(date(year, 1, 1)), "last_day": pd.Timestamp(date(year, 12, 31))}
    return within(snapshot.assign(**days, present_share=1.0), participations)


def care_of(sources: Sources, structures: Iterable[str], year: int, *, perimeter: str) -> pd.DataFrame:
    """Rows of `fidelisation` of some structures in a perimeter, in the order of structures and patients."""
    counted = sources.table(FIDELISATION, year)
    mine = (counted.perimeter == perimeter) & counted.structure_id.isin(sorted(set(structures)))
    return rows(counted.filter(mine).order_by(KEY))


def with_care(listed: pd.DataFrame, care: pd.DataFrame) -> pd.DataFrame:
    """A list with the cents of care of each patient; 0 for someone whom the count does not have."""
    joined = listed.merge(care[[*KEY, *CARE]], on=KEY, how="left", validate="1:1")
    return joined.fillna(dict.fromkeys(CARE, 0)).astype(dict.fromkeys(CARE, "int64"))


def has_c2s(known: ibis.Table) -> ibis.BooleanValue:
    """Whether rows of `feature_table` show C2S, of any type."""
    return (known.c2s_free + known.c2s_participative + known.c2s_unknown) > 0


def predicted(sources: Sources, year: int, priced_by: Priced) -> ibis.Table:
    """patient_id and expected_eur of a year under one version. Errors: MissingError where it was not scored."""
    scored = sources.table(PREDICTIONS, year)
    mine = scored.filter((scored.model == priced_by.model) & (scored.version == priced_by.version))
    if not int(mine.count().execute()):
        raise MissingError(
            f"{dataset_path(sources.data, PREDICTIONS.name, year)} holds nothing of {priced_by.model} version "
            f"{priced_by.version}: run forfait predict {priced_by.model} --year {year} --version {priced_by.version}"
        )
    return mine.select("patient_id", "expected_eur")


def reference(sources: Sources, year: int) -> ibis.Table:
    """The national reference of a year: feature_table of patients with a declared doctor, outside every structure."""
    known = sources.table(FEATURE_TABLE, year)
    return outside(sources, known.filter(known.has_declared_doctor))


def outside(sources: Sources, people: ibis.Table) -> ibis.Table:
    """The people whom no structure of the experiments ever had on its list, in any year attributed.

    For a provisional payment, in any year over by then: who joins later is not known.
    """
    for past in years_written(PATIENTELE, sources.data):
        if sources.entered_by is None or date(past, 12, 31) < sources.entered_by:
            people = people.anti_join(sources.table(PATIENTELE, past), "patient_id")
    return people


def spent(sources: Sources, year: int, column: str) -> ibis.Table:
    """patient_id, exposure_share and observed_eur (the euros of `column`) of a year, for those who lived in it."""
    table = sources.table(SPENDING, year)
    lived = table.filter(table.exposure_share > 0)
    return lived.select("patient_id", "exposure_share", observed_eur=lived[column])
