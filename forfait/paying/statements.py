"""The pages of structures, written from a kept run: statement, leakage, cash flow, the views of an IPEP group."""

from __future__ import annotations

import re
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
from features.tables import FIDELISATION, LEAKAGE, RECONCILIATION
from forfait.documents import write_document
from forfait.paying.eds_pages import eds_pages, eds_views, explained
from forfait.paying.estimate import LEVEL, estimate_year
from forfait.paying.pay import FAMILIES, LEDGER, required_run
from forfait.paying.settle import REGULARISATION
from schemes.amounts import Amount
from schemes.ledger import LedgerEntry, of_structure, read_ledger
from schemes.peps.calendar import regularisations
from schemes.rulebook import Rules
from schemes.runs import FINAL, PROVISIONAL, Inputs, Run, load, rules_of
from schemes.statements.cashflow import Estimate, cashflow_page, instalments_of
from schemes.statements.document import Document
from schemes.statements.eds import EdsViews
from schemes.statements.eds_episode import episode_page
from schemes.statements.given import Given
from schemes.statements.ipep import Views, ipep_page
from schemes.statements.leakage import leakage_page
from schemes.statements.reconciliation import reconciliation_page
from schemes.statements.refusal import refusal_page, refused_of
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
    refused: pd.DataFrame
    excluded: pd.DataFrame | None = None

    @property
    def listed(self) -> pd.DataFrame:
        """Participations, the first of each structure."""
        return self.inputs["participations"].drop_duplicates("structure_id").set_index("structure_id")

    def given(self, structure: str, language: str) -> Given:
        """What every page of a structure is told; the run speaks of the structure's own scheme."""
        scheme = next((a.scheme for a in self.amounts if a.structure_id == structure), self.listed["scheme"][structure])
        family = next((members for members in FAMILIES.values() if scheme in members), ())
        own = {name: book for name, book in self.rules.items() if name == scheme or name not in family}
        run = msgspec.structs.replace(self.run, scheme=scheme)
        return Given(run, own, str(self.listed["structure_name"][structure]), language)


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

    A structure that is refused has a page that says why. Errors: MissingError where nothing was paid; InputError for
    an unknown language, or a structure that takes no part.
    """
    check_language(language)
    kept = read_kept(required_run(data / "payments", scheme, year, kind))
    known = sorted({*(amount.structure_id for amount in kept.amounts), *kept.refused["structure_id"].map(str)})
    chosen = [one for one in known if structure in (None, one)]
    if not chosen:
        raise InputError(
            f"{structure or 'nobody'} takes no part in {scheme} {year}; choose one of {', '.join(known) or 'none'}"
        )
    told = _told(data, kept, language, estimate_year(data, scheme, year, as_of=as_of) if as_of else None)
    written: list[Path] = []
    for number, one in enumerate(chosen, start=1):
        progress(f"pages {number}/{len(chosen)}")
        for name, page in pages_of(one, told):
            written += write_document(page, folder, f"{one}-{name}-{language}")
    return written


def write_episode(data: Path, year: int, episode_id: str, *, kind: str, language: str, folder: Path) -> list[Path]:
    """Files of the page that explains the forfait of one episode, from the run of EDS that holds for the year.

    Errors: MissingError where nothing was paid; InputError for an unknown language, or an episode not reconciled.
    """
    check_language(language)
    kept = read_kept(required_run(data / "payments", "eds", year, kind))
    views = _eds_views(kept)
    own = views.episodes.loc[views.episodes["episode_id"] == episode_id, "establishment_id"]
    given = kept.given(str(own.iloc[0]) if len(own) else str(kept.listed.index[0]), language)
    page = episode_page(episode_id, given, views, explained(data, episode_id, kept.run, language))
    name = re.sub(r"[^A-Za-z0-9]+", "-", episode_id).strip("-")
    return write_document(page, folder, f"episode-{name}-{language}")


def check_language(language: str) -> None:
    """Errors: InputError for a language in which there are no pages."""
    if language not in LANGUAGES:
        raise InputError(f"language {language!r} is unknown; choose {' or '.join(LANGUAGES)}")


def read_kept(folder: Path) -> Kept:
    """A kept run with its amounts. Errors: as `schemes.runs.load`."""
    run, inputs = load(folder)
    results = {path.stem: pq.read_table(path).to_pandas() for path in sorted((folder / "results").glob("*.parquet"))}
    amounts = amounts_from(results["amounts"], results["targets"], results["warnings"])
    left_out = results.get("excluded")
    return Kept(run, inputs, rules_of(run), amounts, results["forfaits"], results["refused"], left_out)


@dataclass(frozen=True)
class Told:
    """What the pages of every structure are told: the run, the language, the ledger, care outside, IPEP's views."""

    kept: Kept
    language: str
    entries: list[LedgerEntry]
    care: dict[str, pd.DataFrame]
    views: Views | None
    reconciliation: pd.DataFrame | None = None
    eds: EdsViews | None = None
    estimates: pd.DataFrame | None = None


