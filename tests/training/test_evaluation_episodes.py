"""A small model of episodes evaluated end to end: rows are episodes, structures establishments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from features.errors import InputError
from features.store import read_dataset, write_dataset
from features.tables import EPISODE_FEATURES, EPISODES
from features.versions import read_version
from forfait.cli import app
from tests.training.episodes_made import PROVENANCE, write_episodes
from training.episodes import EPISODE_RECIPES, train_episodes
from training.episodes.population import Episodes, load_episodes
from training.evaluation import Effort, Evaluation, decode_evaluation, encode_evaluation, evaluate
from training.evaluation.episode_groups import episode_groupings, known_of_episodes
from training.evaluation.episodes import figures_within
from training.evaluation.record import read_evaluation
from training.evaluation.report import evaluation_html
from training.population import Rows

EFFORT = Effort(draws=40, simulated=10, sizes=(50,))
RECIPE = replace(EPISODE_RECIPES["eds_pth"], most_trees=60)


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> tuple[Path, Path, Evaluation]:
    """Two years of episodes, a version trained on the first, judged on the second and beside itself."""
    home = tmp_path_factory.mktemp("episodes")
    data, root = home / "data", home / "versions"
    for year in (2022, 2023):
        write_episodes(data, year, {"pth": 420, "ptg": 60})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.registry.register", lambda *result, **report: "none")
        patch.setattr("training.episodes.train.DEPTHS", (2,))
        patch.setattr("training.episodes.baselines.ALPHAS", (0.1, 1.0))
        train_episodes(data, "eds_pth", 2023, root=root, recipe=RECIPE)
    return data, root, evaluate(data, root, model="eds_pth", version=1, against=1, effort=EFFORT)


def value(found: Evaluation, name: str) -> float | None:
    return next(figure.value for figure in found.fit if figure.name == name)


def test_figures_are_those_that_training_printed(judged):
    """R² within strata, CPM's total ratio and MAE of the card's test year; factors come from the card."""
    _, root, found = judged
    metrics = read_version(root, "eds_pth", 1)[0].metrics
    assert value(found, "r2_within") == pytest.approx(metrics["test_r2"])
    assert value(found, "r2_within_raw") == pytest.approx(metrics["test_r2_raw"])
    assert value(found, "mae_eur") == pytest.approx(metrics["test_mae_eur"])
    assert value(found, "total_ratio") == pytest.approx(metrics["test_total_ratio"])
    assert value(found, "r2") == pytest.approx(metrics["test_r2_pooled"])
    assert value(found, "negative_share") == 0


def test_facts_say_episode(judged):
    """Unit, counts, years, hashes of the episodes; what could not be measured for want of a dataset."""
    data, _, found = judged
    facts = found.facts
    episodes, _ = load_episodes(data, RECIPE, [2023])
    assert (facts.unit, facts.year, facts.training_years, facts.perimeter) == ("EUR per episode", 2023, (2022,), "pth")
    assert facts.weight == len(episodes) and facts.cap_eur is None
    assert facts.observed_eur == pytest.approx(episodes.cost_eur.mean())
    assert set(facts.data_hashes) == {"episodes/2023", "episode_features/2023"}
    assert set(facts.not_measured) == {"department", "hidden"}


def test_structures_are_establishments(judged):
    """Observed over expected of each establishment of 11 patients or more, the total made right."""
    data, _, found = judged
    episodes, _ = load_episodes(data, RECIPE, [2023])
    counts = pd.Series(episodes.rows.patients).groupby(episodes.establishments).nunique()
    assert {row.structure: row.patients for row in found.structures} == counts[counts >= 11].to_dict()
    assert [row.size for row in found.sizes] == [50]


def test_rivals_are_normalised_alike(judged):
    """The price of the sector explains nothing within the sector; both rivals are there, equal totals."""
    found = judged[2]
    assert [row.model for row in found.rivals] == ["eds_pth", "glm_gamma", "mean"]
    ours, _, mean = found.rivals
    assert mean.r2_gain is not None and mean.r2_gain.value == pytest.approx(ours.r2 - mean.r2)


def test_oracle_is_normalised_as_the_model(judged):
    """R² within strata of the made-up truth bounds the model's; share = their ratio."""
    oracle = judged[2].oracle
    assert oracle is not None
    assert oracle.model_r2 == pytest.approx(value(judged[2], "r2_within"))
    assert oracle.share == pytest.approx(oracle.model_r2 / oracle.oracle_r2)
    assert oracle.patients == judged[2].facts.weight


def test_incentives_of_an_episode(judged):
    """Codes are conditions; prior care is told, and is no verdict; every direction is proved."""
    incentives = judged[2].incentives
    assert {"obesity", "heart_failure", "charlson_chf"} <= {row.code for row in incentives.codes}
    assert {row.pool for row in incentives.pools} == {"prevalence", "index_stay", "targeted"}
    assert {figure.name for figure in incentives.past} == {"prior_spent_eur", "prior_stays", "prior_atc_classes"}
    assert incentives.monotone and all(row.broken == 0 for row in incentives.monotone)
    verdicts = {one.name: one.status for one in judged[2].verdicts}
    assert verdicts["past_forecast"] == "told" and verdicts["monotone"] == "good"


