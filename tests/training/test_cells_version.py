"""A trained version balanced end to end: three samples, a page that stands alone, a version kept, a command."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from features.errors import InputError
from features.scoring import load_scorer
from features.versions import read_version, sha256
from forfait.cli import app
from forfait.cli_cells import frame_of
from tests.training.made_up import RECIPE, write_year
from training.cells import Rule, Wanted, balance_version, keep_version
from training.cells.folded import estimator_of
from training.cells.page import cells_html, sentences
from training.population import experiment_patients, load_rows
from training.train import train

ASKED = "age_class=0-39,40-64,65+,sex,ald,c2s_free,new,ald_15"
RULE = Rule(fewest_patients=50)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root, report=None: "none")
        for year in (2022, 2023, 2024):
            write_year(folder / "data", year)
        train(folder / "data", "peps_mg", 2024, root=folder / "versions", recipe=RECIPE)
        wanted = Wanted("peps_mg", 1, ASKED, rule=RULE, folds=2, draws=30)
        balanced = balance_version(folder / "data", folder / "versions", wanted)
        kept = keep_version(folder / "versions", balanced)
    return folder, balanced, kept


def test_each_sample_is_told(made):
    """In sample, out of fold and out of time; cells that the model sees, and those that it does not."""
    report = made[1].report
    frame = pd.DataFrame([msgspec.structs.asdict(row) for row in report.cells])
    assert list(frame["sample"].unique()) == ["in_sample", "out_of_fold", "out_of_time"]
    assert set(frame["cells"]) == {"age_class", "sex", "ald", "c2s_free"}
    assert {row.cells: row.lacks for row in report.unseen} == {"new": ("new",), "ald_15": ("ald_15",)}
    assert {row.sample for row in report.fit} == {"in_sample", "out_of_fold", "out_of_time"}
    assert report.is_settled and all(row.broken == 0 for row in report.monotone)


def test_training_total_and_trusted_cells_are_right(made):
    """In sample, floor included: the total is exact; the gap of a cell is what its credibility leaves of it."""
    report = made[1].report
    total = next(row for row in report.fit if row.sample == "in_sample" and row.measure == "total_ratio")
    assert total.after == pytest.approx(1.0, abs=1e-9)
    gaps = [(row.net_before_eur, row.net_after_eur) for row in report.cells if row.sample == "in_sample"]
    assert sum(abs(after) for _, after in gaps) < sum(abs(before) for before, _ in gaps)


def test_kept_version_is_the_balanced_one(made):
    """Version 2 gives the expected euros of the report, 0 or more, and its euros add up; its card says of what."""
    folder, balanced, kept = made
    scorer = load_scorer(folder / "versions", "peps_mg", 2)
    matrix = balanced.tested.matrix
    assert scorer.predict(matrix) == pytest.approx(balanced.judged.after, abs=1e-9)
    assert scorer.explain(matrix).sum(axis=1) == pytest.approx(scorer.predict(matrix), abs=1e-6)
    assert (scorer.predict(matrix) >= 0).all()
    assert kept.card.version == 2 and kept.is_new
    assert kept.card.parameters["cells"] == ASKED and kept.card.parameters["cells_of_version"] == 1
    after = {row.measure: row.after for row in balanced.report.fit if row.sample == "out_of_time"}
    assert kept.card.metrics["test_r2"] == after["r2"]


def test_a_fold_is_fitted_as_the_version_was(made):
    """The estimator of the card on all training rows gives the trees of the version, byte for byte."""
    folder, data = made[0], made[0] / "data"
    card = read_version(folder / "versions", "peps_mg", 1)[0]
    rows, _ = load_rows(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    again = estimator_of(card).fit(rows.frame(), rows.spent_eur, sample_weight=rows.exposure)
    assert sha256(again.booster_.model_to_string().encode()) == card.model_sha256


def test_a_balanced_version_is_not_balanced_again(made):
    """The layer is fitted on the version below it."""
    folder = made[0]
    with pytest.raises(InputError, match="version 2 has cells already; balance version 1 instead"):
        balance_version(folder / "data", folder / "versions", Wanted("peps_mg", 2, "ald"))


def test_a_year_that_trained_is_refused(made):
    """Only a year that the version never saw can judge it."""
    folder = made[0]
    with pytest.raises(InputError, match="was trained on 2023"):
        balance_version(folder / "data", folder / "versions", Wanted("peps_mg", 1, "ald", year=2023))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_stands_alone(made, language):
    """No script, nothing fetched, the same bytes again; what cannot be balanced comes first; no text left as a code."""
    report = made[1].report
    page = cells_html(report, language)
    assert page == cells_html(report, language)
    assert "<script" not in page and 'src="' not in page and page.count("<svg") == 1
    assert all(word not in page for word in ("col_", "v_band", "cells_", "{count}", ">nan"))
    assert sentences(report, language)[0][0] == "bad"


def test_command_prints_and_writes(made, tmp_path, monkeypatch):
    """Feasibility, refusal and fit on the terminal; tables, record and page in the folder."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = made[0]
    asked = ["cells", "peps_mg", "--version", "1", "--cells", "ald,new", "--folds", "2", "--to", str(tmp_path)]
    asked += ["--data", str(folder / "data"), "--versions", str(folder / "versions"), "--language", "en"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "refused, no feature of the model sees them" in shown.output
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        "feasibility.csv",
        "unseen.csv",
        "cells.csv",
        "others.csv",
        "fit.csv",
        "cells.json",
        "cells.en.html",
    }
    fit = pd.read_csv(tmp_path / "fit.csv").set_index(["sample", "measure"])
    assert np.isclose(fit.loc[("in_sample", "total_ratio"), "after"], 1.0)


def test_a_table_without_a_row_has_its_columns(made):
    """A CSV of nothing is read like the others."""
    report = msgspec.structs.replace(made[1].report, unseen=())
    assert len(frame_of(report, "unseen")) == 0
    assert [*frame_of(report, "unseen")] == [*frame_of(made[1].report, "unseen")]
