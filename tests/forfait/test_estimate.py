"""What a team can expect, on a kept payment of two teams: all known, half known, not counted."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from features.errors import MissingError
from forfait.paying.estimate import estimate_year
from tests.features.world import put
from tests.forfait import small_france as small
from tests.forfait.test_pay_peps import FINAL


@pytest.fixture
def france(small_france: small.France, monkeypatch: pytest.MonkeyPatch) -> small.France:
    """A final payment kept; care of T1 and of the nation loaded the month after, 1,000 cents a month."""
    assert small.forfait(monkeypatch, small_france, *FINAL) == 0
    for year in (2023, 2024):
        put(small_france.data, "development", year, [
            {"scope": "MG", "structure_id": structure, "care_month": date(year, month, 1), "lag_months": 1, "lines": 9,
             "base_cents": 1000, "reimbursed_cents": 700}
            for structure in ("T1", "*") for month in range(1, 13)
        ])  # fmt: skip
    return small_france


def estimate(france: small.France, as_of: date) -> pd.DataFrame:
    return estimate_year(france.data, "peps", 2024, as_of=as_of).set_index("structure_id")


def test_once_all_is_known_the_estimate_is_the_amount(france: small.France):
    """T2 has nothing counted: its amount stands, and no part is said to be known."""
    found = estimate(france, date(2025, 9, 1))
    assert found.loc["T1"].tolist() == [1.0, 25029.0, 25029.0, 25029.0]
    assert found.loc["T2", ["expected_cents", "low_cents", "high_cents"]].tolist() == [12000] * 3
    assert pd.isna(found.loc["T2", "known_share"])


def test_half_known_fidelisation_is_what_moves(france: small.France):
    """1 July: care of January to May, 5 of 12 months; a PEPS amount waits on fidelisation, on both sides."""
    row = estimate(france, date(2024, 7, 1)).loc["T1"]
    assert row["known_share"] == 5 / 12
    assert row["low_cents"] < row["expected_cents"] == 25029 < row["high_cents"]
    assert 25029 - row["low_cents"] > 25029 - estimate(france, date(2024, 10, 15)).loc["T1", "low_cents"] > 0


def test_what_was_not_counted(france: small.France):
    """The command to run is named."""
    (france.data / "development" / "2023.parquet").unlink()
    with pytest.raises(MissingError, match="run forfait count --year 2023"):
        estimate(france, date(2024, 7, 1))
