"""Development of the claims: care of each month by the months it took until it was known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.contacts import NATION
from features.counting import collected, write_count
from features.engine import dataset_path
from features.present import present_spells, while_present
from features.provenance import Provenance
from features.store import read_dataset, years_written
from features.tables import CARE_LINES, DEVELOPMENT, PATIENTELE

SCOPES = {"MG": ("mg",), "MG_IDE": ("mg", "ide"), "TOTAL": ("mg", "ide", "autre")}
SUMS = ["lines", "base_cents", "reimbursed_cents"]


def measure_development(
    con: BaseBackend,
    data: Path,
    years: Sequence[int],
    *,
    roster: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """The dataset `development`, written for each year of care: rows of all the years, in the order of the key.

    Cents of the lines in the target by month of care and whole months until the load that made them known, for
    each scope; structure "*" is everyone, a structure its patients while present (a year that was not attributed
    has the nation only, and its record says so).
    Errors: MissingError where a year was not read.
    """
    say = progress or (lambda step: None)
    parts = []
    for year in years:
        say(f"months until care of {year} was known")
        lines = _dated(read_dataset(con, CARE_LINES, data, year))
        groups = [lines.mutate(structure_id=ibis.literal(NATION))]
        is_attributed = year in years_written(PATIENTELE, data)
        if is_attributed:
            groups.append(while_present(lines, present_spells(con, data, year, roster=roster)))
        rows = _scopes(pd.concat([_counted(group) for group in groups], ignore_index=True))
        sources = (CARE_LINES, PATIENTELE) if is_attributed else (CARE_LINES,)
        provenance = Provenance(
            command=f"count --year {year}",
            inputs=tuple(dataset_path(data, table.name, year) for table in sources),
            parameters={"structures": is_attributed},
        )
        parts.append(write_count(DEVELOPMENT, data, rows, year, provenance=provenance))
    return pd.concat(parts, ignore_index=True)


def _dated(lines: ibis.Table) -> ibis.Table:
    care, known = lines.care_date, lines.known_date
    lag = (known.year() - care.year()) * 12 + known.month() - care.month()
    return lines.filter(lines.is_in_target).select(
        "patient_id", "care_date", "perimeter", "base_cents", "reimbursed_cents",
        care_month=care.truncate("M").cast("date"),
        lag_months=ibis.greatest(lag.cast("int64"), ibis.literal(0, "int64")),  # known before it was given: at once
    )  # fmt: skip


def _counted(lines: ibis.Table) -> pd.DataFrame:
    grouped = lines.group_by(["structure_id", "perimeter", "care_month", "lag_months"]).aggregate(
        lines=lines.count(), base_cents=lines.base_cents.sum(), reimbursed_cents=lines.reimbursed_cents.sum()
    )
    return collected(grouped, dict.fromkeys(SUMS, "int64"))


def _scopes(counted: pd.DataFrame) -> pd.DataFrame:
    key = list(DEVELOPMENT.key)
    parts = [counted[counted["perimeter"].isin(narrow)].assign(scope=name) for name, narrow in SCOPES.items()]
    return pd.concat(parts, ignore_index=True).groupby(key, as_index=False)[SUMS].sum()
