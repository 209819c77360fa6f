"""The explanation that articles L. 311-3-1 and R. 311-3-1-2 of the CRPA ask for: four parts, and the explicit mention.

Degree and mode of contribution of the algorithm; data processed and their sources; parameters and weights, applied to
the situation of the person; operations performed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schemes.statements.document import Column, Document, KeyFigure, Section, Table, Value
from serving.auditing.account import Account, families_section, features_section
from serving.auditing.amounts import Result, amounts_section, key_amount
from serving.auditing.asked import Read
from serving.auditing.sources import rules_section
from serving.auditing.words import Words
from serving.decisions.record import Decision, UsedVersion
from serving.pages import Period


def explanation_of(
    read: Read, account: Account | None, result: Result, periods: Sequence[Period], words: Words
) -> Document:
    """The document of one decision, and of one row of it where rows were scored."""
    decision = read.decision
    first, later = _data(decision, account, words), _operations(read, account, result, words)
    sections = (
        Section(words.say("law_mention_title"), (words.say("law_mention"), words.say("law_rights")), is_alert=True),
        _contribution(decision, account, result, periods, words),
        first,
        *_weights(decision, account, result, words),
        *later,
    )
    subtitle = words.say("law_subtitle", number=decision.number, when=words.moment(decision.recorded_at))
    notes = (words.say("law_note", id=decision.id, hash=decision.hash),)
    return Document(words.say("law_title"), subtitle, words.language, sections, notes)


def _contribution(
    decision: Decision, account: Account | None, result: Result, periods: Sequence[Period], words: Words
) -> Section:
    scores = decision.route in ("/predict", "/explain")
    paragraphs = [words.say("law_degree_score" if scores else "law_degree_pay"), words.say("law_human")]
    versions = msgspec.json.decode(decision.versions, type=list[UsedVersion])
    paragraphs += [_version(one, periods, words) for one in versions]
    if not versions:
        paragraphs.append(words.say("law_no_model"))
    figures = [key_amount(decision, result, words)]
    if account is not None:
        unit = words.unit(account.case.scorer.card.unit)
        expected = Value(words.euros(round(account.mine.expected_eur, 2)))
        figures.append(KeyFigure(words.say("expected"), expected, unit))
    return Section(words.say("law_1"), tuple(paragraphs), tuple(one for one in figures if one is not None))


def _version(used: UsedVersion, periods: Sequence[Period], words: Words) -> str:
    held = next((p.entry for p in periods if (p.entry.model, p.entry.version) == (used.model, used.version)), None)
    named = {"model": used.model, "version": used.version, "hash": used.hash[:12]}
    if held is None:
        return words.say("law_version_named", **named)
    return words.say(
        "law_version", **named, first=words.day(held.from_date), by=held.by, decided=words.day(held.decided_on)
    )


def _data(decision: Decision, account: Account | None, words: Words) -> Section:
    paragraphs = [words.say("law_data", caller=decision.caller)]
    if account is None:
        return Section(words.say("law_2"), (*paragraphs, words.say("no_case")))
    card = account.case.scorer.card
    families = list(dict.fromkeys(feature.family for feature in card.features))
    rows = tuple(
        (words.family(family), ", ".join(words.feature(f) for f in card.features if f.family == family))
        for family in families
    )
    columns = (Column("family", words.say("family")), Column("feature", words.say("law_features")))
    tables = [Table("data", words.say("law_data_table", count=words.count(len(card.features))), columns, rows)]
    years = ", ".join(map(str, card.training_years)) or words.say("law_years_unknown")
    paragraphs += [words.say("law_learnt", years=years), words.say("law_source")]
    if card.data_hashes:
        columns = (Column("file", words.say("file")), Column("hash", words.say("hash")))
        files = tuple((name, f"{digest[:16]}…") for name, digest in sorted(card.data_hashes.items()))
        tables.append(Table("data_files", words.say("law_files"), columns, files, is_fine=True))
    return Section(words.say("law_2"), tuple(paragraphs), tables=tuple(tables))


def _weights(decision: Decision, account: Account | None, result: Result, words: Words) -> list[Section]:
    rules = rules_section(decision, result, words)
    apart = _apart(rules.tables, words)
    if account is None:
        return [Section(words.say("law_3"), (words.say("no_case"), *rules.paragraphs)), *apart]
    families, features = families_section(account, words), features_section(account, words)
    every = next((table for table in features.tables if table.name == "features_all"), features.tables[0])
    return [
        Section(words.say("law_3"), families.paragraphs, tables=families.tables, figures=families.figures),
        Section(words.say("feature_title"), rules.paragraphs, tables=(every,)),
        *apart,
    ]


def _operations(read: Read, account: Account | None, result: Result, words: Words) -> list[Section]:
    steps = [words.say("law_op_read")]
    if account is not None:
        card = account.case.scorer.card
        key = "law_op_parts" if card.parts else "law_op_log" if card.link == "log" else "law_op_identity"
        steps.append(words.say(key, trees=words.count(account.case.scorer.booster.num_trees())))
        steps.append(words.say("law_op_balance", factor=words.plain(round(card.balance_factor, 4))))
        if card.floor_eur is not None:
            steps.append(words.say("law_op_floor", floor=words.euros(card.floor_eur)))
        steps.append(words.say("law_op_explained"))
    if read.decision.rules != "[]":
        steps.append(words.say("law_op_rules"))
    if read.replayed is not None:
        steps.append(words.say(f"law_op_{read.replayed.verdict}"))
    else:
        steps.append(read.why_not)
    numbered = tuple(f"{place}. {text}" for place, text in enumerate(steps, start=1))
    found = [Section(words.say("law_4"), numbered)]
    amounts = amounts_section(read.decision, result, account.case if account else None, words)
    return [*found, *_apart(amounts.tables, words)] if amounts else found


def _apart(tables: Sequence[Table], words: Words) -> list[Section]:
    """Each table under a title of its own, over the whole width."""
    return [Section(words.say("law_detail", title=table.caption), tables=(table,)) for table in tables]
