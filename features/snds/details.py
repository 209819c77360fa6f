"""ER_PHA_F and ER_CAM_F → dispensings and procedures: details follow their claim line (pitfalls 8 and 9)."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from features.errors import InputError
from features.snds.controls import DROPPED, FLAGGED, NETTED, Count, Report, account
from features.snds.lines import window
from features.snds.schema import ER_CAM_F, ER_PHA_F, ER_PRS_F, IR_PHA_R, LINE_KEY, RawTable
from features.snds.sources import Sources, code
from features.tables import DISPENSINGS, PROCEDURES

LARGE_PACK = ("O", "1", "G")
RowsOf = Callable[[Sources, Table, Table], tuple[Table, pd.DataFrame]]
PRESCRIBER = ("prescriber_establishment_id", "prescriber_specialty")


def read_dispensings(sources: Sources, lines: Table) -> tuple[Table, Report]:
    """Rows of dispensings (packs of one person, day and code summed, above 0) and the account of ER_PHA_F."""
    received = sources.raw(ER_PHA_F)
    dispensed, counts = dispensing_rows(sources, received, lines)
    return dispensed, account_of_packs(received_rows(sources, received), counts)


def dispensing_rows(sources: Sources, received: Table, lines: Table) -> tuple[Table, pd.DataFrame]:
    """Rows of dispensings, and counts by place: rows, and on the place "kept" groups, those written and unknown.

    The prescriber is that of the claim line; of two in one sum, the one that comes last in order of its number.
    """
    packs = followed(sources, received, lines, coded="PHA_PRS_C13")
    is_kept = packs.place == "kept"
    packs = packs.group_by(
        "place",
        patient_id=ibis.ifelse(is_kept, packs.patient_id, ibis.null("string")),
        care_date=ibis.ifelse(is_kept, packs.care_date, ibis.null("date")),
        cip=ibis.ifelse(is_kept, packs.PHA_PRS_C13, ibis.null("int64")),
    ).agg(
        known_date=_.known_date.max(),
        quantity=_.PHA_ACT_QSN.fill_null(0).sum(),
        **{name: packs[name].max() for name in PRESCRIBER},
        rows=_.count(),
    )
    packs = sources.materialise("packs", packs)
    known = sources.raw(IR_PHA_R).select(cip="PHA_CIP_C13", atc=code(_.PHA_ATC_CLA), pack=_.PHA_GRD_CND.upper())
    known = known.group_by("cip").agg(atc=_.atc.max(), is_large_pack=_.pack.isin(LARGE_PACK).fill_null(False).max())
    dispensed = packs.filter((_.place == "kept") & (_.quantity > 0)).left_join(known, "cip")
    dispensed = sources.materialise("dispensings", _dispensing_rows(dispensed))
    counts = packs.group_by("place").agg(rows=_.rows.sum(), groups=_.count()).execute()
    written = dispensed.aggregate(rows=_.count(), unknown=_.is_unknown.cast("int64").sum().fill_null(0)).execute()
    is_kept_row = (counts.place == "kept").astype("int64")
    return dispensed, counts.assign(
        written=is_kept_row * int(written.rows[0]), unknown=is_kept_row * int(written.unknown[0])
    )


def read_procedures(sources: Sources, lines: Table) -> tuple[Table | None, Report]:
    """Rows of procedures and the account of ER_CAM_F; None where the table was not received."""
    return read_details(sources, ER_CAM_F, lines, procedure_rows)


def read_details(sources: Sources, table: RawTable, lines: Table, rows_of: RowsOf) -> tuple[Table | None, Report]:
    """Rows that `rows_of` makes of a detail table, and its account; None where the table was not received."""
    received = sources.raw_if_present(table)
    if received is None:
        return None, []
    rows, counts = rows_of(sources, received, lines)
    return rows, account_of_details(table, received=received_rows(sources, received), counts=counts, hits=[])


def procedure_rows(sources: Sources, received: Table, lines: Table) -> tuple[Table, pd.DataFrame]:
    """Rows of procedures, and counts by place."""
    kept, counts = of_lines_left(sources, received, lines, coded="CAM_PRS_IDE")
    kept = kept.mutate(ccam=code(_.CAM_PRS_IDE).substr(0, 7), activity=_.CAM_ACT_COD, phase=_.CAM_TRT_PHA)
    return kept.select(PROCEDURES.column_names), counts


def of_lines_left(sources: Sources, received: Table, lines: Table, *, coded: str) -> tuple[Table, pd.DataFrame]:
    """Details kept, and counts by place, where a detail has no sign, or none that is read.

    Of a reversal's group, only the detail of the line that is left counts.
    """
    lines = lines.mutate(has_detail=lines.reason.isnull())
    details = sources.materialise(coded, followed(sources, received, lines, coded=coded))
    return details.filter(_.place == "kept"), details.group_by("place").agg(rows=_.count()).execute()


def received_rows(sources: Sources, received: Table) -> tuple[int, int]:
    """Rows of a detail table, and those inside the flux window."""
    inside = window(received, sources.year).cast("int64").sum().fill_null(0)
    total, within = (int(value) for value in received.aggregate(rows=_.count(), inside=inside).execute().iloc[0])
    return total, within


def followed(sources: Sources, details: Table, lines: Table, *, coded: str) -> Table:
    """Details of the flux window with their line's person and dates, and `place`: kept, or why not.

    `coded` names the column without which a detail says nothing.
    """
    inside = details.filter(window(details, sources.year))
    line = lines.select(*LINE_KEY, "patient_id", "care_date", "known_date", "has_detail", *PRESCRIBER)
    joined = inside.left_join(line, LINE_KEY)
    joined = joined.drop(*[name for name in joined.columns if name.endswith("_right")])
    place = ibis.cases(
        (joined.has_detail.isnull(), "other_care_year"),
        (~joined.has_detail, "detail_of_dropped_line"),
        (joined[coded].isnull(), "no_code"),
        else_="kept",
    )
    return joined.mutate(place=place).drop(*LINE_KEY, "has_detail")


def _dispensing_rows(dispensed: Table) -> Table:
    return dispensed.mutate(
        cip13=dispensed.cip.cast("string").lpad(13, "0"),
        is_large_pack=dispensed.is_large_pack.fill_null(False),
        is_unknown=dispensed.is_large_pack.isnull(),
    ).select(*DISPENSINGS.column_names, "is_unknown")


def account_of_packs(received: tuple[int, int], counts: pd.DataFrame) -> Report:
    """Report rows of ER_PHA_F, from `received_rows` and the counts of `dispensing_rows`."""
    kept = counts[counts.place == "kept"]
    rows, groups, written, unknown = (int(kept[name].sum()) for name in ("rows", "groups", "written", "unknown"))
    hits = [
        Count("packs_summed", NETTED, rows - groups),
        Count("packs_returned", DROPPED, groups - written),
        Count("unknown_pack", FLAGGED, unknown),
    ]
    return account_of_details(ER_PHA_F, received=received, counts=counts, hits=hits)


def account_of_details(
    table: RawTable, *, received: tuple[int, int], counts: pd.DataFrame, hits: list[Count]
) -> Report:
    """Report rows of a detail table: the controls that detail tables share, then `hits`.

    Errors: InputError where a detail met two claim lines, so that it was multiplied.
    """
    total, within = received
    followed = dict(zip(counts.place, counts.rows, strict=True))
    if counts.rows.sum() != within:
        raise InputError(
            f"{ER_PRS_F.name}: lines repeat their key ({', '.join(LINE_KEY)}), so that {within} rows of {table.name} "
            f"met {int(counts.rows.sum())} lines; remove the repeated lines"
        )
    shared = [
        Count("outside_flux_window", DROPPED, total - within),
        Count("other_care_year", DROPPED, int(followed.get("other_care_year", 0))),
        Count("detail_of_dropped_line", DROPPED, int(followed.get("detail_of_dropped_line", 0))),
        Count("no_code", DROPPED, int(followed.get("no_code", 0))),
    ]
    return account(table.name, Count("rows_in", "in", total), [*shared, *hits])
