"""One small trained model evaluated end to end: the record, the page, past spending that moves nothing."""

from __future__ import annotations

from dataclasses import replace
from shutil import copytree, rmtree

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from features.catalogue import FORECAST_FEATURES
from features.errors import InputError
from features.scoring import encode_frame, load_scorer
from features.store import read_dataset, write_dataset
from features.tables import FEATURE_TABLE, PATIENTELE, SPENDING
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training.evaluation import Effort, decode_evaluation, encode_evaluation, evaluate
from training.evaluation.report import evaluation_html
from training.population import experiment_patients, load_rows
from training.train import train

EFFORT = Effort(draws=50, simulated=20, sizes=(250,))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda result, root: "none")
        for year in (2022, 2023, 2024):
            write_year(folder / "data", year)
        train(folder / "data", "peps_mg", 2024, root=folder / "versions", recipe=RECIPE)
    found = evaluate(folder / "data", folder / "versions", model="peps_mg", version=1, against=1, effort=EFFORT)
    return folder, found


def test_record_survives_its_json(judged):
    """Every figure comes back as it was written, and nothing is a false number."""
    assert decode_evaluation(encode_evaluation(judged[1])) == judged[1]


def test_figures_are_those_of_the_version(judged):
    """R² of the card; no rival at the same place; the version against itself moves nothing; S1 and S2 are there."""
    found = judged[1]
    fit = {figure.name: figure.value for figure in found.fit}
    assert fit["negative_share"] == 0
    assert found.rivals[0].model == "peps_mg" and len(found.rivals) == 5
    assert found.stability.mean_absolute_change == found.stability.moved_share == 0
    assert {row.structure for row in found.structures} == {"S1", "S2"}
    assert all(row.broken == 0 for row in found.incentives.monotone) and found.incentives.monotone
    assert set(found.facts.not_measured) == {"department", "sector"}


def test_structures_are_the_lists_of_the_year(judged):
    """Observed / expected of S1: Σ present × annual euros over Σ present × k × expected, doctor declared.

    The share present is within the patient's life already: of who died in June with the team, spent 300 EUR, all of
    it counts, since 0.5 × 600 EUR a year = 300 EUR.
    """
    folder, found = judged
    listed = read_dataset(None, PATIENTELE, folder / "data", 2024).query("structure_id == 'S1'")
    known = read_dataset(None, FEATURE_TABLE, folder / "data", 2024).query("has_declared_doctor")
    spent = read_dataset(None, SPENDING, folder / "data", 2024)
    rows = listed.merge(known, on="patient_id").merge(spent, on="patient_id").query("exposure_share > 0")
    scorer = load_scorer(folder / "versions", "peps_mg", 1)
    names = [known.name for known in scorer.card.features]
    expected = scorer.predict(encode_frame(scorer.card.features, rows[names]))
    due = found.facts.normalisation * rows["present_share"] @ expected
    (row,) = [one for one in found.structures if one.structure == "S1"]
    assert row.patients == rows["patient_id"].nunique()
    until_the_end = rows["spent_mg_eur"].where(rows["present_share"] == rows["exposure_share"])
    spent = until_the_end.fillna(0.5 * rows["spent_mg_eur"])  # who left halfway
    assert 0 < until_the_end.isna().sum() < len(rows) and (rows["exposure_share"] < 1).any()
    assert row.ratio == pytest.approx(spent.sum() / due)


def test_facts_are_those_of_the_year(judged):
    """Year annualised: Σ euros / Σ exposure of who declares a doctor outside the structures; k makes it right."""
    folder, found = judged
    listed = read_dataset(None, PATIENTELE, folder / "data", 2024)["patient_id"]
    known = read_dataset(None, FEATURE_TABLE, folder / "data", 2024).query("has_declared_doctor")
    spent = read_dataset(None, SPENDING, folder / "data", 2024)
    rows = known.merge(spent, on="patient_id").query("exposure_share > 0")
    rows = rows[~rows["patient_id"].isin(listed)]
    facts = found.facts
    assert facts.patients == rows["patient_id"].nunique() == len(rows)
    assert facts.weight == pytest.approx(rows["exposure_share"].sum())
    assert facts.observed_eur == pytest.approx(rows["spent_mg_eur"].sum() / rows["exposure_share"].sum())
    assert facts.normalisation == pytest.approx(facts.observed_eur / facts.expected_eur)


def test_past_spending_moves_nothing(judged, tmp_path):
    """Past use multiplied and raised in the characteristics: every amount, hence the fit, is the same."""
    folder, found = judged
    data, kept = folder / "data", read_dataset(None, FEATURE_TABLE, folder / "data", 2024)
    past = [name for name in kept if name.startswith("past_")]
    moved = kept.assign(**{name: kept[name] * 2 + 50 for name in past})
    write_dataset(FEATURE_TABLE, data, moved, 2024, provenance=PROVENANCE)
    try:
        again = evaluate(data, folder / "versions", model="peps_mg", version=1, effort=EFFORT)
    finally:
        write_dataset(FEATURE_TABLE, data, kept, 2024, provenance=PROVENANCE)
    assert past and again.fit == found.fit and again.incentives.past == ()


