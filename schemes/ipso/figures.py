"""The figures behind the amount of a practice, as exact text, and its warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from schemes.amounts import Figure
from schemes.ipso.inputs import BRICKS
from schemes.ipso.practices import Marks, Practice, Year
from schemes.ipso.prices import MONTHS
from schemes.ipso.socle import Terms
from schemes.money import MICRO, round_cents, total_eur
from schemes.rulebook import Rules

EUR, EUR_YEAR, EUR_MONTH = "EUR", "EUR per patient and year", "EUR per patient and month"


@dataclass(frozen=True)
class Computed:
    """A practice's payment: its terms, the bricks paid, the total on other bricks, the total in euros."""

    practice: Practice
    terms: Terms | None
    marks: Marks
    simulated: Mapping[str, Decimal]
    total: Decimal


def figures(computed: Computed, found: Year, rules: Rules) -> dict[str, Figure]:
    """Every figure of a practice's amount, in the order of the computation; no terms, no figures of categories."""
    practice = computed.practice
    months = _months(practice)
    told: dict[str, tuple[Decimal | int | None, str]] = {
        "patients": (len(practice.patients), "patients"),
        "months": (months, "months"),
        "mean_month_paid": (mean_month(computed), EUR_MONTH),
        "mean_month_eur": (rules.decimal("mean_month_eur"), EUR_MONTH),
        "category_share": (_ratio(total_eur(practice.months @ found.category_share), months), "share"),
    }
    if computed.terms is not None:
        told |= _of_categories(computed, computed.terms)
        told |= {f"total_on_{source}": (round_cents(total), "cents") for source, total in computed.simulated.items()}
    return {name: Figure(_text(value), unit) for name, (value, unit) in told.items()}


def warnings_of(computed: Computed, rules: Rules) -> tuple[str, ...]:
    """Warnings of a practice's amount, by label: what to look at before the amount is paid.

    The monthly mean, team envelope included, outside mean_month_sanity_min_eur and _max_eur; supplements of the FMT
    that are not measured; a brick paid for which the reference gives no price; bricks paid as declared when none is;
    months that another practice already had.
    """
    practice, terms, found = computed.practice, computed.terms, list[str]()
    mean = mean_month(computed)
    if mean is not None and mean < rules.decimal("mean_month_sanity_min_eur"):
        found.append("mean_month_below_sanity")
    if mean is not None and mean > rules.decimal("mean_month_sanity_max_eur"):
        found.append("mean_month_above_sanity")
    if practice.shared_patients:
        found.append("patients_in_two_practices")
    if terms is None:
        return tuple(found)
    found += terms.socle.warnings
    paid = _patients_by_brick(practice, computed.marks)
    if any(paid[name] for name in terms.prices.missing):
        found.append("brick_without_price")
    if rules.text("bricks_from") == "declared" and not practice.declared.any():
        found.append("no_brick_declared")
    return tuple(found)


def mean_month(computed: Computed) -> Decimal | None:
    """Euros paid per patient and month, the team envelope included."""
    return _ratio(computed.total, _months(computed.practice))


def _of_categories(computed: Computed, terms: Terms) -> dict[str, tuple[Decimal | int | None, str]]:
    practice, socle = computed.practice, terms.socle
    years = practice.months.sum(axis=1) / MONTHS
    parts = {"consumption": socle.consumption, "fmt": socle.fmt, "rosp": socle.rosp}
    patients = _patients_by_brick(practice, computed.marks)
    return {
        **{f"socle_{name}": (total_eur(euros * years), EUR) for name, euros in parts.items()},
        "balance": (terms.prices.balance, "ratio"),
        "fidelisation_rate": (terms.fidelisation.rate, "share"),
        "in_team_cents": (terms.fidelisation.in_team_cents, "cents"),
        "outside_cents": (terms.fidelisation.outside_cents, "cents"),
        **{f"price_{name}": (terms.prices.bricks[name], EUR_YEAR) for name in BRICKS},
        **{f"patients_{name}": (patients[name], "patients") for name in BRICKS},
    }


def _patients_by_brick(practice: Practice, marks: Marks) -> dict[str, int]:
    """Patients for whom each brick counts in some month due."""
    counted = (marks & (practice.months > 0)[:, None, :]).any(axis=2).sum(axis=0)
    return {name: int(count) for name, count in zip(BRICKS, counted, strict=True)}


def _months(practice: Practice) -> Decimal:
    return total_eur(practice.months.ravel())


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(MICRO, ROUND_HALF_UP) if whole else None


def _text(value: Decimal | int | None) -> str:
    if isinstance(value, Decimal):
        return f"{value.quantize(MICRO, ROUND_HALF_UP).normalize() + 0:f}"
    return "" if value is None else str(value)
