"""What a year costs by category: the socle by age and sex, and the price of each brick, on the national reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from features.errors import InputError, RuleError
from schemes.ipso.inputs import BRICKS
from schemes.money import MICRO, total_eur
from schemes.rulebook import Rules

FITTED, GRID = "fitted", "grid"
MONTHS = 12
CELL = ["age_from", "sex"]


@dataclass(frozen=True)
class Prices:
    """Euros for a full year, to the millionth.

    socle: age_from, sex, patients (of the reference), mean_eur (balanced). bricks: price of each, None where the
    reference flags nobody. balance: the factor that the means and the fitted prices were multiplied by.
    """

    socle: pd.DataFrame
    bricks: dict[str, Decimal | None]
    balance: Decimal
    starts: tuple[int, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Bricks without a price."""
        return tuple(name for name, price in self.bricks.items() if price is None)

    def socle_eur(self, people: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Mean of each patient's age band and sex; nan where the reference has nobody like the patient."""
        means = {
            (age, sex): float(mean)
            for age, sex, mean in zip(self.socle["age_from"], self.socle["sex"], self.socle["mean_eur"], strict=True)
        }
        cells = zip(*cells_of(people, self.starts), strict=True)
        return np.array([means.get((int(age), int(sex)), np.nan) for age, sex in cells], dtype=np.float64)


def age_starts(rules: Rules) -> tuple[int, ...]:
    """First age of each band of the socle. Errors: RuleError unless they rise from 0."""
    starts = tuple(int(age) for age in rules.listed("socle_age_starts"))
    if not starts or starts[0] != 0 or list(starts) != sorted(set(starts)):
        raise RuleError(f"{rules.file}: socle_age_starts is {rules.text('socle_age_starts')}; it should rise from 0")
    return starts


def cells_of(people: pd.DataFrame, starts: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First age of the band of each person and sex; -1 where age or sex is not known."""
    years = people["age_months"].to_numpy(dtype=float) / MONTHS
    band = np.searchsorted(np.array(starts), np.where(np.isnan(years), -1.0, years), side="right") - 1
    sex = people["sex"].to_numpy(dtype=float)
    known = ~np.isnan(years) & ~np.isnan(sex)
    return np.where(known, np.array(starts)[band], -1), np.where(known, np.nan_to_num(sex, nan=-1), -1).astype(np.int64)


def prices(reference: pd.DataFrame, rules: Rules) -> Prices:
    """The socle's means and the bricks' prices of a national reference (REFERENCE_COLUMNS).

    m(c)  = Σ ω·observed / Σ ω over the reference patients of cell c (age band × sex), ω = weight
    w     = argmin, w ≥ 0, of Σ ω·(expected − m(c) − Σ_b w_b·flag_b)²
    k     = Σ ω·expected / Σ ω·(m(c) + Σ_b w_b·flag_b)
    socle = k·m(c), price of b = k·w_b: so that the forfaits by category of the reference, wholly faithful, add up to
    its expected spending. FMT and ROSP, which the model does not cover, come on top and are not rescaled.
    brick_prices "grid": prices of the grid brick_prices (brick, amount_eur), means as observed, k = 1.
    Rule: IPSO, forfait by category (fit and rescale assumed: prices are not published).
    Errors: InputError for an empty reference, RuleError for another way of pricing.
    """
    if reference.empty:
        raise InputError("reference has no patient; IPSO prices its categories on the national reference")
    how, starts = rules.text("brick_prices"), age_starts(rules)
    means = _means(reference, starts)
    if how == GRID:
        return Prices(means, _of_grid(rules), Decimal(1), starts)
    if how != FITTED:
        raise RuleError(f"{rules.file}: brick_prices is {how!r}; it should be {FITTED} or {GRID}")
    covered = Prices(means, {}, Decimal(1), starts).socle_eur(reference)
    fitted = fit(reference, covered)
    balance = _balance(reference, covered, fitted)
    return Prices(
        socle=means.assign(mean_eur=means["mean_eur"].map(lambda mean: _micro(mean * balance))),
        bricks={
            name: _micro(Decimal(repr(float(weight))) * balance) if reference[name].any() else None
            for name, weight in zip(BRICKS, fitted, strict=True)
        },
        balance=balance,
        starts=starts,
    )


def fit(reference: pd.DataFrame, covered_eur: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weight of each brick, 0 or more, by weighted least squares of expected − covered on the flags.

    Patients with the same flags are summed first: the same minimum, on at most 2^10 rows, whatever their order.
    """
    weight = reference["weight"].to_numpy()
    left = reference["expected_eur"].to_numpy() - covered_eur
    summed = reference[BRICKS].assign(weight=weight, left=left * weight).groupby(BRICKS, sort=True)
    patterns = summed.agg({"weight": total_eur, "left": total_eur}).reset_index()
    mass = patterns["weight"].astype(float).to_numpy()
    root = np.sqrt(mass)
    goal = patterns["left"].astype(float).to_numpy() / mass
    return nnls(patterns[BRICKS].to_numpy(dtype=float) * root[:, None], goal * root)[0]


def flag_shares(reference: pd.DataFrame) -> dict[str, float]:
    """Weighted share of the reference that has each brick."""
    whole = total_eur(reference["weight"])
    return {name: float(total_eur(reference["weight"][reference[name]]) / whole) for name in BRICKS}


def _means(reference: pd.DataFrame, starts: tuple[int, ...]) -> pd.DataFrame:
    age, sex = cells_of(reference, starts)
    weight, spent = reference["weight"], reference["weight"] * reference["observed_eur"]
    cells = pd.DataFrame({"age_from": age, "sex": sex, "weight": weight, "spent": spent}).groupby(CELL, sort=True)
    summed = cells.agg(patients=("weight", "size"), weight=("weight", total_eur), spent=("spent", total_eur))
    means = (summed["spent"] / summed["weight"]).map(_micro)
    return summed.drop(columns=["weight", "spent"]).assign(mean_eur=means).reset_index()


def _balance(reference: pd.DataFrame, covered: npt.NDArray[np.float64], fitted: npt.NDArray[np.float64]) -> Decimal:
    weight = reference["weight"].to_numpy()
    forfaits = total_eur(weight * (covered + reference[BRICKS].to_numpy(dtype=float) @ fitted))
    if not forfaits:
        raise InputError("reference: observed and expected spending are 0 for everyone; nothing can be priced")
    return total_eur(weight * reference["expected_eur"].to_numpy()) / forfaits


def _of_grid(rules: Rules) -> dict[str, Decimal | None]:
    found: Mapping[str, str] = {row["brick"]: row["amount_eur"] for row in rules.grid("brick_prices")}
    if unlike := sorted(set(found) ^ set(BRICKS)):
        raise RuleError(f"{rules.file}: grid brick_prices should price the ten bricks once; see {', '.join(unlike)}")
    return {name: Decimal(found[name]) for name in BRICKS}


def _micro(value: Decimal) -> Decimal:
    return value.quantize(MICRO, ROUND_HALF_UP)
