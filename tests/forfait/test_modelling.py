"""What the explanations of a model of episodes show in a terminal."""

from __future__ import annotations

import pandas as pd
import pytest

from forfait.modelling import _busiest


def means(establishments: int) -> pd.DataFrame:
    """Base and total of the nation and of establishments E01, E02... of 11, 12... episodes."""
    places = [("*", 1_000), *((f"E{place:02}", 10 + place) for place in range(1, establishments + 1))]
    rows = [(name, family, count, 100.126, 3.6e-12) for name, count in places for family in ("base", "total")]
    return pd.DataFrame(rows, columns=["structure_id", "family", "patients", "mean_eur", "difference_eur"])


@pytest.mark.parametrize(
    ("establishments", "first", "told"),
    [(3, "E01", ""), (10, "E01", ""), (12, "E03", ", 10 of 12 (those of most episodes)")],
)
def test_ten_establishments_of_most_episodes_are_shown(establishments: int, first: str, told: str):
    """The nation stays first, no row of an establishment is cut, and the title says what is left out."""
    frame, said = _busiest(means(establishments))
    assert said == told
    assert frame["structure_id"].unique().tolist()[:2] == ["*", first]
    assert len(frame) == 2 * (1 + min(establishments, 10))


def test_means_are_cents():
    """100.126 is 100.13; what floating point leaves of 0 is 0."""
    frame, _ = _busiest(means(1))
    assert frame.iloc[0][["mean_eur", "difference_eur"]].tolist() == [100.13, 0.0]
