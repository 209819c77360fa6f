"""Spending of a year, by perimeter and poste, with the part of the year lived, and the cap of a perimeter."""

from __future__ import annotations

import calendar
import functools
import operator
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import numpy as np
import pandas as pd
from ibis.backends import BaseBackend

from features.buckets import Share, bucket_count
from features.engine import dataset_path
from features.errors import InputError
from features.history import alive_in
from features.postes import POSTES, count_of, euros, poste_euros, totals_by_poste
from features.provenance import Provenance
from features.shares import Made, write_by_share
from features.store import checked_path, read_dataset, read_share, write_dataset, write_expression
from features.tables import BENEFICIARIES, CARE_LINES, SPENDING, Column

PERIMETERS = {
    "MG": "spent_mg_eur",
    "MG_IDE": "spent_mg_ide_eur",
    "TOTAL": "spent_total_eur",
    "AMO": "reimbursed_total_eur",
}
CAP_SHARES = {"MG": 0.995, "MG_IDE": 0.99, "TOTAL": 0.99, "AMO": 0.99}
UNIVERSE = "beneficiaries alive on some day of the year; those without any care count for 0 EUR"


def spending_columns() -> tuple[Column, ...]:
    """Columns of `spending` beyond the declared ones: euros of each poste of care."""
    return tuple(
        Column(f"poste_{poste}_eur", "float64", f"Base of reimbursement: {label_en}.", "EUR")
        for poste, (_, label_en) in POSTES.items()
    )


def measure_spending(
    con: BaseBackend, data: Path, year: int, *, progress: Callable[[str], None] | None = None
) -> ibis.Table:
    """The dataset `spending` of a year, written: one row per beneficiary alive on some day of it.

    Base of reimbursement in euros, from integer cents, over lines in the target; no cap is applied (see
    `cap_of`). Someone without care has a row of zeros. Lines of persons outside the universe (dead before the
    year, absent from `beneficiaries`) are left out and counted in the provenance record.
    Errors: MissingError where the year was not read.
    """
    say = progress or (lambda step: None)
    checked_path(CARE_LINES, data, year)  # said to be missing before anything is made
    of = bucket_count(CARE_LINES, data, year)
    if of > 1:
        _measure_by_share(con, data, year, of=of, say=say)
        return read_dataset(con, SPENDING, data, year)
    say("summing care by patient and poste")
    with TemporaryDirectory(dir=data, prefix=".spending-") as folder:
        rows, outside = _measured(con, data, year, share=None, folder=Path(folder))
        say("writing spending")
        write_dataset(SPENDING, data, rows, year, provenance=_provenance(data, year, outside))
    return read_dataset(con, SPENDING, data, year)


def _measure_by_share(con: BaseBackend, data: Path, year: int, *, of: int, say: Callable[[str], None]) -> None:
    """As `measure_spending` for a large country: bucket after bucket, from where an interrupted run stopped."""

    def make(share: Share, path: Path) -> dict[str, float]:
        rows, outside = _measured(con, data, year, share=share, folder=path.parent)
        write_expression(SPENDING, rows, path)
        (path.parent / "spent").unlink()
        return outside

    def provenance(counts: list[dict[str, float]]) -> Provenance:
        whole = {name: sum(share[name] for share in counts) for name in ("patients", "euros")}
        return _provenance(data, year, whole)

    made = Made(SPENDING, year, of, _provenance(data, year, {}).inputs, UNIVERSE, make)
    write_by_share(data, made, provenance=provenance, say=say)


def _measured(
    con: BaseBackend, data: Path, year: int, *, share: Share | None, folder: Path
) -> tuple[ibis.Table, dict[str, float]]:
    """Rows of `spending` of a share of the patients (None: all), and those outside the universe: patients, euros."""
    people = exposure(alive_in(read_share(con, BENEFICIARIES, data, year, share), year), year)
    con.to_parquet(_by_patient(totals_by_poste(read_share(con, CARE_LINES, data, year, share))), folder / "spent")
    spent = con.read_parquet(folder / "spent")
    _refuse_unknown_postes(spent)
    return _rows(people, spent, year), _outside(spent, people)


