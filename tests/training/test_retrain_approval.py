"""Promotion against the latest retraining: what refuses, the written reason, and the approval that is kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest

from features.errors import InputError, RuleError
from features.versions import Card, Entry, read_register, read_version, sha256, write_version
from tests.training.retrain_made import appended
from training.retrain.approval import APPROVALS, Approval, Promotion, promote_approved
from training.retrain.asked import retrain_folder
from training.retrain.gate_files import GATES_FOLDER, gates_on
from training.retrain.pipeline import FINDINGS
from training.retrain.record import (
    Decision,
    Drift,
    GateResult,
    Impact,
    ImpactRow,
    Retrained,
    VersionFacts,
    encode,
)
from training.retrain.steps import Step, run_steps

GATES = gates_on(date(2024, 12, 1))
TREES = "tree\nend of trees\n"
ASKED = Promotion("peps_mg", 2, date(2025, 1, 1), date(2024, 12, 15), "Cnam, DEPP", "yearly refit")


@pytest.fixture(autouse=True)
def unregistered(monkeypatch) -> None:
    """Promotions go to the register alone, MLflow is left out."""
    monkeypatch.setattr("training.retrain.approval.promote", appended)


@pytest.fixture
def root(tmp_path) -> Path:
    """Three versions of one model."""
    for version in (1, 2, 3):
        text = f"{TREES}{version}"
        card = Card(
            model="peps_mg", version=version, perimeter="MG", objective="regression", balance_factor=1.0, features=(),
            model_sha256=sha256(text.encode()),
        )  # fmt: skip
        write_version(tmp_path / "versions", card, text)
    return tmp_path / "versions"


def facts(root: Path, version: int) -> VersionFacts:
    digest = read_version(root, "peps_mg", version)[2]
    return VersionFacts(version=version, version_hash=digest, training_years=(2022,))


def retrained(root: Path, *, champion: int | None = 1, challenger: int = 2, year: int = 2024, status: str = "passed"):
    """A finished retraining, as its steps leave it."""
    gate = GateResult(
        name="structure_impact", kind="hard", status=status, value=0.12, threshold=0.10, sign="≤", unit="share",
        grade="assumed", source_fr="s", source_en="s", meaning_fr="m", meaning_en="m", words=("S1",),
    )  # fmt: skip
    row = ImpactRow(
        structure="S1", patients=20, champion_eur=100.0, challenger_eur=112.0, difference_eur=12.0, change=0.12,
        moved=0.1,
    )  # fmt: skip
    impact = Impact(
        year=year, rows=(row,), masked=0, without_rows=0, rank_correlation=0.99, mean_absolute_change=0.02,
        structure_rank_correlation=None, structure_mean_absolute_change=None, moved_share=None,
    )  # fmt: skip
    decision = Decision(
        model="peps_mg", title_fr="", title_en="", unit="EUR per year", year=year, on=date(year, 12, 1),
        gates_file=GATES.file, gates_sha256=GATES.sha256, challenger=facts(root, challenger),
        champion=None if champion is None else facts(root, champion), gates=(gate,),
    )  # fmt: skip
    drift = Drift(year=year, before_year=year - 1, patients_before=1, patients=1, in_sample=False, rows=())
    whole = encode(Retrained(decision=decision, drift=drift, impact=impact))
    folder = retrain_folder(root.parent / "data", year, "peps_mg")
    found = [Step("found", dict, {}, FINDINGS, lambda: dict.fromkeys(FINDINGS, b"{}"))]
    hashes = {name: sha256(b"{}") for name in FINDINGS}
    gates = [Step("gates", lambda: hashes, {"year": year}, ("retrain.json",), lambda: {"retrain.json": whole})]
    shutil.rmtree(folder, ignore_errors=True)
    run_steps(folder, found + gates, say=lambda text: None)
    return folder


def promoted(root: Path, **changes: object) -> Entry:
    return promote_approved(root.parent / "data", root, replace(ASKED, **changes))


def first(root: Path) -> Entry:
    return promoted(root, version=1, from_date=date(2024, 1, 1), decided_on=date(2023, 12, 1))


def test_a_first_promotion_needs_nothing(root):
    """No champion, no retraining: one line in the register, as before, and no approval."""
    entry = first(root)
    assert (entry.approval, entry.despite) == (None, None)
    assert not (root / APPROVALS).exists()


def test_without_a_retraining_the_champion_stays(root):
    """Version 1 is in force: version 2 was held against nothing."""
    first(root)
    with pytest.raises(RuleError, match="no retraining has held it against version 1, which is in force: "):
        promoted(root)
    assert [entry.version for entry in read_register(root)] == [1]


def test_gates_that_hold_let_it_pass_and_the_approval_is_kept(root):
    """Who, when, why, against whom, and the euros of each structure; its hash stands in the register."""
    first(root)
    folder = retrained(root)
    entry = promoted(root)
    (path,) = (root / APPROVALS).iterdir()
    assert path.name == f"peps_mg-2-{entry.approval[:12]}.json" and sha256(path.read_bytes()) == entry.approval
    kept = msgspec.json.decode(path.read_bytes(), type=Approval)
    assert (kept.by, kept.why, kept.decided_on, kept.champion) == ("Cnam, DEPP", "yearly refit", date(2024, 12, 15), 1)
    assert [(row.structure, row.difference_eur) for row in kept.impact.rows] == [("S1", 12.0)]
    assert kept.retrain_sha256 == sha256((folder / "retrain.json").read_bytes())
    assert (entry.despite, kept.refusals) == (None, ())


@pytest.mark.parametrize("status", ["failed", "not_measured"])
def test_a_hard_gate_that_fails_refuses(status, root):
    """Gate, value, threshold and structure are named, and what to do."""
    first(root)
    retrained(root, status=status)
    told = r"gate structure_impact is 12\.0%, should be ≤ 10\.0% \(S1\)\. Mend the cause and retrain.*--despite"
    with pytest.raises(RuleError, match=told):
        promoted(root)
    assert len(read_register(root)) == 1 and not (root / APPROVALS).exists()


def test_a_hard_gate_refuses_a_first_promotion_as_well(root):
    """No champion, but a retraining that says no."""
    retrained(root, champion=None, status="failed")
    with pytest.raises(RuleError, match="gate structure_impact"):
        promoted(root)


def test_a_written_reason_goes_into_the_register(root):
    """Despite the gate: the reason, what it overrules, and the chain of hashes holds."""
    first(root)
    retrained(root, status="failed")
    entry = promoted(root, despite="S1 merged with S4 in July")
    assert entry.despite == "S1 merged with S4 in July"
    assert [e.despite for e in read_register(root)] == [None, "S1 merged with S4 in July"]
    (path,) = (root / APPROVALS).iterdir()
    assert msgspec.json.decode(path.read_bytes(), type=Approval).refusals[0].startswith("gate structure_impact")


def test_a_reason_against_nothing_is_refused(root):
    """The register keeps no reason that overrules nothing, nor an empty one."""
    first(root)
    retrained(root)
    with pytest.raises(InputError, match="nothing refuses peps_mg version 2; leave --despite out"):
        promoted(root, despite="to be safe")
    with pytest.raises(InputError, match="--despite is empty"):
        promoted(root, despite=" ")


def test_a_champion_changed_since_asks_for_another_retraining(root):
    """Held against version 1, but version 3 is in force on the day asked for."""
    first(root)
    retrained(root)
    promoted(root, version=3, from_date=date(2024, 6, 1), decided_on=date(2024, 5, 1), despite="urgent")
    with pytest.raises(RuleError, match=r"it was not held against version 3, .*: forfait retrain --year 2024"):
        promoted(root)


def test_gates_changed_since_ask_for_another_retraining(root, tmp_path):
    """Other gates are in force on the day of the decision."""
    first(root)
    retrained(root)
    folder = Path(shutil.copytree(GATES_FOLDER, tmp_path / "gates"))
    text = (folder / GATES.file).read_text(encoding="utf-8")
    (folder / "2024-12-10.toml").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"the gates in force on 2024-12-15 are not 2024-01-01\.toml as it was"):
        promote_approved(root.parent / "data", root, ASKED, gates=folder)


def test_an_unfinished_or_altered_retraining_counts_for_nothing(root):
    """A finding changed after the decision: the run is to be done again."""
    first(root)
    folder = retrained(root)
    (folder / "impact.json").write_bytes(b"{ }")
    with pytest.raises(RuleError, match="the retraining of 2024 was interrupted or its files changed"):
        promoted(root)


def test_the_latest_year_decides(root):
    """2023 let it pass, 2024 does not."""
    first(root)
    retrained(root, year=2023)
    retrained(root, year=2024, status="failed")
    with pytest.raises(RuleError, match="gate structure_impact"):
        promoted(root)


def test_the_version_in_force_takes_other_days_freely(root):
    """The same version from another day on: nothing changes hands."""
    first(root)
    entry = promoted(root, version=1, from_date=date(2024, 2, 1), decided_on=date(2024, 1, 15))
    assert (entry.version, entry.from_date) == (1, date(2024, 2, 1))


def test_a_decision_that_the_register_refuses_leaves_no_approval(root):
    """Decided before the last decision: no line, no file."""
    promoted(root, version=1, from_date=date(2024, 1, 1), decided_on=date(2024, 12, 20))
    retrained(root)
    with pytest.raises(RuleError, match="the register only grows forwards"):
        promoted(root)
    assert not list((root / APPROVALS).glob("*"))


def test_a_register_written_before_reads_as_it_did(root):
    """Lines without a reason or an approval keep their hashes, and new ones are chained behind them."""
    digest = read_version(root, "peps_mg", 1)[2]
    known = {"model": "peps_mg", "version": 1, "version_hash": digest, "from_date": "2024-01-01"}
    line = json.dumps(known | {"decided_on": "2023-12-01", "by": "Cnam", "why": "first", "previous": "0" * 64})
    (root / "register.jsonl").write_text(line + "\n", encoding="utf-8")
    retrained(root)
    assert promoted(root).previous == sha256(line.encode())
    assert [(entry.version, entry.despite) for entry in read_register(root)] == [(1, None), (2, None)]
