"""From datasets to a frozen, registered version, and to predictions and explanations of a year."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.errors import InputError, MissingError, RequestError
from features.provenance import Provenance
from features.scoring import encode_frame, load_scorer
from features.store import read_dataset, write_dataset
from features.tables import EXPLANATIONS, FEATURE_TABLE, PREDICTIONS, SPENDING
from features.versions import in_force, read_version, versions_of
from tests.training.made_up import PROVENANCE, RECIPE, write_year
from training.folds import split_by_patient
from training.oracle import has_oracle, oracle_share
from training.population import experiment_patients, load_rows
from training.registry import promote
from training.report import result_html, result_markdown, result_tables
from training.score import explain_year, predict_year
from training.train import TrainingResult, train

YEARS = (2022, 2023, 2024)
NAMES = [known.name for known in RECIPE.features]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, TrainingResult]:
    """Datasets of three years and a version trained on the first two."""
    home = tmp_path_factory.mktemp("made")
    for year in YEARS:
        write_year(home / "data", year)
    root = home / "mlruns" / "versions"
    return home / "data", root, train(home / "data", "peps_mg", 2024, root=root, recipe=RECIPE)


@pytest.fixture
def unregistered(monkeypatch) -> None:
    """MLflow left out, where a test is not about it."""
    monkeypatch.setattr("training.registry.register", lambda result, root: "")


def retrained(data: Path, home: Path) -> bytes:
    root = home / "versions"
    train(data, "peps_mg", 2024, root=root, recipe=RECIPE)
    return (root / "peps_mg" / "1" / "model.txt").read_bytes()


def test_a_version_is_text_and_json_with_its_metrics(made):
    """The card tells features, cap, balance, years, populations, metrics and data hashes."""
    _, root, result = made
    card, text, digest = read_version(root, "peps_mg", 1)
    assert sorted(path.name for path in (root / "peps_mg" / "1").iterdir()) == ["card.json", "model.txt"]
    assert [feature.name for feature in card.features] == NAMES
    assert (card.training_years, card.test_year, card.cap_quantile, card.floor_eur) == ((2022, 2023), 2024, 0.995, 0.0)
    assert set(card.data_hashes) == {
        f"{name}/{year}" for name in ("feature_table", "spending", "patientele") for year in YEARS
    }
    assert card.metrics["test_r2"] == result.test.fit.loc[0, "r2"] > 0.05
    assert card.metrics["folds_total_ratio"] == pytest.approx(1, abs=0.02)
    assert digest == result.scorer.hash
    assert text.startswith("tree\n")


def test_expected_adds_up_to_observed_on_training_rows(made):
    """Σ expected = Σ observed over training patient-years, by the frozen version itself."""
    data, root, _ = made
    rows, _ = load_rows(data, RECIPE, [2022, 2023], excluded=experiment_patients(data))
    expected = load_scorer(root, "peps_mg", 1).predict(rows.matrix)
    assert rows.exposure @ expected == pytest.approx(rows.total_eur, rel=1e-9)


def test_every_patient_left_out_is_counted(made):
    """Rows of each year = kept + reasons; patients of the structures never train nor test."""
    data, _, result = made
    counted = result.population.pivot_table(index="year", columns="control", values="patients")
    assert (counted.sum(axis=1) == 1500).all()
    assert (counted["in_experiment"] == 75).all()
    rows, _ = load_rows(data, RECIPE, [2022], excluded=experiment_patients(data))
    assert set(rows.patients).isdisjoint(experiment_patients(data))
    declared = read_dataset(None, FEATURE_TABLE, data, 2022).set_index("patient_id")["has_declared_doctor"]
    assert declared[rows.patients].all()


def test_rows_without_their_other_half_are_counted(made, tmp_path):
    """A patient without spending, and spending without characteristics, are dropped and said."""
    data = copied(made, tmp_path)
    spent = read_dataset(None, SPENDING, data, 2022)
    stranger = spent.tail(1).assign(patient_id="stranger")
    spent = pd.concat([spent.iloc[3:], stranger])
    write_dataset(SPENDING, data, spent, 2022, provenance=PROVENANCE)
    _, counts = load_rows(data, RECIPE, [2022], excluded=pd.Index([]))
    found = counts.set_index("control")["patients"]
    assert (found["without_spending"], found["without_characteristics"]) == (3, 1)


def copied(made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "data"))


def test_same_inputs_give_the_same_model_byte_for_byte(made, tmp_path, unregistered):
    """Trained again elsewhere, and with the rows of the files in another order: the same bytes."""
    data, root, _ = made
    frozen = (root / "peps_mg" / "1" / "model.txt").read_bytes()
    assert retrained(data, tmp_path / "again") == frozen
    other = copied(made, tmp_path)
    for year in YEARS:
        for table in (FEATURE_TABLE, SPENDING):
            rows = read_dataset(None, table, other, year).sample(frac=1, random_state=3)
            write_dataset(table, other, rows, year, provenance=PROVENANCE)
    assert retrained(other, tmp_path / "shuffled") == frozen


def test_training_never_sees_the_test_year(made, tmp_path, unregistered):
    """Other spending in the test year leaves every tree as it was."""
    data = copied(made, tmp_path)
    spent = read_dataset(None, SPENDING, data, 2024)
    write_dataset(SPENDING, data, spent.assign(spent_mg_eur=7.0), 2024, provenance=PROVENANCE)
    assert retrained(data, tmp_path) == (made[1] / "peps_mg" / "1" / "model.txt").read_bytes()


def test_the_same_training_makes_no_new_version_and_another_seed_does(made):
    """Retrained on the same inputs: version 1 again. Another seed: version 2, the new challenger."""
    data, root, _ = made
    again = train(data, "peps_mg", 2024, root=root, recipe=RECIPE)
    assert (again.is_new, again.card.version, versions_of(root, "peps_mg")) == (False, 1, [1])
    other = train(data, "peps_mg", 2024, root=root, recipe=RECIPE, seed=5)
    assert (other.is_new, other.card.version, versions_of(root, "peps_mg")) == (True, 2, [1, 2])


def test_folds_never_split_a_patient():
    """All the years of a patient fall in one fold, and each row is held out once."""
    patients = np.random.default_rng(0).integers(0, 200, 700).astype(str)
    splits = split_by_patient(patients, folds=5, seed=0)
    for seen, unseen in splits:
        assert set(patients[seen]).isdisjoint(patients[unseen])
    assert sorted(np.concatenate([unseen for _, unseen in splits])) == list(range(700))


def test_one_past_year_is_said(made, tmp_path, unregistered):
    """With one training year, the report says what it cannot show."""
    data = copied(made, tmp_path)
    result = train(data, "peps_mg", 2023, root=tmp_path / "versions", recipe=RECIPE)
    assert result.card.training_years == (2022,)
    assert any("2022 est la seule année passée" in note for note in result.notes)


def test_mistakes_say_what_to_do(made, tmp_path):
    """An unknown model, no past year, a value that the catalogue does not allow."""
    data, root, _ = made
    with pytest.raises(InputError, match="model 'peps' is unknown; choose one of peps_mg"):
        train(data, "peps", 2024, root=root)
    with pytest.raises(MissingError, match="no year before 2022"):
        train(data, "peps_mg", 2022, root=root)
    wrong = copied(made, tmp_path)
    known = read_dataset(None, FEATURE_TABLE, wrong, 2022)
    write_dataset(FEATURE_TABLE, wrong, known.assign(age=known["age"] + 100), 2022, provenance=PROVENANCE)
    with pytest.raises(RequestError, match="'age'"):
        train(wrong, "peps_mg", 2024, root=tmp_path / "versions", recipe=RECIPE)


def test_predictions_of_a_year_are_those_of_the_version(made):
    """One row per patient of feature_table, experiment or not; another version's rows stay."""
    data, root, _ = made
    predictions = predict_year(data, root, "peps_mg", 1, 2024)
    known = read_dataset(None, FEATURE_TABLE, data, 2024)
    scorer = load_scorer(root, "peps_mg", 1)
    expected = scorer.predict(encode_frame(scorer.card.features, known[NAMES]))
    assert (predictions["expected_eur"].to_numpy() == expected).all()
    before = read_dataset(None, PREDICTIONS, data, 2024)
    other = before.assign(model="total")
    write_dataset(PREDICTIONS, data, pd.concat([before, other]), 2024, provenance=PROVENANCE)
    predict_year(data, root, "peps_mg", 1, 2024)
    assert read_dataset(None, PREDICTIONS, data, 2024)["model"].value_counts().to_dict() == {
        "peps_mg": 1500,
        "total": 1500,
    }


