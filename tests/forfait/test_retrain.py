"""`forfait retrain` and `forfait promote` at the terminal: dry run, what is missing, a refusal, a reason."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from features.versions import read_register
from forfait.cli import main
from tests.training import retrain_made as made
from tests.training.made_up import RECIPE
from training.recipes import Recipe, recipe_of


def small_recipe(model: str) -> Recipe:
    """That of the tests for peps_mg, which fits in seconds."""
    return RECIPE if model == RECIPE.model else recipe_of(model)


@pytest.fixture(scope="module")
def country(tmp_path_factory) -> Path:
    """A small country with version 1 in force from 2024."""
    home = tmp_path_factory.mktemp("country")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "")
        made.make_country(home)
    return home


@pytest.fixture
def home(country, tmp_path, monkeypatch) -> Path:
    """A copy of it, with the small recipe as that of peps_mg."""
    monkeypatch.setattr("training.registry.register", lambda result, root: "")
    monkeypatch.setattr("training.retrain.approval.promote", made.appended)
    monkeypatch.setattr("training.retrain.run.recipe_of", small_recipe)
    monkeypatch.setattr("training.train.recipe_of", small_recipe)
    return made.copied(country, tmp_path)


def told(home: Path, capsys, *words: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys, "argv", ["forfait", *words, "--versions", str(home / "versions"), "--data", str(home / "data")]
        )
        try:
            main()
            code = 0
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    printed = capsys.readouterr()
    return code, " ".join((printed.out + printed.err).split())


def test_a_dry_run_lists_the_steps_of_the_models_in_force(home, capsys):
    """No model is named: those in force on the day; nothing is written."""
    code, words = told(home, capsys, "retrain", "--year", "2024", "--on", "2024-12-01", "--dry-run")
    assert code == 0 and "retrain peps_mg 2024, nothing was done" in words
    assert all(
        step in words for step in ("drift", "challenger", "comparison", "impact", "evaluation", "gates", "log_fr")
    )
    assert not (home / "data" / "retrain").exists()


def test_a_dry_run_says_what_is_missing(home, capsys):
    """2025 has nothing: the commands, in order, and the exit code of a missing step."""
    code, words = told(home, capsys, "retrain", "--year", "2025", "--on", "2024-12-01", "--dry-run")
    assert code == 4
    assert f"forfait read --snds {home}/data/snds --year 2025" in words
    assert words.index("forfait attribute --roster") < words.index("forfait features --year 2025")
    assert "forfait spending --year 2025" in words


def test_without_a_model_in_force_one_must_be_named(home, capsys):
    """Before the first promotion nothing is in force."""
    code, words = told(home, capsys, "retrain", "--year", "2024", "--on", "2023-12-01")
    assert (code, "no model is in force on 2023-12-01; say which: --models" in words) == (3, True)


def test_an_unknown_model_is_refused(home, capsys):
    """Named before anything runs."""
    code, words = told(home, capsys, "retrain", "--year", "2024", "--models", "none_such")
    assert code == 3 and "none_such" in words


def test_the_year_from_retraining_to_the_register(home, capsys, monkeypatch):
    """Retrained, then kept as it is; promoted with its approval; the register says who and when.

    The gates of so small a country are left out: chance alone decides them.
    """
    monkeypatch.setattr("training.retrain.pipeline.check_gates", lambda found, gates: ())
    promotion = (
        "promote", "peps_mg", "--version", "2", "--from", "2025-01-01", "--decided-on", "2024-12-15", "--by", "Cnam",
        "--why", "yearly refit",
    )  # fmt: skip
    retraining = ("retrain", "--year", "2024", "--on", "2024-12-01", "--simulated", "5", "--no-log", "--language", "en")
    code, words = told(home, capsys, *retraining)
    assert code == 0 and "Can be promoted: no gate stops it." in words
    assert 'forfait promote peps_mg --version 2 --from 2025-01-01 --by "who decides" --why "why"' in words
    folder = home / "data" / "retrain" / "2024" / "peps_mg"
    assert {"retrain.en.html", "evaluation.en.html", "retrain.json", "log.json"} <= {p.name for p in folder.iterdir()}
    code, words = told(home, capsys, *retraining)
    assert "every step was done before, with the same inputs" in words
    code, words = told(home, capsys, *promotion)
    assert (code, "is in force from 2025-01-01" in words) == (0, True), words
    entry = read_register(home / "versions")[-1]
    assert (entry.version, entry.by, entry.decided_on, entry.despite) == (2, "Cnam", date(2024, 12, 15), None)
    assert list((home / "versions" / "register.approvals").glob(f"peps_mg-2-{entry.approval[:12]}.json"))


def test_a_version_without_a_retraining_is_refused(home, capsys):
    """Exit code of a rule, what to do, and nothing in the register."""
    import shutil

    shutil.copytree(home / "versions" / "peps_mg" / "1", home / "versions" / "peps_mg" / "2")
    card = home / "versions" / "peps_mg" / "2" / "card.json"
    card.write_text(card.read_text().replace('"version": 1,', '"version": 2,'))
    words_of = ("promote", "peps_mg", "--version", "2", "--from", "2025-01-01", "--by", "Cnam", "--why", "refit")
    code, words = told(home, capsys, *words_of)
    assert code == 5 and "no retraining has held it against version 1, which is in force" in words
    assert "--despite" in words and len(read_register(home / "versions")) == 1
    code, words = told(home, capsys, *words_of, "--despite", "tariff of July")
    assert code == 0 and read_register(home / "versions")[-1].despite == "tariff of July"
    code, words = told_in_force(home, capsys)
    assert "despite what refused it: tariff of July" in words


def told_in_force(home: Path, capsys) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        words = ["forfait", "in-force", "peps_mg", "--on", "2025-03-01", "--versions", str(home / "versions")]
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as exit_:
            main()
    return int(exit_.value.code or 0), " ".join(capsys.readouterr().out.split())
