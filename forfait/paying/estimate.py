"""What the structures can expect for a year, as seen on a day: at the estimate and at the ends of its interval."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
from scipy.stats import norm

from features.errors import InputError, MissingError
from features.store import read_dataset, years_written
from features.tables import DEVELOPMENT
from forfait.paying.pay import PAY, last_run, required_run
from schemes.estimate import YearEstimate, fidelisation_error, scaled, year_estimate
from schemes.runs import FINAL, PROVISIONAL, Inputs, load, rules_of
from schemes.simulate import fidelisation_moves

LEVEL = 0.90
ESTIMATED = ("peps", "ipep", "ipso")
WITH_FIDELISATION = ("peps", "ipso")
NATION = "*"
COLUMNS = ["structure_id", "known_share", "expected_cents", "low_cents", "high_cents"]


def estimate_year(data: Path, scheme: str, year: int, *, as_of: date) -> pd.DataFrame:
    """Rows structure_id, known_share, expected_cents, low_cents, high_cents: a 90 % interval of the final amount.

    The last payment computed (final, else provisional) is paid again on spending completed from what was loaded
    before `as_of`. Low and high are the least and the most of the amounts at the ends of the intervals of spending
    and, where the scheme has one, of fidelisation.
    Errors: MissingError where nothing was computed or counted; InputError for a scheme not paid on months of care.
    """
    if scheme not in ESTIMATED:
        choices = ", ".join(ESTIMATED)
        raise InputError(f"{scheme} is not estimated from months of care; choose one of {choices} (eds: forfait watch)")
    payments = data / "payments"
    folder = last_run(payments, scheme, year, FINAL) or required_run(payments, scheme, year, PROVISIONAL)
    run, inputs = load(folder)
    seen = _seen(data, inputs, scheme, year, as_of)
    book = rules_of(run)
    variants: list[Inputs] = [scaled(inputs, factors, year=year) for factors in _factors(seen)]
    variants += [_moved(variants[0], seen, sign) for sign in (-1, 1)] if scheme in WITH_FIDELISATION else []
    paid = []
    for variant in variants:
        payment = PAY[scheme](variant, year, book, run.seed)
        paid.append({amount.structure_id: amount.total_cents for amount in payment.amounts})
    rows = []
    for structure in sorted(paid[0]):
        ends = sorted(one.get(structure, 0) for one in paid)
        known = _known_share(seen[structure][0]) if structure in seen else None
        rows.append((structure, known, paid[0][structure], ends[0], ends[-1]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _seen(data: Path, inputs: Inputs, scheme: str, year: int, as_of: date) -> dict[str, tuple[YearEstimate, int]]:
    """Estimate and cents in the data, by structure; a structure without care in either year is left as it is."""
    written = years_written(DEVELOPMENT, data)
    if missing := [past for past in (year - 1, year) if past not in written]:
        raise MissingError(f"development of {missing[0]} is missing: run forfait count --year {missing[0]}")
    triangles = pd.concat([read_dataset(None, DEVELOPMENT, data, past) for past in (year - 1, year)])
    found = {}
    for structure, scope in _scopes(inputs, scheme).items():
        rows = triangles[triangles["scope"] == scope]
        own, nation = (rows[rows["structure_id"] == one] for one in (structure, NATION))
        if own.empty:
            continue
        now = own[pd.to_datetime(own["care_month"]).dt.year == year]
        found[structure] = (year_estimate(own, as_of=as_of, year=year, reference=nation), int(now["base_cents"].sum()))
    return found


def _known_share(estimate: YearEstimate) -> float:
    return estimate.known_cents / max(estimate.expected_cents, 1)


def _moved(inputs: Inputs, seen: dict[str, tuple[YearEstimate, int]], sign: int) -> Inputs:
    """The inputs with the fidelisation of each structure at an end of its interval."""
    patients, reach = inputs["patients"], float(norm.ppf((1 + LEVEL) / 2))
    for structure, mine in patients.groupby("structure_id"):
        if structure not in seen or not mine["in_team_cents"].sum():
            continue
        points = sign * reach * fidelisation_error(mine, _known_share(seen[str(structure)][0]))
        inputs = fidelisation_moves(f"{points:.6f}", structures=[str(structure)]).apply(inputs, {})[0]
    return inputs


def _scopes(inputs: Inputs, scheme: str) -> dict[str, str]:
    listed = inputs["participations"].drop_duplicates("structure_id")
    if scheme == "peps":
        return dict(zip(listed["structure_id"], listed["perimeter"], strict=True))
    return dict.fromkeys(listed["structure_id"], "TOTAL" if scheme == "ipep" else "MG")


def _factors(seen: dict[str, tuple[YearEstimate, int]]) -> list[dict[str, float]]:
    """Factors on what the data hold, at the estimate and at the ends of its interval."""
    ends = {name: (one.expected_cents, *one.interval(LEVEL)) for name, (one, _) in seen.items()}
    return [{name: ends[name][place] / max(total, 1) for name, (_, total) in seen.items()} for place in range(3)]
