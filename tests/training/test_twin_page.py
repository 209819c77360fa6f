"""One small model made into its twin end to end: the record, the worked examples of the page, the files."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import training.twin
from features.errors import InputError
from features.scoring import load_scorer
from features.versions import Card, encode_card, sha256, version_folder
from tests.training.made_up import RECIPE, write_year
from training.pages import unbroken
from training.train import train
from training.twin import Asked, Cell, Grid, amounts_eur, decode_twin, encode_twin, make_twin, score
from training.twin.page import twin_html
from training.twin.tables import cells_frame, points_frame
from training.twin.wording import texts

FOLDER = Path(training.twin.__file__).parent
OPEN = {"age_from": 0, "age_to": None, "sex_from": 1, "sex_to": 2, "ald_from": 0, "ald_to": None, "c2s_from": 0,
        "c2s_to": 1, "comorbidity_from": 0, "comorbidity_to": None}  # fmt: skip


def two_cells(frame: pd.DataFrame, expected: np.ndarray, weight: np.ndarray) -> Grid:
    """Under 60 and from 60, at the mean of the model."""

    def cell_of(some: pd.DataFrame) -> np.ndarray:
        return (some["age"].to_numpy() >= 60).astype(int)

    place = cell_of(frame)
    means = [float(np.average(expected[place == cell], weights=weight[place == cell])) for cell in (0, 1)]
    bounds = ({**OPEN, "age_to": 59}, {**OPEN, "age_from": 60})
    cells = [
        Cell(bounds=bound, patients=int((place == cell).sum()), expected_eur=round(means[cell], 2))
        for cell, bound in enumerate(bounds)
    ]
    return Grid(tuple(cells), cell_of)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "none")
        for year in (2022, 2023, 2024):
            write_year(folder / "data", year)
        train(folder / "data", "peps_mg", 2024, root=folder / "versions", recipe=RECIPE)
    asked = Asked("peps_mg", 1, terms=12, draws=50)
    return folder, make_twin(folder / "data", folder / "versions", asked, grid=two_cells)


def test_record_survives_its_json(made):
    """Every figure comes back, and making the twin again gives the same bytes."""
    folder, twin = made
    assert decode_twin(encode_twin(twin)) == twin
    again = make_twin(folder / "data", folder / "versions", Asked("peps_mg", 1, terms=12, draws=50), grid=two_cells)
    assert encode_twin(again) == encode_twin(twin)


def test_figures_are_those_of_model_and_twin(made):
    """R² of the card; scorecard and grids stand beside the model, and the scorecard is closer than two cells."""
    folder, twin = made
    card = load_scorer(folder / "versions", "peps_mg", 1).card
    rivals = {row.model: row for row in twin.rivals}
    assert list(rivals) == ["peps_mg", "scorecard", "grid", "grid_observed", "age_sex_mean"]
    assert rivals["peps_mg"].raw_ratio == pytest.approx(card.metrics["test_total_ratio"])
    near = {row.kind: row.fidelity for row in twin.twins}
    assert near["scorecard"].r2 > 0.9 > near["grid"].r2
    assert twin.beats_grid.against == ("grid", "grid_observed")
    assert [row.level for row in twin.twins[0].structures] and {r.level for r in twin.twins[0].structures} == {
        "S1",
        "S2",
    }


def test_no_cell_of_the_record_is_small(made):
    """11 people behind every line, cell, group and structure that shows a figure."""
    twin = made[1]
    shown = [*twin.scorecard.lines, *twin.cells, *(row for one in twin.twins for row in (*one.groups, *one.structures))]
    assert all(one.patients is None or one.patients >= 11 for one in shown)
    assert all(example.group_patients >= 11 for example in twin.examples)


def test_one_more_ald_never_lowers_the_score(made):
    """The catalogue's direction, on every count from 0 to 33 and with the illnesses of the two examples."""
    twin = made[1]
    for example in twin.examples:
        values = [score(twin.scorecard, {**example.values, "ald_count": float(n)}).cents for n in range(34)]
        assert values == sorted(values)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_worked_examples_of_the_page_add_up(made, language):
    """The euros printed line by line make the total printed, to the cent, and it is that of the record."""
    twin = made[1]
    page = unescape(twin_html(twin, "scorecard", language))
    sections = re.findall(r'<section class="example">.*?</section>', page, flags=re.DOTALL)
    assert len(sections) == len(twin.examples) == 2
    for section, example in zip(sections, twin.examples, strict=True):
        cents = [_cents(text, language) for text in re.findall(r'<td class="n">([^<]*)</td>', section)]
        assert sum(cents[:-1]) == cents[-1] == example.score_cents
        assert len(cents) == len(score(twin.scorecard, example.values).lines) + 2


