"""What an auditor opens beside a payment of EDS: prices by stratum, the forfait of each episode, how prices moved."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import schemes.eds
from forfait.paying.pay import last_run, required_run
from schemes.runs import FINAL, load, rules_of

SCHEME = "eds"
PRICES, FORFAITS, CHANGES = "prices", "forfaits", "price-changes"


def bundles_of(data: Path, year: int) -> dict[str, pd.DataFrame]:
    """prices, forfaits and price-changes of the payment of EDS that holds for a year, computed again from its inputs.

    prices: `schemes.eds.prices`; forfaits: `schemes.eds.reconciled`, an episode a row, its components adding up to it;
    price-changes: against the payment of the year before, under its own rules; not there where that was not paid.
    Errors: MissingError where nothing was paid.
    """
    payments = data / "payments"
    run, inputs = load(required_run(payments, SCHEME, year, FINAL))
    rules = rules_of(run)[SCHEME]
    prices = schemes.eds.prices(inputs, year=year, rules=rules)
    found = {PRICES: prices, FORFAITS: schemes.eds.reconciled(inputs, year=year, rules=rules)}
    earlier = last_run(payments, SCHEME, year - 1, FINAL)
    if earlier is None:
        return found
    past, past_inputs = load(earlier)
    before = schemes.eds.prices(past_inputs, year=year - 1, rules=rules_of(past)[SCHEME])
    return {**found, CHANGES: schemes.eds.price_changes(before, prices, rules)}


def write_bundles(data: Path, year: int, *, folder: Path | None = None) -> tuple[Path, dict[str, pd.DataFrame]]:
    """The folder of the CSV files of `bundles_of`, beside the run unless given, and the frames."""
    run = required_run(data / "payments", SCHEME, year, FINAL)
    to, frames = folder or run.with_name(f"{run.name}-bundles"), bundles_of(data, year)
    to.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(to / f"{name}.csv", index=False)
    return to, frames