def test_the_version_beside_itself_moves_nothing(judged):
    """Stability against version 1 is 0 change."""
    stability = judged[2].stability
    assert (stability.mean_absolute_change, stability.moved_share) == (0.0, 0.0)


def test_record_survives_its_json(judged):
    """Every figure comes back as it was written."""
    assert decode_evaluation(encode_evaluation(judged[2])) == judged[2]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_speaks_of_episodes(judged, language: str):
    """No year's words, no name of a text left over, nothing fetched."""
    page = evaluation_html(judged[2], language)
    assert page == evaluation_html(judged[2], language)
    assert f'lang="{language}"' in page and "<script" not in page and 'src="' not in page
    assert all(word not in page for word in ("v_total", "m_total", "col_", "group_", "{net", "fit_r2"))
    french, english = ("par an", "médecin traitant", "plafonné"), ("per year", "a year<", "declared doctor")
    assert [word for word in (*french, *english) if word in page] == []


def test_the_command_judges_any_model(judged, tmp_path):
    """`forfait evaluate eds_pth`: page and JSON in the folder asked for, the verdicts on the screen, worst first."""
    data, root, found = judged
    asked = ["evaluate", "eds_pth", "--version", "1", "--language", "en", "--simulated", "0", "--no-log"]
    shown = CliRunner().invoke(app, [*asked, "--data", str(data), "--versions", str(root), "--to", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    kept = read_evaluation(tmp_path / "2023.json")
    assert kept.fit[0].value == pytest.approx(value(found, "r2"))
    assert [row.size for row in kept.sizes] == [50, 100, 250, 1000]
    assert "establishments" in (tmp_path / "2023.en.html").read_text(encoding="utf-8")
    assert "eds_pth version 1, 2023" in shown.output and "not logged" not in shown.output


def test_a_year_that_trained_or_another_policy_is_refused(judged, tmp_path):
    """An episode never prices itself; characteristics are those of the version's policy."""
    data, root, _ = judged
    with pytest.raises(InputError, match="was trained on 2022"):
        evaluate(data, root, model="eds_pth", version=1, year=2022)
    with pytest.raises(InputError, match="unknown"):
        evaluate(data, root, model="eds_hernie", version=1)
    for table, changed in ((EPISODES, {}), (EPISODE_FEATURES, {"index_dx_policy": "lookback_only"})):
        rows = read_dataset(None, table, data, 2023).assign(**changed)
        write_dataset(table, tmp_path, rows, 2023, provenance=PROVENANCE)
    with pytest.raises(InputError, match="trained under whitelist"):
        evaluate(tmp_path, root, model="eds_pth", version=1)


def small(costs: list[float], raw: list[float], sectors: list[str]) -> Episodes:
    """Episodes of as many patients."""
    count = len(costs)
    rows = Rows([], np.empty((count, 0)), np.array(costs), np.ones(count), np.arange(count).astype(str))
    return Episodes(rows, pd.DataFrame({"sector": sectors, "raw_eur": raw}))


def test_r2_within_by_hand():
    """Public 10 and 14 (mean 12), private 4 and 8 (mean 6): spread 8 + 8 = 16; errors 1 + 1 + 0 + 4 = 6: 1 − 6/16.

    Raw costs 10 and 18 (mean 14), 4 and 8: spread 32 + 8 = 40; errors 1 + 25 + 0 + 4 = 30: 1 − 30/40.
    """
    episodes = small([10, 14, 4, 8], [10, 18, 4, 8], ["public", "public", "private", "private"])
    cut, raw = figures_within(episodes, np.array([11.0, 13, 4, 6]), Effort(draws=20))
    assert (cut.name, cut.value) == ("r2_within", pytest.approx(1 - 6 / 16))
    assert (raw.name, raw.value) == ("r2_within_raw", pytest.approx(1 - 30 / 40))
    assert cut.low is not None and cut.high is not None


def test_groups_of_episodes(judged, tmp_path):
    """Seen: conditions, Charlson's bands, prior care. Not seen: sector, volume, department; death in the window."""
    data, _, _ = judged
    for table in (EPISODES, EPISODE_FEATURES):
        write_dataset(table, tmp_path, read_dataset(None, table, data, 2023), 2023, provenance=PROVENANCE)
    episodes, _ = load_episodes(tmp_path, RECIPE, [2023])
    known = known_of_episodes(tmp_path, episodes)
    names = episodes.rows.names
    made, missing = episode_groupings(tmp_path, episodes, known, episodes.cost_eur, seen=names)
    seen = {(grouping.name, grouping.is_seen) for grouping in made}
    assert missing == ("department",)
    assert {("charlson", True), ("condition", True), ("lives_alone", True), ("age_sex", True)} <= seen
    assert {("sector", False), ("size", False), ("died_in_window", False), ("ghm_level", False)} <= seen
    labels = {grouping.name: grouping.labels for grouping in made}
    score = known["charlson_score"].to_numpy()
    bands = np.select([score < 1, score < 3, score < 5], ["0", "1 to 2", "3 to 4"], "5 and over")
    assert labels["charlson"].tolist() == bands.tolist()
    assert (labels["ghm_level"] == "1").all()  # 08C481
    obesity = next(one for one in made if one.name == "condition" and "obesity" in one.labels)
    assert ((obesity.labels == "obesity") == (known["obesity"] == 1)).all()
