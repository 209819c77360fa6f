"""Publishing a version: the grid fitted to what a model expects, and the commands that write twin and card."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from features.errors import InputError, RuleError
from forfait.cli import app
from forfait.paying.exports import fitted_grid
from tests.training.made_up import RECIPE, write_year
from training.train import train
from training.twin import decode_twin


def people(count: int = 600) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": generator.integers(0, 100, count).astype(float),
            "is_woman": generator.integers(0, 2, count).astype(float),
            "ald_count": generator.poisson(0.5, count).astype(float),
            "c2s_free": (generator.random(count) < 0.1).astype(float),
            "carto_count": generator.poisson(0.5, count).astype(float),
        }
    )


def test_cells_of_the_grid_give_the_mean_of_the_model():
    """100 € for men, 200 € for women: two cells suffice for every patient, each at its amount; the total is right."""
    known = people()
    expected = 100 + 100 * known["is_woman"].to_numpy()
    grid = fitted_grid(known, expected, np.ones(len(known)), year=2024)
    assert grid.amounts_eur(known).tolist() == expected.tolist()
    assert sum(cell.patients for cell in grid.cells) == len(known)
    assert all(cell.patients >= 11 for cell in grid.cells)


def test_a_patient_without_age_or_sex_has_a_cell():
    """Missing counts as 0 years, and as a man."""
    known = people()
    grid = fitted_grid(known, 100 + 100 * known["is_woman"].to_numpy(), np.ones(len(known)), year=2024)
    stranger = known.iloc[:1].assign(age=np.nan, is_woman=np.nan)
    assert grid.amounts_eur(stranger).tolist() == [100.0]


def test_any_c2s_counts():
    """With participation as without: the cell of C2S."""
    known = people().assign(c2s_participative=0.0)
    expected = 100 + 100 * known["c2s_free"].to_numpy()
    grid = fitted_grid(known, expected, np.ones(len(known)), year=2024)
    other = known.iloc[:1].assign(c2s_free=0.0, c2s_participative=1.0)
    assert grid.amounts_eur(other).tolist() == [200.0]


def test_episodes_use_the_charlson_score():
    """Where there is no count of diseases, the Charlson score stands for it."""
    known = people().rename(columns={"carto_count": "charlson_score"})
    expected = 100 + 50 * np.minimum(known["charlson_score"].to_numpy(), 1)
    grid = fitted_grid(known, expected, np.ones(len(known)), year=2024)
    assert grid.amounts_eur(known).tolist() == expected.tolist()


def test_a_model_without_age_has_no_grid():
    """The message names what lacks; a year without rules is an error of rules."""
    known = people()
    with pytest.raises(InputError, match="reads no age"):
        fitted_grid(known.drop(columns="age"), np.ones(600), np.ones(600), year=2024)
    with pytest.raises(InputError, match="reads no carto_count"):
        fitted_grid(known.drop(columns="carto_count"), np.ones(600), np.ones(600), year=2024)
    with pytest.raises(RuleError):
        fitted_grid(known, np.ones(600), np.ones(600), year=1990)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "none")
        for year in (2022, 2023, 2024):
            write_year(folder / "data", year)
        train(folder / "data", "peps_mg", 2024, root=folder / "versions", recipe=RECIPE)
    return ["--version", "1", "--data", str(folder / "data"), "--versions", str(folder / "versions")]


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_twin_writes_page_points_and_record(trained: list[str], tmp_path: Path):
    """The page, the CSV of points with its base first, and the JSON that both come from."""
    run("twin", "peps_mg", *trained, "--terms", "8", "--language", "en", "--to", str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"2024.scorecard.en.html", "2024.scorecard.csv", "2024.json"}
    twin = decode_twin((tmp_path / "2024.json").read_bytes())
    rows = list(csv.DictReader((tmp_path / "2024.scorecard.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["line"] for row in rows[:2]] == ["base", "floor"]
    assert [float(row["points_eur"]) for row in rows[2:]] == [line.points_eur for line in twin.scorecard.lines]
    assert len(twin.path_r2) <= 8 and {row.kind for row in twin.twins} == {"scorecard", "grid"}


def test_twin_writes_the_grid(trained: list[str], tmp_path: Path):
    """One row per cell, and the same cells in the record."""
    run("twin", "peps_mg", *trained, "--terms", "3", "--kind", "grid", "--to", str(tmp_path))
    cells = pd.read_csv(tmp_path / "2024.grid.csv")
    record = json.loads((tmp_path / "2024.json").read_text(encoding="utf-8"))
    assert cells["expected_eur"].tolist() == [cell["expected_eur"] for cell in record["cells"]]
    assert cells["patients"].min() >= 11 and (tmp_path / "2024.grid.fr.html").exists()


def test_twin_refuses_what_it_does_not_know(trained: list[str]):
    """A kind or a language that is not there, before anything is read."""
    for option, value in (("--kind", "tree"), ("--language", "de")):
        with pytest.raises(InputError, match="choose one of"):
            run("twin", "peps_mg", *trained, option, value)


def test_card_writes_both_languages(trained: list[str], tmp_path: Path):
    """Page and Markdown in French and English; population by reason is counted again from the files of the card."""
    shown = run("card", "peps_mg", *trained, "--to", str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {f"card.{one}.{kind}" for one in ("fr", "en")
                                                          for kind in ("html", "md")}  # fmt: skip
    assert "forfait evaluate peps_mg --version 1" in " ".join(shown.split())
    text = (tmp_path / "card.en.md").read_text(encoding="utf-8")
    assert "| without a declared doctor |" in text and "**Kept and left out**" in text


def test_card_in_one_language(trained: list[str], tmp_path: Path):
    """Only what is asked for."""
    run("card", "peps_mg", *trained, "--language", "fr", "--to", str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"card.fr.html", "card.fr.md"}
