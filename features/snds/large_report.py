"""The read report of a large read, from the counts of its months of flux and of its buckets."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.snds.assembly import absences
from features.snds.by_flux import DETAILS, added
from features.snds.care import GROUPED, claims_account
from features.snds.controls import Report, report_frame
from features.snds.details import account_of_details, account_of_packs
from features.snds.schema import ER_PHA_F, RawTable

Counts = dict[str, Any]


def large_report(
    outside: Counts, months: list[Counts], buckets: list[Counts], *, lacking: list[tuple[str, str, str]]
) -> pd.DataFrame:
    """The read report, row for row what a read of the whole counts; `lacking`: the months of flux of `gaps`."""
    lines: Report = claims_account(
        added([month["received"] for month in months], ["place"]),
        added([bucket["groups"] for bucket in buckets], GROUPED),
        lambda: added([bucket["codes"] for bucket in buckets], ["act_code"]),
    )
    for table in DETAILS:
        lines += _of_details(table, months, buckets)
    return report_frame([*lines, *outside["persons"], *outside["others"], *absences([*outside["absent"], *lacking])])


def _of_details(table: RawTable, months: list[Counts], buckets: list[Counts]) -> Report:
    found = [month["details"][table.name] for month in months if table.name in month["details"]]
    if not found:
        return []
    total, within, of_other_years = (sum(numbers) for numbers in zip(*found, strict=True))
    unmatched = [{"place": "other_care_year", "rows": of_other_years}] if of_other_years else []
    counts = added([bucket["details"].get(table.name, []) for bucket in buckets] + [unmatched], ["place"])
    counts = counts if len(counts) else pd.DataFrame({"place": [], "rows": []})
    if table is ER_PHA_F:
        names = ("place", "rows", "groups", "written", "unknown")
        return account_of_packs((total, within), counts.reindex(columns=names).fillna(0))
    return account_of_details(table, received=(total, within), counts=counts, hits=[])
