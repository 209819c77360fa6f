"""A run kept: named by its content, replayed to the byte, refused where anything was altered."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.errors import MissingError, RuleError
from features.tables import FORFAITS
from schemes.amounts import Amount, Figure, Payment, Walk
from schemes.money import total_eur
from schemes.rulebook import RULES, Rules
from schemes.runs import FINAL, Run, encoded, keep, load, prepare, replay, with_inputs

PATIENTS = pd.DataFrame({"structure_id": ["S1", "S1"], "patient_id": ["A", "B"], "expected_eur": [100.0, 50.5]})


def pay(inputs: Mapping[str, pd.DataFrame], year: int, rules: Mapping[str, Rules], seed: int) -> Payment:
    """The sum of expectations, times the share paid in advance."""
    walk = Walk()
    walk.to("base", total_eur(inputs["patients"]["expected_eur"]) * rules["peps"].decimal("advance_share"))
    amount = Amount("S1", "peps", year, tuple(walk.components), {"seed": Figure(str(seed), "1")}, ("a warning",))
    nobody = pd.DataFrame(columns=FORFAITS.column_names)
    return Payment(
        (amount,),
        nobody,
        pd.DataFrame(columns=["structure_id", "reason", "detail"]),
        pd.DataFrame(columns=["structure_id", "reason", "patients"]),
    )


def made(frame: pd.DataFrame = PATIENTS, *, root: Path = RULES) -> tuple[Run, Payment]:
    days = {"peps": date(2024, 1, 1)}
    run, rules = prepare("peps", 2024, kind=FINAL, known_on=date(2025, 9, 1), rule_days=days, root=root)
    inputs = {"patients": frame}
    return with_inputs(run, inputs, model="peps_mg", version=1), pay(inputs, 2024, rules, 0)


def test_a_run_replays_to_the_byte(tmp_path: Path):
    """Kept, read again and computed again: the same amount, and the same files twice."""
    run, payment = made()
    folder = keep(tmp_path, run, {"patients": PATIENTS}, payment)
    assert folder == tmp_path / "peps" / "2024" / run.id
    assert replay(folder, pay).total_cents == payment.total_cents == 135_45
    assert keep(tmp_path, run, {"patients": PATIENTS}, payment) == folder


def test_order_of_rows_is_the_same_run():
    """A run is named by its content, not by the order in which it came."""
    assert made(PATIENTS.iloc[::-1])[0].id == made()[0].id
    assert encoded(PATIENTS.iloc[::-1]) == encoded(PATIENTS)
    assert made(PATIENTS.assign(expected_eur=[100.0, 50.51]))[0].id != made()[0].id


def test_altered_inputs_are_found(tmp_path: Path):
    """An input edited after the fact is no longer that of the run."""
    run, payment = made()
    folder = keep(tmp_path, run, {"patients": PATIENTS}, payment)
    (folder / "inputs" / "patients.parquet").write_bytes(encoded(PATIENTS.assign(expected_eur=1.0)))
    with pytest.raises(RuleError, match=r"inputs/patients\.parquet was altered"):
        load(folder)


def test_a_rule_file_that_paid_cannot_be_edited(tmp_path: Path):
    """One value changed in place: the replay names the file and asks for an amended one."""
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    run, payment = made(root=rules)
    folder = keep(tmp_path / "payments", run, {"patients": PATIENTS}, payment)
    edited = tmp_path / "edited"
    shutil.copytree(RULES, edited)
    file = edited / run.rules[0].file
    file.write_text(file.read_text(encoding="utf-8") + "# a word more\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"has changed since run .* write an amended file"):
        replay(folder, pay, root=edited)


def test_a_computation_that_changed_is_found(tmp_path: Path):
    """Other code, other cents: the replay says which file differs."""
    run, payment = made()
    folder = keep(tmp_path, run, {"patients": PATIENTS}, payment)

    def other(inputs: Mapping[str, pd.DataFrame], year: int, rules: Mapping[str, Rules], seed: int) -> Payment:
        return pay(inputs, year, rules, seed + 1)

    with pytest.raises(RuleError, match=r"targets.parquet differs"):
        replay(folder, other)


def test_a_run_that_was_not_kept(tmp_path: Path):
    """The error says which command keeps one."""
    with pytest.raises(MissingError, match="run forfait pay"):
        load(tmp_path / "peps" / "2024" / "0123456789abcdef")
