"""From episodes to a frozen version, to predictions and explanations of a year that it never saw."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError, MissingError, RuleError
from features.scoring import encode_frame, load_scorer
from features.store import read_dataset, write_dataset
from features.tables import EPISODE_EXPLANATIONS, EPISODE_FEATURES, EPISODE_PREDICTIONS, EPISODES
from features.versions import read_version, versions_of
from features.work import only_writer
from tests.training.episodes_made import PROVENANCE, write_episodes
from training.episodes import (
    EPISODE_RECIPES,
    EpisodeResult,
    explain_episodes,
    predict_episodes,
    train_episodes,
)
from training.episodes.population import load_episodes
from training.episodes.report import episode_markdown, episode_pictures, episode_tables
from training.oracle import episode_oracle

RECIPE = replace(EPISODE_RECIPES["eds_pth"], most_trees=200)
COUNTS = {"pth": 500, "ptg": 60}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, EpisodeResult]:
    """Episodes of two years, and a version trained on the first, tested on the second."""
    home = tmp_path_factory.mktemp("episodes")
    for year in (2022, 2023):
        write_episodes(home / "data", year, COUNTS)
    return home / "data", home / "mlruns" / "versions", trained(home / "data", home / "mlruns" / "versions")


@pytest.fixture
def unregistered(monkeypatch) -> None:
    """MLflow left out, where a test is not about it."""
    monkeypatch.setattr("training.registry.register", lambda *result, **report: "")


def trained(data: Path, root: Path, **options: object) -> EpisodeResult:
    return train_episodes(data, "eds_pth", 2023, root=root, **{"recipe": RECIPE, **options})  # type: ignore[arg-type]


def copied(made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "data"))


def test_card_tells_the_episode(made):
    """Programme, unit, years, objective compared on the folds, baselines, factors, hashes, the part it names."""
    _, root, result = made
    card, text, digest = read_version(root, "eds_pth", 1)
    assert (card.perimeter, card.unit, card.training_years, card.test_year) == ("pth", "EUR per episode", (2022,), 2023)
    assert set(card.data_hashes) == {f"{name}/{y}" for name in ("episodes", "episode_features") for y in (2022, 2023)}
    folds = {name: card.metrics[f"folds_r2_{name}"] for name in ("gamma", "tweedie", "regression")}
    assert card.objective == max(folds, key=lambda name: folds[name])
    assert card.metrics["test_r2"] == result.judged.fit.loc[0, "r2"]
    assert {"test_r2_glm_gamma", "test_r2_mean", "by_establishment_r2", "demeaned_r2", "factor_public"} <= set(
        card.metrics
    )
    assert card.parameters["avoidable_hash"] == read_version(root, "eds_pth_avoidable", 1)[2]
    assert (text.startswith("tree\n"), digest) == (True, result.version.scorer.hash)


def test_every_stay_left_out_is_counted(made):
    """Index stays of the programme and year = kept + reasons; another programme's are not among them."""
    data, _, result = made
    counted = result.version.population.pivot_table(index="year", columns="control", values="patients")
    assert counted.sum(axis=1).tolist() == [500, 500]
    rows = read_dataset(None, EPISODES, data, 2022)
    rows = rows[rows["programme"] == "pth"]
    assert counted.loc[2022, "not_final"] == (~rows["is_final"]).sum()
    assert counted.loc[2022, "kept"] == (rows["is_final"] & rows["is_complete"]).sum() == len(result.trained)


