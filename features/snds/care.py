"""Classified lines → rows of care_lines and coverages, and the account of ER_PRS_F."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from features.snds.controls import DROPPED, FLAGGED, NETTED, Count, Report, account, check_kept
from features.snds.lines import RIGHTS, of_year, window
from features.snds.schema import ER_PRS_F
from features.snds.sources import cents
from features.tables import CARE_LINES

LINE_CONTROLS = (
    "reversal_netted",
    "information_only",
    "hospital_in_pmsi",
    "payment_without_act",
    "fictitious_identifier",
    "unknown_person",
)
COMPLETE_MONTHS = 6
CODES_SHOWN = 12
UNKNOWN = "inconnu"
GROUPED = ["reason", "is_unknown", "is_in_target", "is_supplement", "months"]


def care_rows(lines: Table) -> Table:
    """Rows of care_lines from the claims kept."""
    kept = lines.filter(lines.reason.isnull()).mutate(source=ibis.literal("DCIR"))
    return kept.select(CARE_LINES.column_names)


def coverage_rows(lines: Table) -> Table:
    """Rights shown by the claims kept: one row per person, right and load, over the care that shows it."""
    seen = lines.filter(lines.reason.isnull() & (lines.rights > 0))
    groups = seen.group_by("patient_id", "known_date", "rights").agg(
        start_date=_.care_date.min(), end_date=_.care_date.max()
    )
    rights = [groups.filter((_.rights & bit) > 0).mutate(right=ibis.literal(right)) for right, bit in RIGHTS.items()]
    return (
        ibis.union(*rights)
        .group_by("patient_id", "right", "known_date")
        .agg(start_date=_.start_date.min(), end_date=_.end_date.max())
    )


def account_of_claims(claims: Table, lines: Table, *, year: int) -> Report:
    """Report rows of ER_PRS_F: every row received is kept, dropped or netted, to the cent.

    Errors: InputError where a joined table repeated a key, so that lines were multiplied.
    """
    return claims_account(received_by_place(claims, year), line_groups(lines), lambda: unknown_codes(lines))


def claims_account(received: pd.DataFrame, groups: pd.DataFrame, codes: Callable[[], pd.DataFrame]) -> Report:
    """`account_of_claims` from sums: `received_by_place`, `line_groups` and, where it is asked, `unknown_codes`."""
    total = _count("rows_in", "in", received)
    hits = [
        _count("outside_flux_window", DROPPED, received[received.place == "outside_flux_window"]),
        _count("other_care_year", DROPPED, received[received.place == "other_care_year"]),
    ]
    for control in LINE_CONTROLS:
        effect = NETTED if control == "reversal_netted" else DROPPED
        hits.append(_count(control, effect, groups[groups.reason == control]))
    kept = groups[groups.reason == ""]
    report = account(ER_PRS_F.name, total, [*hits, *_flags(kept, codes)])
    check_kept(ER_PRS_F.name, report, _count("kept", "kept", kept))
    return report


def received_by_place(claims: Table, year: int) -> pd.DataFrame:
    """Rows and cents of the claims received, by place: year, outside_flux_window or other_care_year."""
    is_of_year = of_year(claims, year)
    place = ibis.cases(
        (is_of_year & window(claims, year), "year"), (is_of_year, "outside_flux_window"), else_="other_care_year"
    )
    placed = claims.mutate(place=place).group_by("place")
    sums = placed.agg(rows=_.count(), base=cents(_.base_eur.sum()), reimbursed=cents(_.reimbursed_eur.sum()))
    return sums.order_by("place").execute()


def line_groups(lines: Table) -> pd.DataFrame:
    """Rows and cents of the lines of the year, by GROUPED: what their report and its flags count."""
    care, load = lines.care_date, lines.FLX_DIS_DTD
    months = (load.year() - care.year()) * 12 + load.month() - care.month()
    marked = lines.mutate(reason=lines.reason.fill_null(""), months=months, is_unknown=lines.poste == UNKNOWN)
    return _sums(marked, GROUPED)


def _sums(rows: Table, by: list[str]) -> pd.DataFrame:
    return (
        rows.group_by(by)
        .agg(rows=_.count(), base=_.base_cents.sum(), reimbursed=_.reimbursed_cents.sum())
        .order_by(by)
        .execute()
    )


def _count(control: str, effect: str, groups: pd.DataFrame, detail: str | None = None) -> Count:
    rows, base, reimbursed = (int(groups[name].sum()) for name in ("rows", "base", "reimbursed"))
    return Count(control, effect, rows, base, reimbursed, detail)


def _flags(kept: pd.DataFrame, codes: Callable[[], pd.DataFrame]) -> list[Count]:
    unknown = kept[kept.is_unknown]
    return [
        _count("unknown_act_code", FLAGGED, unknown, _listed(codes()) if len(unknown) else None),
        _count("cash_benefit", FLAGGED, kept[~kept.is_in_target]),
        _count("supplement_not_counted", FLAGGED, kept[kept.is_supplement]),
        _count("completeness", FLAGGED, kept[kept.months > COMPLETE_MONTHS], _completeness(kept)),
    ]


def unknown_codes(lines: Table) -> pd.DataFrame:
    """Rows and cents of the lines kept whose act is in no nomenclature, by act_code."""
    return _sums(lines.filter(lines.reason.isnull() & (lines.poste == UNKNOWN)), ["act_code"])


def _listed(codes: pd.DataFrame) -> str:
    codes = codes.sort_values(["base", "act_code"], ascending=[False, True])
    shown_codes: list[Any] = list(codes.head(CODES_SHOWN).itertuples())
    shown = [f"{row.act_code}: {row.rows} rows, {row.base / 100:.2f} EUR" for row in shown_codes]
    rest = len(codes) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more codes" if rest > 0 else "")


def _completeness(kept: pd.DataFrame) -> str | None:
    total = kept.base.sum()
    if total == 0:
        return None
    shares = [(n, kept.base[kept.months <= n].sum() / total) for n in range(1, COMPLETE_MONTHS + 1)]
    return "euros loaded within " + ", ".join(f"{n} months {share:.1%}" for n, share in shares)
