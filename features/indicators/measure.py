"""The indicators of a year, counted in one pass for every structure, every territory and the nation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import numpy as np
import pandas as pd
from ibis.backends import BaseBackend

from features.engine import dataset_path
from features.errors import InputError
from features.indicators.card import Indicator
from features.indicators.care import Care, load_care
from features.indicators.catalogue import CATALOGUE
from features.provenance import Provenance
from features.spending import days_in, exposure
from features.store import read_dataset, write_dataset
from features.tables import BENEFICIARIES, INDICATORS, PATIENTELE
from features.territories import COLUMNS, with_territory

NATION, TERRITORY, STRUCTURE = "nation", "territory", "structure"
EVERYBODY, NOWHERE = "*", "?"
UNIVERSE = (
    "nation and territory: beneficiaries alive on some day of the year, by commune of residence; structure: patients "
    "on its list on 31 December or on the day of death, and on it for at least half of the days they lived in the year"
)


def measure_indicators(
    con: BaseBackend,
    data: Path,
    year: int,
    *,
    territories: pd.DataFrame | None = None,
    known_before: date | None = None,
    progress: Callable[[str], None] | None = None,
) -> ibis.Table:
    """The dataset `indicators` of a year, written: one row per indicator and structure, territory or nation.

    A structure answers for the patients on its list at the end of the year (or until death) who were on it for at
    least half of the days they lived; the whole year's care of a patient counts. `territories` (columns commune,
    territory_id) groups communes; a commune that it does not hold counts for its department (DEP35), someone
    without a known residence for "?". Lines loaded on or after `known_before` do not count (default: all do). An
    indicator that cannot be measured (a year not read, a code found nowhere) has no row; the provenance says why.
    value_share is null where nobody is concerned.
    Errors: MissingError where the year was not read or attributed; InputError for the territories.
    """
    say = progress or (lambda step: None)
    places = checked_territories(territories)
    care = load_care(con, data, year, known_before=known_before)
    reasons = {known.card.name: _absence(known, care) for known in CATALOGUE}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    measured = [known for known in CATALOGUE if known.card.name not in left_out]
    with TemporaryDirectory(dir=data, prefix=".indicators-") as folder:
        say("counting indicators by patient")
        con.to_parquet(_counted(care, measured), Path(folder) / "counted")
        counted = con.read_parquet(Path(folder) / "counted")
        say("adding up by structure, territory and nation")
        frame = _rows(counted, _members(con, data, care, places), names=[known.card.name for known in measured])
    left_out |= _not_found(frame, measured)
    frame = frame[~frame["indicator"].isin(left_out)]
    for name, reason in left_out.items():
        say(f"{name} left out: {reason}")
    provenance = _provenance(care, data, known_before=known_before, left_out=left_out)
    write_dataset(INDICATORS, data, frame.assign(year=year), year, provenance=provenance)
    return read_dataset(con, INDICATORS, data, year)


def checked_territories(territories: pd.DataFrame | None) -> pd.DataFrame:
    """commune and territory_id as text, one row per commune; none where no territories are given.

    Errors: InputError for a missing column, an empty cell or a commune in two territories, with the row.
    """
    if territories is None:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})
    missing = [name for name in COLUMNS if name not in territories.columns]
    if missing:
        raise InputError(f"territories: column {', '.join(missing)} is missing; give {', '.join(COLUMNS)}")
    places = territories[list(COLUMNS)].reset_index(drop=True)
    for name in COLUMNS:
        empty = places[name].isna() | (places[name].astype(str).str.strip() == "")
        if empty.any():
            raise InputError(f"territories: row {int(empty.argmax()) + 1}, column {name} is empty; every row needs one")
    places = places.astype(str).apply(lambda column: column.str.strip()).drop_duplicates(ignore_index=True)
    repeated = places["commune"].duplicated()
    if repeated.any():
        commune = places["commune"][repeated].iloc[0]
        raise InputError(f"territories: commune {commune} is in two territories ({int(repeated.sum())} such); keep one")
    return places


def _absence(known: Indicator, care: Care) -> str:
    """Why an indicator cannot be measured, or ''."""
    wanted = [(name, care.year - back) for name, most in known.reads for back in range(most + 1)]
    lacking = [f"{name} of {year}" for name, year in wanted if year not in care.years[name]]
    return f"{', '.join(lacking)} was not read" if lacking else ""


def _not_found(frame: pd.DataFrame, measured: list[Indicator]) -> dict[str, str]:
    """Indicators whose code is found on nobody in the whole nation: the extraction does not hold it."""
    empty = (frame["entity"] == NATION) & (frame["numerator"] == 0) & (frame["denominator"] > 0)
    searched = [known.card.name for known in measured if known.is_searched]
    absent = set(frame.loc[empty, "indicator"]) & set(searched)
    return {name: "its codes are found on nobody concerned in the nation" for name in searched if name in absent}


def _counted(care: Care, measured: list[Indicator]) -> ibis.Table:
    parts = [
        known.count(care).select(
            "patient_id",
            numerator=ibis._.numerator.cast("int64"),
            denominator=ibis._.denominator.cast("int64"),
            indicator=ibis.literal(known.card.name),
        )
        for known in measured
    ]
    return ibis.union(*parts, distinct=False)


def _members(con: BaseBackend, data: Path, care: Care, places: pd.DataFrame) -> dict[str, ibis.Table]:
    """patient_id and entity_id of each patient, by kind of entity."""
    housed = with_territory(care.people, places)
    living = housed.select("patient_id", entity_id=housed.territory_id.fill_null(NOWHERE))
    return {
        STRUCTURE: _patients_of_structures(con, data, care),
        TERRITORY: living,
        NATION: care.people.select("patient_id", entity_id=ibis.literal(EVERYBODY)),
    }


def _patients_of_structures(con: BaseBackend, data: Path, care: Care) -> ibis.Table:
    """Patients with the structure that answers for them; one null patient keeps a structure without any."""
    patientele = read_dataset(con, PATIENTELE, data, care.year)
    lived = exposure(read_dataset(con, BENEFICIARIES, data, care.year), care.year)
    people = care.people.select("patient_id", "death_date").inner_join(lived, "patient_id")
    end = ibis.ifelse(people.death_date < care.last_day, people.death_date, care.last_day)
    joined = patientele.inner_join(people.mutate(end=end), "patient_id")
    days = {name: (joined[name] * days_in(care.year)).round() for name in ("present_share", "exposure_share")}
    is_there = (joined.last_day >= joined.end) & (2 * days["present_share"] >= days["exposure_share"])
    own = joined.filter(is_there).select("patient_id", entity_id=joined.structure_id)
    every = patientele.select(entity_id=patientele.structure_id).distinct()
    return own.union(every.select(patient_id=ibis.null("string"), entity_id=every.entity_id))


def _rows(counted: ibis.Table, members: dict[str, ibis.Table], *, names: list[str]) -> pd.DataFrame:
    """Every entity with every indicator, 0 over 0 where none of its patients is concerned."""
    parts = []
    for entity, patients in members.items():
        ids = patients.select("entity_id").distinct().to_pandas()
        grid = ids.merge(pd.DataFrame({"indicator": names}), how="cross").assign(entity=entity)
        totals = _totals(counted, patients)
        parts.append(grid.merge(totals, on=["entity_id", "indicator"], how="left", validate="1:1"))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.fillna({"numerator": 0, "denominator": 0}).astype({"numerator": "int64", "denominator": "int64"})
    shares = frame["numerator"] / frame["denominator"].replace(0, np.nan)
    return frame.assign(value_share=shares).sort_values(["entity", "entity_id", "indicator"], ignore_index=True)


def _totals(counted: ibis.Table, patients: ibis.Table) -> pd.DataFrame:
    joined = counted.inner_join(patients, "patient_id")
    totals = joined.group_by(["entity_id", "indicator"]).aggregate(
        numerator=joined.numerator.sum(), denominator=joined.denominator.sum()
    )
    return totals.to_pandas()


def _provenance(care: Care, data: Path, *, known_before: date | None, left_out: dict[str, str]) -> Provenance:
    read = [dataset_path(data, name, year) for name, years in care.years.items() for year in years]
    return Provenance(
        command=f"count --year {care.year}",
        inputs=(*read, dataset_path(data, PATIENTELE.name, care.year)),
        parameters={"universe": UNIVERSE, "known_before": known_before, "left_out": left_out},
    )
