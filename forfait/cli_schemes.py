"""The commands of the schemes that compute and decide: rules, counts, payments, what was paid, balances, replays."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError
from forfait.console import frame_table, out, working
from forfait.options import (
    DATA,
    ENGINE,
    VERSIONS,
    All,
    By,
    Data,
    Decided,
    Engine,
    Kind,
    Memory,
    Participations,
    Roster,
    Scheme,
    Structure,
    Version,
    Versions,
    Year,
    connected,
    day_of,
    one_or_all,
    today,
)


def rules(
    what: Annotated[list[str], typer.Argument(help="SCHEME, or: diff SCHEME DAY DAY.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Any day; default: today.")] = None,
    known_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As published by this day; default: all files.")
    ] = None,
    assumed: Annotated[bool, typer.Option(help="Only the values that no source gives.")] = False,
    impact: Annotated[
        int | None, typer.Option(help="With diff: a year whose kept payment shows the euros per structure.")
    ] = None,
    data: Data = DATA,
) -> None:
    """The rules of a scheme in force on a day, or what changed between two days and what it is worth.

    Example: [bold]forfait rules peps --on 2023-03-01[/]

    Example: [bold]forfait rules diff peps 2022-01-01 2022-11-27 --impact 2024[/]
    """
    from forfait.rules_pages import print_diff, print_rules

    known = known_on.date() if known_on else None
    if what[0] == "diff" and len(what) == 4:
        print_diff(what[1], _iso(what[2]), _iso(what[3]), known_on=known, impact=impact, payments=data / "payments")
    elif len(what) == 1:
        print_rules(what[0], on=day_of(on), known_on=known, assumed_only=assumed)
    else:
        raise InputError("give a scheme (forfait rules peps), or: forfait rules diff peps 2022-01-01 2022-11-27")


def count(
    year: Year,
    roster: Roster = None,
    territories: Annotated[
        Path | None,
        typer.Option(help="CSV commune, territory_id; default: territories.csv in the data folder, if any."),
    ] = None,
    known_before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only lines loaded before this day; default: all.")
    ] = None,
    data: Data = DATA,
    engine: Engine = ENGINE,
    memory: Memory = None,
) -> None:
    """Count in the claims what the schemes pay on: care inside and outside the teams, contacts, indicators, bricks.

    Example: [bold]forfait count --year 2024[/]
    """
    from forfait.counting import Counted, count_year

    default = data / "territories.csv"
    places = territories or (default if default.exists() else None)
    asked = Counted(year, roster or data / "roster.csv", places, known_before.date() if known_before else None)
    with working(f"count {year}") as step:
        written = count_year(connected(engine, memory), data, asked, progress=step)
    out.print(f"{year}: " + ", ".join(f"{name} {rows:,}" for name, rows in written.items()) + " rows")


def pay(
    scheme: Scheme,
    year: Year,
    by: By,
    structure: Structure = None,
    everyone: All = False,
    kind: Kind = "final",
    decided_on: Decided = None,
    version: Version = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn (chance, samples).")] = 0,
    roster: Roster = None,
    participations: Participations = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
    engine: Engine = ENGINE,
) -> None:
    """What a scheme pays each structure for a year; a provisional payment decides its instalments in the ledger.

    Example: [bold]forfait pay peps --year 2024 --all --kind provisional --decided-on 2023-12-31 --by Cnam[/]
    """
    from forfait.paying.pay import Asked, pay_scheme
    from forfait.paying.settle import record
    from forfait.paying.show import payment_tables
    from forfait.paying.sources import sources_in

    one_or_all(structure, everyone, what="who is paid")
    decided = _past(day_of(decided_on))
    asked = Asked(scheme, year, kind, decided, by, structure=structure, version=version, seed=seed)
    with working(f"pay {scheme} {year}") as step:
        step("gathering inputs")
        con = connected(engine, None)
        sources = sources_in(con, data, versions, roster=roster, participations=participations)
        done = pay_scheme(sources, asked, declared=data / "declared_bricks.csv")
    for table in payment_tables(done):
        out.print(table)
    entries = record(data / "payments", done, decided_on=decided, by=by)
    if entries:
        out.print(f"{len(entries)} instalments decided in {data / 'payments' / 'ledger.jsonl'}")
    out.print(f"run {done.run.id} kept in {done.folder}")


def paid(
    file: Annotated[Path, typer.Argument(help="CSV: structure_id, scheme, year, label, amount_cents, paid_on.")],
    by: By,
    data: Data = DATA,
) -> None:
    """Record what has left the account: each payment settles one decided instalment, for its amount.

    Example: [bold]forfait paid bank.csv --by "agence comptable"[/]
    """
    from forfait.paying.settle import record_payments

    entries = record_payments(data / "payments", file, by=by, today=today())
    total = sum(entry.amount_cents for entry in entries)
    out.print(f"{len(entries)} payments recorded, {total / 100:,.2f} EUR")


def reconcile(
    scheme: Scheme,
    year: Year,
    by: By,
    decide: Annotated[bool, typer.Option(help="Decide the balances in the ledger; default: show them only.")] = False,
    decided_on: Decided = None,
    data: Data = DATA,
) -> None:
    """Due against paid, structure by structure, with the reason of each difference, to the cent.

    Example: [bold]forfait reconcile peps --year 2024 --by Cnam --decide[/]
    """
    from forfait.paying.settle import decide_balance, reconcile_year
    from forfait.paying.show import cents_columns, reasons_table

    decided = _past(day_of(decided_on))
    with working(f"reconcile {scheme} {year}") as step:
        step("paying again, one reason after the other")
        frame, balance = reconcile_year(data, scheme, year, decided_on=decided, by=by)
    out.print(reasons_table(frame, f"{scheme} {year}: from paid to due, EUR"))
    out.print(frame_table(cents_columns(balance), f"{scheme} {year}: balances"))
    if decide:
        entries = decide_balance(data, scheme, year, balance=balance, decided_on=decided, by=by)
        out.print(f"{len(entries)} balances decided in {data / 'payments' / 'ledger.jsonl'}")


def replay(scheme: Scheme, year: Year, kind: Kind = "final", data: Data = DATA) -> None:
    """Compute a kept payment again, from its inputs and under the rules known then: the same bytes, or an error.

    Example: [bold]forfait replay peps --year 2024 --kind provisional[/]
    """
    from forfait.paying.pay import PAY, required_run
    from schemes.runs import replay as replay_run

    folder = required_run(data / "payments", scheme, year, kind)
    with working(f"replay {scheme} {year}"):
        payment = replay_run(folder, PAY[scheme])
    out.print(f"run {folder.name}: identical, {len(payment.amounts)} structures, {payment.total_cents / 100:,.2f} EUR")


def _iso(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a day; write 2022-11-27") from error


def _past(day: date) -> date:
    if day > today():
        raise InputError(f"--decided-on {day} is to come; a decision is written once it is taken")
    return day


SCHEME_COMMANDS = (rules, count, pay, paid, reconcile, replay)
