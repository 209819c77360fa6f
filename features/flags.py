"""From the bits of evidence to the columns: flags, hierarchies, groups, counts and scores."""

from __future__ import annotations

import functools
import operator
from functools import cache

import ibis

from features.codes import Clause, listed, needed_drug
from features.evidence import bits, is_raised
from features.morbidity import SCORES, score_weights


@cache
def clauses_of() -> dict[str, list[Clause]]:
    """Clauses that raise each flag (the drug conditions, which are no flags, left out)."""
    found: dict[str, list[Clause]] = {}
    for clause in bits():
        if not clause.flag.startswith("drug "):
            found.setdefault(clause.flag, []).append(clause)
    return found


def morbidity_columns(people: ibis.Table) -> ibis.Table:
    """`people` (patient_id, sex, words of bits or nulls) with every morbidity feature, words dropped.

    Flags are int8 0 or 1, counts and scores int16. A flag of the cartographie is lowered where another hides
    it (an acute form hides the chronic one, a disease its treatment); Charlson and Elixhauser flags are not.
    """
    raised = people.mutate(**{flag: _raised(people, clauses).cast("int8") for flag, clauses in clauses_of().items()})
    shown = raised.mutate(**_shown(raised)).drop([name for name in raised.columns if name.startswith("word_")])
    return shown.mutate(**_groups(shown), carto_count=_disease_count(shown), **_scores(shown))


def _raised(people: ibis.Table, clauses: list[Clause]) -> ibis.BooleanValue:
    return ibis.or_(*[_holds(people, clause) for clause in clauses])


def _holds(people: ibis.Table, clause: Clause) -> ibis.BooleanValue:
    held = is_raised(people, clause)
    if clause.sex is not None:
        held = held & (people.sex == clause.sex).fill_null(False)
    return held & is_raised(people, needed_drug(clause.drug)) if clause.drug else held


def _shown(raised: ibis.Table) -> dict[str, ibis.IntegerValue]:
    hidden = {f"carto_{row['name']}": row["hidden_by"].split() for row in listed("carto_groups") if row["hidden_by"]}
    return {
        flag: ibis.and_(raised[flag] == 1, *[raised[f"carto_{other}"] == 0 for other in others]).cast("int8")
        for flag, others in hidden.items()
    }


def _groups(shown: ibis.Table) -> dict[str, ibis.IntegerValue]:
    tops: dict[str, list[ibis.IntegerValue]] = {}
    for row in listed("carto_groups"):
        if row["level"] == "top":
            tops.setdefault(row["group_no"], []).append(shown[f"carto_{row['name']}"])
    groups = [row for row in listed("carto_groups") if row["level"] == "group"]
    return {f"carto_{group['name']}": ibis.greatest(*tops[group["group_no"]]) for group in groups}


def _disease_count(shown: ibis.Table) -> ibis.IntegerValue:
    diseases = [f"carto_{row['name']}" for row in listed("carto_groups") if row["is_disease"] == "1"]
    return _total([shown[disease] for disease in diseases])


def _scores(shown: ibis.Table) -> dict[str, ibis.IntegerValue]:
    return {score: _score(shown, score) for score in SCORES}


def _score(shown: ibis.Table, score: str) -> ibis.IntegerValue:
    points = []
    for flag, (weight, severe) in score_weights(score).items():
        if weight:
            counts = ibis.and_(shown[flag] == 1, *[shown[other] == 0 for other in severe])
            points.append(counts.cast("int32") * weight)
    return _total(points)


def _total(values: list[ibis.IntegerValue]) -> ibis.IntegerValue:
    return functools.reduce(operator.add, [value.cast("int32") for value in values]).cast("int16")
