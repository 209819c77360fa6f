"""One small trained model evaluated end to end: the record, the page, past spending that moves nothing."""

from __future__ import annotations

import pytest

from features.errors import InputError
from features.scoring import encode_frame, load_scorer
from features.store import read_dataset, write_dataset
from features.tables import FEATURE_TABLE, PATIENTELE, SPENDING
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training.evaluation import Effort, decode_evaluation, encode_evaluation, evaluate
from training.evaluation.report import evaluation_html
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
    """Observed / expected of S1: Σ present × exposure × annual euros over the same of k × expected, doctor declared."""
    folder, found = judged
    listed = read_dataset(None, PATIENTELE, folder / "data", 2024).query("structure_id == 'S1'")
    known = read_dataset(None, FEATURE_TABLE, folder / "data", 2024).query("has_declared_doctor")
    spent = read_dataset(None, SPENDING, folder / "data", 2024)
    rows = listed.merge(known, on="patient_id").merge(spent, on="patient_id").query("exposure_share > 0")
    scorer = load_scorer(folder / "versions", "peps_mg", 1)
    names = [known.name for known in scorer.card.features]
    expected = scorer.predict(encode_frame(scorer.card.features, rows[names]))
    due = found.facts.normalisation * rows["present_share"] * rows["exposure_share"] @ expected
    (row,) = [one for one in found.structures if one.structure == "S1"]
    assert row.patients == rows["patient_id"].nunique()
    assert row.ratio == pytest.approx((rows["present_share"] * rows["spent_mg_eur"]).sum() / due)


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


def test_a_year_that_trained_is_refused(judged):
    """Only a year that the version never saw can judge it."""
    folder = judged[0]
    with pytest.raises(InputError, match="was trained on 2023"):
        evaluate(folder / "data", folder / "versions", model="peps_mg", version=1, year=2023)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_stands_alone(judged, language):
    """No script, nothing fetched, the same bytes again, and no text left in the code of a text."""
    page = evaluation_html(judged[1], language)
    assert page == evaluation_html(judged[1], language)
    assert "<script" not in page and 'src="' not in page and "http-equiv" not in page and page.count("<svg") >= 3
    assert all(word not in page for word in ("v_total", "col_", "group_ald", "{net"))
