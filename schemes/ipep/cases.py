"""Every group of a year with what its payment needs, or the reason why it is not paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from schemes.ipep.groups import NOT_STARTED, OVER, Group, phase_of, taking_part
from schemes.ipep.inputs import Inputs, members, same_version
from schemes.ipep.population import population
from schemes.ipep.quality import Results, Score, results, score
from schemes.ipep.spending import Means, National, means, national_year
from schemes.rulebook import Rules

REFUSED = ("structure_id", "reason", "detail")


@dataclass(frozen=True)
class Case:
    """A group to pay: phase, patients on the list, patients taken into account, their means, the score."""

    group: Group
    phase: int
    listed: int
    rows: pd.DataFrame
    means: Means
    score: Score


@dataclass(frozen=True)
class Year:
    """The nation in the year before and in the year, and the results of quality."""

    year: int
    now: National
    before: National
    results: Results


@dataclass(frozen=True)
class Cases:
    """Groups to pay by structure; refused: structure_id, reason, detail; excluded patients, counted."""

    year: Year
    paid: tuple[Case, ...]
    refused: pd.DataFrame
    excluded: pd.DataFrame


def cases(inputs: Inputs, *, year: int, rules: Rules) -> Cases:
    """The groups of a year, each to pay or refused with its reason; no member's row is lost.

    Errors: as `inputs.members`, `groups.taking_part`, `spending.national_year` and `quality.results`.
    """
    groups = taking_part(inputs, year=year, rules=rules)
    checked = members(inputs, year=year)
    for name in ("nation", "residuals"):
        if name in inputs:
            same_version(checked, inputs[name], name)
    people = population(checked, year=year)
    now, before = national_year(inputs, year), national_year(inputs, year - 1)
    assert now is not None and before is not None  # the rule's cut is never None
    context = Year(year, now, before, _results(inputs, groups, year, rules))
    by_structure = dict(tuple(people.rows.groupby("structure_id", sort=True)))
    paid, refused = [], []
    for name in sorted(set(groups) | set(checked["structure_id"].astype(str))):
        if name not in groups:
            refused.append((name, "not_taking_part", f"no IPEP participation is open on {year}-12-31"))
            continue
        rows = by_structure.get(name, people.rows.iloc[:0]).reset_index(drop=True)
        found = _case(groups[name], (people.listed.get(name, 0), rows), context, rules)
        if isinstance(found, Case):
            paid.append(found)
        else:
            refused.append((name, *found))
    return Cases(context, tuple(paid), pd.DataFrame(refused, columns=list(REFUSED)), people.excluded)


def _results(inputs: Inputs, groups: dict[str, Group], year: int, rules: Rules) -> Results:
    """Results of quality; none are asked for where every group is in its first phase."""
    needed = any(phase_of(group.phase_from, year=year, rules=rules) in (2, 3) for group in groups.values())
    return results(inputs, year=year) if needed or "indicators" in inputs else Results(year, {}, {})


def _case(group: Group, people: tuple[int, pd.DataFrame], context: Year, rules: Rules) -> Case | tuple[str, str]:
    """A group to pay, or (reason, detail): phase, then size, then what the formula cannot do without."""
    listed, rows = people
    phase, gate = phase_of(group.phase_from, year=context.year, rules=rules), rules.whole("min_patients")
    if phase == NOT_STARTED:
        return "not_started", f"phase 1 begins on {group.phase_from}"
    if phase == OVER:
        return "trajectory_over", f"phase 1 began on {group.phase_from}; phase 3 ended before {context.year}-12-31"
    if not rows["is_now"].any():
        return "no_patients", "no patient of the list is taken into account"
    if listed < gate:
        return "below_min_patients", f"{listed} patients on the list; the rules ask for {gate}"
    if rows["exposure_share_before"].sum() <= 0:
        return "no_year_before", f"no patient has a day lived in {context.year - 1}; there is no evolution"
    measured = means(rows, context.now, context.before)
    if Decimal(0) in (measured.expected, measured.expected_before):
        return "no_expected_spending", "the expected spending of a year is 0; there is nothing to compare with"
    marks = score(context.results, group, rules)
    if phase > 1 and marks.total is None:
        return "no_quality_score", "no indicator of the group is known; the quality part cannot be computed"
    if phase == 1 and rules.decimal_or_none("amorcage_eur") is None:
        return "no_start_up_amount", "the rules give no amount of start-up credits"
    return Case(group, phase, listed, rows, measured, marks)
