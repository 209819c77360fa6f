"""Payments of EDS on the terminal: what stands behind each result, prices by stratum, answers that do not count."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
from rich.table import Table

from forfait.console import frame_table
from forfait.paying.eds_quality import NOBODY
from schemes.amounts import Amount
from schemes.eds.reference import ALL
from schemes.labels import label

LANGUAGE = "en"
FEW_STRUCTURES = 4
SHOWN = ("phase", "participation_year", "episodes", "mean_risk_index", "mean_forfait_eur", "mean_counted_eur",
         "raw_eur", "raw_low_eur", "raw_high_eur", "quality_share", "before_limit_eur", "gain_limit_eur",
         "loss_limit_eur")  # fmt: skip
IN_A_ROW = {"episodes": "episodes", "mean_forfait_eur": "forfait", "mean_counted_eur": "counted", "raw_eur": "raw",
            "quality_share": "quality"}  # fmt: skip
STEPS = {"ratio": Decimal("0.001"), "0 to 1": Decimal("0.01")}
STRATUM = ("programme", "sector", "pathway")
PRICE = {"reference_eur": ("reference", 2), "provisional_eur": ("price", 2), "normalisation": ("normalised", 4),
         "trend_update": ("trend", 4), "cap_eur": ("cap", 2)}  # fmt: skip


def figures_table(paid: tuple[Amount, ...], title: str) -> Table:
    """Phase, episodes, means per episode, raw result with its interval, quality, limits: figures down.

    A row per establishment, with fewer of them, where there are many.
    """
    if len(paid) > FEW_STRUCTURES:
        rows = [
            {
                "structure_id": one.structure_id,
                "phase": one.figures["phase"].value,
                **{short: _figure(one, name) for name, short in IN_A_ROW.items()},
            }
            for one in paid
        ]
        return _to_the_right(pd.DataFrame(rows), title)
    across = {one.structure_id: [_figure(one, name) for name in SHOWN] for one in paid}
    return _to_the_right(pd.DataFrame({"figure": [_named(name) for name in SHOWN], **across}), title)


def prices_table(prices: pd.DataFrame, title: str) -> Table:
    """A row per stratum: episodes and mean of the reference, price before the year, what the year moves, cap."""
    shown = prices[list(STRATUM)].assign(episodes=prices["reference_episodes"].map("{:,}".format))
    shown = shown if (shown["pathway"] != ALL).any() else shown.drop(columns="pathway")
    for name, (short, digits) in PRICE.items():
        shown[short] = [f"{Decimal(text):,.{digits}f}" if text else "" for text in prices[name]]
    return _to_the_right(shown, title)


def answers_told(answers: pd.DataFrame | None) -> str:
    """Answers counted and left out, in words; nothing where there is no file of answers."""
    if answers is None or answers.empty:
        return ""
    is_lost = answers["establishment_id"] == NOBODY
    lost, counted = (int(answers.loc[mask, "answered"].sum()) for mask in (is_lost, ~is_lost & _is_single(answers)))
    return f"answers.csv: {counted:,} answers counted, {lost:,} of no complete episode of the year"


def _is_single(answers: pd.DataFrame) -> pd.Series:
    return answers["questionnaire"] != "all_proms"


def _figure(amount: Amount, name: str) -> str:
    figure = amount.figures[name]
    if figure.unit == "phase":
        return _named(figure.value)
    if not figure.value:
        return ""
    return f"{Decimal(figure.value).quantize(STEPS.get(figure.unit, Decimal(1))):,}"


def _named(name: str) -> str:
    return label("eds", name, LANGUAGE)


def _to_the_right(frame: pd.DataFrame, title: str) -> Table:
    """A table whose texts are figures, but for those of the first column and of the words."""
    table = frame_table(frame, title)
    for column in table.columns:
        if str(column.header) not in ("structure_id", "phase", "figure", *STRATUM):
            column.justify = "right"
    return table
