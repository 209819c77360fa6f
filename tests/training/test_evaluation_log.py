"""An evaluation kept with the MLflow run of its version: figures, verdicts as tags, files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from training.evaluation.record import (
    Curve,
    Diagrams,
    Evaluation,
    Facts,
    Figure,
    Verdict,
    encode_evaluation,
    read_evaluation,
)
from training.registry import VERSION_TAG, log_evaluation, open_store

FACTS = Facts(
    model="peps_mg", version=2, title_fr="t", title_en="t", year=2024, patients=20, weight=18.5, observed_eur=100.0,
    expected_eur=101.0, normalisation=100 / 101, draws=10, seed=0,
)  # fmt: skip
RECORD = Evaluation(
    facts=FACTS,
    verdicts=(Verdict(name="total", status="good"), Verdict(name="oracle", status="bad")),
    fit=(Figure(name="r2", value=0.25, low=0.2, high=0.3), Figure(name="cpm", value=None)),
    rivals=(),
    diagrams=Diagrams(
        reliability=Curve(name="m", x=(0.0,), y=(0.0,)), murphy=(), miscalibration=0, discrimination=0, uncertainty=0
    ),
    groups=(),
    sizes=(),
    structures=(),
    between_sd=0.05,
    is_between_assumed=True,
    coverage=(),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with the runs of versions 1, 2 and 3 of peps_mg; the runs by version."""
    home = tmp_path_factory.mktemp("store") / "mlruns"
    root = home / "versions"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client = open_store(root)
    experiment = client.create_experiment("peps_mg", artifact_location=str(home / "artifacts" / "peps_mg"))
    runs = {one: client.create_run(experiment, tags={VERSION_TAG: str(one)}).info.run_id for one in (1, 2, 3)}
    return root, client, runs


def test_figures_verdicts_and_files_go_to_the_run_of_the_version(store, tmp_path):
    """Metrics by year and measure (a null one is left out), a tag per verdict, both files in their folder."""
    root, client, runs = store
    page, record = tmp_path / "2024.fr.html", tmp_path / "2024.json"
    page.write_text("<p>page</p>", encoding="utf-8")
    record.write_bytes(encode_evaluation(RECORD))
    assert log_evaluation(RECORD, (page, record), root) == runs[2]
    run = client.get_run(runs[2])
    assert run.data.metrics == {"evaluation_2024_r2": 0.25}
    assert {name: run.data.tags[name] for name in run.data.tags if name.startswith("evaluation_")} == {
        "evaluation_2024_total": "good",
        "evaluation_2024_oracle": "bad",
    }
    assert [file.path for file in client.list_artifacts(runs[2], "evaluation")] == [
        "evaluation/2024.fr.html",
        "evaluation/2024.json",
    ]
    kept = client.download_artifacts(runs[2], "evaluation/2024.json", str(tmp_path))
    assert read_evaluation(Path(kept)) == RECORD
    assert client.get_run(runs[1]).data.metrics == {}


def test_years_stand_side_by_side(store):
    """A second year adds its figures to those of the first."""
    root, client, runs = store
    for year in (2024, 2025):
        facts = msgspec.structs.replace(FACTS, version=3, year=year)
        log_evaluation(msgspec.structs.replace(RECORD, facts=facts), (), root)
    assert set(client.get_run(runs[3]).data.metrics) == {"evaluation_2024_r2", "evaluation_2025_r2"}


@pytest.mark.parametrize("changed", [{"version": 9}, {"model": "ipep"}])
def test_no_run_of_the_version_is_none(store, changed: dict[str, object]):
    """A version that MLflow does not hold, or a model that it never saw: nothing is logged, None says so."""
    root, client, runs = store
    facts = msgspec.structs.replace(FACTS, **changed)
    assert log_evaluation(msgspec.structs.replace(RECORD, facts=facts), (), root) is None
    assert client.get_run(runs[1]).data.metrics == {}
