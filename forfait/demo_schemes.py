"""The second half of the demo: what is counted, paid, settled and told to teams, a group and a practice."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forfait.console import Step

if TYPE_CHECKING:
    from forfait.demo import Made
    from forfait.paying.sources import Sources

OTHER_MODELS = ("peps_mg_ide", "ipep")
INSTALMENTS = ("peps", "ipso")
SCHEMES = ("peps", "ipep", "ipso", "biosimilars")
TOLD = ("peps", "ipep", "ipso")
BY = "the demo"


def scheme_steps(made: Made, years: range, seed: int, today: date) -> list[tuple[str, str, Callable[[Step], None]]]:
    """Steps of the demo from the other models to the statements: name, where it lies, what to run."""
    data, year = made.data, years[-1]
    return [
        *(
            (f"train {model}", str(made.versions), lambda step, m=model: _model(made, m, years, (seed, today), step))
            for model in OTHER_MODELS
        ),
        *((f"count {y}", f"{data}/fidelisation, …", lambda step, y=y: _count(made, y, step)) for y in years[-2:]),
        (f"pay {year}, provisional", f"{data}/payments", lambda step: _provisional(made, year, step)),
        (f"pay {year}, final", f"{data}/payments", lambda step: _final(made, year, step)),
        (f"reconcile {year}", f"{data}/reconciliation", lambda step: _reconcile(made, year, step)),
        ("statement", f"{data}/statements", lambda step: _statements(made, year, step)),
    ]


def _model(made: Made, model: str, years: range, drawn: tuple[int, date], step: Step) -> None:
    from training.registry import promote
    from training.score import predict_year
    from training.train import train

    (seed, today), year = drawn, years[-1]
    train(made.data, model, year, root=made.versions, seed=seed, progress=step)
    promote(made.versions, model, 1, from_date=date(year, 1, 1), decided_on=today, by=BY, why="to show the line")
    for past in years[-2:]:
        predict_year(made.data, made.versions, model, 1, past)


def _count(made: Made, year: int, step: Step) -> None:
    from features.engine import connect
    from forfait.counting import Counted, count_year
    from forfait.demo import MEMORY_GIB

    asked = Counted(year, made.data / "roster.csv", made.data / "territories.csv")
    count_year(connect("duckdb", memory_gib=MEMORY_GIB), made.data, asked, progress=step)


def _sources(made: Made) -> Sources:
    from features.engine import connect
    from forfait.demo import MEMORY_GIB
    from forfait.paying.sources import sources_in

    return sources_in(connect("duckdb", memory_gib=MEMORY_GIB), made.data, made.versions)


def _pay(made: Made, scheme: str, year: int, kind: str, decided_on: date) -> pd.DataFrame:
    """Pay a scheme; structure, scheme, kind and cents, a row per structure paid or refused."""
    from forfait.paying.pay import Asked, pay_scheme
    from forfait.paying.settle import record
    from schemes.labels import label

    asked = Asked(scheme, year, kind, decided_on, BY)
    done = pay_scheme(_sources(made), asked, declared=made.data / "declared_bricks.csv")
    record(made.data / "payments", done, decided_on=decided_on, by=BY)
    paid = [(one.structure_id, scheme, kind, one.total_cents, "") for one in done.payment.amounts]
    refused = [
        (str(structure), scheme, kind, 0, " ; ".join(label(scheme, reason) for reason in rows["reason"]))
        for structure, rows in done.payment.refused.groupby("structure_id")
    ]
    return pd.DataFrame(paid + refused, columns=["structure_id", "scheme", "kind", "cents", "refused"])


def _provisional(made: Made, year: int, step: Step) -> None:
    from forfait.paying.settle import record_payments
    from schemes.ledger import read_ledger

    eve = date(year - 1, 12, 31)
    made.frames["provisional"] = pd.concat([_pay(made, scheme, year, "provisional", eve) for scheme in INSTALMENTS])
    step("paying the instalments")
    payments = made.data / "payments"
    bank = payments / "bank.csv"
    with bank.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["structure_id", "scheme", "year", "label", "amount_cents", "paid_on"])
        for entry in read_ledger(payments / "ledger.jsonl"):
            rows.writerow([entry.structure_id, entry.scheme, year, entry.label, entry.amount_cents, entry.due_on])
    record_payments(payments, bank, by=BY)


def _final(made: Made, year: int, step: Step) -> None:
    settled = date(year + 1, 9, 30)
    frames = []
    for scheme in SCHEMES:
        step(scheme)
        frames.append(_pay(made, scheme, year, "final", settled))
    made.frames["final"] = pd.concat(frames, ignore_index=True)


def _reconcile(made: Made, year: int, step: Step) -> None:
    from forfait.paying.settle import decide_balance, reconcile_year

    settled, found = date(year + 1, 9, 30), []
    for scheme in INSTALMENTS:
        step(scheme)
        _, balance = reconcile_year(made.data, scheme, year, decided_on=settled, by=BY)
        decide_balance(made.data, scheme, year, balance=balance, decided_on=settled, by=BY)
        found.append(balance.assign(scheme=scheme))
    made.frames["balances"] = pd.concat(found, ignore_index=True)


def _statements(made: Made, year: int, step: Step) -> None:
    from forfait.paying.statements import write_statements

    final = made.frames["final"]
    for scheme in TOLD:
        paid = final[(final["scheme"] == scheme) & (final["cents"] > 0)]
        for structure in paid["structure_id"].head(1):
            made.statements += write_statements(
                made.data, scheme, year, kind="final", structure=structure, language="fr",
                folder=made.data / "statements", progress=step,
            )  # fmt: skip


def payments_table(made: Made) -> pd.DataFrame:
    """What the page shows of the payments: structure, scheme, provisional, paid, due, balance, or why not paid."""
    final = made.frames["final"].set_index(["structure_id", "scheme"])
    keys = ["structure_id", "scheme"]
    provisional = made.frames["provisional"].set_index(keys)["cents"]
    balances = made.frames["balances"].set_index(keys)
    told = pd.DataFrame(
        {
            "Provisionnel (€)": provisional.reindex(final.index) / 100,
            "Versé (€)": balances["paid_cents"].reindex(final.index) / 100,
            "Dû (€)": final["cents"].where(final["refused"] == "") / 100,
            "Solde (€)": balances["balance_cents"].reindex(final.index) / 100,
            "Pourquoi non payée": final["refused"],
        }
    )
    named = {"structure_id": "Structure", "scheme": "Modèle de paiement"}
    return told.reset_index().rename(columns=named)


def pages(made: Made) -> list[tuple[str, Path]]:
    """Pages of the structures: name and path from the demo's page."""
    return [(path.name, path.relative_to(made.folder)) for path in made.statements if path.suffix in (".html", ".pdf")]
