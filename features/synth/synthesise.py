"""A fictional France: SNDS-shaped tables, the roster of the teams, and the oracle."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError
from features.synth.arrow import coded, integers, long_integers, texts, write_file
from features.synth.bricks import TABLE as BRICKS
from features.synth.bricks import join_declared_bricks
from features.synth.chunk import CHUNK, Count, Order, Planted, make_chunk
from features.synth.doctors import Directory, draw_directory, write_roster
from features.synth.er_tables import cip_codes
from features.synth.geography import clinic_finess, communes, hospital_finess, write_territories
from features.synth.model import care_model
from features.synth.rates import Rates
from features.synth.report import calibration_report, write_report
from features.synth.structures import write_participations
from features.synth.surgery_report import surgery_report

CLAIMS = "ER_PRS_F"
EPISODES_REPORT = {"name": "synth_episodes_report", "title": "Fictional France: episodes of scheduled surgery"}
MARK = "FICTIONAL.txt"
MARK_TEXT = "Fictional persons, drawn by forfait synth: this folder is overwritten by the next draw.\n"
EARLIEST_YEAR, LATEST_YEAR = 2006, 2049
MOST_YEARS = 10
FEWEST = 100
MOST_SURGERY = 50


def synthesise(
    data: Path,
    *,
    patients: int,
    years: range,
    seed: int,
    rates: Rates | None = None,
    surgery: float = 1.0,
    workers: int = 2,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Calibration report of a new fictional France: published figures, what was obtained, whether it is in its band.

    Writes data/snds/* (raw tables), data/roster.csv, participations.csv, territories.csv and declared_bricks.csv,
    data/oracle/* (expected.parquet, drawn.parquet, episodes.parquet, planted.json), and the reports
    data/synth_report.csv and synth_episodes_report.csv, each with its .md. episodes.parquet has a row per hip, knee
    or colectomy; `surgery`: how many times those of France, for a small country to have enough. The same seed
    gives the same bytes, whatever `workers`.
    Errors: InputError for arguments out of range, or a data/snds that does not come from here.
    """
    order = Order(data, patients, years, seed, rates or Rates(), surgery)
    _check(order, workers)
    _clear(data)
    planted: Planted = {}
    chunks = range((patients + CHUNK - 1) // CHUNK)
    for done, found in enumerate(_made(order, chunks, workers=workers), start=1):
        for key, counts in found.items():
            planted[key] = _sum((planted.get(key, (0, 0, 0)), counts))
        if progress is not None:
            progress(f"fictional patients: {min(done * CHUNK, patients):,} of {patients:,}")
    _write_references(order, draw_directory(patients, years, seed=seed))
    for name in ("expected", "drawn", "episodes"):
        _join_parts(data / "oracle" / name)
    join_declared_bricks(data / "oracle" / BRICKS, data / "declared_bricks.csv")
    shutil.rmtree(data / "oracle" / BRICKS)
    _write_planted(planted, years, path=data / "oracle" / "planted.json")
    report = calibration_report(data / "oracle" / "drawn.parquet")
    write_report(report, data)
    write_report(surgery_report(data / "oracle" / "episodes.parquet"), data, **EPISODES_REPORT)
    return report


def _sum(counts: Iterable[Count]) -> Count:
    """Rows, base and reimbursed cents added up."""
    rows, base, reimbursed = (sum(column) for column in zip(*counts, strict=True))
    return rows, base, reimbursed


def _check(order: Order, workers: int) -> None:
    years = order.years
    if order.patients < FEWEST:
        raise InputError(f"patients is {order.patients}; a fictional France needs at least {FEWEST}")
    if len(years) == 0 or years.step != 1 or not EARLIEST_YEAR <= years[0] <= years[-1] <= LATEST_YEAR:
        raise InputError(
            f"years {years}: give years in order between {EARLIEST_YEAR} and {LATEST_YEAR}, such as 2022..2024"
        )
    if len(years) > MOST_YEARS:
        raise InputError(f"{len(years)} years: the fictional France spans at most {MOST_YEARS}")
    if workers < 1:
        raise InputError(f"workers is {workers}; it is the number of processes, at least 1")
    if not 0 <= order.surgery <= MOST_SURGERY:
        raise InputError(f"surgery is {order.surgery}; it is a multiple of what is done in France, 0 to {MOST_SURGERY}")
    if order.seed < 0:
        raise InputError(f"seed is {order.seed}; it is 0 or more")


def _clear(data: Path) -> None:
    """Removes an earlier fictional France; refuses to touch raw tables that come from elsewhere."""
    snds = data / "snds"
    if snds.exists() and any(snds.iterdir()) and not (snds / MARK).exists():
        raise InputError(f"{snds} holds tables that forfait synth did not write; choose another data folder")
    for folder in (snds, data / "oracle"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (snds / MARK).write_text(MARK_TEXT, encoding="utf-8")


def _made(order: Order, chunks: range, *, workers: int) -> Iterator[Planted]:
    """Counts of each chunk, in order; in this process when one worker is enough."""
    if workers == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield make_chunk(order, chunk)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(make_chunk, [order] * len(chunks), chunks)


def _one_thread() -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _write_references(order: Order, directory: Directory) -> None:
    """IR_PHA_R, DEFA_UU2015, DA_PRA_R, BE_IDE_R and the roster."""
    snds, model = order.data / "snds", care_model()
    code = cip_codes(model)
    once = np.sort(np.unique(code, return_index=True)[1])
    drugs = [model.drugs[place] for place in once]
    packs = {
        "PHA_CIP_C13": long_integers(code[once]),
        "PHA_ATC_CLA": texts([row["atc"] for row in drugs]),
        "PHA_GRD_CND": texts(["O" if row["is_large"] == "1" else "N" for row in drugs]),
    }
    write_file(snds / "IR_PHA_R.parquet", packs)
    places = communes()
    known = np.flatnonzero(places.quintile > 0)
    codes, first = np.unique([places.insee[place] for place in known], return_index=True)
    quintile = integers(places.quintile[known[first]])
    write_file(snds / "DEFA_UU2015.parquet", {"DEPCOM": texts(codes.tolist()), "QUINTILE_POP": quintile})
    doctor = np.tile(np.arange(directory.gp_count), len(order.years))
    year = np.repeat(np.array(order.years), directory.gp_count)
    practice = {
        "PFS_PFS_NUM": coded(doctor, directory.number),
        "STA_PFS_NUM": coded(doctor, directory.number),
        "PFS_PRA_SPE": texts(["01"] * doctor.size),
        "DTE_ANN_TRT": texts([str(value) for value in year]),
        "DTE_MOI_FIN": texts(["12"] * doctor.size),
    }
    write_file(snds / "DA_PRA_R.parquet", practice)
    sites = [*[text[:8] for text in hospital_finess()], *clinic_finess()]
    kinds = ["355"] * len(hospital_finess()) + ["128"] * len(clinic_finess())
    write_file(snds / "BE_IDE_R.parquet", {"IDE_ETA_NU8": texts(sites), "IDE_PSH_CAT": texts(kinds)})
    write_roster(directory, order.data / "roster.csv")
    write_participations(directory.structures, order.data / "participations.csv")
    write_territories(order.data / "territories.csv")


def _join_parts(folder: Path) -> None:
    """One file from the parts of a folder, part by part, in order."""
    parts = sorted(folder.glob("*.parquet"))
    with pq.ParquetWriter(folder.with_suffix(".parquet"), pq.read_schema(parts[0])) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))
    shutil.rmtree(folder)


def _write_planted(planted: Planted, years: range, *, path: Path) -> None:
    """Rows and cents that each control must find, by table and care year (null: tables without a year).

    other_care_year is what remains of ER_PRS_F when one year is read; rows_in is the whole table.
    """
    whole = _sum(planted[CLAIMS, "rows_in", year] for year in years)
    for year in years:
        own = planted[CLAIMS, "rows_in", year]
        planted[CLAIMS, "rows_in", year] = whole
        planted[CLAIMS, "other_care_year", year] = (whole[0] - own[0], whole[1] - own[1], whole[2] - own[2])
    rows = [
        {
            "source_table": name,
            "control": control,
            "year": year,
            "rows": counts[0],
            "base_cents": counts[1],
            "reimbursed_cents": counts[2],
        }
        for (name, control, year), counts in sorted(
            planted.items(), key=lambda item: (item[0][0], item[0][2] or 0, item[0][1])
        )
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