def test_explanations_of_a_year_add_up_by_patient_and_by_structure(made):
    """Rows of a patient add up to expected_eur; a structure's families to its mean; "*" is the nation."""
    data, root, _ = made
    predictions = predict_year(data, root, "peps_mg", 1, 2024).set_index("patient_id")["expected_eur"]
    summary = explain_year(data, root, "peps_mg", 1, 2024)
    rows = read_dataset(None, EXPLANATIONS, data, 2024)
    total = rows.groupby("patient_id")["contribution_eur"].sum()
    assert len(total) == 75
    assert total.to_numpy() == pytest.approx(predictions[total.index].to_numpy(), abs=1e-6)
    assert set(rows["family"]) <= {"base", "age_sex", "ald", "comorbidity", "precarity", "territory", "floor"}
    assert rows.loc[rows["feature"] == "age", "label_fr"].unique().tolist() == ["Âge"]
    means = summary.set_index(["structure_id", "family"])["mean_eur"]
    assert set(means.index.levels[0]) == {"*", "S1", "S2"}
    for structure in ("*", "S1", "S2"):
        assert means[structure].drop("total").sum() == pytest.approx(means[structure]["total"])
    known = read_dataset(None, FEATURE_TABLE, data, 2024).set_index("patient_id")
    reference = known.index[known["has_declared_doctor"]].difference(experiment_patients(data))
    assert means["*"]["total"] == pytest.approx(predictions[reference].mean())
    gap = summary.set_index(["structure_id", "family"])["difference_eur"]
    assert gap["S1"]["ald"] == pytest.approx(means["S1"]["ald"] - means["*"]["ald"])


