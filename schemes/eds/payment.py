"""What EDS pays or takes back: price, observed, cap, quality, limit, by establishment; and cents by patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from features.tables import FORFAITS
from schemes.amounts import Amount, Payment, Walk
from schemes.eds.cases import SCHEME, Case, Cases, cases
from schemes.eds.chance import DRAWS, generator, intervals, standard_error_eur
from schemes.eds.figures import Figures, figures
from schemes.eds.frames import Inputs
from schemes.eds.price import exact
from schemes.eds.settle import result_eur
from schemes.money import allot
from schemes.rulebook import Rules


def pay(
    inputs: Inputs, *, year: int, rules: Rules, known_until: date | None = None, luck: tuple[int, int] = (0, DRAWS)
) -> Payment:
    """What each establishment is due for the episodes of `year`: components, figures, who is not paid and why.

    Inputs: participations, episodes, predictions, reference (rows of `year` measure its trend), quality (optional:
    participations may carry quality_share), volumes (optional: reference episodes of each establishment; else
    counted among `episodes` of earlier years). Negative amounts are paid back. Amounts are rounded once per step.
    luck: seed and draws of the sampling intervals; 0 draws leave them out and change no amount.
    The same inputs, rules and seed give the same payment, in any order of rows. Rule: EDS specification, §5.
    Errors: InputError, MissingError and RuleError of the frames and rules read.
    """
    found = cases(inputs, year=year, rules=rules, known_until=known_until)
    amounts = tuple(_amount(case, found, (year, luck), rules) for case in found.paid)
    return Payment(amounts, _forfaits(found.paid, amounts), found.refused, found.excluded)


def _amount(case: Case, found: Cases, of: tuple[int, tuple[int, int]], rules: Rules) -> Amount:
    (year, (seed, draws)), walk, name = of, Walk(), case.participation.structure_id
    error = standard_error_eur(case.rows, case.positions)
    result_eur(case.positions, case.safeguards, walk, standard_error_eur=exact(error))
    bounds: dict[str, float] = {}
    if draws:
        share = float(rules.decimal("interval_share"))
        bounds = intervals(case.rows, case.positions, case.safeguards, luck=(generator(seed, name), draws), share=share)
    shown: Figures = figures(case, walk.components, bounds | {"standard_error": error})
    warned = tuple(_warnings(case, found, year, draws))
    return Amount(name, SCHEME, year, tuple(walk.components), shown, warned)


def _warnings(case: Case, found: Cases, year: int, draws: int) -> list[str]:
    """What the reader of an amount should know: names of labels.csv."""
    one, strata = case.participation, {tuple(key) for key in case.rows[["programme", "sector", "pathway"]].to_numpy()}
    first, last = pd.Timestamp(date(year, 1, 1)), pd.Timestamp(date(year, 12, 31))
    wrong = {
        "no_effect_phase": not one.phase.has_effect,
        "quality_unknown": case.safeguards.quality is None,
        "low_volume": any(position.has_low_volume and position.raw_cents < 0 for position in case.positions),
        "trend_not_measured": any(found.prices[key].measured_trend is None for key in strata),
        "partial_year": one.from_date > first or one.to_date < last,
        "no_interval": not draws,
    }
    return [name for name, is_so in wrong.items() if is_so]


def _forfaits(paid: Sequence[Case], amounts: Sequence[Amount]) -> pd.DataFrame:
    """EDS pays establishments: the cents of each are allotted over its patients in proportion to their forfaits.

    expected_eur is the prediction of a patient's episodes. The forfait itself is in `schemes.eds.forfaits`.
    """
    frames = [pd.DataFrame(columns=FORFAITS.column_names)]
    for case, amount in zip(paid, amounts, strict=True):
        rows = case.rows.groupby("patient_id", as_index=False, sort=True)[["expected_eur", "forfait_cents"]].sum()
        frames.append(
            pd.DataFrame(
                {
                    "structure_id": amount.structure_id,
                    "patient_id": rows["patient_id"],
                    "scheme": SCHEME,
                    "year": amount.year,
                    "present_share": 1.0,
                    "expected_eur": rows["expected_eur"],
                    "amount_cents": allot(amount.total_cents, rows["forfait_cents"].tolist()),
                }
            )
        )
    return pd.concat(frames[1:] or frames, ignore_index=True)[FORFAITS.column_names]
