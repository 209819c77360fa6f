"""Stage 1 of a large read: a month of flux (YYYY-MM of FLX_DIS_DTD) → its lines and details, in buckets of patients.

A line and its details share their nine-part key, hence their month, so that each month is read by itself, once: the
next read of the year reads only what changed. What other months or persons decide (reversals, who it is) waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from features.errors import InputError
from features.snds.care import received_by_place
from features.snds.details import received_rows
from features.snds.lines import claim_lines, lines_in_buckets, window
from features.snds.schema import ER_BIO_F, ER_CAM_F, ER_ETE_F, ER_PHA_F, ER_PRS_F, IR_BEN_R, LINE_KEY, RawTable
from features.snds.sources import FLUX, Sources, find_parts, month_of
from features.work import files_state, is_done, state_of, unit

BY_FLUX = (ER_PRS_F, ER_ETE_F, ER_PHA_F, ER_CAM_F, ER_BIO_F)
DETAILS = (ER_PHA_F, ER_CAM_F, ER_BIO_F)
PREFIX = "flux-"
GAP = "no line of these months of flux was received; where they should be there, ask for them again"


@dataclass(frozen=True)
class Month:
    """A month of flux: its raw files, the state that they and the columns received give it, where it is kept."""

    name: str
    files: tuple[Path, ...]
    state: str
    folder: Path

    @property
    def bytes(self) -> int:
        """Size of its raw files."""
        return sum(path.stat().st_size for path in self.files)

    def is_of(self, year: int) -> bool:
        """Whether loads of a care year lie in it: February of the year to July of the next."""
        return in_window(self.name, year)


def in_window(month: str, year: int) -> bool:
    """Whether a month of flux (YYYY-MM) is one of a care year's: `lines.window`, by month."""
    return f"{year}-02" <= month <= f"{year + 1}-07"


def lies_by_flux(snds: Path) -> bool:
    """Whether the claim tables received lie by month of flux, in Parquet."""
    found = [part for table in BY_FLUX for part in find_parts(snds, table.name)]
    return bool(found) and all(month_of(part) is not None and part.suffix == ".parquet" for part in found)


def months(sources: Sources, folder: Path, buckets: int) -> list[Month]:
    """Months of flux received, in order.

    The state holds the columns present, which decide for the whole table, and the persons received, who say in which
    bucket a line lies: where IR_BEN_R changed, every month is read again.
    """
    files: dict[str, list[Path]] = {}
    for table in BY_FLUX:
        for part in find_parts(sources.snds, table.name):
            files.setdefault(str(month_of(part)), []).append(part)
    persons = files_state(find_parts(sources.snds, IR_BEN_R.name))
    common = (sources.year, buckets, persons, {table.name: sorted(sources.present(table)) for table in BY_FLUX})
    return [
        Month(name, tuple(own), state_of(common, files_state(own)), folder / f"{PREFIX}{name}")
        for name, own in sorted(files.items())
    ]


def read_month(sources: Sources, month: Month, *, seats: Table, buckets: int) -> None:
    """None, once the month's lines and details lie in its folder by bucket; one that is there is left."""
    own = replace(sources, month=month.name, absent=[], read=[])
    unit(month.folder, month.state, lambda folder: _make(own, folder, seats=seats, buckets=buckets))


def _make(sources: Sources, folder: Path, *, seats: Table, buckets: int) -> dict[str, Any]:
    for table in BY_FLUX:
        if find_parts(sources.snds, table.name):
            _refuse_other_months(sources, table)
    claims = claim_lines(sources)
    received = received_by_place(claims, sources.year)
    if not in_window(str(sources.month), sources.year):
        return {"received": records(received), "details": _totals(sources)}
    shuffle(sources.con, lines_in_buckets(sources, claims, seats=seats, buckets=buckets), folder / ER_PRS_F.name)
    places = sources.con.read_parquet(str(folder / ER_PRS_F.name / "*" / "*.parquet")).select(*LINE_KEY, "bucket")
    details = {}
    for table in DETAILS:
        if not find_parts(sources.snds, table.name):
            continue
        rows = sources.raw(table)
        total, within = received_rows(sources, rows)
        placed = rows.filter(window(rows, sources.year)).inner_join(places, LINE_KEY)
        matched = shuffle(sources.con, placed, folder / table.name)
        if matched > within:
            raise InputError(
                f"{ER_PRS_F.name}: lines repeat their key ({', '.join(LINE_KEY)}), so that {within} rows of "
                f"{table.name} met {matched} lines; remove the repeated lines"
            )
        details[table.name] = (total, within, within - matched)
    return {"received": records(received), "details": details}


