"""What is put together from several tables: rows of a dataset, and the account of what was not received."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from features.snds.acute import read_acute, read_outpatient
from features.snds.controls import FLAGGED, Count, Report, account
from features.snds.long_stays import read_home_hospitalisation, read_rehabilitation
from features.tables import Table as Declared

HOSPITAL_FIELDS = (read_acute, read_outpatient, read_rehabilitation, read_home_hospitalisation)


def union_of(declared: Declared, *parts: Table | None) -> Table:
    """Rows of the parts received, in the declared columns and types; none where no part was received."""
    types = dict(ibis.memtable(declared.arrow_schema().empty_table()).schema())
    received = [part for part in parts if part is not None]
    if not received:
        return ibis.memtable(declared.arrow_schema().empty_table())
    typed = [
        part.select(**{name: part[name].cast(kind(nullable=True)) for name, kind in types.items()}) for part in received
    ]
    return ibis.union(*typed) if len(typed) > 1 else typed[0]


def absences(absent: list[tuple[str, str, str]]) -> Report:
    """One report row per table that was not received, whole or in part: what was absent, and with what effect."""
    effects: dict[str, list[str]] = {}
    for table, column, effect in absent:
        effects.setdefault(table, []).append(f"{column or 'table'}: {effect}")
    return [
        line
        for table, listed in effects.items()
        for line in account(table, Count("rows_in", "in", 0), [Count("absent", FLAGGED, 0, detail="; ".join(listed))])
        if line["control"] == "absent"
    ]
