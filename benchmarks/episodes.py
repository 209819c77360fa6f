"""A national year of episodes: 300,000 index stays among 60 M lines of care, built in a process of its own.

    python -m benchmarks.episodes --folder data/benchmark-episodes --memory 6

The cleaned datasets of three years are drawn once in --folder: what is measured is the build, not the reading. Prints
seconds, peak memory, episodes and lines; fails above 300 seconds or 8 GiB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from features.declare import Table
from features.tables import TABLES

LIMIT_SECONDS, LIMIT_GIB = 300, 8.0
YEARS, YEAR = (2022, 2023, 2024), 2023
TYPES = {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE",
         "strings": "VARCHAR[]"}  # fmt: skip
ABSENT = {"string": "''", "int64": "0", "float64": "0.0", "boolean": "false", "date": "DATE '2015-01-01'",
          "strings": "[]"}  # fmt: skip
OURS = """
import sys
from pathlib import Path
from features.engine import connect
from features.episodes import build_episodes
con = connect("duckdb", memory_gib=float(sys.argv[3]), threads=2)
build_episodes(con, Path(sys.argv[1]), [int(sys.argv[2])], progress=lambda step: print("  " + step, flush=True))
"""
DAY = "(DATE '{year}-01-01' + CAST(draw(i, {year} + {salt}, 365) AS INTEGER))"
POSTES = "['generaliste', 'specialiste', 'biologie', 'kinesitherapeute', 'infirmier', 'pharmacie', 'transport', 'lpp']"
ATC = "['N02BE01', 'B01AB05', 'C09AA05', 'A10BA02', 'C10AA05', 'M01AE01', 'A02BC01', 'N06AB04']"
KINDS = "['08C481', '08C481', '08C241', '08C241', '06C042']"
ACTS = "['NEKA020', 'NEKA020', 'NFKA007', 'NFKA007', 'HHFA008']"
MAIN = "['M161', 'M161', 'M171', 'M171', 'C182']"


def main() -> None:
    options = _options()
    if not (options.folder / "stays").exists():
        _draw(options)
    for name in ("episodes", "episode_lines", "episode_flow", "episode_features", "episode_outcomes"):
        shutil.rmtree(options.folder / name, ignore_errors=True)
    seconds, gib = _measured(["-c", OURS, str(options.folder), str(YEAR), str(options.memory)])
    read = duckdb.sql(f"SELECT count(*) FROM '{options.folder}/care_lines/*.parquet'").fetchall()[0][0]
    final, lines = duckdb.sql(
        f"SELECT (SELECT count(*) FROM '{options.folder}/episodes/{YEAR}.parquet' WHERE is_final), "
        f"(SELECT count(*) FROM '{options.folder}/episode_lines/{YEAR}.parquet')"
    ).fetchall()[0]
    print(f"{final:,} episodes with {lines:,} lines, from {read:,} lines of care: {seconds:.0f} s, peak {gib:.1f} GiB")
    if seconds > LIMIT_SECONDS or gib > LIMIT_GIB:
        raise SystemExit(f"above the limit of {LIMIT_SECONDS} s or {LIMIT_GIB} GiB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=300_000)
    parser.add_argument("--lines", type=int, default=60_000_000, help="lines of care of the three years")
    parser.add_argument("--memory", type=float, default=6.0, help="GiB that the engine may take")
    parser.add_argument("--folder", type=Path, default=Path("data/benchmark-episodes"))
    return parser.parse_args()


def _draw(options: argparse.Namespace) -> None:
    """People, of whom one in five is operated on in the middle year; two lines in three are of those."""
    duckdb.sql("CREATE OR REPLACE MACRO draw(i, salt, n) AS CAST(hash(i, salt) % n AS BIGINT)")
    index, people, lines = options.episodes, 5 * options.episodes, options.lines // len(YEARS)
    who = f"'P' || CASE WHEN draw(i, 1, 3) > 0 THEN draw(i, 2, {index}) ELSE draw(i, 2, {people}) END"
    for year in YEARS:
        day = [DAY.format(year=year, salt=9000 * salt) for salt in range(4)]
        seen = "CAST({} + INTERVAL 40 DAY AS DATE)"
        _write(options, "beneficiaries", year, people, {
            "patient_id": "'P' || i", "birth_date": "DATE '1940-01-01' + CAST(draw(i, 0, 12000) AS INTEGER)",
            "sex": "1 + draw(i, 3, 2)", "fdep_quintile": "1 + draw(i, 4, 5)", "pseudonym_count": "1"})  # fmt: skip
        _write(options, "declarations", year, people, {"patient_id": "'P' || i"})
        _write(options, "ald_periods", year, people // 3, {
            "patient_id": "'P' || 3 * i", "ald_number": "8", "icd10": "'E119'"})  # fmt: skip
        _write(options, "coverages", year, people // 10, {"patient_id": "'P' || 10 * i", "right": "'c2s_free'"})
        _write(options, "care_lines", year, lines, {
            "patient_id": who, "care_date": day[0], "known_date": seen.format(day[0]), "act_code": "1110",
            "poste": f"({POSTES})[1 + draw(i, 5, 8)]", "performer_id": "'D' || draw(i, 6, 5000)",
            "performer_specialty": "1", "base_cents": "500 + draw(i, 7, 5000)", "is_in_target": "true",
            "source": "'DCIR'"})  # fmt: skip
        _write(options, "dispensings", year, lines // 2, {
            "patient_id": who, "care_date": day[0], "known_date": seen.format(day[0]),
            "atc": f"({ATC})[1 + draw(i, 8, 8)]", "quantity": "1"})  # fmt: skip
        _write(
            options,
            "procedures",
            year,
            lines // 8,
            {"patient_id": who, "care_date": day[1], "known_date": seen.format(day[1]), "ccam": "'QEQK004'"},
        )
        _write(options, "analyses", year, lines // 8, {
            "patient_id": who, "care_date": day[2], "known_date": seen.format(day[2]),
            "nabm": "(['0552', '0592', '1104', '1806'])[1 + draw(i, 9, 4)]"})  # fmt: skip
        _write(options, "stays", year, 3 * index, _stays(index, year, who, day[3]))


def _stays(index: int, year: int, who: str, day: str) -> dict[str, str]:
    """Index stays of the middle year come first; the others are medical stays, some of them complications."""
    is_index = f"(i < {index} AND {year} = {YEAR})"
    kind = "[1 + draw(i, 10, 5)]"
    other = "(['I500', 'T845', 'J189', 'K650', 'H259'])[1 + draw(i, 11, 5)]"
    main = f"CASE WHEN {is_index} THEN ({MAIN}){kind} ELSE {other} END"
    act = f"CASE WHEN {is_index} THEN [({ACTS}){kind}{{}}] ELSE [] END"
    return {
        "stay_id": f"'S{year}-' || i", "patient_id": f"CASE WHEN {is_index} THEN 'P' || i ELSE {who} END",
        "field": f"CASE WHEN {is_index} OR draw(i, 12, 4) > 0 THEN 'MCO' ELSE 'SSR' END", "sector": "'public'",
        "establishment_id": "'75' || lpad(CAST(draw(i, 13, 900) AS VARCHAR), 7, '0')", "start_date": day,
        "end_date": f"CAST({day} + INTERVAL 4 DAY AS DATE)", "known_date": f"CAST({day} + INTERVAL 70 DAY AS DATE)",
        "ghm": f"CASE WHEN {is_index} THEN ({KINDS}){kind} ELSE '0840A1' END", "entry_mode": "'8'", "exit_mode": "'8'",
        "nights": "4", "main_diagnoses": f"[{main}]", "principal_diagnosis": main,
        "associated_diagnoses": "['E119', 'E6605', 'I10']", "base_cents": "550000", "is_linked": "true",
        "acts": act.format(""), "timed_acts": act.format(" || ' 1 0'"),
    }  # fmt: skip


def _write(options: argparse.Namespace, name: str, year: int, rows: int, columns: dict[str, str]) -> None:
    """A dataset of a year, of the declared columns; those not given are empty."""
    table: Table = TABLES[name]
    path = options.folder / name / f"{year}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = ", ".join(
        f'CAST({columns.get(c.name, "NULL" if c.nullable else ABSENT[c.type])} AS {TYPES[c.type]}) AS "{c.name}"'
        for c in table.columns
    )
    duckdb.sql(f"COPY (SELECT {told} FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)")


def _measured(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak GiB of a Python process, as the operating system accounts for it."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("the build failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
