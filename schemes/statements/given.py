"""What a page is told besides amounts: the run, its rules, a name, a language; and the parts every page shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

from schemes import labels
from schemes.amounts import Figure as AmountFigure
from schemes.rulebook import NONE, Rules
from schemes.runs import Run
from schemes.statements.document import Column, Document, Section, Table, Value
from schemes.statements.wording import day, listed, number, say, texts

PACKAGES = {
    "peps2": "peps", "primordial": "peps", "capitation": "peps", "biosimilars_caqes": "biosimilars",
}  # fmt: skip
CENTS_UNITS = ("cents",)
SHARE_UNITS = ("share", "0 to 1")
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DECIMALS = re.compile(r"-?\d+\.(\d+)")
SHORT_HASH = 12


@dataclass(frozen=True)
class Given:
    """The run that computed an amount, the rules it used by scheme, the structure's name, and the language.

    `label` gives the words of a component or figure: package, name, language → text (default: labels.csv).
    """

    run: Run
    rules: Mapping[str, Rules]
    structure_name: str = ""
    language: str = "fr"
    label: Callable[[str, str, str], str] = labels.label

    @property
    def own_rules(self) -> Rules:
        """Rules of the scheme itself, not those it borrows."""
        return self.rules[self.run.scheme]

    @property
    def small_cell_min(self) -> int:
        """People under which a count is not shown."""
        return self.own_rules.whole("small_cell_min")

    def say(self, key: str, **values: str) -> str:
        """A text in the language of the page."""
        return say(key, self.language, **values)

    def name_of(self, name: str) -> str:
        """Label of a component, figure or reason of the scheme."""
        return self.label(package_of(self.run.scheme), name, self.language)

    def subtitle(self, structure_id: str, *, state: str = "") -> str:
        """Structure, scheme, year and whether the amount is provisional, or `state`."""
        named = f"{self.structure_name} ({structure_id})" if self.structure_name else structure_id
        scheme = self.say(f"scheme_{self.run.scheme}")
        return f"{named} · {scheme} · {self.run.year} · {state or self.say(f'kind_{self.run.kind}')}"

    def explained(self, page: Document) -> Document:
        """The page, with the meaning of "s" before its other notes where a figure of it is not shown."""
        if not page.is_masked:
            return page
        return replace(page, notes=(self.say("note_masked", minimum=str(self.small_cell_min)), *page.notes))

    def notes(self) -> tuple[str, ...]:
        """Where the figures come from: run, data, model, rules; enough to compute them again."""
        run = self.run
        told = [self.say("note_run", run=run.id, known_on=day(run.known_on, self.language))]
        if run.model:
            told.append(self.say("note_models", models=listed(self._models(), self.language)))
        return (*told, *(self._rules_note(used) for used in self.rules.values()))

    def _models(self) -> list[str]:
        """Each model with its version and the beginning of its hash."""
        return [
            self.say("note_one_model", model=name, version=version, hash=one[:SHORT_HASH])
            for name, version, one in self.run.models
        ]

    def _rules_note(self, used: Rules) -> str:
        days = {"published": used.published, "first_day": used.first_day}
        told = {name: day(value, self.language) for name, value in days.items()}
        return self.say("note_rules", file=used.file, hash=used.sha256[:SHORT_HASH], **told)


def package_of(scheme: str) -> str:
    """The package that pays a scheme."""
    return PACKAGES.get(scheme, scheme)


def figure_value(figure: AmountFigure, language: str) -> Value:
    """A figure of an amount as a cell, read by its unit; text stays text, none is absent."""
    text, unit = figure.value.strip(), figure.unit
    try:
        number = Decimal(text)
    except InvalidOperation:
        words = _listed(text, language) if unit.startswith("list of") else _word(text, language)
        return Value(date.fromisoformat(text) if ISO_DAY.fullmatch(text) else words or None)
    if unit in CENTS_UNITS:
        return Value(int(number), "eur_cents")
    if unit == "EUR" or unit.startswith("EUR "):
        return Value(number, "eur", _unit(unit.removeprefix("EUR").strip(), language))
    if unit in SHARE_UNITS:
        return Value(number, "share")
    one = f"one_{unit}" if number == 1 and f"unit_one_{unit}" in texts() else unit
    return Value(number, "number", _unit(one, language))


def _listed(text: str, language: str) -> str:
    """A list of the rules, each of its words and numbers in the language; semicolons where a number has decimals."""
    parts = [part.strip() for part in text.split(",")]
    told = [_number_or_word(part, language) for part in parts]
    return listed(told, language) if any(DECIMALS.fullmatch(part) for part in parts) else ", ".join(told)


def _number_or_word(text: str, language: str) -> str:
    """A number with all the decimals that it has, or a word."""
    decimals = DECIMALS.fullmatch(text)
    return number(Decimal(text), language, decimals=len(decimals[1])) if decimals else _word(text, language)


def _unit(unit: str, language: str) -> str:
    """Words of a unit; itself where it has none, nothing for a bare ratio."""
    return say(f"unit_{unit}", language) if f"unit_{unit}" in texts() else unit


def _word(text: str, language: str) -> str:
    return say(f"word_{text}", language) if f"word_{text}" in texts() else text


def assumed_section(given: Given, rule_keys: Iterable[str]) -> Section | None:
    """The values used whose grade is not `text`: meaning, value, grade and source; None where all are official.

    Parameters that share value, grade and source share a row.
    """
    rows: dict[tuple[Value, str, str], list[str]] = {}
    for key in dict.fromkeys(rule_keys):
        for rules in _owners(given, key):
            for value, grade, source in _not_text(rules, key, given.language):
                shared = (value, given.say(f"grade_{grade}"), _source(rules, source, given.language))
                rows.setdefault(shared, []).append(meaning(given, key))
    if not rows:
        return None
    columns = (
        Column("meaning", given.say("column_meaning")),
        Column("value", given.say("column_value"), "mixed"),
        Column("grade", given.say("column_grade")),
        Column("source", given.say("column_source")),
    )
    cells = tuple((listed(meanings, given.language), *shared) for shared, meanings in rows.items())
    table = Table("assumed", given.say("assumed_caption"), columns, cells, is_fine=True)
    return Section(given.say("assumed_title"), tables=(table,))


def _not_text(rules: Rules, key: str, language: str) -> list[tuple[Value, str, str]]:
    """Value, grade and source of a parameter or grid that is not read in an official text; none where it is."""
    if key in rules.grids:
        grid = rules.grids[key]
        return [] if grid.grade == "text" else [(Value(grid.file), grid.grade, grid.source)]
    parameter = rules.parameters[key]
    if parameter.grade == "text":
        return []
    return [(parameter_value(parameter.value, parameter.unit, language), parameter.grade, parameter.source)]


def _owners(given: Given, key: str) -> list[Rules]:
    """The rules that have a key: the scheme's own first, one only."""
    ordered = [given.own_rules, *(rules for name, rules in given.rules.items() if name != given.run.scheme)]
    return [rules for rules in ordered if key in rules.parameters or key in rules.grids][:1]


def parameter_value(value: str, unit: str, language: str) -> Value:
    """The value of a parameter as a cell."""
    if value == NONE:
        return Value(_word(NONE, language))
    return figure_value(AmountFigure(value, unit), language)


def meaning(given: Given, key: str) -> str:
    """Words of a parameter or grid; its name where it has none."""
    return given.say(f"rule_{key}") if f"rule_{key}" in texts() else key


def _source(rules: Rules, source: str, language: str) -> str:
    """The source: title of what it names, then what it says there; an assumption; in the words of the language."""
    named, comma, rest = source.partition(",")
    title = rules.sources.get(named.strip(), {}).get("title")
    if title:
        title, said = say(f"title_{title}", language) if f"title_{title}" in texts() else title, rest.strip()
        return f"{title}{comma} {say(f'part_{said}', language) if f'part_{said}' in texts() else said}".rstrip()
    return say(f"source_{source}", language) if f"source_{source}" in texts() else source