def _totals(sources: Sources) -> dict[str, tuple[int, int, int]]:
    """Rows of the details of a month outside the window of the year: none is within it."""
    received = [table for table in DETAILS if find_parts(sources.snds, table.name)]
    parts = {t.name: [p for p in find_parts(sources.snds, t.name) if month_of(p) == sources.month] for t in received}
    return {name: (rows_in(found), 0, 0) for name, found in parts.items()}


def _refuse_other_months(sources: Sources, table: RawTable) -> None:
    """Whatever lies in the folder of another month would meet no line of its own."""
    rows = sources.raw(table)
    others = rows.filter(rows.FLX_DIS_DTD.strftime("%Y-%m") != str(sources.month)).count().execute()
    if others:
        raise InputError(
            f"{sources.snds / table.name}: {others} lines of flux={sources.month} hold a FLX_DIS_DTD of another "
            "month; put them in the folder of theirs"
        )


def gaps(sources: Sources) -> list[tuple[str, str, str]]:
    """What the read report says is absent: months of flux of the year's window that a claim table lacks while another
    has them, and months that none has between the first and the last received (said of ER_PRS_F)."""
    own = {table.name: {month_of(part) for part in find_parts(sources.snds, table.name)} for table in BY_FLUX}
    laid = {name: {month for month in found if month} for name, found in own.items() if found - {None}}
    received = {month for found in laid.values() for month in found if in_window(month, sources.year)}
    between = {
        month for month in _window_months(sources.year) if min(received, default="") < month < max(received, default="")
    }
    wanted = {name: received | (between if name == ER_PRS_F.name else set()) for name in laid}
    lacking = {name: sorted(wanted[name] - laid[name]) for name in laid}
    return [(name, ", ".join(FLUX + month for month in those), GAP) for name, those in lacking.items() if those]


def _window_months(year: int) -> list[str]:
    """Months of flux of a care year, in order."""
    months_of = ((year, month) for month in range(2, 13)), ((year + 1, month) for month in range(1, 8))
    return [f"{of:04d}-{month:02d}" for part in months_of for of, month in part]


def shuffle(con: BaseBackend, rows: Table, folder: Path) -> int:
    """Number of rows written, in folder/bucket=N/ by their column `bucket`; an empty table leaves one empty file."""
    con.to_parquet(rows, folder, partition_by="bucket")
    files = list(folder.glob("*/*.parquet"))
    if not files:
        (folder / "bucket=0").mkdir(parents=True)
        con.to_parquet(rows.drop("bucket").limit(0), folder / "bucket=0" / "none.parquet")
    return rows_in(files)


def rows_in(files: list[Path]) -> int:
    """Rows of Parquet files, from their footers."""
    return sum(pq.read_metadata(path).num_rows for path in files)


def of_bucket(con: BaseBackend, folders: list[Path], bucket: int) -> Table | None:
    """Rows of a bucket of shuffled folders; None where no folder is there."""
    files = [file for folder in folders for file in folder.glob(f"bucket={bucket}/*.parquet")]
    if files:
        return con.read_parquet(files, hive_partitioning=False)
    anything = next((file for folder in folders for file in folder.glob("*/*.parquet")), None)
    return None if anything is None else con.read_parquet(anything, hive_partitioning=False).limit(0)


def stale(months_read: Iterable[Month]) -> list[Month]:
    """Months whose lines are not there, or are of other files, columns or code."""
    return [month for month in months_read if not is_done(month.folder, month.state)]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame of counts as JSON holds them: whole numbers, text, truth."""
    whole = frame.astype({name: "int64" for name in frame.columns if frame[name].dtype.kind == "f"})
    return list(json.loads(whole.to_json(orient="records")))


def added(parts: list[list[dict[str, Any]]], by: list[str]) -> pd.DataFrame:
    """Counts of all parts, added up by their columns `by`."""
    frame = pd.DataFrame([row for part in parts for row in part])
    return frame.groupby(by, as_index=False, dropna=False).sum() if len(frame) else frame
