"""Territoires de vie-santé: which one a commune belongs to."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd

from features.payer_files import read_rows, refuse, refuse_empty

COLUMNS = ("commune", "territory_id")
DEPARTMENT_PREFIX = "DEP"


def read_territories(path: Path) -> pd.DataFrame:
    """Rows commune (INSEE, 5 characters), territory_id.

    Errors: MissingError for no file; InputError for an empty value, a commune that is not an INSEE code, or one in
    two territories.
    """
    rows = read_rows(path, COLUMNS, holds="one commune")
    refuse_empty(path, rows, COLUMNS)
    refuse(path, "commune", rows["commune"].str.len() != 5, "is not an INSEE code of 5 characters", rows["commune"])
    refuse(path, "commune", rows.duplicated("commune"), "stands in a row above; keep one", rows["commune"])
    taken = rows["territory_id"].str.startswith(DEPARTMENT_PREFIX)
    refuse(path, "territory_id", taken, f"begins with {DEPARTMENT_PREFIX}, kept for departments", rows["territory_id"])
    return rows


def with_territory(people: ibis.Table, territories: pd.DataFrame) -> ibis.Table:
    """`people` (commune, department) with territory_id.

    A commune that the list lacks counts in its department, taken as a territory of its own (DEP and the department's
    code); a person of unknown commune and department has none (null).
    """
    listed = ibis.memtable(territories[list(COLUMNS)].rename(columns={"commune": "listed_commune"}))
    joined = people.left_join(listed, people.commune == listed.listed_commune)
    whole = ibis.literal(DEPARTMENT_PREFIX) + joined.department
    return joined.mutate(territory_id=ibis.coalesce(joined.territory_id, whole)).drop("listed_commune")
