"""Draw index stays and the care around them, and build their episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import ibis
import pandas as pd

from features.engine import connect
from features.episodes import EDS, build_episodes, load_programmes
from features.episodes.cohort import flagged, settled
from features.episodes.sources import load_sources
from features.store import read_dataset
from features.tables import EPISODE_FEATURES, EPISODE_FLOW, EPISODE_LINES, EPISODES
from tests.features.world import Row, put, read_year

YEAR = 2024
A = date(2024, 3, 10)  # day of the intervention, and of entry where nothing else is said


def day(days: int) -> date:
    """The day so many days after the intervention."""
    return A + timedelta(days=days)


def hip(patient: str = "A", start: date = A, nights: int = 4, **other: object) -> Row:
    """A scheduled hip replacement in a public hospital, 5,654.51 EUR at the tariffs of 2024, home on the fourth day."""
    given = {
        "patient_id": patient, "stay_id": f"{patient}-{start}", "start_date": start,
        "end_date": start + timedelta(days=nights), "nights": nights, "ghm": "08C481", "entry_mode": "8",
        "exit_mode": "8", "acts": ["NEKA020"], "main_diagnoses": ["M161"], "principal_diagnosis": "M161",
        "base_cents": 565451, "reimbursed_cents": 565451, "timed_acts": ["NEKA020 1 0", "NEKA020 4 0"],
    }  # fmt: skip
    return {**given, **other}


def knee(patient: str = "A", start: date = A, **other: object) -> Row:
    """A scheduled knee replacement."""
    acts = {"acts": ["NFKA007"], "timed_acts": ["NFKA007 1 0"], "main_diagnoses": ["M171"]}
    return hip(patient, start, **{"ghm": "08C241", "principal_diagnosis": "M171", **acts, **other})


def colon(patient: str = "A", start: date = A, **other: object) -> Row:
    """A scheduled right colectomy for cancer."""
    acts = {"acts": ["HHFA008"], "timed_acts": ["HHFA008 1 0"], "main_diagnoses": ["C182"]}
    return hip(patient, start, **{"ghm": "06C042", "principal_diagnosis": "C182", **acts, **other})


def line(on: date, cents: int, poste: str, **other: object) -> Row:
    """A claim of a patient: base of reimbursement in cents."""
    acts = {"generaliste": 1110, "specialiste": 1112, "lpp": 3512, "pharmacie": 3313}
    given = {
        "care_date": on, "base_cents": cents, "poste": poste, "act_code": acts.get(poste, 9999), "perimeter": "autre",
        "performer_id": "X1", "performer_specialty": 41 if poste == "specialiste" else None,
    }  # fmt: skip
    return {**given, **other}


def draw(data: Path, years: Mapping[int, Mapping[str, Sequence[Row]]] | None = None, **rows: Sequence[Row]) -> None:
    """2023, 2024 and 2025 as read; `rows` are of 2024 but for care and stays, which go to the year of their day.

    Everyone has a médecin traitant since 2015: a long history.
    """
    people = rows.get("beneficiaries") or [{"patient_id": name} for name in _patients(rows)]
    contracts = rows.get("declarations")
    if contracts is None:
        contracts = [{"patient_id": person.get("patient_id", "A")} for person in people]
    for year in (2023, 2024, 2025):
        dated = {
            name: [row for row in rows.get(name, []) if row[key].year == year]  # type: ignore[union-attr]
            for name, key in (("stays", "end_date"), ("care_lines", "care_date"), ("dispensings", "care_date"))
        }
        others = {name: rows.get(name, []) for name in ("ald_periods", "coverages")}
        read_year(data, year, beneficiaries=people, declarations=contracts, **others, **dated)
        acts = [row for row in rows.get("procedures", []) if row["care_date"].year == year]  # type: ignore[union-attr]
        put(data, "procedures", year, acts)


def _patients(rows: Mapping[str, Sequence[Row]]) -> list[str]:
    return sorted({str(row.get("patient_id", "A")) for given in rows.values() for row in given} | {"A"})


def built(data: Path, engine: str = "duckdb", **options: object) -> pd.DataFrame:
    """EPISODES of 2024, by episode."""
    con = connect(engine, threads=1)
    build_episodes(con, data, [YEAR], **options)  # type: ignore[arg-type]
    return read_dataset(None, EPISODES, data, YEAR).set_index("episode_id").sort_index()


def cohort(data: Path, known_before: date | None = None, **options: object) -> pd.DataFrame:
    """The cohort of 2024 without its costs, by episode: nothing is written."""
    con = connect("duckdb", threads=1)
    sources = load_sources(con, data, [YEAR], known_before=known_before)
    programmes = load_programmes(options.pop("programmes", EDS), **options)  # type: ignore[arg-type]
    rows = flagged(sources, programmes).cache()
    decided = settled(rows, programmes, last_day=ibis.literal(sources.last_day))
    return decided.to_pyarrow().to_pandas(date_as_object=True).set_index("episode_id").sort_index()


def lines(data: Path) -> pd.DataFrame:
    """EPISODE_LINES of 2024."""
    return read_dataset(None, EPISODE_LINES, data, YEAR)


def flow(data: Path, programme: str = "pth") -> dict[str, tuple[int, int]]:
    """Stays and stays that the reason alone excludes, by step, where there are any."""
    frame = read_dataset(None, EPISODE_FLOW, data, YEAR)
    own = frame[(frame["programme"] == programme) & (frame["stays"] > 0)]
    return {row.step: (row.stays, row.only_reason) for row in own.itertuples()}


def features(data: Path) -> pd.DataFrame:
    """EPISODE_FEATURES of 2024, by episode."""
    return read_dataset(None, EPISODE_FEATURES, data, YEAR).set_index("episode_id").sort_index()