def test_cross_fitted_predictions_are_stored_with_their_fold(made):
    """A row per training episode; a patient is in one fold; typical and avoidable add up to what is expected."""
    data, _, result = made
    rows = read_dataset(None, EPISODE_PREDICTIONS, data, 2022)
    assert set(rows["episode_id"]) == set(result.trained.known["episode_id"])
    assert sorted(rows["fold"].unique()) == [0, 1, 2, 3, 4]
    assert (rows.groupby("patient_id")["fold"].nunique() == 1).all()
    assert (rows["typical_eur"] + rows["avoidable_eur"]).to_numpy() == pytest.approx(rows["expected_eur"].to_numpy())
    assert (rows[["typical_eur", "avoidable_eur"]] >= 0).all(axis=None)
    total = result.trained.known["avoidable_eur"].sum()
    assert rows["avoidable_eur"].sum() == pytest.approx(total, rel=0.1)


def test_predictions_of_an_unseen_year_are_those_of_the_version(made):
    """Final episodes, complete or not, without a fold; explanations add up to each of them."""
    data, root, _ = made
    predictions = predict_episodes(data, root, "eds_pth", 1, 2023)
    rows = read_dataset(None, EPISODES, data, 2023)
    final = rows[(rows["programme"] == "pth") & rows["is_final"]]
    assert set(predictions["episode_id"]) == set(final["episode_id"])
    assert predictions["fold"].isna().all()
    scorer = load_scorer(root, "eds_pth", 1)
    described = read_dataset(None, EPISODE_FEATURES, data, 2023).set_index("episode_id")
    known = described.loc[predictions["episode_id"], [known.name for known in scorer.card.features]]
    expected = scorer.predict(encode_frame(scorer.card.features, known.reset_index(drop=True)))
    assert (predictions["expected_eur"].to_numpy() == expected).all()
    summary = explain_episodes(data, root, "eds_pth", 1, 2023)
    explained = read_dataset(None, EPISODE_EXPLANATIONS, data, 2023).groupby("episode_id")["contribution_eur"].sum()
    by_episode = predictions.set_index("episode_id")["expected_eur"]
    assert explained[by_episode.index].to_numpy() == pytest.approx(by_episode.to_numpy(), abs=1e-6)
    means = summary[summary["structure_id"] == "*"].set_index("family")["mean_eur"]
    assert means["total"] == pytest.approx(by_episode.mean())


def test_a_year_that_trained_prices_nothing_again(made):
    """No episode prices itself: predict and explain refuse the years of training."""
    data, root, _ = made
    for run in (predict_episodes, explain_episodes):
        with pytest.raises(InputError, match="trained on 2022"):
            run(data, root, "eds_pth", 1, 2022)


def test_another_version_keeps_its_rows(made, tmp_path, unregistered):
    """Predictions of two versions stand beside each other; the same training makes no new version."""
    data = copied(made, tmp_path)
    root = Path(shutil.copytree(made[1], tmp_path / "versions"))
    assert (trained(data, root).version.is_new, versions_of(root, "eds_pth")) == (False, [1])
    assert trained(data, root, seed=3).card.version == 2
    assert read_dataset(None, EPISODE_PREDICTIONS, data, 2022)["version"].value_counts().nunique() == 1
    assert sorted(read_dataset(None, EPISODE_PREDICTIONS, data, 2022)["version"].unique()) == [1, 2]


def test_two_models_predicted_at_once_lose_no_row(made, tmp_path):
    """The second is refused while the first writes: it would publish without the rows of the first."""
    data = copied(made, tmp_path)
    with only_writer(data, "episode_predictions", 2023), pytest.raises(RuleError, match="is already running"):
        predict_episodes(data, made[1], "eds_pth", 1, 2023)
    predict_episodes(data, made[1], "eds_pth", 1, 2023)


def test_same_inputs_give_the_same_bytes_in_any_order(made, tmp_path, unregistered):
    """Rows in another order on disk: the same trees, card figures and predictions."""
    data = copied(made, tmp_path)
    for table in (EPISODES, EPISODE_FEATURES):
        rows = read_dataset(None, table, data, 2022).sample(frac=1, random_state=3)
        write_dataset(table, data, rows, 2022, provenance=PROVENANCE)
    again = trained(data, tmp_path / "versions")
    for model in ("eds_pth", "eds_pth_avoidable"):
        frozen = (made[1] / model / "1" / "model.txt").read_bytes()
        assert (tmp_path / "versions" / model / "1" / "model.txt").read_bytes() == frozen
    pd.testing.assert_frame_equal(again.predictions, made[2].predictions)