def _provenance(data: Path, year: int, outside: dict[str, float]) -> Provenance:
    return Provenance(
        command=f"spending --year {year}",
        inputs=tuple(dataset_path(data, table.name, year) for table in (BENEFICIARIES, CARE_LINES)),
        parameters={"universe": UNIVERSE, "cap_shares": CAP_SHARES, "outside_universe": outside},
    )


def _rows(people: ibis.Table, spent: ibis.Table, year: int) -> ibis.Table:
    zero_where_absent = {name: spent[name].fill_null(0) for name in spent.columns if name != "patient_id"}
    return people.left_join(spent, "patient_id").select(
        "patient_id", "exposure_share", year=ibis.literal(year, "int32").cast("int64"), **zero_where_absent
    )


def exposure(people: ibis.Table, year: int) -> ibis.Table:
    """patient_id and exposure_share: days of the year from birth to death, both included, over its days."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    start = ibis.ifelse(people.birth_date > first, people.birth_date, first)
    end = ibis.ifelse(people.death_date < last, people.death_date, last)
    days = end.delta(start, unit="day") + 1
    return people.select("patient_id", exposure_share=(days / days_in(year)).cast("float64"))


def days_in(year: int) -> int:
    """365, or 366 in a leap year."""
    return 366 if calendar.isleap(year) else 365


def cap_of(spending: pd.DataFrame, perimeter: str) -> tuple[float, float]:
    """Share of patients below the cap of a perimeter, and the cap in euros for a full year.

    The cap is the quantile of annualised spending (euros over exposure), patients weighing by exposure: P99.5
    for MG, P99 for the others (specs of PEPS, outliers: no public rule, assumed).
    Errors: InputError for an unknown perimeter or an empty table.
    """
    if perimeter not in PERIMETERS:
        raise InputError(f"perimeter {perimeter!r} is unknown; choose one of {', '.join(PERIMETERS)}")
    lived = spending[spending["exposure_share"] > 0]
    if lived.empty:
        raise InputError(f"spending has no patient with exposure; the cap of {perimeter} cannot be stated")
    weights = lived["exposure_share"].to_numpy(dtype=float)
    annual = lived[PERIMETERS[perimeter]].to_numpy(dtype=float) / weights
    order = np.argsort(annual, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, CAP_SHARES[perimeter] * reached[-1]))
    return CAP_SHARES[perimeter], float(annual[order][min(place, len(order) - 1)])


def _by_patient(totals: ibis.Table) -> ibis.Table:
    return totals.group_by("patient_id").aggregate(
        spent_mg_eur=euros(totals.mg_cents),
        spent_mg_ide_eur=euros(totals.mg_ide_cents),
        spent_total_eur=euros(totals.base_cents),
        reimbursed_total_eur=euros(totals.reimbursed_cents),
        gp_acts=count_of(totals.gp_acts),
        **poste_euros(totals, "poste"),
    )


def _refuse_unknown_postes(spent: ibis.Table) -> None:
    """An amount under a poste without a column would be lost from the sum of postes: an error, not a silent gap."""
    by_poste = functools.reduce(operator.add, [spent[f"poste_{poste}_eur"] for poste in POSTES])
    lost = (spent.spent_total_eur - by_poste).abs().sum().execute()
    if lost and lost > 0.01:
        raise InputError(
            f"care_lines: {lost:.2f} EUR lie under a poste that poste_labels.csv does not list; add it there"
        )


def _outside(spent: ibis.Table, people: ibis.Table) -> dict[str, float]:
    left = spent.anti_join(people, "patient_id")
    found = left.aggregate(patients=left.count(), euros=left.spent_total_eur.sum().fill_null(0.0)).to_pyarrow()
    return {name: found[name][0].as_py() for name in ("patients", "euros")}