def test_examples_are_scored_as_rows_are(made):
    """The example's features, encoded, get the same amounts from the batch: twin and model."""
    folder, twin = made
    scorer = load_scorer(folder / "versions", "peps_mg", 1)
    for example in twin.examples:
        row = np.array([[_code(feature, example.values[feature.name]) for feature in scorer.card.features]])
        assert round(100 * float(amounts_eur(twin.scorecard, scorer.card.features, row)[0])) == example.score_cents
        assert float(scorer.predict(row)[0]) == example.model_eur


@pytest.mark.parametrize("kind", ["scorecard", "grid"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_stands_alone(made, kind, language):
    """No script, nothing fetched, the same bytes again, every published figure there."""
    twin = made[1]
    page = twin_html(twin, kind, language)
    assert page == twin_html(twin, kind, language)
    assert "<script" not in page and 'src="' not in page and "http-equiv" not in page and page.count("<svg") == 1
    assert unbroken(texts(language)[twin.beats_grid.verdict]) in page
    if kind == "grid":
        assert page.count(f"<td>{texts(language)['any']}</td>") == 4 * len(twin.cells)


def test_another_kind_is_refused(made):
    """The message says which there are."""
    with pytest.raises(InputError, match="choose one of scorecard, grid"):
        twin_html(made[1], "tree")


def test_tables_to_publish(made):
    """The CSV alone gives the amount of the first example; cells are those of the record."""
    twin = made[1]
    frame = points_frame(twin)
    values = twin.examples[0].values
    total = float(frame.loc[frame["line"] == "base", "points_eur"].iloc[0])
    for row in frame[~frame["line"].isin(["base", "floor"])].to_dict("records"):
        value = values[row["feature"]]
        held = value == row["category"] if isinstance(row["category"], str) else (
            (pd.isna(row["low"]) or value >= row["low"]) and (pd.isna(row["below"]) or value < row["below"])
        )  # fmt: skip
        both = pd.isna(row["is_woman"]) or row["is_woman"] == (values["is_woman"] == 1)
        total += row["points_eur"] if held and both else 0
    assert round(100 * total) == twin.examples[0].score_cents
    assert cells_frame(twin)["expected_eur"].tolist() == [cell.expected_eur for cell in twin.cells]


def test_a_forecast_has_no_twin(made, tmp_path):
    """A version that reads past use may not price: the error names the feature."""
    folder = made[0]
    scorer = load_scorer(folder / "versions", "peps_mg", 1)
    past = msgspec.structs.replace(scorer.card.features[0], family="past_use")
    card: Card = msgspec.structs.replace(scorer.card, features=(past, *scorer.card.features[1:]))
    place = version_folder(tmp_path, "peps_mg", 1)
    place.mkdir(parents=True)
    text = (version_folder(folder / "versions", "peps_mg", 1) / "model.txt").read_bytes()
    assert sha256(text) == card.model_sha256
    (place / "model.txt").write_bytes(text)
    (place / "card.json").write_bytes(encode_card(card))
    with pytest.raises(InputError, match="'age': it forecasts from past care"):
        make_twin(folder / "data", tmp_path, Asked("peps_mg", 1))


def test_a_year_that_trained_is_refused(made):
    """Only a year that neither saw can judge them."""
    with pytest.raises(InputError, match="was trained on 2023"):
        make_twin(made[0] / "data", made[0] / "versions", Asked("peps_mg", 1, year=2023))


def test_every_text_has_both_languages_and_is_there():
    """Each row has two texts with the same figures to fill; each name that code or template asks for exists."""
    rows = list(csv.DictReader((FOLDER / "texts.csv").read_text(encoding="utf-8").splitlines()))
    assert all(row["fr"].strip() and row["en"].strip() for row in rows)
    assert all(_fields(row["fr"]) == _fields(row["en"]) for row in rows)
    assert len({row["name"] for row in rows}) == len(rows)
    asked = set(re.findall(r"\bw\.(\w+)", (FOLDER / "templates" / "twin.html").read_text(encoding="utf-8")))
    for path in FOLDER.glob("*.py"):
        asked |= set(re.findall(r'words\["(\w+)"\]', path.read_text(encoding="utf-8")))
    assert asked <= {row["name"] for row in rows}


def _fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def _cents(text: str, language: str) -> int:
    digits = re.sub(r"[^\d,.−+-]", "", text).replace("−", "-")
    digits = digits.replace(",", ".") if language == "fr" else digits.replace(",", "")
    return round(100 * float(digits))


def _code(feature, value: float | str) -> float:
    return float(feature.categories.index(value)) if feature.kind == "category" else float(value)
