"""The windows of a programme stand with its code lists and with its price: they are the same."""

from __future__ import annotations

from datetime import date

import pytest

from features.episodes import EDS, load_programmes
from schemes.eds import programmes
from schemes.rulebook import rules


@pytest.mark.parametrize("name", [*EDS, "bariatrique"])
def test_windows_agree(name: str):
    """Days before and after the intervention, in the cohort and in the price."""
    priced = programmes(rules("eds", on=date(2024, 1, 1)))[name]
    cohort = load_programmes([name])[-1]
    assert (cohort.number("pre_days"), cohort.number("post_days")) == (priced.pre_days, priced.post_days)
