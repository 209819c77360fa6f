"""The pages of structures, written from a kept run: statement, leakage, cash flow, the views of an IPEP group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow.parquet as pq

import schemes.ipep
from features.errors import InputError
from features.postes import POSTES
from features.store import read_dataset, years_written
from features.tables import FIDELISATION, LEAKAGE
from forfait.documents import write_document
from forfait.paying.estimate import LEVEL, estimate_year
from forfait.paying.pay import LEDGER, required_run
from schemes.amounts import Amount
from schemes.ledger import LedgerEntry, of_structure, read_ledger
from schemes.peps.calendar import regularisations
from schemes.rulebook import Rules
from schemes.runs import PROVISIONAL, Inputs, Run, load, rules_of
from schemes.statements.cashflow import Estimate, cashflow_page, instalments_of
from schemes.statements.document import Document
from schemes.statements.given import Given
from schemes.statements.ipep import Views, ipep_page
from schemes.statements.leakage import leakage_page
from schemes.statements.statement import statement
from schemes.statements.stored import amounts_from

LANGUAGES = ("fr", "en")


@dataclass(frozen=True)
class Kept:
    """A run as its pages need it: what went in, what came out, the rules."""

    run: Run
    inputs: Inputs
    rules: dict[str, Rules]
    amounts: tuple[Amount, ...]
    forfaits: pd.DataFrame

    def given(self, amount: Amount, language: str) -> Given:
        """What every page of a structure is told; the run speaks of the structure's own scheme."""
        listed = self.inputs["participations"].drop_duplicates("structure_id").set_index("structure_id")
        own = {name: book for name, book in self.rules.items() if name == amount.scheme or name not in FAMILY}
        run = msgspec.structs.replace(self.run, scheme=amount.scheme)
        return Given(run, own, str(listed["structure_name"][amount.structure_id]), language)


FAMILY = ("peps", "peps2", "primordial", "capitation")


def write_statements(
    data: Path,
    scheme: str,
    year: int,
    *,
    kind: str,
    structure: str | None,
    language: str,
    folder: Path,
    as_of: date | None = None,
    progress: Callable[[str], None],
) -> list[Path]:
    """Files of the pages of a structure, or of all, from the run that holds for the year.

    Errors: MissingError where nothing was paid; InputError for an unknown language or a structure that is not paid.
    """
    if language not in LANGUAGES:
        raise InputError(f"language {language!r} is unknown; choose {' or '.join(LANGUAGES)}")
    kept = read_kept(required_run(data / "payments", scheme, year, kind))
    chosen = [amount for amount in kept.amounts if structure in (None, amount.structure_id)]
    if not chosen:
        paid = ", ".join(amount.structure_id for amount in kept.amounts)
        raise InputError(f"{structure or 'nobody'} is not paid in {scheme} {year}; paid are {paid or 'none'}")
    told = _told(data, kept, language, estimate_year(data, scheme, year, as_of=as_of) if as_of else None)
    written: list[Path] = []
    for number, amount in enumerate(chosen, start=1):
        progress(f"pages {number}/{len(chosen)}")
        for name, page in _pages(amount, told):
            written += write_document(page, folder, f"{amount.structure_id}-{name}-{language}")
    return written


def read_kept(folder: Path) -> Kept:
    """A kept run with its amounts. Errors: as `schemes.runs.load`."""
    run, inputs = load(folder)
    results = {path.stem: pq.read_table(path).to_pandas() for path in sorted((folder / "results").glob("*.parquet"))}
    amounts = amounts_from(results["amounts"], results["targets"], results["warnings"])
    return Kept(run, inputs, rules_of(run), amounts, results["forfaits"])


@dataclass(frozen=True)
class Told:
    """What the pages of every structure are told: the run, the language, the ledger, care outside, IPEP's views."""

    kept: Kept
    language: str
    entries: list[LedgerEntry]
    care: dict[str, pd.DataFrame]
    views: Views | None
    estimates: pd.DataFrame | None = None


def _told(data: Path, kept: Kept, language: str, estimates: pd.DataFrame | None) -> Told:
    year = kept.run.year - 1 if kept.run.kind == PROVISIONAL else kept.run.year
    care = {
        table.name: read_dataset(None, table, data, year)
        for table in (LEAKAGE, FIDELISATION)
        if kept.run.scheme in ("peps", "ipso") and year in years_written(table, data)
    }
    views = _views(kept) if kept.run.scheme == "ipep" else None
    return Told(kept, language, read_ledger(data / "payments" / LEDGER), care, views, estimates)


def _pages(amount: Amount, told: Told) -> Iterator[tuple[str, Document]]:
    """Name and page: the statement, then what the scheme and the ledger have to tell besides."""
    given = told.kept.given(amount, told.language)
    yield "statement", statement(amount, given, forfaits=told.kept.forfaits)
    if told.care:
        yield "leakage", _leakage(amount, given, told)
    entries = of_structure(told.entries, amount.structure_id, scheme=told.kept.run.scheme, year=amount.year)
    if made := instalments_of(entries):
        expected = _expected(amount, given, told.estimates)
        yield "cashflow", cashflow_page(amount.structure_id, given, instalments=made, estimate=expected)
    if told.views is not None:
        postes = {name: labels[0 if told.language == "fr" else 1] for name, labels in POSTES.items()}
        yield "views", ipep_page(amount, given, views=told.views, postes=postes)


def _leakage(amount: Amount, given: Given, told: Told) -> Document:
    listed = told.kept.inputs["participations"].drop_duplicates("structure_id").set_index("structure_id")
    perimeter = listed["perimeter"].get(amount.structure_id) or "MG"
    own = {
        name: frame[(frame["perimeter"] == perimeter) & (frame["structure_id"] == amount.structure_id)]
        for name, frame in told.care.items()
    }
    return leakage_page(
        amount.structure_id, given, leakage=own["leakage"], fidelisation=own["fidelisation"], amount=amount
    )


def _views(kept: Kept) -> Views:
    rules, year = kept.rules["ipep"], kept.run.year
    described = kept.inputs["described"]
    return Views(
        patientele=schemes.ipep.patientele_described(described),
        contacts=schemes.ipep.contact_points(kept.inputs["contacts"], described),
        spending=schemes.ipep.historical_spending(kept.inputs, year=year, rules=rules),
        gains=schemes.ipep.potential_gains(kept.inputs, year=year, rules=rules),
    )


def _expected(amount: Amount, given: Given, estimates: pd.DataFrame | None) -> Estimate:
    """The amount at the settlement: as estimated on a day, with its interval, or as computed on these figures."""
    settled_on = regularisations(amount.year, rules=given.own_rules)[0].due_on
    own = None if estimates is None else estimates[estimates["structure_id"] == amount.structure_id]
    if own is None or own.empty:
        return Estimate(amount.total_cents, amount.total_cents, amount.total_cents, settled_on)
    expected, low, high = (int(own[f"{name}_cents"].iloc[0]) for name in ("expected", "low", "high"))
    return Estimate(expected, low, high, settled_on, Decimal(str(LEVEL)))
