"""Calibration of the fictional operations: what was drawn and expected against the figures that were aimed at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.synth.model import read_rows
from features.synth.report import sampled
from features.synth.surgery_model import PROGRAMMES

NAMES = ["quantity", "group", "unit", "target", "obtained", "ratio", "low", "high", "is_met", "source"]


def surgery_report(episodes: Path) -> pd.DataFrame:
    """One row per figure and programme: quantity, group, unit, target, obtained, ratio, low, high, is_met, source.

    `episodes` is data/oracle/episodes.parquet; figures are those of operations without a planted exclusion. Without
    an operation of a programme, nothing is obtained and nothing is met. At most about a million are read.
    """
    rows = sampled(episodes).to_pandas()
    found = {name: _figures(rows[rows.programme == name]) for name in PROGRAMMES}
    lines = []
    for row in read_rows("synth_surgery_targets"):
        for programme in PROGRAMMES:
            target, obtained = float(row[programme]), found[programme][row["quantity"]]
            low, high = target * float(row["low"]), target * float(row["high"])
            met = low <= obtained <= high
            lines.append((row["quantity"], programme, row["unit"], target, obtained, obtained / target, low, high, met,
                          row["source"]))  # fmt: skip
    return pd.DataFrame(lines, columns=NAMES)


def _figures(rows: pd.DataFrame) -> dict[str, float]:
    own = rows[rows.planted == ""]
    cost, is_private = own.expected_in_scope_eur, own.sector == "private"
    return {
        "mean age": own.factor_age.mean(),
        "women": own.factor_woman.mean(),
        "private sector": is_private.mean(),
        "GHM level 1": (own.drawn_level == 1).mean(),
        "GHM level 2": (own.drawn_level == 2).mean(),
        "rehabilitation": own.drawn_ssr.mean(),
        "home hospitalisation": own.drawn_had.mean(),
        "planned readmission": own.drawn_readmission.mean(),
        "expected cost": cost.mean(),
        "expected cost public": cost[~is_private].mean(),
        "expected cost private": cost[is_private].mean(),
        "exclusions planted": (rows.planted != "").mean(),
    }