def test_oracle_share_by_hand(made, tmp_path):
    """A prediction equal to the truth reaches all of the oracle; the age mean less."""
    data = copied(made, tmp_path)
    predictions = predict_year(data, made[1], "peps_mg", 1, 2024)
    with pytest.raises(MissingError, match="holds no expectation of MG: draw a fictional country"):
        oracle_share(data, "peps_mg", 2024, predictions)
    (data / "oracle").mkdir()
    truth = predictions[["patient_id", "year"]].assign(expected_mg_eur=predictions["expected_eur"])
    pq.write_table(_arrow(truth), data / "oracle" / "expected.parquet")
    assert has_oracle(data, "MG") and not has_oracle(data, "AMO")  # that of an older country
    shares = oracle_share(data, "peps_mg", 2024, predictions)
    assert shares["share"].tolist() == [1.0]
    poorer = oracle_share(data, "peps_mg", 2024, predictions.assign(expected_eur=predictions["expected_eur"].mean()))
    assert (poorer["share"].abs() < 0.05).all()


def _arrow(frame: pd.DataFrame):
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def test_reports_hold_the_same_figures(made):
    """Terminal, Markdown and HTML show every model and group; the HTML needs nothing from elsewhere."""
    result = made[2]
    markdown, html = result_markdown(result), result_html(result)
    for text in (markdown, html):
        assert all(name in text for name in ("LightGBM", "Moindres carrés", "GLM Tweedie", "Moyenne âge × sexe"))
        assert result.scorer.hash in text
    assert "<svg" in html and "<script" not in html and 'src="' not in html
    assert len(result_tables(result)) == 6
    assert result_html(result) == html


