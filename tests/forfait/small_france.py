"""A France of ten patients drawn dataset by dataset, two teams in it, and the commands run on it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.engine import connect
from features.provenance import Provenance
from features.store import write_dataset
from features.tables import BENEFICIARIES, FEATURE_TABLE, FIDELISATION, PREDICTIONS, SPENDING, Table
from forfait.cli import main
from forfait.paying.sources import Sources
from schemes import runs
from schemes.rule_lock import lock_line
from schemes.rulebook import RULES, rules
from tests.features.world import put
from tests.serving.made import freeze, promote

PEPS_RULES = "peps/2022-11-27.yaml"
ROSTER = "structure_id,structure_name,professional_id,profession,from_date,to_date\n" + "".join(
    f"{team},{name},{team}{number},{profession},2020-01-01,\n"
    for team, name in (("T1", "One"), ("T2", "Two"))
    for number, profession in enumerate(("mg", "mg", "mg", "ide", "ide"))
)
COLUMNS = "structure_id,structure_name,scheme,patientele,perimeter,from_date,to_date,phase_from,quality_share\n"
T1 = "T1,One,peps,TOT,MG,2021-01-01,,2021-01-01,0.6\n"
T2 = "T2,Two,peps,TOT,MG,2024-01-01,,2022-01-01,\n"
TEAMS = COLUMNS + T1 + T2
REFERENCE = ("R1", "R2", "R3")
EXPECTED = {"A1": 50.0, "A2": 125.0, "A3": 100.0, "A5": 25.0, "B1": 100.0, "B2": 50.0, "R1": 100.0, "R2": 100.0,
            "R3": 50.0}  # fmt: skip
LATE = (("A3", 2023), ("A4", 2023))
SPENT = {"R1": 100.0, "R2": 110.0, "R3": 90.0}
CARE = {
    2023: {"A1": (4000, 0), "A2": (3000, 1000), "A5": (1000, 1000), "B1": (6000, 0), "B2": (4000, 0)},
    2024: {"A1": (4000, 0), "A2": (3500, 500), "A3": (1500, 500), "A4": (0, 0), "B1": (9000, 2000), "B2": (7000, 2000)},
}


@dataclass(frozen=True)
class France:
    """Where it lies: datasets, versions, and rules with a gate of two patients."""

    data: Path
    versions: Path
    rules: Path

    @property
    def sources(self) -> Sources:
        return Sources(
            connect("duckdb", threads=1),
            self.data,
            self.versions,
            self.data / "roster.csv",
            self.data / "participations.csv",
        )


def draw(folder: Path, *, participations: str = TEAMS) -> France:
    """The datasets of 2023 and 2024, one frozen version in force, and the rules of PEPS with a low gate."""
    france = France(folder / "data", folder / "versions", folder / "rules")
    for year in (2023, 2024):
        put(france.data, "patientele", year, members(year))
        table(france.data, BENEFICIARIES, year, [person(one, year) for one in (*EXPECTED, "A4")])
        table(france.data, PREDICTIONS, year, predictions("peps_mg", year, EXPECTED))
        table(france.data, FEATURE_TABLE, year, [characteristics(one, year) for one in (*EXPECTED, "A4")])
        table(france.data, SPENDING, year, [spending(one, year, mg=SPENT.get(one, 0.0)) for one in EXPECTED])
        table(france.data, FIDELISATION, year, [care(one, year, *cents) for one, cents in CARE[year].items()])
    (france.data / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (france.data / "participations.csv").write_text(participations, encoding="utf-8")
    freeze(france.versions, "peps_mg", 1)
    promote(france.versions, "peps_mg", 1, start="2023-01-01", decided="2022-12-10")
    copy_rules(france.rules)
    return france


def members(year: int) -> list[dict[str, object]]:
    """T1: A1 and A2, A5 in 2023 only, A3 from 2 July 2024 (half a leap year), A4; T2: B1 and B2."""
    days: dict[str, object] = {"year": year, "first_day": date(year, 1, 1), "last_day": date(year, 12, 31)}
    there = ["A1", "A2", "A5", "B1", "B2"] if year == 2023 else ["A1", "A2", "A3", "A4", "B1", "B2"]
    late = {"A3": {"first_day": date(2024, 7, 2)}}
    return [{"patient_id": one, "structure_id": team(one), **days, **late.get(one, {})} for one in there]


def team(patient: str) -> str:
    return {"A": "T1", "B": "T2"}.get(patient[0], "")


def person(patient: str, year: int, **given: object) -> dict[str, object]:
    """B2 lives in a commune of the poorest fifth."""
    quintile = 5 if patient == "B2" else 3
    return {"patient_id": patient, "birth_date": date(1960, 6, 1), "sex": 1, "death_date": None, "department": "35",
            "commune": "35238", "fdep_quintile": quintile, "pseudonym_count": 1, "is_ambiguous_twin": False,
            **given}  # fmt: skip


def characteristics(patient: str, year: int) -> dict[str, object]:
    """A3 and A4 declare their doctor in 2024."""
    no_ald = dict.fromkeys(("ald_08", "ald_15", "ald_16", "ald_25"), 0)
    rights = dict.fromkeys(("c2s_free", "c2s_participative", "c2s_unknown", "ame"), 0)
    return {"patient_id": patient, "year": year, "index_date": date(year, 1, 1),
            "has_declared_doctor": (patient, year) not in LATE, "age": year - 1961, "is_woman": False,
            "ald_count": 0, **no_ald, **rights}  # fmt: skip


def spending(patient: str, year: int, *, mg: float = 0.0, amo: float = 0.0, exposure: float = 1.0) -> dict[str, object]:
    return {"patient_id": patient, "year": year, "exposure_share": exposure, "spent_mg_eur": mg, "spent_mg_ide_eur": mg,
            "spent_total_eur": amo, "reimbursed_total_eur": amo, "gp_acts": 4}  # fmt: skip


def predictions(model: str, year: int, expected: Mapping[str, float]) -> list[dict[str, object]]:
    return [
        {"patient_id": one, "year": year, "model": model, "version": 1, "expected_eur": eur}
        for one, eur in expected.items()
    ]


def care(patient: str, year: int, in_team: int, outside: int) -> dict[str, object]:
    return {"patient_id": patient, "structure_id": team(patient), "year": year, "perimeter": "MG",
            "in_team_cents": in_team, "outside_cents": outside, "neutralised_cents": 0, "in_team_acts": 2,
            "outside_acts": 1, "neutralised_acts": 0}  # fmt: skip


def table(data: Path, declared: Table, year: int, rows: Sequence[Mapping[str, object]]) -> None:
    """Writes a dataset of a year, columns beyond the declared ones included."""
    write_dataset(declared, data, pd.DataFrame(rows), year, provenance=Provenance(command="drawn"))


def copy_rules(root: Path, *, advance_share: str = "0.90", locked: bool = False) -> Path:
    """The rules with a gate of two patients for PEPS; locked: the file, as it stands without the change, has paid."""
    shutil.copytree(RULES, root)
    path = root / PEPS_RULES
    text = path.read_text(encoding="utf-8").replace('min_patients:\n    value: "250"', 'min_patients:\n    value: "2"')
    path.write_text(text, encoding="utf-8")
    (root / "paid.csv").write_text("file,sha256\n", encoding="utf-8")
    if locked:
        line = lock_line(rules("peps", on=date(2024, 1, 1), root=root))
        (root / "paid.csv").write_text(f"file,sha256\n{line}\n", encoding="utf-8")
    path.write_text(text.replace('advance_share: {value: "0.90"', f'advance_share: {{value: "{advance_share}"'))
    return root


def use_rules(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Runs are computed and read under the rules of another folder."""
    for function in (runs.prepare, runs.rules_of, runs.replay):
        monkeypatch.setitem(function.__kwdefaults__, "root", root)


def forfait(monkeypatch: pytest.MonkeyPatch, france: France, *words: str) -> int:
    """The exit code of a command on this France."""
    folders = ["--data", str(france.data)] + (["--versions", str(france.versions)] if words[0] == "pay" else [])
    monkeypatch.setattr(sys, "argv", ["forfait", *words, *folders])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)