def _told(data: Path, kept: Kept, language: str, estimates: pd.DataFrame | None) -> Told:
    year = kept.run.year - 1 if kept.run.kind == PROVISIONAL else kept.run.year
    care = {
        table.name: read_dataset(None, table, data, year)
        for table in (LEAKAGE, FIDELISATION)
        if kept.run.scheme in ("peps", "ipso") and year in years_written(table, data)
    }
    views = _views(kept) if kept.run.scheme == "ipep" and kept.amounts else None
    entries = [entry for entry in read_ledger(data / "payments" / LEDGER) if _is_known(entry, kept.run.kind)]
    episodes = _eds_views(kept) if kept.run.scheme == "eds" and kept.amounts else None
    return Told(kept, language, entries, care, views, _reconciliation(data, kept), episodes, estimates)


def _eds_views(kept: Kept) -> EdsViews:
    excluded = kept.excluded if kept.excluded is not None else pd.DataFrame(columns=["structure_id"])
    return eds_views(kept.inputs, excluded, year=kept.run.year, rules=kept.rules["eds"])


def _is_known(entry: LedgerEntry, kind: str) -> bool:
    """A provisional page tells of the instalments only: the settlement follows from the final amount."""
    return kind == FINAL or not entry.label.startswith(REGULARISATION)


def _reconciliation(data: Path, kept: Kept) -> pd.DataFrame | None:
    """RECONCILIATION rows of a final run; None where the year is not reconciled."""
    path = data / "reconciliation" / kept.run.scheme / str(kept.run.year) / f"{RECONCILIATION.name}.parquet"
    return pq.read_table(path).to_pandas() if kept.run.kind == FINAL and path.exists() else None


def pages_of(structure: str, told: Told) -> Iterator[tuple[str, Document]]:
    """Name and page: the statement or the refusal, then what the scheme and the ledger have to tell besides."""
    given = told.kept.given(structure, told.language)
    amount = next((one for one in told.kept.amounts if one.structure_id == structure), None)
    if amount is None:
        yield "statement", refusal_page(structure, given, refused=refused_of(told.kept.refused, structure))
    else:
        yield from _pages(amount, given, told)
    rows = told.reconciliation
    if rows is not None and _is_of(rows, structure, amount):
        yield "reconciliation", reconciliation_page(structure, given, reconciliation=rows)


def _is_of(reconciliation: pd.DataFrame, structure: str, amount: Amount | None) -> bool:
    """Whether a structure is reconciled. Errors: InputError where that was done on another payment."""
    rows = reconciliation[reconciliation["structure_id"] == structure]
    if rows.empty:
        return False
    due = int(rows.sort_values("order")["running_cents"].iloc[-1])
    if due != (amount.total_cents if amount else 0):
        scheme, year = rows["scheme"].iloc[0], rows["year"].iloc[0]
        raise InputError(
            f"the reconciliation of {scheme} {year} is not of the final payment kept last: "
            f"run forfait reconcile {scheme} --year {year} again"
        )
    return True


def _pages(amount: Amount, given: Given, told: Told) -> Iterator[tuple[str, Document]]:
    if told.eds is None:
        yield "statement", statement(amount, given, forfaits=told.kept.forfaits)
    else:
        yield from eds_pages(amount, given, told.eds, told.kept.forfaits)
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
    perimeter = told.kept.listed["perimeter"].get(amount.structure_id) or "MG"
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
