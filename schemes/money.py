"""Euros to cents, exactly: sums that no order of rows changes, one rounding, cents that add up when shared out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
MICRO = Decimal("0.000001")


def total_eur(values: Iterable[float]) -> Decimal:
    """Sum of float euros as an exact decimal, to the millionth; the order of the values does not matter.

    Errors: ValueError for a value that is not a finite number.
    """
    total = math.fsum(values)
    if not math.isfinite(total):
        raise ValueError("a sum of euros is not a finite number; no patient may have an empty or infinite amount")
    return Decimal(repr(total)).quantize(MICRO, ROUND_HALF_UP)


def round_cents(euros: Decimal) -> int:
    """Whole cents of exact euros, half a cent away from zero: the one rounding of an amount."""
    return int((euros.quantize(CENT, ROUND_HALF_UP)) * 100)


def allot(total_cents: int, weights: Sequence[float]) -> list[int]:
    """Cents of each share of a total, in proportion to `weights`; they add up to the total, to the cent.

    Largest remainders take the cents that rounding down leaves; equal remainders go to the larger weight, then to
    the first. Weights are 0 or more; where all are 0 the shares are equal.
    Errors: ValueError for a negative weight, or a total to share among nobody.
    """
    if not weights:
        if total_cents:
            raise ValueError(f"{total_cents} cents to share among nobody")
        return []
    exact = [Decimal(repr(float(weight))) for weight in weights]
    if min(exact) < 0:
        raise ValueError("a weight is negative; shares want 0 or more")
    whole = sum(exact)
    if whole == 0:
        exact, whole = [Decimal(1)] * len(exact), Decimal(len(exact))
    sign = -1 if total_cents < 0 else 1
    ideal = [abs(total_cents) * weight / whole for weight in exact]
    shares = [int(share.to_integral_value(ROUND_DOWN)) for share in ideal]
    left = abs(total_cents) - sum(shares)
    order = sorted(range(len(shares)), key=lambda i: (shares[i] - ideal[i], -exact[i], i))
    for place in order[:left]:
        shares[place] += 1
    return [sign * share for share in shares]
