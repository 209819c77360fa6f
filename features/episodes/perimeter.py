"""What is related to an episode: the rules of perimeter_rules.csv, first match wins, a last row decides everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue

from features.episodes.codes import any_starts, codes_of, starts
from features.errors import InputError
from features.reference_data import reference
from features.tables.episodes import COMPONENTS

FILE = "perimeter_rules"
PARTS = ("pre", "index", "post")
TABLES = ("stays_mco", "stays_ssr", "stays_had", "care_lines", "dispensings", "procedures")
SYSTEMS = {
    "stays_mco": ("ghm", "dp", "act", "poste", "nature", "implant"),
    "stays_ssr": ("ghm", "dp", "act", "poste", "nature"),
    "stays_had": ("ghm", "dp", "poste", "nature"),
    "care_lines": ("poste", "nature", "specialty"),
    "dispensings": ("atc",),
    "procedures": ("ccam",),
}
ANY = "*"
OUT = "out"
OF_THE_STAY = ("index", "implant")
Matcher = Callable[[ibis.Table, Sequence[str]], BooleanValue]


@dataclass(frozen=True)
class Rule:
    """A rule: priority, programmes ('' all), table, codes by system (none: all), window parts, decision, component."""

    priority: int
    programmes: tuple[str, ...]
    table: str
    codes: tuple[tuple[str, tuple[str, ...]], ...]
    parts: tuple[str, ...]
    is_in: bool
    component: str
    meaning: str


def perimeter_rules(frame: pd.DataFrame | None = None) -> tuple[Rule, ...]:
    """Rules in order of priority, from perimeter_rules.csv or a frame of the same columns, all text.

    Errors: InputError naming the row for an unknown table, part, system, decision or component, a repeated priority,
    a component that does not go with its window part, or a last rule that leaves something undecided.
    """
    return _checked() if frame is None else _read(frame)


@cache
def _checked() -> tuple[Rule, ...]:
    return _read(reference(FILE))


def _read(frame: pd.DataFrame) -> tuple[Rule, ...]:
    records = ({str(name): str(cell) for name, cell in row.items()} for row in frame.to_dict("records"))
    rules = [_rule(row, place) for place, row in enumerate(records, 2)]
    if len({rule.priority for rule in rules}) < len(rules):
        raise InputError(f"{FILE}.csv: two rules have the same priority; give each its own")
    rules.sort(key=lambda rule: rule.priority)
    last = rules[-1] if rules else None
    if last is None or (last.programmes, last.table, last.codes, last.parts) != ((), ANY, (), PARTS):
        raise InputError(f"{FILE}.csv: the last rule must decide everything: table, code_pattern and window_part '*'")
    return tuple(rules)


def _rule(row: Mapping[str, str], place: int) -> Rule:
    where = f"{FILE}.csv, row {place}"
    table, decision, component = row["table"], row["decision"], row["component"]
    parts = PARTS if row["window_part"] == ANY else tuple(row["window_part"].split())
    if table not in (*TABLES, ANY) or not parts or not set(parts) <= set(PARTS) or decision not in ("in", OUT):
        raise InputError(f"{where}: table, window_part or decision is unknown; tables are {', '.join(TABLES)}")
    codes: dict[str, tuple[str, ...]] = {}
    for word in row["code_pattern"].split() if row["code_pattern"] != ANY else ():
        system, _, pattern = word.partition(":")
        if system not in SYSTEMS.get(table, ()) or not pattern:
            raise InputError(f"{where}: code {word!r} is not one of {table} ({', '.join(SYSTEMS.get(table, ()))})")
        codes[system] = (*codes.get(system, ()), *codes_of(pattern))
    if not row["code_pattern"] or (decision == "in") != bool(component) or not _fits(component, parts):
        raise InputError(
            f"{where}: code_pattern may not be empty, a rule `in` needs a component and one `out` has none; pre goes "
            "with window_part pre alone, index and implant with index alone, the others with index or post"
        )
    return Rule(
        int(row["priority"]), tuple(row["programme"].split()), table, tuple(codes.items()), parts, decision == "in",
        component or OUT, row["meaning"],
    )  # fmt: skip


def _fits(component: str, parts: tuple[str, ...]) -> bool:
    if not component:
        return True
    if component == "pre":
        return parts == ("pre",)
    return component in COMPONENTS and (parts == ("index",) if component in OF_THE_STAY else "pre" not in parts)


MATCHERS: dict[str, Matcher] = {
    "ghm": lambda t, codes: starts(t.ghm, codes),
    "dp": lambda t, codes: any_starts(t.diagnoses, codes),
    "act": lambda t, codes: any_starts(t.acts, codes),
    "poste": lambda t, codes: t.poste.isin(codes).fill_null(False),
    "nature": lambda t, codes: starts(t.nature, codes),
    "specialty": lambda t, codes: t.specialty.isin(codes).fill_null(False),
    "implant": lambda t, codes: t.is_implant,
    "atc": lambda t, codes: starts(t.atc, codes),
    "ccam": lambda t, codes: any_starts(t.day_acts, codes),
}


def decided(rows: ibis.Table, rules: Sequence[Rule], tables: Sequence[str]) -> ibis.Table:
    """`rows` with `rule`: priority of the first rule of `tables` (or of any table) that each meets.

    `rows` has programme, window_part, `table` where stays of several fields are mixed, and the columns of the systems.
    """
    cases = [
        (_meets(rows, rule, tables), ibis.literal(rule.priority, "int64"))
        for rule in rules
        if rule.table == ANY or rule.table in tables
    ]
    return rows.mutate(rule=ibis.cases(*cases, else_=ibis.null("int64")))


def _meets(rows: ibis.Table, rule: Rule, tables: Sequence[str]) -> ibis.BooleanValue:
    tests: list[ibis.BooleanValue] = []
    if rule.programmes:
        tests.append(rows.programme.isin(rule.programmes))
    if rule.parts != PARTS:
        tests.append(rows.window_part.isin(rule.parts))
    if rule.table != ANY and "table" in rows.columns:
        tests.append(rows.table == rule.table)
    if rule.codes:
        tests.append(ibis.or_(*(MATCHERS[system](rows, codes) for system, codes in rule.codes)))
    return ibis.and_(*tests) if tests else ibis.literal(True)


def with_decision(rows: ibis.Table, rules: Sequence[Rule]) -> ibis.Table:
    """`rows` with is_in_scope and component of their rule."""
    kept = [rule for rule in rules if rule.is_in]
    components = [(rows.rule == rule.priority, ibis.literal(rule.component)) for rule in kept]
    component = ibis.cases(*components, else_=OUT) if components else ibis.literal(OUT)
    return rows.mutate(is_in_scope=rows.rule.isin([rule.priority for rule in kept]), component=component)
