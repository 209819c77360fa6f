"""Two versions of a model on the rows of one decision, or on those of one structure in it: euros, and by family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.encoding import FeatureError
from features.scoring import Scorer
from schemes.statements.document import Column, KeyFigure, Section, Table, Value
from serving.auditing.account import money
from serving.auditing.cases import Part
from serving.auditing.words import Words
from serving.explanations import by_family, decoded
from serving.refusals import RefusalError

LARGEST = 15


@dataclass(frozen=True)
class Compared:
    """The rows under both versions: expected euros, and mean euros by family, base first and floor last."""

    before: Scorer
    after: Scorer
    before_eur: np.ndarray
    after_eur: np.ndarray
    families: dict[str, tuple[float, float]]


def compared(part: Part, other: Scorer) -> Compared:
    """The rows of a part under its own version and another. Errors: RefusalError where the other wants more of them."""
    again = recoded(part, other)
    before, after = part.scorer.explain(part.matrix), other.explain(again)
    sums = [_means(part.scorer, before), _means(other, after)]
    names = list(dict.fromkeys([*sums[0], *sums[1]]))
    families = {name: (sums[0].get(name, 0.0), sums[1].get(name, 0.0)) for name in names}
    return Compared(part.scorer, other, part.scorer.predict(part.matrix), other.predict(again), families)


def recoded(part: Part, other: Scorer) -> np.ndarray:
    """The rows as another version reads them. Errors: RefusalError for what they do not have, or it does not take."""
    own = part.scorer.card.features
    wanted = [feature.name for feature in other.card.features]
    lacking = [name for name in wanted if name not in {feature.name for feature in own}]
    if lacking:
        shown = ", ".join(lacking[:5])
        raise RefusalError(
            422, f"these rows lack {len(lacking)} characteristics of that version: {shown}", field="with"
        )
    rows = [
        {f.name: decoded(f, value) for f, value in zip(own, values, strict=True) if f.name in wanted}
        for values in part.matrix.tolist()
    ]
    try:
        return other.encoder.rows(rows)
    except FeatureError as error:
        raise RefusalError(422, f"that version does not take these rows: {error}", field="with") from None


def compared_sections(one: Compared, rows: Sequence[int], words: Words) -> list[Section]:
    """Totals, mean euros by family, and the rows that differ most; `rows` are numbers from 0."""
    before, after = (words.say("version_n", version=scorer.card.version) for scorer in (one.before, one.after))
    titles = (before, after)
    totals = Section(words.say("compare_totals"), (words.say("compare_text"),), _figures(one, titles, words))
    columns = _columns("family", titles, words)
    families = [(_family(name, words), *pair) for name, pair in one.families.items() if name != "floor" or any(pair)]
    families.append((words.say("expected"), float(one.before_eur.mean()), float(one.after_eur.mean())))
    table = Table("compare_families", words.say("compare_families"), columns, _lines(families), has_total=True)
    order = np.argsort(-np.abs(one.after_eur - one.before_eur), kind="stable")[:LARGEST]
    lines = [(words.count(rows[n] + 1), float(one.before_eur[n]), float(one.after_eur[n])) for n in order]
    largest = Table("compare_rows", words.say("compare_rows"), _columns("row", titles, words), _lines(lines))
    return [
        totals,
        Section(words.say("compare_by_family"), tables=(table,)),
        Section(words.say("compare_by_row"), tables=(largest,)),
    ]


def _means(scorer: Scorer, euros: np.ndarray) -> dict[str, float]:
    features = scorer.card.features
    families = list(dict.fromkeys(feature.family for feature in features))
    means = by_family(features, families, euros).mean(axis=0).tolist()
    edges = {"base": float(euros[:, 0].mean()), "floor": float(euros[:, -1].mean())}
    return {"base": edges["base"], **dict(zip(families, means, strict=True)), "floor": edges["floor"]}


def _family(name: str, words: Words) -> str:
    return words.say(name) if name in ("base", "floor") else words.family(name)


def _figures(one: Compared, titles: tuple[str, str], words: Words) -> tuple[KeyFigure, ...]:
    before, after = float(one.before_eur.sum()), float(one.after_eur.sum())
    note = words.say("rows_count", count=words.count(len(one.before_eur)))
    return (
        KeyFigure(titles[0], Value(words.euros(round(before, 2))), note),
        KeyFigure(titles[1], Value(words.euros(round(after, 2))), note),
        KeyFigure(words.say("difference"), Value(words.euros(round(after - before, 2), signed=True))),
    )


def _columns(first: str, titles: tuple[str, str], words: Words) -> tuple[Column, ...]:
    return (
        Column(first, words.say(first)),
        Column("before", titles[0], "eur"),
        Column("after", titles[1], "eur"),
        Column("difference", words.say("difference"), "eur", is_signed=True),
    )


def _lines(rows: Sequence[tuple[str, float, float]]) -> tuple[tuple, ...]:
    return tuple((name, money(before), money(after), money(after) - money(before)) for name, before, after in rows)