def test_a_payment_model_that_reads_the_past_fails(tmp_path, monkeypatch):
    """Whatever it is called it prices: what it read decides, not what a version reads about itself."""
    monkeypatch.setattr("training.registry.register", lambda result, root: "none")
    data, root = tmp_path / "data", tmp_path / "versions"
    past = tuple(known for known in FORECAST_FEATURES if known.name in ("past_generaliste_eur", "past_gp_acts"))
    for year in (2022, 2023, 2024):
        write_year(data, year, patients=600)
        known, spent = (read_dataset(None, table, data, year) for table in (FEATURE_TABLE, SPENDING))
        seen = known.assign(past_generaliste_eur=spent["spent_mg_eur"].to_numpy())
        write_dataset(FEATURE_TABLE, data, seen, year, provenance=PROVENANCE)
    train(data, "peps_mg", 2024, root=root, recipe=replace(RECIPE, features=(*RECIPE.features, *past)))
    found = evaluate(data, root, model="peps_mg", version=1, effort=EFFORT)
    (verdict,) = [one for one in found.verdicts if one.name == "past"]
    assert {figure.name for figure in found.incentives.past} == {"past_generaliste_eur", "past_gp_acts"}
    assert verdict.status == "bad" and verdict.figures[0].value > 0.1


def test_who_is_known_by_heart_is_told(judged):
    """Part of the patients judged who stand in the training years too, and R² of the folds without them."""
    folder, found = judged
    known = {year: load_rows(folder / "data", RECIPE, [year], excluded=experiment_patients(folder / "data"))[0]
             for year in (2022, 2023, 2024)}  # fmt: skip
    before = {*known[2022].patients, *known[2023].patients}
    assert found.facts.known_share == pytest.approx(np.mean([patient in before for patient in known[2024].patients]))
    metrics = load_scorer(folder / "versions", "peps_mg", 1).card.metrics
    assert found.facts.held_out_r2 == metrics["folds_r2"]
    assert f"its R² is {found.facts.held_out_r2:.3f}" in evaluation_html(found, "en")


def test_the_oracle_is_asked_of_patients_held_out(judged, tmp_path):
    """R² of the folds over that of the truth on the training years, weighted by the part of the year lived."""
    data = tmp_path / "data"
    copytree(judged[0] / "data", data)
    truth = [read_dataset(None, FEATURE_TABLE, data, year) for year in (2022, 2023, 2024)]
    truth = pd.concat(truth)[["patient_id", "year", "age"]].assign(expected_mg_eur=lambda rows: 40.0 + 2 * rows["age"])
    (data / "oracle").mkdir()
    truth.drop(columns="age").to_parquet(data / "oracle" / "expected.parquet", index=False)
    found = evaluate(data, judged[0] / "versions", model="peps_mg", version=1, effort=EFFORT)
    rows, _ = load_rows(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    expected = 40.0 + 2 * rows.matrix[:, rows.names.index("age")]
    by_hand = r2_score(rows.spent_eur, expected, sample_weight=rows.exposure)
    assert found.oracle.held_out_oracle_r2 == pytest.approx(by_hand)
    assert found.oracle.held_out_r2 == found.facts.held_out_r2
    (verdict,) = [one for one in found.verdicts if one.name.startswith("oracle")]
    assert (verdict.name, verdict.figures[0].value) == (
        "oracle_held_out", pytest.approx(found.facts.held_out_r2 / by_hand)
    )  # fmt: skip


def test_without_lists_no_structure_is_judged_and_the_page_says_so(judged, tmp_path):
    """What is missing is listed, with the command that makes it."""
    data = tmp_path / "data"
    copytree(judged[0] / "data", data)
    rmtree(data / "patientele")
    found = evaluate(data, judged[0] / "versions", model="peps_mg", version=1, effort=EFFORT)
    assert (found.structures, "structures" in found.facts.not_measured) == ((), True)
    assert "forfait attribute" in evaluation_html(found, "en")


@pytest.mark.parametrize(("year", "last"), [(2023, 2023), (2022, 2022), (2021, 2023)])
def test_a_year_before_or_within_training_is_refused(judged, year: int, last: int):
    """Only a year after all that the version learnt from can judge it."""
    folder = judged[0]
    with pytest.raises(InputError, match=f"was trained on {last}; judge it on a year after 2023"):
        evaluate(folder / "data", folder / "versions", model="peps_mg", version=1, year=year)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_stands_alone(judged, language):
    """No script, nothing fetched, the same bytes again, and no text left in the code of a text."""
    page = evaluation_html(judged[1], language)
    assert page == evaluation_html(judged[1], language)
    assert "<script" not in page and 'src="' not in page and "http-equiv" not in page and page.count("<svg") >= 3
    assert all(word not in page for word in ("v_total", "col_", "group_ald", "{net"))