def test_the_test_year_chooses_nothing(made, tmp_path, unregistered):
    """Other costs in the test year leave every tree as it was."""
    data = copied(made, tmp_path)
    rows = read_dataset(None, EPISODES, data, 2023)
    cost = rows["cost_in_scope_cents"].where(rows["cost_in_scope_cents"].isna(), 700_000 + rows.index.to_numpy())
    write_dataset(EPISODES, data, rows.assign(cost_in_scope_cents=cost), 2023, provenance=PROVENANCE)
    trained(data, tmp_path / "versions")
    frozen = (made[1] / "eds_pth" / "1" / "model.txt").read_bytes()
    assert (tmp_path / "versions" / "eds_pth" / "1" / "model.txt").read_bytes() == frozen


def test_an_altered_part_is_refused(made, tmp_path):
    """The card names its avoidable part by hash: another frozen in its place is not used."""
    root = Path(shutil.copytree(made[1], tmp_path / "versions"))
    shutil.rmtree(root / "eds_pth_avoidable" / "1")
    shutil.copytree(root / "eds_pth" / "1", root / "eds_pth_avoidable" / "1")
    with pytest.raises(RuleError, match="not the part frozen with eds_pth version 1"):
        predict_episodes(copied(made, tmp_path), root, "eds_pth", 1, 2023)


def test_few_readmissions_make_no_part(made, tmp_path, unregistered):
    """Under thirty episodes with an avoidable cost: both parts are empty, and the card names none."""
    data = copied(made, tmp_path)
    rows = read_dataset(None, EPISODES, data, 2022)
    write_dataset(EPISODES, data, rows.assign(cost_readmission_cents=0), 2022, provenance=PROVENANCE)
    result = trained(data, tmp_path / "versions")
    assert "avoidable_model" not in result.card.parameters
    assert result.predictions[["typical_eur", "avoidable_eur"]].isna().all(axis=None)
    assert "trop peu de réhospitalisations" in episode_markdown(result)


def test_mistakes_say_what_to_do(made, tmp_path, unregistered):
    """An unknown model, no past year, too few episodes, a final one without a cost, two policies."""
    data, root, _ = made
    with pytest.raises(InputError, match="model 'eds_hernie' is unknown; choose one of eds_pth"):
        train_episodes(data, "eds_hernie", 2023, root=root)
    with pytest.raises(MissingError, match=r"no year before 2022 .* forfait episodes --years 2021\.\.2022"):
        train_episodes(data, "eds_pth", 2022, root=root)
    wrong = copied(made, tmp_path)
    described = read_dataset(None, EPISODE_FEATURES, wrong, 2023)
    lookback = described.assign(index_dx_policy="lookback_only")
    write_dataset(EPISODE_FEATURES, wrong, lookback, 2023, provenance=PROVENANCE)
    for run in (lambda: trained(wrong, tmp_path), lambda: predict_episodes(wrong, root, "eds_pth", 1, 2023)):
        with pytest.raises(InputError, match="index_dx_policy is lookback_only"):
            run()
    rows = read_dataset(None, EPISODES, wrong, 2022)
    lost = rows.assign(cost_in_scope_cents=rows["cost_in_scope_cents"].where(rows.index > 3))
    write_dataset(EPISODES, wrong, lost, 2022, provenance=PROVENANCE)
    with pytest.raises(InputError, match="cost_in_scope_cents is empty in"):
        trained(wrong, tmp_path)
    few = rows[rows.index < 40]
    write_dataset(EPISODES, wrong, few, 2022, provenance=PROVENANCE)
    with pytest.raises(MissingError, match="50 are needed"):
        trained(wrong, tmp_path)


