"""The calibration report says what was aimed at, what was obtained, and what is missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["quantity", "group", "unit", "target", "obtained", "ratio", "low", "high", "is_met", "source"]


def test_figures_lie_in_their_bands(large: tuple[Path, pd.DataFrame]) -> None:
    """At 20,000 patients every figure is in its band, but for those that few expensive patients decide."""
    report = large[1]
    missed = report[~report.is_met]
    assert set(missed.quantity) <= {"reimbursed spending per person", "drawn over expected", "share of spending"}
    assert len(missed) <= 3
    assert missed.ratio.between(0.8, 1.3).all()


def test_report_recomposes(large: tuple[Path, pd.DataFrame]) -> None:
    """Columns, ratios and verdicts follow from target, obtained and band; a source stands on every line."""
    data, report = large
    assert list(report.columns) == COLUMNS
    assert np.allclose(report.ratio, report.obtained / report.target)
    assert (report.is_met == report.obtained.between(report.low, report.high)).all()
    assert (report.source.str.len() > 5).all()
    assert (report.low <= report.target).all()
    assert (report.target <= report.high).all()
    written = pd.read_csv(data / "synth_report.csv")
    assert len(written) == len(report)
    page = (data / "synth_report.md").read_text(encoding="utf-8")
    assert page.count("**no**") == int((~report.is_met).sum())


def test_spending_rises_with_age_illness_and_deprivation(large: tuple[Path, pd.DataFrame]) -> None:
    """Means by group are in the order that the published figures have."""
    rows = pd.read_parquet(large[0] / "oracle" / "drawn.parquet")
    age = rows.groupby(pd.cut(rows.age, [5, 20, 45, 65, 80, 110])).expected_total_eur.mean()
    assert age.is_monotonic_increasing
    conditions = rows.groupby(rows.condition_count.clip(upper=4)).expected_total_eur.mean()
    assert conditions.is_monotonic_increasing
    share = rows[rows.quintile > 0].groupby("quintile").c2s.apply(lambda kind: (kind > 0).mean())
    assert share.is_monotonic_increasing
