"""A whole retraining: what it finds, and that an interruption at any step changes no byte of it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import msgspec
import pytest

from features.errors import InputError, MissingError, RuleError
from features.versions import versions_of
from features.work import alone
from tests.training import retrain_made as made
from tests.training.made_up import write_year
from training.retrain import Retrained, plan, retrain
from training.retrain.page import promote_command, retrain_html
from training.retrain.pipeline import NAMES

ROOT = Path(__file__).parent.parent.parent
STEPS = [*NAMES[:-2], "page_fr", "log_fr"]


@pytest.fixture(scope="module")
def country(tmp_path_factory) -> Path:
    """Datasets and champion, not to be written to."""
    home = tmp_path_factory.mktemp("country")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "")
        made.make_country(home)
    return home


@pytest.fixture(scope="module")
def whole(country, tmp_path_factory) -> tuple[Path, Retrained]:
    """The country retrained without interruption."""
    home = made.copied(country, tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "")
        found, ran = retrain(made.asked_of(home))
    assert ran == STEPS
    return home, found


@pytest.fixture(autouse=True)
def unregistered(monkeypatch) -> None:
    monkeypatch.setattr("training.registry.register", lambda result, root: "")


def test_champion_and_challenger_stand_on_the_same_patients(whole):
    """Version 2 learnt 2022 and 2023, version 1 only 2022; both judged on 2024, which neither learnt."""
    found = whole[1]
    assert (found.decision.champion.version, found.decision.champion.training_years) == (1, (2022,))
    assert (found.decision.challenger.version, found.decision.challenger.training_years) == (2, (2022, 2023))
    assert found.comparison.patients == found.drift.patients
    assert found.comparison.warnings == ("challenger_knows_more_years",)
    rows = {row.name: row for row in found.comparison.rows}
    assert rows["r2"].difference == pytest.approx(rows["r2"].challenger - rows["r2"].champion)
    assert rows["negative_share"].challenger == 0
    assert found.drift.in_sample is False, "2023 tested the champion, it did not train it"


def test_impact_recomposes(whole):
    """Challenger − champion = difference, of each structure; the change is that of the totals."""
    for row in whole[1].impact.rows:
        assert row.challenger_eur - row.champion_eur == pytest.approx(row.difference_eur)
        assert row.challenger_eur / row.champion_eur - 1 == pytest.approx(row.change)
    assert {row.structure for row in whole[1].impact.rows} == {"S1", "S2"}
    assert whole[1].impact.without_rows is None, "fewer than 11 patients of the lists have no declared doctor"


def test_a_second_run_keeps_everything(whole):
    """Same inputs: no step, no byte, no new version."""
    before = made.results(whole[0])
    assert retrain(made.asked_of(whole[0])) == (whole[1], [])
    assert made.results(whole[0]) == before
    assert versions_of(whole[0] / "versions", made.MODEL) == [1, 2]


@pytest.mark.parametrize("event", [f"{step}:{'begun' if place % 2 else 'written'}" for place, step in enumerate(STEPS)])
@pytest.mark.slow
def test_killed_anywhere_it_ends_as_if_nothing_had_happened(event, whole, country, tmp_path):
    """SIGKILL, then the same command: the steps finished before are kept, and every byte is that of a whole run."""
    step = event.split(":")[0]
    home = made.before_step(whole[0], country, tmp_path, step=step)
    script = [sys.executable, str(Path(made.__file__)), str(home), event]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr[-2000:]
    _, ran = retrain(made.asked_of(home))
    assert ran == STEPS[STEPS.index(step) :]
    assert made.results(home) == made.results(whole[0])
    assert versions_of(home / "versions", made.MODEL) == [1, 2]


def test_changed_data_run_again_what_they_touch_and_it_is_said(whole, tmp_path):
    """A patient leaves a list of 2024: every step reads the lists, so that all that depends on them is done again."""
    home = made.copied(whole[0], tmp_path)
    made.change_lists(home)
    said: list[str] = []
    _, ran = retrain(made.asked_of(home), progress=said.append)
    assert "1/8 drift (changed since: patientele/2024)" in said
    assert set(ran) >= {"drift", "challenger", "comparison", "impact", "evaluation", "gates"}


def test_other_gates_do_not_train_again(whole, tmp_path):
    """A new file of gates: drift (its thresholds) and the decision; challenger, comparison and impact are kept."""
    home, gates = made.copied(whole[0], tmp_path), tmp_path / "gates"
    gates.mkdir()
    text = (ROOT / "training" / "gates" / "2024-01-01.toml").read_text(encoding="utf-8")
    strict = text.replace('threshold = "0.10"', 'threshold = "0.0001"')
    (gates / "2024-06-01.toml").write_text(strict, encoding="utf-8")
    found, ran = retrain(made.asked_of(home, gates=gates))
    assert ran == ["drift", "gates", "page_fr", "log_fr"]
    assert "structure_impact" in [gate.name for gate in found.decision.refusals]
    assert "structure_impact" not in [gate.name for gate in whole[1].decision.refusals]
    assert '--despite "' in promote_command(found.decision, "en")
    assert "structure" in retrain_html(found, "en")


def test_two_at_once_are_refused(whole):
    """The second is told to wait."""
    asked = made.asked_of(whole[0])
    with alone(asked.lock, "another"), pytest.raises(RuleError, match="forfait retrain of peps_mg is already running"):
        retrain(asked)


def test_what_is_missing_is_named_by_its_commands(tmp_path):
    """2024 has no claims, no characteristics, no spending, no lists; 2023 has all: what to run, in order."""
    for year in (2022, 2023):
        write_year(tmp_path / "data", year, patients=100)
    data = tmp_path / "data"
    commands = [
        f"forfait read --snds {data}/snds --year 2023",
        f"forfait read --snds {data}/snds --year 2024",
        f"forfait attribute --roster {data}/roster.csv --year 2024",
        "forfait features --year 2024",
        "forfait spending --year 2024",
    ]
    assert plan(made.asked_of(tmp_path)) == ([], commands)
    with pytest.raises(MissingError) as refused:
        retrain(made.asked_of(tmp_path))
    assert str(refused.value) == f"peps_mg cannot be retrained for 2024; run, in this order: {'; '.join(commands)}"


def test_a_plan_writes_nothing(country, whole, tmp_path):
    """Each step and its state; the folder is not even made."""
    home = made.copied(country, tmp_path)
    assert plan(made.asked_of(home)) == ([(step, "to run") for step in STEPS], [])
    assert not (home / "data" / "retrain").exists()
    assert plan(made.asked_of(whole[0])) == ([(step, "done") for step in STEPS], [])


def test_without_a_champion_nothing_is_compared(country, tmp_path):
    """A first model: drift without calibration, gates that want a champion do not apply, it may be promoted."""
    home = made.copied(country, tmp_path)
    (home / "versions" / "register.jsonl").unlink()
    found, _ = retrain(made.asked_of(home))
    assert (found.comparison, found.impact, found.decision.champion) == (None, None, None)
    states = {gate.name: gate.status for gate in found.decision.gates}
    assert (
        states["r2_loss"] == states["structure_impact"] == "not_applicable"
        and "calibration" in found.drift.not_measured
    )
    assert not [row for row in found.drift.rows if row.kind == "calibration"]


def test_the_champion_retrained_on_its_own_data_is_unchanged(whole, tmp_path):
    """Version 2 in force and the same data: the challenger is the champion, and the page says so."""
    home = made.copied(whole[0], tmp_path)
    day = date(2024, 11, 1)
    made.appended(home / "versions", made.MODEL, 2, from_date=day, decided_on=day, by="Cnam", why="refit")
    found, _ = retrain(made.asked_of(home))
    assert found.decision.is_unchanged and found.comparison.warnings == ("unchanged", "champion_tested_on_year")
    assert all(row.difference == 0 for row in found.comparison.rows)
    assert all(row.change == 0 for row in found.impact.rows)
    page = retrain_html(found, "fr")
    assert "Rien à promouvoir" in page and "forfait promote peps_mg" not in page


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_stands_alone(whole, language):
    """No script, nothing fetched, the same bytes again, and no text left in its code."""
    page = retrain_html(whole[1], language, evaluation_page="evaluation.html")
    assert page == retrain_html(whole[1], language, evaluation_page="evaluation.html")
    assert "<script" not in page and 'src="' not in page and "http-equiv" not in page and page.count("<svg") >= 3
    assert all(word not in page for word in ("col_", "warn_", "gate_", "measure_", "state_", "{year", "{count"))
    assert "forfait promote peps_mg --version 2 --from 2025-01-01 --by" in page.replace("&#34;", '"')
    assert page.index("</ol>") < page.index("<table>"), "the verdict stands first"


def test_records_survive_their_json(whole):
    """What is read back is what was found."""
    content = (made.asked_of(whole[0]).folder / "retrain.json").read_bytes()
    assert msgspec.json.decode(content, type=Retrained) == whole[1]


def test_an_unknown_language_or_model_is_refused_before_anything_runs(country, tmp_path):
    """Nothing is written."""
    home = made.copied(country, tmp_path)
    with pytest.raises(InputError, match="language 'de' is unknown"):
        retrain(made.asked_of(home, language="de"))
    assert not made.asked_of(home).folder.exists()


def test_gates_and_files_are_logged_with_the_run_of_the_challenger(whole, tmp_path):
    """Tags: accepted, and the status of each gate; figures by gate; page and record as artefacts."""
    from training.registry import log_retrain, open_store

    client = open_store(tmp_path / "versions")
    run = client.create_run(client.create_experiment(made.MODEL)).info.run_id
    folder, decision = made.asked_of(whole[0]).folder, whole[1].decision
    log_retrain(decision, (folder / "retrain.fr.html", folder / "retrain.json"), tmp_path / "versions", run)
    logged = client.get_run(run).data
    assert logged.tags["retrain_2024"] == ("refused" if decision.refusals else "accepted")
    assert logged.tags["retrain_2024_negative"] == "passed"
    assert logged.metrics["retrain_2024_negative"] == 0.0
    assert {Path(file.path).name for file in client.list_artifacts(run, "retrain")} == {
        "retrain.fr.html",
        "retrain.json",
    }


def test_a_challenger_that_mlflow_does_not_hold_is_not_logged(whole, tmp_path):
    """A store begun anew: the record says so, and nothing else changes."""
    home = made.copied(whole[0], tmp_path)
    found, ran = retrain(made.asked_of(home, log=True))
    assert (found, ran) == (whole[1], ["log_fr"])
    assert (made.asked_of(home).folder / "log.json").read_text() == '{"logged":false}'
