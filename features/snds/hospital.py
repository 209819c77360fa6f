"""What the three fields of the PMSI share: controls of a stay, lists of codes, rows of stays and care_lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import ibis
from ibis import _
from ibis.expr.types import BooleanColumn, DateColumn, Table

from features.errors import InputError
from features.reference_data import PUBLIC_POSTES, duplicated_finess
from features.snds.controls import DROPPED, FLAGGED, Count, Report, account
from features.snds.persons import AMBIGUOUS
from features.snds.sources import code, real_date
from features.tables import CARE_LINES, STAYS

KEY = ("establishment", "number")
NO_PSEUDONYM = ("X" * 17, "X" * 16 + "D")
LISTS = ("main_diagnoses", "associated_diagnoses", "acts")
OF_EPISODES = {
    "principal_diagnosis": "string", "linked_diagnosis": "string", "entry_origin": "string",
    "emergency_passage": "string", "first_unit": "string", "residence_code": "string", "age": "int64",
    "timed_acts": "array<string>", "implant_cents": "int64",
}  # fmt: skip
OUTLIER_CENTS = 1_000_000_00
DROPS = (
    "finess_duplicate",
    "ghm_error",
    "inter_establishment",
    "anonymous_identifier",
    "return_code",
    "unknown_person",
    "no_start_date",
)


@dataclass(frozen=True)
class Hospital:
    """What a field of the PMSI yields: rows of stays, care_lines and coverages (None where there are none), report."""

    stays: Table | None
    care: Table | None
    report: Report
    rights: Table | None = None


def chained(rows: Table, key: tuple[str, str], *, return_codes: tuple[str, ...]) -> Table:
    """Rows of a chaining table: key, NIR_ANO_17, entry and exit, and whether the chaining failed (pitfall 18).

    Errors: InputError where a key repeats, which would count euros twice.
    """
    repeated = rows.group_by(list(key)).having(rows.count() > 1).agg(rows=rows.count()).count().execute()
    if repeated:
        raise InputError(
            f"{repeated} keys ({', '.join(key)}) stand more than once in a chaining table of the PMSI; "
            "keep one row per stay"
        )
    failed = reduce(lambda left, right: left | right, ((rows[name] != "0").fill_null(False) for name in return_codes))
    last = rows.EXE_SOI_DTF if "EXE_SOI_DTF" in rows.columns else rows.EXE_SOI_DTD
    return rows.select(
        establishment=rows[key[0]],
        number=rows[key[1]],
        NIR_ANO_17=rows.NIR_ANO_17,
        start_date=real_date(rows.EXE_SOI_DTD),
        end_date=real_date(last).fill_null(real_date(rows.EXE_SOI_DTD)),
        is_failed=failed,
    )


def code_list(tables: list[tuple[Table, tuple[str, str], tuple[str, ...]]], name: str) -> Table:
    """Distinct codes of each stay as one sorted list; `tables` holds (rows, key columns, code columns)."""
    parts = [
        rows.select(establishment=rows[key[0]], number=rows[key[1]], code=code(rows[column]))
        for rows, key, columns in tables
        for column in columns
    ]
    codes = ibis.union(*parts) if len(parts) > 1 else parts[0]
    codes = codes.filter(codes.code.notnull()).distinct()
    return codes.group_by(*KEY).agg(**{name: codes.code.collect().sort()})


def with_person(stays: Table, pmsi: Table) -> Table:
    """Stays with patient_id ('ambiguous' for a twin, null where the pseudonym leads to nobody)."""
    return stays.left_join(pmsi, "NIR_ANO_17").rename(patient_id="linked_id")


def known_date(end: DateColumn, delay_months: int) -> DateColumn:
    """First day of the month that comes `delay_months` after the month of exit [A: monthly transmissions]."""
    months = end.year() * 12 + end.month() - 1 + delay_months
    return ibis.date((months // 12).cast("int64"), (months % 12 + 1).cast("int64"), 1)


def drop_reason(stays: Table, year: int, *, is_error: BooleanColumn, is_service: BooleanColumn) -> Table:
    """Adds `reason`: the first control, in the order of operations, that drops the stay; null where it is kept."""
    pseudonym = stays.NIR_ANO_17
    is_anonymous = pseudonym.isnull() | pseudonym.upper().isin([text.upper() for text in NO_PSEUDONYM])
    duplicates = duplicated_finess(year)
    is_duplicate = stays.establishment.isin(duplicates) if duplicates else ibis.literal(False)
    return stays.mutate(
        reason=ibis.cases(
            (is_duplicate, "finess_duplicate"),
            (is_error.fill_null(False), "ghm_error"),
            (is_service.fill_null(False), "inter_establishment"),
            (is_anonymous, "anonymous_identifier"),
            (stays.is_failed.fill_null(True), "return_code"),
            (stays.patient_id.isnull(), "unknown_person"),
            (stays.start_date.isnull(), "no_start_date"),
        )
    )


def stay_rows(stays: Table, *, field: str, year: int) -> Table:
    """Rows of the dataset stays from the stays kept; a private or unvalued stay has no amount."""
    kept = stays.filter(stays.reason.isnull())
    nothing = ibis.literal([], type="array<string>")
    lists = {name: kept[name].fill_null(nothing) if name in kept.columns else nothing for name in LISTS}
    absent = {name: ibis.null(kind) for name, kind in OF_EPISODES.items() if name not in kept.columns}
    return kept.mutate(
        stay_id=ibis.literal("-").join([ibis.literal(f"{field}-{year}"), kept.establishment, kept.number]),
        field=ibis.literal(field),
        sector=ibis.ifelse(kept.is_public, ibis.literal("public"), ibis.literal("private")),
        establishment_id=kept.establishment,
        **lists,
        **absent,
        base_cents=ibis.ifelse(kept.is_valued, kept.base_cents, ibis.null("int64")),
        reimbursed_cents=ibis.ifelse(kept.is_valued, kept.reimbursed_cents, ibis.null("int64")),
        is_linked=kept.patient_id != AMBIGUOUS,
    ).select(STAYS.column_names)


def hospital_care_rows(stays: Table, *, field: str, year: int) -> Table:
    """Rows of care_lines for the public stays kept, linked and valued.

    Their euros belong to the year of exit, as in the PMSI: care_date is the entry, or 1 January after it.
    """
    kept = stays.filter(stays.reason.isnull() & stays.is_valued & (stays.patient_id != AMBIGUOUS))
    first_day = ibis.date(year, 1, 1)
    constants = {
        "act_code": ibis.null("int64"),
        "performer_id": ibis.null("string"),
        "performer_specialty": ibis.null("int64"),
        "pathway_code": ibis.null("int64"),
        "perimeter": ibis.literal("autre"),
        "poste": ibis.literal(PUBLIC_POSTES[field]),
        "quantity": ibis.literal(1, "int64"),
        "is_in_target": ibis.literal(True),
        "source": ibis.literal("PMSI"),
    }
    return kept.mutate(
        care_date=ibis.ifelse(kept.start_date < first_day, first_day, kept.start_date),
        establishment_id=kept.establishment,
        paid_cents=kept.base_cents,
        **constants,
    ).select(CARE_LINES.column_names)


def account_of_stays(table: str, stays: Table, *, without: tuple[str, ...] = ()) -> Report:
    """Report rows of a table of stays, `without` the controls that do not apply to it.

    Cents are the valued amounts of public stays.
    """
    marked = stays.mutate(
        reason=stays.reason.fill_null(""),
        is_twin=(stays.patient_id == AMBIGUOUS).fill_null(False),
        is_outlier=stays.is_valued & (stays.reimbursed_cents > OUTLIER_CENTS),
        base=ibis.ifelse(stays.is_valued, stays.base_cents, 0),
        reimbursed=ibis.ifelse(stays.is_valued, stays.reimbursed_cents, 0),
    )
    groups = (
        marked.group_by("reason", "is_twin", "is_public", "is_valued", "is_outlier")
        .agg(rows=_.count(), base=_.base.sum(), reimbursed=_.reimbursed.sum())
        .execute()
    )
    kept = groups.reason == ""
    flags = {
        "ambiguous_twin": kept & groups.is_twin,
        "private_in_dcir": kept & ~groups.is_public,
        "stay_not_valued": kept & groups.is_public & ~groups.is_valued,
        "stay_cost_outlier": kept & groups.is_outlier,
    }
    chosen = [(name, DROPPED, groups.reason == name) for name in DROPS]
    chosen += [(name, FLAGGED, mask) for name, mask in flags.items()]
    hits = []
    applied = [choice for choice in chosen if choice[0] not in without]
    for name, effect, mask in [("rows_in", "in", groups.reason.notna()), *applied]:
        part = groups[mask]
        hits.append(Count(name, effect, int(part.rows.sum()), int(part.base.sum()), int(part.reimbursed.sum())))
    return account(table, hits[0], hits[1:])