def test_oracle_is_normalised_as_the_models_are(made, tmp_path):
    """The true expectation without its sector gives the same R²: the factor of the stratum puts it back."""
    data, _, result = made
    fit, differences = episode_oracle(data, result)
    assert fit["model"].tolist() == ["lightgbm", "glm_gamma", "mean", "oracle"]
    assert fit.set_index("model").loc["oracle", "share"] == 1.0
    assert differences["baseline"].tolist() == ["glm_gamma", "mean", "oracle"]
    other = copied(made, tmp_path)
    truth = pd.read_parquet(other / "oracle" / "episodes.parquet")
    halved = np.where(truth["sector"] == "public", 0.5, 1.0)
    truth.assign(expected_in_scope_eur=truth["expected_in_scope_eur"] * halved).to_parquet(
        other / "oracle" / "episodes.parquet"
    )
    again, _ = episode_oracle(other, result)
    assert again["r2"].to_numpy() == pytest.approx(fit["r2"].to_numpy())
    truth.iloc[5:].to_parquet(other / "oracle" / "episodes.parquet")
    with pytest.raises(InputError, match=r"lacks \d+ of"):
        episode_oracle(other, result)


def test_reports_hold_every_model_and_group(made):
    """Tables, Markdown and pictures of the version, in French."""
    result = made[2]
    text = episode_markdown(result)
    for words in ("LightGBM (ce modèle)", "GLM gamma, lien log", "Moyenne programme × secteur", "transportabilité",
                  "FDep", "Vit seul", "Charlson", "Taille de l'établissement", result.version.scorer.hash):  # fmt: skip
        assert words in text
    assert len(episode_tables(result)) == 8
    assert set(episode_pictures(result)) == {"calibration_by_decile", "importance", "shap_summary", "r2_by_model"}


def test_mlflow_holds_the_version(made):
    """Registered as challenger, and its pyfunc gives the numbers of the frozen version."""
    data, root, result = made
    import mlflow

    from training.registry import open_store

    client = open_store(root)
    held = client.get_model_version_by_alias("eds_pth", "challenger")
    assert held.tags["forfait_version"] == "1"
    loaded = mlflow.pyfunc.load_model("models:/eds_pth@challenger")
    described = read_dataset(None, EPISODE_FEATURES, data, 2023)
    known = described.loc[described["programme"] == "pth", [known.name for known in result.card.features]]
    scorer = load_scorer(root, "eds_pth", 1)
    assert (loaded.predict(known) == scorer.predict(encode_frame(scorer.card.features, known))).all()


def test_loaded_rows_are_sorted_and_encoded_by_the_card(made):
    """One row per kept episode, in the order of their identifiers, at the cut cost."""
    episodes, _ = load_episodes(made[0], RECIPE, [2022])
    assert episodes.known["episode_id"].is_monotonic_increasing
    assert episodes.cost_eur.max() < episodes.known["raw_eur"].max()


def test_the_command_line_reaches_the_models_of_episodes(made, tmp_path, unregistered):
    """train, predict and explain by the name of the model; the lines speak of episodes."""
    from typer.testing import CliRunner

    from forfait.cli import app

    data = copied(made, tmp_path)
    root = Path(shutil.copytree(made[1], tmp_path / "versions"))
    places = ["--data", str(data), "--versions", str(root)]
    runner = CliRunner()
    asked = runner.invoke(app, ["predict", "eds_pth", "--year", "2023", "--version", "1", *places])
    assert (asked.exit_code, "EUR per episode" in asked.output) == (0, True)
    asked = runner.invoke(app, ["explain", "eds_pth", "--year", "2023", "--version", "1", *places])
    assert (asked.exit_code, "establishment" in asked.output) == (0, True)
    asked = runner.invoke(app, ["train", "eds_hernie", "--year", "2023", *places])
    assert isinstance(asked.exception, InputError)
