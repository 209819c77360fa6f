"""The payment of a year: V × R × t for each hospital and molecule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pandas as pd

from features.errors import InputError, RuleError
from features.tables import FORFAITS
from schemes.amounts import Amount, Figure, Payment, Walk
from schemes.biosimilars.boxes import GRID, Boxes, amounts_per_box, boxes_of_year
from schemes.money import CENT, round_cents
from schemes.rulebook import Rules

SCHEMES = ("biosimilars", "biosimilars_caqes")
COLUMNS = ("structure_id", "scheme", "from_date", "to_date")
Refused = tuple[str, str, str]


def pay(inputs: Mapping[str, pd.DataFrame], *, year: int, rules: Rules) -> Payment:
    """What the hospitals that take part are paid for the boxes of a year.

    amount = sum over molecules of V × R × t, in EUR, each molecule rounded once, to the cent; V: boxes, reference and
    biosimilar, weighted by dose, delivered in town on the hospital's prescriptions; t: share of biosimilars among
    them; R: the grid `gaps`. V × t is the number of biosimilar boxes, so that no quotient is rounded on the way.
    `inputs`: participations (the rows of scheme `rules.scheme`) and boxes. A hospital takes part if a day of the year
    lies in its participation; all its boxes of the year then count, and `partial_year` warns where the year is not
    whole (boxes are counted by year). Refused: `no_boxes`, a hospital without a listed box. Excluded, counted under
    "*": `not_taking_part`, patients of the other hospitals (once per hospital and molecule).
    Rule: specs of other Article 51 models, biosimilars: payment per hospital and per molecule.
    Errors: InputError for a frame that breaks its form; RuleError for a molecule that the grid does not have.
    """
    boxes = boxes_of_year(_frame(inputs, "boxes"), year=year)
    days = _taking_part(_frame(inputs, "participations"), year=year, scheme=rules.scheme)
    per_box = amounts_per_box(rules)
    _refuse_unknown(boxes, per_box, rules)
    refused: list[Refused] = [
        (hospital, "no_boxes", f"no box of {', '.join(sorted(per_box))} in {year}")
        for hospital in days
        if not any(one.boxes for one in boxes.get(hospital, []))
    ]
    without = {hospital for hospital, *_ in refused}
    amounts = [
        _amount(hospital, boxes[hospital], per_box=per_box, warnings=warnings, of=(rules.scheme, year))
        for hospital, warnings in days.items()
        if hospital not in without
    ]
    others = sum(one.patients for hospital, rows in boxes.items() if hospital not in days for one in rows)
    excluded = [("*", "not_taking_part", others)] if others else []
    return Payment(
        amounts=tuple(amounts),
        forfaits=pd.DataFrame(columns=FORFAITS.column_names),
        refused=pd.DataFrame(refused, columns=["structure_id", "reason", "detail"]),
        excluded=pd.DataFrame(excluded, columns=["structure_id", "reason", "patients"]),
    )


def molecule_eur(counted: Boxes, per_box_eur: Decimal) -> Decimal:
    """Euros of a hospital and molecule: V × R × t, rounded to the cent."""
    return round_cents(counted.biosimilar_boxes * per_box_eur) * CENT


def _amount(
    hospital: str, boxes: list[Boxes], *, per_box: Mapping[str, Decimal], warnings: tuple[str, ...], of: tuple[str, int]
) -> Amount:
    walk, running, figures = Walk(), Decimal(0), {}
    for one in boxes:
        running = walk.to(one.molecule, running + molecule_eur(one, per_box[one.molecule]), GRID)
        figures[f"{one.molecule}_boxes"] = Figure(_text(one.boxes), "boxes")
        figures[f"{one.molecule}_biosimilar_share"] = Figure(_text(one.biosimilar_share), "share")
        figures[f"{one.molecule}_amount_eur"] = Figure(_text(per_box[one.molecule]), "EUR per box")
    scheme, year = of
    return Amount(hospital, scheme, year, tuple(walk.components), figures, warnings)


def _text(value: Decimal) -> str:
    """A figure as plain text, to the millionth."""
    return f"{value.quantize(Decimal('0.000001')).normalize():f}"


def _frame(inputs: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    if name not in inputs:
        raise InputError(f"biosimilars: the input {name} is missing; it has {', '.join(sorted(inputs)) or 'none'}")
    return inputs[name]


def _taking_part(rows: pd.DataFrame, *, year: int, scheme: str) -> dict[str, tuple[str, ...]]:
    """Hospitals that take part on some day of the year, in order, with the warnings of each."""
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        raise InputError(f"participations: column {', '.join(missing)} is missing")
    own = rows.reset_index(drop=True)[(rows["scheme"] == scheme).to_numpy()]
    start, end = pd.to_datetime(own["from_date"]), pd.to_datetime(own["to_date"])
    first, last = pd.Timestamp(date(year, 1, 1)), pd.Timestamp(date(year, 12, 31))
    bad = start.isna() | (end < start)
    if bad.any():
        row = int(own.index[int(bad.to_numpy().argmax())]) + 1
        raise InputError(f"participations: row {row} has no from_date, or a to_date before it; correct them")
    here = (start <= last) & (end.isna() | (end >= first))
    is_whole = (start <= first) & (end.isna() | (end >= last))
    names = own["structure_id"][here]
    if names.duplicated().any():
        row = int(names.index[int(names.duplicated().to_numpy().argmax())]) + 1
        raise InputError(f"participations: row {row} is a second participation of a hospital in {scheme} in {year}")
    whole = dict(zip(names, is_whole[here], strict=True))
    return {str(name): () if whole[name] else ("partial_year",) for name in sorted(whole)}


def _refuse_unknown(boxes: Mapping[str, list[Boxes]], per_box: Mapping[str, Decimal], rules: Rules) -> None:
    unknown = sorted({one.molecule for rows in boxes.values() for one in rows} - set(per_box))
    if unknown:
        raise RuleError(
            f"{rules.file}: grid {GRID} has no amount for {', '.join(unknown)}; it has {', '.join(sorted(per_box))}"
        )
