"""What one count of care outside the teams may serve: the rules of the year, of every scheme of the family."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from features.errors import RuleError
from features.team import TeamRules
from forfait import counting
from schemes.rulebook import Rules, periods
from tests.schemes.rules_made import made_rules


def with_changed(scheme: str, **values: str) -> Callable[[str], list[Rules]]:
    """`periods` where the last period of a scheme has other values."""

    def changed(name: str) -> list[Rules]:
        found = periods(name)
        return [*found[:-1], made_rules(scheme, **values)] if name == scheme else found

    return changed


@pytest.mark.parametrize("year", [2021, 2022, 2024, 2026])
def test_rules_of_a_year(year: int):
    """Declared doctor, new one, replaced, second practice are in the team; emergencies and travel do not count."""
    assert counting.team_rules(year) == TeamRules((1, 2, 7, 11), (5, 6, 25), neutralise_regulated=True)


def test_a_year_without_rules():
    """No scheme of the family before 2021."""
    with pytest.raises(RuleError, match="no rule of peps, peps2, primordial, capitation was in force in 2018"):
        counting.team_rules(2018)


@pytest.mark.parametrize(
    ("scheme", "values"),
    [
        ("primordial", {"neutralised_pathway_codes": "5, 6"}),
        ("peps2", {"in_team_pathway_codes": "1, 2"}),
        ("peps", {"neutralise_regulated_acts": "no"}),
    ],
)
def test_schemes_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch, scheme: str, values: dict[str, str]):
    """Also one that starts within the year: PEPS-2 on 4 July 2024."""
    monkeypatch.setattr(counting, "periods", with_changed(scheme, **values))
    year = 2025 if scheme == "primordial" else 2024
    with pytest.raises(RuleError, match=rf"{scheme}/.*count care outside the team differently"):
        counting.team_rules(year)


def test_a_broken_rule_file_is_not_taken_for_no_rule(monkeypatch: pytest.MonkeyPatch):
    """A scheme whose file cannot be read stops the count: it may be the one that differs."""

    def broken(name: str) -> list[Rules]:
        if name == "peps2":
            raise RuleError("peps2/2024-07-04.yaml: parameter without source")
        return periods(name)

    monkeypatch.setattr(counting, "periods", broken)
    with pytest.raises(RuleError, match="parameter without source"):
        counting.team_rules(2024)
