"""Dated files of gates and thresholds: read strictly, chosen by day, refused with file and key where wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from features.errors import RuleError
from features.versions import sha256

GATES_FOLDER = Path(__file__).parent.parent / "gates"
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.toml")
MOST, LEAST = "≤", "≥"
GATES: Mapping[str, tuple[str, str]] = {
    "total_gap": (MOST, "share"),
    "groups_outside": (MOST, "count"),
    "r2_loss": (LEAST, "1"),
    "r2_proof": (LEAST, "1"),
    "cpm_loss": (LEAST, "1"),
    "worst_group_loss": (MOST, "EUR"),
    "grid_r2": (LEAST, "1"),
    "grid_cpm": (LEAST, "1"),
    "negative": (MOST, "share"),
    "past_return": (MOST, "EUR"),
    "monotone": (MOST, "count"),
    "drift_alerts": (MOST, "count"),
    "structure_coverage": (MOST, "share"),
    "structure_impact": (MOST, "share"),
    "rank_correlation": (LEAST, "1"),
}
"""Every gate that a file must hold: the sign between value and threshold, and the unit."""
DRIFTS: Mapping[str, str] = {
    "psi": "1",
    "smd": "1",
    "missing_share": "share",
    "new_levels": "share",
    "mix_share": "share",
    "coding_rate": "share",
    "codes_per_patient": "share",
    "spending_total": "share",
    "spending_poste": "share",
    "calibration_total": "ratio",
    "calibration_group": "ratio",
}
"""Every drift that a file must hold, with its unit."""
KINDS, GRADES = ("hard", "soft"), ("published", "reported", "assumed")
COMMON = ("unit", "grade", "source_fr", "source_en", "meaning_fr", "meaning_en")


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate: kind hard (refuses) or soft (is told), its threshold, and where that comes from."""

    kind: str
    threshold: float
    unit: str
    grade: str
    source_fr: str
    source_en: str
    meaning_fr: str
    meaning_en: str


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """From which value a drift is to be watched, and from which it is an alert."""

    watch: float
    alert: float
    unit: str
    grade: str
    source_fr: str
    source_en: str
    meaning_fr: str
    meaning_en: str


class GateFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in force from `first_day` until the next one, with the hash of its bytes."""

    file: str
    first_day: date
    sha256: str
    gates: dict[str, Gate]
    drift: dict[str, Threshold]


def gates_on(day: date, folder: Path = GATES_FOLDER) -> GateFile:
    """The file in force on a day: the latest that begins by then. Errors: RuleError without one, never the nearest."""
    begun = [path for path in sorted(folder.glob("*.toml")) if _first_day(path) <= day]
    if not begun:
        raise RuleError(f"no gates are in force on {day}; write training/gates/<first day>.toml, or choose another day")
    return read_gates(max(begun, key=_first_day))


def read_gates(path: Path) -> GateFile:
    """A file of gates. Errors: RuleError naming file and key."""
    content = path.read_bytes()
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path.name}: not TOML as it should be: {error}") from error
    _same_keys(path, "the file", found, ("sources", "gates", "drift"))
    _same_keys(path, "gates", found["gates"], tuple(GATES))
    _same_keys(path, "drift", found["drift"], tuple(DRIFTS))
    sources = _sources(path, found["sources"])
    gates = {name: _gate(path, name, found["gates"][name], sources) for name in GATES}
    drift = {name: _threshold(path, name, found["drift"][name], sources) for name in DRIFTS}
    first_day = _first_day(path)
    return GateFile(file=path.name, first_day=first_day, sha256=sha256(content), gates=gates, drift=drift)


def _first_day(path: Path) -> date:
    named = NAME.fullmatch(path.name)
    try:
        return date.fromisoformat(named[1] if named else "")
    except ValueError:
        raise RuleError(f"{path.name}: name it by its first day in force, 2024-01-01.toml") from None


def _sources(path: Path, found: Mapping[str, Any]) -> set[str]:
    for name, entry in found.items():
        _same_keys(path, f"sources.{name}", entry, ("title", "url"))
    return set(found)


def _gate(path: Path, name: str, entry: Any, sources: set[str]) -> Gate:
    place = f"gates.{name}"
    _same_keys(path, place, entry, ("kind", "threshold", *COMMON))
    _common(path, place, entry, sources, unit=GATES[name][1])
    if entry["kind"] not in KINDS:
        raise RuleError(f"{path.name}: {place}.kind is {entry['kind']!r}; it should be one of {', '.join(KINDS)}")
    return Gate(**{**entry, "threshold": _number(path, f"{place}.threshold", entry["threshold"])})


def _threshold(path: Path, name: str, entry: Any, sources: set[str]) -> Threshold:
    place = f"drift.{name}"
    _same_keys(path, place, entry, ("watch", "alert", *COMMON))
    _common(path, place, entry, sources, unit=DRIFTS[name])
    watch, alert = (_number(path, f"{place}.{key}", entry[key]) for key in ("watch", "alert"))
    if not 0 <= watch <= alert:
        raise RuleError(f"{path.name}: {place}: watch {watch:g} and alert {alert:g} should be 0 or more, in that order")
    return Threshold(**{**entry, "watch": watch, "alert": alert})


def _common(path: Path, place: str, entry: Mapping[str, Any], sources: set[str], *, unit: str) -> None:
    for key, value in entry.items():
        if not isinstance(value, str) or not value.strip():
            raise RuleError(f"{path.name}: {place}.{key} is {value!r}; write it as quoted text")
    if entry["unit"] != unit:
        raise RuleError(f"{path.name}: {place}.unit is {entry['unit']!r}; it should be {unit!r}")
    if entry["grade"] not in GRADES:
        raise RuleError(f"{path.name}: {place}.grade is {entry['grade']!r}; it should be one of {', '.join(GRADES)}")
    named = {name.strip() for key in ("source_fr", "source_en") for name in entry[key].split(",")}
    if entry["grade"] != "assumed" and not named <= sources:
        unknown = min(named - sources)
        raise RuleError(f"{path.name}: {place}.source_fr and source_en name {unknown!r}, which is not in [sources]")


def _number(path: Path, place: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise RuleError(f"{path.name}: {place} is {text!r}; it should be a number")
    return value


def _same_keys(path: Path, what: str, found: object, keys: tuple[str, ...]) -> None:
    if not isinstance(found, dict):
        raise RuleError(f"{path.name}: {what} should be keys and values: {', '.join(keys)}")
    if what == "the file":
        found.setdefault("sources", {})
    if unknown := sorted(set(found) - set(keys)):
        raise RuleError(f"{path.name}: {what} has the unknown key {unknown[0]}; it takes {', '.join(keys)}")
    if missing := [key for key in keys if key not in found]:
        raise RuleError(f"{path.name}: {what} lacks {', '.join(missing)}")
