"""The part of chance in a group's payment: what no effect would have paid, and the interval of the écart."""

from __future__ import annotations

from decimal import Decimal
from math import sqrt

from schemes.amounts import Amount
from schemes.statements.document import Column, Figure, KeyFigure, Mark, Section, Series, Table, Value
from schemes.statements.given import Given
from schemes.statements.wording import often, written

SIZES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
STEPS = 60
TWO_SIDED_95 = 1.959964
ENDS = ("mean", "p05", "p95")


def number_of(amount: Amount, name: str) -> Decimal | None:
    """A figure of an amount as a number; None where it is not there or has no value."""
    figure = amount.figures.get(name)
    return Decimal(figure.value) if figure is not None and figure.value else None


def chance_section(amount: Amount, given: Given, *, is_whole: bool = True) -> Section | None:
    """What pure chance would pay a group of this list and size, beside its gains; None where no draw was made.

    `is_whole` adds the amount itself, and where chance alone puts groups by size.
    Rule: spec, IPEP, statistical facts the product must expose.
    """
    mean = number_of(amount, "chance_mean_eur")
    if mean is None:
        return None
    likely = number_of(amount, "chance_probability")
    told = given.say(
        "chance_told",
        **{name: written(number_of(amount, f"chance_{name}_eur"), "eur_whole", given.language) for name in ENDS},
        often=often(likely, given.language),
    )
    tables, drawings = _funnel(amount, given) if is_whole else ((), ())
    return Section(
        given.say("chance_title"),
        (told, *_ecart_told(amount, given)),
        (*([paid_figure(amount, given)] if is_whole else []), *_key_figures(amount, given, mean=mean, likely=likely)),
        tables,
        drawings,
    )


def paid_figure(amount: Amount, given: Given) -> KeyFigure:
    """The amount of the year as the figure that stands out."""
    kind = given.say(f"kind_{given.run.kind}")
    return KeyFigure(given.say("amount_paid"), Value(amount.total_cents, "eur_cents"), kind)


def _key_figures(amount: Amount, given: Given, *, mean: Decimal, likely: Decimal | None) -> tuple[KeyFigure, ...]:
    computed = number_of(amount, "gains_eur")
    figures = [KeyFigure(given.say("chance_mean"), Value(mean, "eur_whole"), given.say("chance_mean_note"))]
    if computed is not None:
        gains = Value(computed, "eur_whole")
        figures.insert(0, KeyFigure(given.say("chance_gains"), gains, given.say("chance_gains_note")))
    if likely is not None:
        times = Value(often(likely, given.language))
        figures.append(KeyFigure(given.say("chance_probability"), times, given.say("chance_likely_note")))
    return tuple(figures)


def _ecart_told(amount: Amount, given: Given) -> tuple[str, ...]:
    """The interval of the écart, and whether it holds zero."""
    ecart, low, high = (number_of(amount, f"gain_ecart{end}_eur") for end in ("", "_low", "_high"))
    if ecart is None or low is None or high is None:
        return ()
    key = "ecart_clear" if low > 0 or high < 0 else "ecart_unclear"
    values = {
        name: written(value, "eur_whole", given.language, signed=True)
        for name, value in (("ecart", ecart), ("low", low), ("high", high))
    }
    return (given.say("ecart_told", **values), given.say(key))


def _funnel(amount: Amount, given: Given) -> tuple[tuple[Table, ...], tuple[Figure, ...]]:
    """Where chance puts 95 % of groups without effect, by size, and where this group stands."""
    names = ("gain_ecart_eur", "standard_error_ecart_eur", "patients")
    ecart, error, patients = (number_of(amount, name) for name in names)
    if ecart is None or error is None or not patients:
        return (), ()
    limits = [(round(float(patients) * part), TWO_SIDED_95 * float(error) / sqrt(part)) for part in SIZES]
    rows = tuple((size, _cents(-limit), _cents(limit)) for size, limit in limits)
    columns = (
        Column("patients", given.say("column_size"), "count"),
        Column("low", given.say("column_low"), "eur_whole", is_signed=True),
        Column("high", given.say("column_high"), "eur_whole", is_signed=True),
    )
    table = Table("chance_limits", given.say("chance_caption"), columns, rows, is_fine=True)
    figure = Figure(
        name="chance_funnel",
        kind="funnel",
        caption=given.say("chance_figure"),
        alt=given.say(
            "chance_alt",
            size=written(patients, "count", given.language),
            ecart=written(ecart, "eur_whole", given.language, signed=True),
            limit=written(_cents(TWO_SIDED_95 * float(error)), "eur_whole", given.language),
        ),
        table=table.name,
        is_beside=True,
        unit="eur",
        across=given.say("column_size"),
        series=(
            Series(given.say("series_limits"), _curve(float(patients), float(error))),
            Series(given.say("series_group"), (_group(amount, float(ecart), float(patients)),)),
        ),
    )
    return (table,), (figure,)


def _curve(patients: float, error: float) -> tuple[Mark, ...]:
    """Limits of chance from a quarter of the group's size to four times it."""
    parts = [SIZES[0] * (SIZES[-1] / SIZES[0]) ** (step / STEPS) for step in range(STEPS + 1)]
    limits = [(patients * part, TWO_SIDED_95 * error / sqrt(part)) for part in parts]
    return tuple(Mark("", 0.0, at=size, low=-limit, high=limit) for size, limit in limits)


def _group(amount: Amount, ecart: float, patients: float) -> Mark:
    low, high = (number_of(amount, f"gain_ecart_{end}_eur") for end in ("low", "high"))
    if low is None or high is None:
        return Mark(amount.structure_id, ecart, at=patients)
    return Mark(amount.structure_id, ecart, at=patients, low=float(low), high=float(high))


def _cents(value: float) -> Decimal:
    return round(Decimal(repr(value)), 2)
