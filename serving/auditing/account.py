"""One row of a decision, taken apart: euros by family and by characteristic, beside those of a typical patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from features.versions import CardFeature
from schemes.statements.document import Column, Figure, Mark, Section, Series, Table
from serving.auditing.cases import Case
from serving.auditing.changes import Changes, changes_of
from serving.auditing.typical import Typical, typical_of
from serving.auditing.words import Words
from serving.explanations import Explanation, decoded, explanations

LARGEST = 15
Step = tuple[str, float]


@dataclass(frozen=True)
class Account:
    """A case with its explanation, that of the typical patient, and what would change it."""

    case: Case
    mine: Explanation
    typical: Typical
    theirs: Explanation
    changes: Changes


def account_of(case: Case) -> Account:
    """The account of a case, computed by the version that decided."""
    typical = typical_of(case)
    mine = next(explanations(case.scorer, case.matrix))
    theirs = next(explanations(case.scorer, typical.matrix))
    return Account(case, mine, typical, theirs, changes_of(case))


def money(value: float) -> Decimal:
    """Euros to the cent, as tables take them."""
    return Decimal(str(round(value, 2)))


def account_sections(one: Account, words: Words) -> list[Section]:
    """By family, the typical patient, by characteristic, what would change it."""
    return [families_section(one, words), features_section(one, words), changes_section(one, words)]


def families_section(one: Account, words: Words) -> Section:
    """A drawing from the mean to the expected euros, and the two patients beside each other."""
    card = one.case.scorer.card
    text = words.say("family_text", model=card.model, version=card.version, unit=words.unit(card.unit))
    typical = words.say(f"typical_{one.typical.source}", patients=words.count(one.typical.patients))
    has_floor = bool(one.mine.floor_eur or one.theirs.floor_eur)
    rows = tuple(
        (label, money(mine), money(theirs), money(mine) - money(theirs))
        for (label, mine), (_, theirs) in zip(steps_of(one.mine, words), steps_of(one.theirs, words), strict=True)
        if has_floor or label != words.say("floor")
    )
    columns = (
        Column("family", words.say("family")),
        Column("mine", words.say("this_patient"), "eur"),
        Column("typical", words.say("typical_patient"), "eur"),
        Column("difference", words.say("difference"), "eur", is_signed=True),
    )
    table = Table("by_family", words.say("by_family"), columns, rows, has_total=True)
    figure = waterfall(one.mine, words, table="by_family")
    return Section(words.say("family_title"), (text, typical), tables=(table,), figures=(figure,))


def steps_of(one: Explanation, words: Words) -> list[Step]:
    """Base, families, floor where a card has one, and the sum."""
    families = [(words.family(total.family), total.contribution_eur) for total in one.families]
    floor = [(words.say("floor"), one.floor_eur)]
    return [(words.say("base"), one.base_eur), *families, *floor, (words.say("expected"), one.expected_eur)]


def waterfall(one: Explanation, words: Words, *, table: str) -> Figure:
    """The drawing of an explanation by family."""
    steps = [step for step in steps_of(one, words) if step[0] != words.say("floor") or one.floor_eur]
    return waterfall_of(steps, words, table=table)


def waterfall_of(steps: Sequence[Step], words: Words, *, table: str) -> Figure:
    """A drawing of steps, the first and the last of which are whole."""
    marks, reached = [Mark(steps[0][0], steps[0][1], is_whole=True)], steps[0][1]
    for label, euros in steps[1:-1]:
        reached += euros
        marks.append(Mark(label, reached))
    marks.append(Mark(steps[-1][0], steps[-1][1], is_whole=True))
    between = words.either(" ; ", "; ").join(
        f"{label} {words.euros(euros, signed=True)}" for label, euros in steps[1:-1]
    )
    alt = words.say("waterfall_alt", base=words.euros(steps[0][1]), expected=words.euros(steps[-1][1]), steps=between)
    series = (Series("", tuple(marks)),)
    return Figure(f"{table}_drawn", "waterfall", words.say("waterfall"), alt, table, series, unit="eur")


def features_section(one: Account, words: Words) -> Section:
    """The largest contributions with the sum of the others, then every one."""
    ranked = _feature_rows(one, words)
    shown, rest = ranked[:LARGEST], ranked[LARGEST:]
    if rest:
        sums = [sum((row[place] for row in rest), Decimal(0)) for place in (3, 5)]
        label = words.say("others", count=words.count(len(rest)))
        shown = [*shown, (label, "", "", sums[0], "", sums[1])]
    columns = (
        Column("feature", words.say("feature")),
        Column("family", words.say("family")),
        Column("value", words.say("value")),
        Column("euros", words.say("euros"), "eur", is_signed=True),
        Column("typical_value", words.say("typical_value")),
        Column("typical_euros", words.say("typical_euros"), "eur", is_signed=True),
    )
    largest = words.say("largest", count=words.count(min(LARGEST, len(ranked))))
    tables = [Table("features", largest, columns, tuple(shown))]
    if rest:
        every = words.say("all_features", count=words.count(len(ranked)))
        tables.append(Table("features_all", every, columns, tuple(ranked)))
    return Section(words.say("feature_title"), tables=tuple(tables))


def _feature_rows(one: Account, words: Words) -> list[tuple]:
    features = one.case.scorer.card.features
    rows = [
        (
            words.feature(feature),
            words.family(feature.family),
            words.value(feature, mine.value),
            money(mine.contribution_eur),
            words.value(feature, theirs.value),
            money(theirs.contribution_eur),
        )
        for feature, mine, theirs in zip(features, one.mine.contributions, one.theirs.contributions, strict=True)
    ]
    return sorted(rows, key=lambda row: -abs(row[3]))


def changes_section(one: Account, words: Words) -> Section:
    """Each characteristic with the value that gives the least and the most euros."""
    changes = one.changes
    rows = [
        (
            words.feature(change.feature),
            words.value(change.feature, decoded(change.feature, change.value)),
            words.value(change.feature, decoded(change.feature, change.least)),
            money(change.least_eur),
            words.value(change.feature, decoded(change.feature, change.most)),
            money(change.most_eur),
        )
        for change in changes.moving
    ]
    columns = (
        Column("feature", words.say("feature")),
        Column("value", words.say("value_now")),
        Column("least", words.say("least_value")),
        Column("least_eur", words.say("least_euros"), "eur"),
        Column("most", words.say("most_value")),
        Column("most_eur", words.say("least_euros"), "eur"),
    )
    tables = [Table("changes", words.say("changes"), columns, tuple(rows[:LARGEST]))]
    if len(rows) > LARGEST:
        every = words.say("changes_all", count=words.count(len(rows)))
        tables.append(Table("changes_all", every, columns, tuple(rows)))
    tables += [_listed("still", changes.still, words), _listed("unbounded", changes.unbounded, words)]
    shown = tuple(table for table in tables if table.rows)
    return Section(words.say("changes_title"), (words.say("changes_text"),), tables=shown)


def _listed(name: str, features: Sequence[CardFeature], words: Words) -> Table:
    """Characteristics that no value moves, or that were not tried, folded away."""
    columns = (Column("feature", words.say("feature")), Column("family", words.say("family")))
    rows = tuple((words.feature(feature), words.family(feature.family)) for feature in features)
    return Table(f"{name}_all", words.say(f"changes_{name}", count=words.count(len(rows))), columns, rows)
