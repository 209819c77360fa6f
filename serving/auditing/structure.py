"""A structure as one decision saw it: who is in it, mean euros against the nation, rows that weigh most, leakage.

No figure is of fewer than 11 patients, nor of all but fewer than 11: flags so few have (or lack) are masked, with the
means that would give them away; a structure of fewer than 11 patients is not shown at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.versions import CardFeature
from schemes.statements.document import Column, KeyFigure, Masked, Section, Table, Value
from schemes.statements.small_cells import suppressed
from serving.auditing.account import money, waterfall_of
from serving.auditing.cases import Part, Row
from serving.auditing.words import Words
from serving.explanations import by_family

SMALLEST = 11
TOP = 10
PRESENT = "present_share"


@dataclass(frozen=True)
class Leakage:
    """Cents of care of the listed patients, in the team and elsewhere."""

    patients: int
    in_team_cents: int
    outside_cents: int

    @property
    def share(self) -> float:
        """Part that is spent elsewhere."""
        whole = self.in_team_cents + self.outside_cents
        return self.outside_cents / whole if whole else 0.0


def leakage_of(rows: Sequence[Row]) -> Leakage | None:
    """The leakage of the rows that have both amounts; None where none has, or fewer than 11."""
    known = [row for row in rows if row.get("in_team_cents") is not None and row.get("outside_cents") is not None]
    if len(known) < SMALLEST:
        return None
    return Leakage(len(known), *(int(sum(row[name] for row in known)) for name in ("in_team_cents", "outside_cents")))


def structure_sections(part: Part, firsts: Sequence[int], leakage: Leakage | None, words: Words) -> list[Section]:
    """The sections of a structure; `firsts` are the numbers of its rows in the decision. None under 11 patients."""
    count = len(part.matrix)
    if count < SMALLEST:
        return [Section(words.say("composition"), (words.say("too_few"),))]
    sections = [_composition(part, words), _against_nation(part, words), _heaviest(part, firsts, words)]
    return [*sections, _leaking(leakage, words)] if leakage else sections


def _composition(part: Part, words: Words) -> Section:
    features = part.scorer.card.features
    count = len(part.matrix)
    ages = [float(np.nanmean(part.matrix[:, n])) for n, f in enumerate(features) if f.name == "age"]
    figures = [KeyFigure(words.say("patients"), Value(words.count(count)))]
    figures += [KeyFigure(words.say("mean_age"), Value(words.decimal(age, 1))) for age in ages]
    columns = (
        Column("feature", words.say("feature")),
        Column("patients", words.say("patients"), "count", is_people=True),
        Column("share", words.say("share"), "share"),
    )
    rows = [row for n, feature in enumerate(features) for row in _counts(feature, part.matrix[:, n], words)]
    table = Table("composition", words.say("composition_table"), columns, tuple(rows))
    return Section(words.say("composition"), (words.say("masking"),), tuple(figures), (table,))


def _counts(feature: CardFeature, values: np.ndarray, words: Words) -> list[tuple]:
    """Patients of a flag, or of each category; those that nobody has are left out."""
    label, whole = words.feature(feature), len(values)
    if feature.kind == "flag":
        held = int((values == 1).sum())
        return [(label, *_shown(held, whole, is_hidden=is_small(held, whole)))] if held else []
    if feature.kind != "category":
        return []
    counts = [int((values == rank).sum()) for rank in range(len(feature.categories))]
    hidden = [masks[0] for masks in suppressed([[one] for one in (*counts, whole)], SMALLEST, has_total_row=True)]
    return [
        (
            words.either(f"{label} : {words.value(feature, text)}", f"{label}: {words.value(feature, text)}"),
            *_shown(held, whole, is_hidden=mask),
        )
        for text, held, mask in zip(feature.categories, counts, hidden[:-1], strict=True)
        if held
    ]


def is_small(held: int, whole: int) -> bool:
    """Whether a count is of few people, or leaves few out."""
    return 0 < held < SMALLEST or 0 < whole - held < SMALLEST


def _shown(held: int, whole: int, *, is_hidden: bool) -> tuple:
    return (Masked.SMALL, Masked.SMALL) if is_hidden else (held, money(held / whole * 100) / 100)


def _against_nation(part: Part, words: Words) -> Section:
    """Mean euros by family above or below the base, which is the mean of the population that the model learnt from."""
    card = part.scorer.card
    euros = part.scorer.explain(part.matrix)
    families = list(dict.fromkeys(feature.family for feature in card.features))
    means = by_family(card.features, families, euros).mean(axis=0).tolist()
    steps = [(words.say("base"), float(euros[:, 0].mean()))]
    steps += [(words.family(name), mean) for name, mean in zip(families, means, strict=True)]
    if card.floor_eur is not None:
        steps.append((words.say("floor"), float(euros[:, -1].mean())))
    steps.append((words.say("mean_expected"), float(part.scorer.predict(part.matrix).mean())))
    columns = (Column("family", words.say("family")), Column("euros", words.say("mean_euros"), "eur"))
    rows = tuple((label, money(value)) for label, value in steps)
    by_families = Table("nation", words.say("nation_families"), columns, rows, has_total=True)
    text = words.say("nation_text", model=card.model, version=card.version, unit=words.unit(card.unit))
    figure = waterfall_of(steps, words, table="nation")
    return Section(
        words.say("nation"), (text,), tables=(by_families, _by_feature(part, euros, words)), figures=(figure,)
    )


def _by_feature(part: Part, euros: np.ndarray, words: Words) -> Table:
    features, count = part.scorer.card.features, len(part.matrix)
    rows = []
    for place, feature in enumerate(features):
        values = part.matrix[:, place]
        is_hidden = feature.kind == "flag" and is_small(int((values == 1).sum()), count)
        mean = float(euros[:, place + 1].mean())
        rows.append((abs(mean), words.feature(feature), Masked.SMALL if is_hidden else money(mean)))
    shown = [row[1:] for row in sorted(rows, key=lambda row: (row[2] is Masked.SMALL, -row[0])) if row[0] >= 0.005]
    columns = (Column("feature", words.say("feature")), Column("euros", words.say("mean_euros"), "eur", is_signed=True))
    return Table("nation_features_all", words.say("nation_features"), columns, tuple(shown))


def _heaviest(part: Part, firsts: Sequence[int], words: Words) -> Section:
    """Rows by expected euros times the part of the year present."""
    expected = part.scorer.predict(part.matrix)
    present = np.array([float(row.get(PRESENT) or 0.0) if PRESENT in row else 1.0 for row in part.beside])
    weights = expected * present
    order = np.argsort(-weights, kind="stable")[:TOP]
    total = float(weights.sum())
    rows = tuple(
        (
            words.say("row_n", row=words.count(firsts[n] + 1)),
            money(expected[n]),
            money(present[n] * 100) / 100,
            money(weights[n]),
            money(weights[n] / total * 100) / 100 if total else None,
        )
        for n in order
    )
    columns = (
        Column("row", words.say("row")),
        Column("expected", words.say("expected"), "eur"),
        Column("present", words.say("present"), "share"),
        Column("weight", words.say("weight"), "eur"),
        Column("share", words.say("weight_share"), "share"),
    )
    table = Table("heaviest", words.say("heaviest_table"), columns, rows)
    return Section(words.say("heaviest"), (words.say("heaviest_text"),), tables=(table,))


def heaviest_rows(part: Part, firsts: Sequence[int]) -> list[int]:
    """Numbers in the decision of the rows of `_heaviest`, in its order."""
    present = np.array([float(row.get(PRESENT) or 0.0) if PRESENT in row else 1.0 for row in part.beside])
    order = np.argsort(-(part.scorer.predict(part.matrix) * present), kind="stable")[:TOP]
    return [firsts[n] for n in order]


def _leaking(leakage: Leakage, words: Words) -> Section:
    figures = (
        KeyFigure(words.say("leakage_share"), Value(words.share(round(leakage.share, 4)))),
        KeyFigure(words.say("in_team"), Value(words.cents(leakage.in_team_cents))),
        KeyFigure(words.say("outside"), Value(words.cents(leakage.outside_cents))),
    )
    text = words.say("leakage_text", patients=words.count(leakage.patients))
    return Section(words.say("leakage"), (text,), figures)
