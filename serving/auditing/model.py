"""One version of a model: what it estimates, how it was judged, what was in force when, and what it reads."""

from __future__ import annotations

from collections.abc import Sequence

from features.scoring import Scorer
from features.versions import Card, CardFeature, Entry
from schemes.statements.document import Column, Section, Table
from serving.auditing.words import Words
from serving.pages import periods

FACTOR = "factor_"
DIRECTIONS = {1: "up", -1: "down", 0: "free"}


def model_sections(scorer: Scorer, entries: Sequence[Entry], words: Words) -> list[Section]:
    """Purpose, evaluation, worst groups, history, characteristics."""
    card = scorer.card
    return [
        Section(words.say("purpose"), tables=(_facts("purpose", _purpose(scorer, words), words),)),
        _evaluation(card, words),
        _groups(card, words),
        _history(card.model, entries, words),
        _features(card, words),
    ]


def _purpose(scorer: Scorer, words: Words) -> list[tuple[str, str]]:
    card = scorer.card
    none = words.say("none")
    return [
        (words.say("perimeter"), card.perimeter),
        (words.say("unit"), words.unit(card.unit)),
        (words.say("features_count"), words.count(len(card.features))),
        (words.say("objective"), f"{card.objective}, {card.link}"),
        (words.say("years"), ", ".join(map(str, card.training_years)) or words.say("law_years_unknown")),
        (words.say("test_year"), str(card.test_year or none)),
        (words.say("cap"), none if card.cap_eur is None else words.euros(card.cap_eur)),
        (words.say("balance_factor"), words.plain(card.balance_factor)),
        (words.say("floor_name"), none if card.floor_eur is None else words.euros(card.floor_eur)),
        (words.say("trees_hash"), scorer.hash),
    ]


def _facts(name: str, rows: Sequence[tuple[str, str]], words: Words) -> Table:
    columns = (Column("item", words.say("item")), Column("value", words.say("value")))
    return Table(name, words.say(name), columns, tuple(rows))


def _evaluation(card: Card, words: Words) -> Section:
    tables = []
    for name, values in (("metrics", card.metrics), ("population", card.population)):
        kept = [(key, words.plain(value)) for key, value in sorted(values.items()) if not key.startswith(FACTOR)]
        if kept:
            columns = (Column("metric", words.say("metric")), Column("value", words.say("value")))
            tables.append(Table(name, words.say(name), columns, tuple(kept)))
    return Section(words.say("evaluation"), (words.say("evaluation_text"),), tables=tuple(tables))


def _groups(card: Card, words: Words) -> Section:
    factors = {key.removeprefix(FACTOR): value for key, value in card.metrics.items() if key.startswith(FACTOR)}
    if not factors:
        return Section(words.say("groups"), (words.say("groups_none"),))
    ranked = sorted(factors.items(), key=lambda pair: -abs(pair[1] - 1))
    columns = (Column("sector", words.say("sector")), Column("factor", words.say("factor")))
    table = Table("groups", words.say("groups"), columns, tuple((key, words.plain(value)) for key, value in ranked))
    return Section(words.say("groups"), (words.say("groups_factor"), words.say("groups_none")), tables=(table,))


def _history(model: str, entries: Sequence[Entry], words: Words) -> Section:
    held = periods(entries, model)
    if not held:
        return Section(words.say("history"), (words.say("history_none"),))
    rows = tuple(
        (
            words.say("version_n", version=period.entry.version),
            words.say("from_on", first=words.day(period.entry.from_date))
            if period.until is None
            else words.say("from_to", first=words.day(period.entry.from_date), last=words.day(period.until)),
            words.day(period.entry.decided_on),
            period.entry.by,
            period.entry.why,
        )
        for period in held
    )
    columns = tuple(Column(key, words.say(key)) for key in ("version", "in_force", "decided", "by", "why"))
    return Section(words.say("history"), tables=(Table("history", words.say("history_table"), columns, rows),))


def _features(card: Card, words: Words) -> Section:
    rows = tuple(
        (
            words.feature(feature), words.family(feature.family), words.say(f"kind_{feature.kind}"),
            _range(feature, words), words.say(DIRECTIONS[feature.monotone]),
        )
        for feature in card.features
    )  # fmt: skip
    columns = tuple(Column(key, words.say(key)) for key in ("feature", "family", "kind", "range", "direction"))
    title = words.say("features_table", count=words.count(len(rows)))
    return Section(words.say("law_features"), tables=(Table("card_features_all", title, columns, rows),))


def _range(feature: CardFeature, words: Words) -> str:
    if feature.kind == "category":
        return ", ".join(words.value(feature, text) for text in feature.categories)
    if feature.kind == "flag":
        return ""
    low, high = ("…" if bound is None else words.plain(bound) for bound in (feature.low, feature.high))
    return words.either(f"de {low} à {high}", f"{low} to {high}")
