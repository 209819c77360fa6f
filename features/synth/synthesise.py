"""A fictional France: SNDS-shaped tables, the roster of the teams, and the oracle."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features.errors import InputError
from features.synth.arrow import coded, integers, long_integers, texts, write_file
from features.synth.bricks import TABLE as BRICKS
from features.synth.bricks import join_declared_bricks
from features.synth.chunk import CHUNK, Order, Planted
from features.synth.doctors import Directory, draw_directory, write_roster
from features.synth.er_tables import cip_codes
from features.synth.geography import clinic_finess, communes, hospital_finess, write_territories
from features.synth.journal import add, begin, call_whole, forget, is_whole, planted_in_all, show, unfinished
from features.synth.making import make_groups
from features.synth.model import care_model
from features.synth.rates import Rates
from features.synth.report import calibration_report, write_report
from features.synth.shelf import COMPRESSION
from features.synth.structures import write_participations
from features.synth.surgery_report import surgery_report
from features.work import alone

CLAIMS = "ER_PRS_F"
EPISODES_REPORT = {"name": "synth_episodes_report", "title": "Fictional France: episodes of scheduled surgery"}
BY_FLUX_FROM = 1_000_000
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
    by_flux: bool | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Calibration report of a new fictional France: published figures, what was obtained, whether it is in its band.

    Writes data/snds/* (raw tables), data/roster.csv, participations.csv, territories.csv and declared_bricks.csv,
    data/oracle/* (expected.parquet, drawn.parquet, episodes.parquet, planted.json), and the reports
    data/synth_report.csv and synth_episodes_report.csv, each with its .md. episodes.parquet has a row per hip, knee
    or colectomy; `surgery`: how many times those of France, for a small country to have enough. The same seed
    gives the same bytes, whatever `workers`. by_flux: tables of claims as folders by month of flux (the same rows);
    None: from a million patients. All is made in data/.synth and moved to its place once whole: after a kill, the
    same order goes on where it stood, another one starts anew.
    Errors: InputError for arguments out of range, or a data/snds that does not come from here;
    RuleError while another draw is under way in the folder.
    """
    parted = patients >= BY_FLUX_FROM if by_flux is None else by_flux
    order = Order(data, patients, years, seed, rates or Rates(), surgery, parted)
    _check(order, workers)
    say = progress or (lambda step: None)
    with alone(data / ".synth.lock", "another forfait synth in this folder"):
        return _drawn(order, workers, say)


def _drawn(order: Order, workers: int, say: Callable[[str], None]) -> pd.DataFrame:
    begin(order)
    if not is_whole(order):
        _make(order, workers, say)
        say("joining")
        _join(order)
        call_whole(order)
    show(order)
    say("calibration")
    report = calibration_report(order.data / "oracle" / "drawn.parquet", care_years=len(order.years))
    write_report(report, order.data)
    write_report(surgery_report(order.data / "oracle" / "episodes.parquet"), order.data, **EPISODES_REPORT)
    forget(order)
    return report


def _make(order: Order, workers: int, say: Callable[[str], None]) -> None:
    """Makes what is left of the country, telling how many chunks are made of all."""
    left = unfinished(order)
    total, before = len(order.chunks), len(order.chunks) - sum(len(order.groups[number]) for number in left)

    def told(made: int) -> None:
        done = before + made
        say(f"chunk {done}/{total}, {min(done * CHUNK, order.patients):,} patients")

    told(0)
    make_groups(order, left, workers=workers, say=told)


def _join(order: Order) -> None:
    """What is written once: references, the oracle joined from its parts, bricks, what was planted."""
    made = order.tables.parent
    _write_references(order, draw_directory(order.patients, order.years, seed=order.seed))
    for name in ("expected", "drawn", "episodes"):
        _join_parts(order.parts / name, made / "oracle" / f"{name}.parquet", order=order)
    join_declared_bricks(order.parts / BRICKS, made / "declared_bricks.csv")
    _write_planted(planted_in_all(order), order.years, path=made / "oracle" / "planted.json")


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


def _write_references(order: Order, directory: Directory) -> None:
    """IR_PHA_R, DEFA_UU2015, DA_PRA_R, BE_IDE_R, the roster, who takes part, and the territories."""
    snds, model = order.tables, care_model()
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
    write_roster(directory, snds.with_name("roster.csv"))
    write_participations(directory.structures, snds.with_name("participations.csv"))
    write_territories(snds.with_name("territories.csv"))


def _join_parts(folder: Path, path: Path, *, order: Order) -> None:
    """One file from the parts of a folder, row group by row group, in order."""
    parts = sorted(folder.glob("*.parquet"))
    compression = COMPRESSION if order.by_flux else "snappy"
    with pq.ParquetWriter(path, pq.read_schema(parts[0]), compression=compression) as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for place in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(place))


def _write_planted(planted: Planted, years: range, *, path: Path) -> None:
    """Rows and cents that each control must find, by table and care year (null: tables without a year).

    other_care_year is what remains of ER_PRS_F when one year is read; rows_in is the whole table.
    """
    whole = reduce(add, (planted[CLAIMS, "rows_in", year] for year in years))
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
