"""Two drawn teams and the rules of a count, for tests of what is counted inside and outside a team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from features.team import TeamCount, TeamRules
from tests.features.world import Row, put, read_year

RULES = TeamRules(in_team_pathways=(1, 2, 7, 11), neutralised_pathways=(5, 6, 25), neutralise_regulated=True)
ROSTER = """structure_id,structure_name,professional_id,from_date,to_date
T1,One,D1,2020-01-01,
T1,One,D2,2020-01-01,2023-06-30
T1,One,350000001,2023-03-01,
T2,Two,D3,2020-01-01,
"""
MAY = date(2023, 5, 2)


def line(**given: object) -> dict[str, object]:
    """A line of 2 May 2023 outside any pathway, by a professional of no team."""
    return {"care_date": MAY, "performer_id": "X1", "pathway_code": 0, **given}


def draw(data: Path, *, patientele: Sequence[Row] = ({},), roster: str = ROSTER, **rows: Sequence[Row]) -> TeamCount:
    """Datasets of 2023 written (patient A in T1 all year unless told), and the count to make of them."""
    read_year(data, 2023, **rows)
    put(data, "patientele", 2023, patientele)
    (data / "roster.csv").write_text(roster, encoding="utf-8")
    return TeamCount(data / "roster.csv", 2023, RULES)


def with_rules(count: TeamCount, **changed: object) -> TeamCount:
    """The count under other rules."""
    return replace(count, rules=replace(count.rules, **changed))  # type: ignore[arg-type]
