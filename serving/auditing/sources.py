"""The rule files that a decision read: period, publication, official texts, and values that are not read in them."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from features.errors import RuleError
from schemes.rule_record import Rules
from schemes.rulebook import every_file
from schemes.statements.document import Column, Section, Table
from serving.auditing.amounts import Result
from serving.auditing.words import Words
from serving.decisions.record import Decision, UsedRules

HTTPS = "https://"


def rules_section(decision: Decision, result: Result, words: Words) -> Section:
    """Files, official texts and assumed values."""
    used = msgspec.json.decode(decision.rules, type=list[UsedRules])
    if not used:
        return Section(words.say("rules_title"), (words.say("no_rules"),))
    files = tuple(_file(one, words) for one in used)
    titles = ("scheme", "file", "in_force", "published", "hash")
    tables = [Table("rules", words.say("rules_files"), _columns(titles, words), files)]
    texts = official_texts(decision)
    if texts:
        tables.append(Table("sources", words.say("sources"), _columns(("source", "address"), words), texts))
    values = tuple(
        (_breakable(one["key"]), one["value"], one["unit"], one["grade"], one["source"]) for one in _assumed(result)
    )
    if values:
        columns = (
            Column("key", words.say("key")), Column("value", words.say("value")), Column("unit", words.say("unit")),
            Column("grade", words.say("grade")), Column("source", words.say("source")),
        )  # fmt: skip
        tables.append(Table("assumed_all", words.say("assumed_n", count=words.count(len(values))), columns, values))
    return Section(words.say("rules_title"), tables=tuple(tables))


def official_texts(decision: Decision) -> tuple[tuple[str, str], ...]:
    """Title and address of each text that the files name, once."""
    used = msgspec.json.decode(decision.rules, type=list[UsedRules])
    found = [rules_file(one) for one in used]
    texts = [(text.get("title", ""), text.get("url", "")) for one in found if one for text in one.sources.values()]
    return tuple(dict.fromkeys(texts))


def rules_file(used: UsedRules) -> Rules | None:
    """The file as it was read; None where the rule book no longer has it."""
    try:
        files = every_file(used.scheme)
    except RuleError:
        return None
    return next((one for one in files if (one.file, one.sha256) == (used.file, used.sha256)), None)


def _breakable(key: str) -> str:
    """A long name that a line may break after each underscore."""
    return key.replace("_", "_\u200b")


def _assumed(result: Result) -> list[dict[str, Any]]:
    return list(result.get("assumed", []))


def _file(used: UsedRules, words: Words) -> tuple[str, ...]:
    found = rules_file(used)
    short = f"{used.sha256[:12]}…"
    if found is None:
        return used.scheme, used.file, words.say("gone"), "", short
    return used.scheme, found.file, _period(found.first_day, found.last_day, words), words.day(found.published), short


def _period(first: date, last: date | None, words: Words) -> str:
    if last is None:
        return words.say("from_on", first=words.day(first))
    return words.say("from_to", first=words.day(first), last=words.day(last))


def _columns(keys: tuple[str, ...], words: Words) -> tuple[Column, ...]:
    return tuple(Column(key, words.say(key)) for key in keys)
