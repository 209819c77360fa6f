"""The hand-written DuckDB queries that `benchmarks/pipeline.py` compares with, and the code lists they read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb
import pandas as pd

from features.codes import all_rules, drug_list, drug_lists
from features.evidence import bits
from features.postes import POSTES
from features.reference_data import acts, ald_number

SQL = Path(__file__).parent / "sql"


def run(snds: Path, out: Path, years: range, memory_gib: float) -> None:
    """Read every year, then characteristics and spending of every year but the first; Parquet files in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(
        config={"memory_limit": f"{memory_gib}GiB", "temp_directory": str(out / "spill"), "threads": 2}
    )
    con.execute("SET preserve_insertion_order = false")
    _code_lists(con, snds)
    for year in years:
        _execute(con, "read", snds=snds, out=out, year=year, yy=f"{year % 100:02d}", next=year + 1)
    for year in years[1:]:
        _execute(con, "features", **_feature_words(out, years, year))
        columns = {f"poste_{poste}_eur": f"sum(base) FILTER (poste = '{poste}') / 100" for poste in POSTES}
        words = {
            "postes": ", ".join(f"coalesce({name}, 0) AS {name}" for name in columns),
            "sums": ", ".join(f"{expression} AS {name}" for name, expression in columns.items()),
        }
        _execute(con, "spending", out=out, year=year, **words)


def _execute(con: duckdb.DuckDBPyConnection, name: str, **words: object) -> None:
    text = (SQL / f"{name}.sql").read_text(encoding="utf-8").format(**words)
    con.execute(re.sub(r"'([^']+/\w+)\*/\*\.parquet'", _lies_at, text))


def _lies_at(name: re.Match[str]) -> str:
    """Quoted path of a raw table: its folder of parts, those of its months of flux, or its one file."""
    folder = Path(name[1])
    if not folder.is_dir():
        return f"'{folder}.parquet'"
    return f"'{folder}/*/*.parquet'" if any(folder.glob("flux=*")) else f"'{folder}/*.parquet'"


def _code_lists(con: duckdb.DuckDBPyConnection, snds: Path) -> None:
    rules = all_rules()
    place = bits()
    routes = {
        "main": "main",
        "associated": "associated",
        "ghm": "ghm",
        "ald": "ald",
        "ald_recent": "ald",
        "ald_earlier": "ald",
    }
    prefixes = [
        (routes[r.route], code, place[r.clause], r.years_back) for r in rules if r.route in routes for code in r.codes
    ]
    numbers = [(int(n), place[r.clause]) for r in rules if r.route in ("ald_number", "ald_in_force") for n in r.codes]
    drugs = [(drug_list(r), place[r.clause], r.years_back) for r in rules if r.route == "drug"]
    classes = [(name, prefix) for name, (taken, _) in drug_lists().items() for prefix in taken]
    reasons = con.execute(
        f"SELECT DISTINCT replace(upper(MED_MTF_COD), '.', '') FROM read_parquet('{snds}/IR_IMB_R*/*.parquet')"
    )
    found = [(code, number) for (code,) in reasons.fetchall() if code and (number := ald_number(code)) is not None]
    for name, frame in {
        "prefixes": pd.DataFrame(prefixes, columns=["route", "prefix", "clause", "years_back"]),
        "ald_rules": pd.DataFrame(numbers, columns=["ald_number", "clause"]),
        "drug_clauses": pd.DataFrame(drugs, columns=["drug", "clause", "years_back"]),
        "atc_rules": pd.DataFrame(classes, columns=["drug", "prefix"]),
        "ald_map": pd.DataFrame(found, columns=["icd10", "ald_code"]),
        "acts": acts(),
    }.items():
        con.register("frame", frame)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame")


def _feature_words(out: Path, years: range, year: int) -> dict[str, object]:
    clauses = list(bits().values())
    past = [y for y in years if y < year]
    return {
        "out": out,
        "year": year,
        "past": year - 1,
        "stay_files": ", ".join(f"'{out}/stays_{y}.parquet'" for y in past[-5:]),
        "drug_files": ", ".join(f"'{out}/dispensings_{y}.parquet'" for y in past[-2:]),
        "flags": ", ".join(f"coalesce(c{n}, 0) AS c{n}" for n in clauses),
        "pivots": ", ".join(f"max((clause = {n})::INT) AS c{n}" for n in clauses),
        "past_columns": ", ".join(f"coalesce(past_{p}_eur, 0) AS past_{p}_eur" for p in POSTES),
        "past_sums": ", ".join(f"sum(eur) FILTER (poste = '{p}') AS past_{p}_eur" for p in POSTES),
    }


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[4]) + 1), float(sys.argv[5]))