def test_mlflow_holds_the_version_with_pictures_and_scores_as_the_service(made, monkeypatch):
    """Aliases, artefacts and signature; the pyfunc gives the numbers of Scorer, bit for bit."""
    data, root, result = made
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    import mlflow

    from training.registry import open_store

    client = open_store(root)
    held = client.get_model_version_by_alias("peps_mg", "challenger")
    assert held.tags["forfait_version"] == str(versions_of(root, "peps_mg")[-1])
    run = client.search_runs([client.get_experiment_by_name("peps_mg").experiment_id])[-1]
    assert run.data.metrics["test_r2"] == pytest.approx(result.card.metrics["test_r2"])
    plots = [Path(item.path).name for item in client.list_artifacts(run.info.run_id, "plots")]
    assert plots == ["calibration_by_decile.png", "importance.png", "shap_summary.png"]
    assert {item.path for item in client.list_artifacts(run.info.run_id)} >= {
        "model_card.md", "features.json", "data_hashes.json", "tables"
    }  # fmt: skip
    version = [v for v in client.search_model_versions("name = 'peps_mg'") if v.tags["forfait_version"] == "1"]
    loaded = mlflow.pyfunc.load_model(f"models:/peps_mg/{version[0].version}")
    known = read_dataset(None, FEATURE_TABLE, data, 2024)[NAMES]
    scorer = load_scorer(root, "peps_mg", 1)
    assert (loaded.predict(known) == scorer.predict(encode_frame(scorer.card.features, known))).all()


def test_promotion_writes_the_register_and_moves_the_champion(made, tmp_path, monkeypatch):
    """The dated register answers for the day, MLflow's alias for now; a moved folder still loads."""
    home = Path(shutil.copytree(made[1].parent, tmp_path / "mlruns"))
    root = home / "versions"
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    entry = promote(
        root, "peps_mg", 1, from_date=date(2024, 1, 1), decided_on=date(2023, 12, 1), by="Cnam", why="first version"
    )
    assert in_force(root, "peps_mg", date(2024, 6, 1)) == entry
    assert entry.version_hash == load_scorer(root, "peps_mg", 1).hash
    import mlflow

    from training.registry import open_store

    away = shutil.move(made[1].parent, tmp_path / "away")
    try:
        client = open_store(root)
        champion = client.get_model_version_by_alias("peps_mg", "champion")
        assert champion.tags["forfait_version"] == "1"
        assert mlflow.pyfunc.load_model("models:/peps_mg@champion").metadata.signature is not None
        run = client.search_runs([client.get_experiment_by_name("peps_mg").experiment_id])[-1]
        assert client.list_artifacts(run.info.run_id, "plots")
    finally:
        shutil.move(away, made[1].parent)


def test_promoting_a_version_that_is_not_there_is_refused(made):
    """Nothing is written to the register."""
    with pytest.raises(MissingError, match="run forfait train peps_mg"):
        promote(
            made[1], "peps_mg", 99, from_date=date(2024, 1, 1), decided_on=date(2023, 12, 1), by="Cnam", why="a slip"
        )
    assert not (made[1] / "register.jsonl").exists()


def test_characteristics_known_later_than_the_index_date_do_not_train(made, tmp_path, unregistered):
    """A feature table built with a later day of knowledge is for settlements; training refuses it."""
    data = copied(made, tmp_path)
    known = read_dataset(None, FEATURE_TABLE, data, 2023)
    later = Provenance(command="features --year 2023", parameters={"known_on": "2024-06-30"})
    write_dataset(FEATURE_TABLE, data, known, 2023, provenance=later)
    with pytest.raises(InputError, match="rebuild it before training: forfait features --year 2023"):
        train(data, "peps_mg", 2024, root=tmp_path / "versions", recipe=RECIPE)


def test_characteristics_without_a_record_do_not_train(made, tmp_path, unregistered):
    """A run killed between rows and record: nobody knows when they were known."""
    data = copied(made, tmp_path)
    (data / "feature_table" / "2023.provenance.json").unlink()
    with pytest.raises(InputError, match=r"has no provenance record.*forfait features --year 2023"):
        train(data, "peps_mg", 2024, root=tmp_path / "versions", recipe=RECIPE)
