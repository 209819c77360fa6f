"""Programmes of care episodes: one parameter file per programme and period in force. Code holds no number of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import yaml

from features.episodes.codes import codes_of
from features.errors import RuleError

FOLDER = Path(__file__).parent / "programmes"
EDS = ("pth", "ptg", "colectomie")
OPEN = date(9999, 12, 31)
GRADES = ("text", "reported", "derived", "assumed")
CHOICES = {
    "anchor": ("intervention", "admission", "discharge"),
    "medico_social": ("keep", "exclude"),
    "palliative": ("index_stay", "year"),
    "post_discharge_death": ("truncate", "exclude"),
    "overlap": ("keep_first", "keep_later"),
}
CODES = (
    "ghm_roots", "index_acts", "diagnoses", "grouping_errors", "home_entry_modes", "emergency_origins",
    "emergency_units", "medico_social_origins", "death_exit_modes", "palliative_diagnoses", "similar_acts",
    "second_acts", "fracture_diagnoses", "total_acts", "against_advice_diagnoses",
)  # fmt: skip
NUMBERS = ("min_age", "pre_days", "post_days", "similar_days", "max_index_nights", "min_history_days",
           "tariff_campaign")  # fmt: skip


@dataclass(frozen=True)
class Programme:
    """A programme over a period: its labels, the days on which entries follow it, its parameters as text."""

    name: str
    label_fr: str
    label_en: str
    first_day: date
    last_day: date
    values: Mapping[str, str]
    path: Path

    def number(self, key: str) -> int:
        """A parameter as a whole number."""
        return int(self.values[key])

    def codes(self, key: str) -> tuple[str, ...]:
        """A parameter as code prefixes; none where it is empty."""
        return codes_of(self.values[key])

    def text(self, key: str) -> str:
        """A parameter as text."""
        return self.values[key]


def load_programmes(
    names: Sequence[str] = EDS, *, folder: Path = FOLDER, overrides: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Programme, ...]:
    """Every period of the programmes named, in order of name and day; `overrides` replaces parameters (sensitivity).

    Errors: RuleError for an unknown programme, a missing or unknown parameter, a value that is not what it should
    be, or two periods of a programme that share a day.
    """
    found = [read_programme(path) for path in sorted(folder.glob("*.yaml"))]
    known = {programme.name for programme in found}
    missing = [name for name in names if name not in known]
    if missing:
        raise RuleError(f"{folder}: no file for {', '.join(missing)}; programmes are {', '.join(sorted(known))}")
    chosen = [programme for name in names for programme in found if programme.name == name]
    _refuse_overlaps(chosen)
    return tuple(_overridden(programme, (overrides or {}).get(programme.name, {})) for programme in chosen)


def read_programme(path: Path) -> Programme:
    """The programme of one file, checked. Errors: RuleError naming file and parameter."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = content.get("parameters", {})
    for key, given in parameters.items():
        if not isinstance(given.get("value"), str) or given.get("grade") not in GRADES or not given.get("source"):
            raise RuleError(f"{path.name}: {key} needs a quoted value, a grade ({', '.join(GRADES)}) and a source")
    in_force = content["in_force"]
    if path.name != f"{content['programme']}_{in_force['from']}.yaml":
        raise RuleError(f"{path.name}: the name should be {content['programme']}_{in_force['from']}.yaml")
    values = {key: str(given["value"]) for key, given in parameters.items()}
    programme = Programme(
        content["programme"], content["label_fr"], content["label_en"], in_force["from"], in_force.get("to") or OPEN,
        values, path,
    )  # fmt: skip
    _check(programme)
    return programme


def _overridden(programme: Programme, given: Mapping[str, str]) -> Programme:
    changed = replace(programme, values={**programme.values, **given})
    _check(changed)
    return changed


def _check(programme: Programme) -> None:
    name, wanted = programme.path.name, {*CHOICES, *CODES, *NUMBERS}
    missing, unknown = sorted(wanted - set(programme.values)), sorted(set(programme.values) - wanted)
    if missing or unknown:
        raise RuleError(f"{name}: missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'}")
    for key, allowed in CHOICES.items():
        if programme.values[key] not in allowed:
            raise RuleError(f"{name}: {key} is {programme.values[key]!r}; it should be one of {', '.join(allowed)}")
    for key in NUMBERS:
        if not programme.values[key].isdecimal():
            raise RuleError(f"{name}: {key} is {programme.values[key]!r}; it should be a whole number")
    for key in CODES:
        programme.codes(key)
    if not programme.codes("index_acts") or not programme.codes("ghm_roots"):
        raise RuleError(f"{name}: ghm_roots and index_acts may not be empty")


def _refuse_overlaps(programmes: list[Programme]) -> None:
    for before, after in pairwise(programmes):
        if before.name == after.name and after.first_day <= before.last_day:
            raise RuleError(f"{after.path.name} begins before {before.path.name} ends; end the first the day before")
