"""MLflow, and nothing else of it elsewhere: runs, pictures, registered versions, aliases; and promotions.

Store: SQLite `mlflow.db` beside the folder of versions, artefacts in `artifacts` next to it, unless
MLFLOW_TRACKING_URI names another. What was in force on a day is read from our own dated register
(features/versions.py): MLflow keeps no history of aliases.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from features.versions import Card, Entry, append_entry, read_version, version_folder
from training.plots import pictures
from training.recipes import EPISODE_MODELS, RECIPES
from training.report import result_frames, result_markdown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

    from training.evaluation.record import Evaluation
    from training.retrain.record import Decision
    from training.train import TrainingResult

CHAMPION, CHALLENGER = "champion", "challenger"
VERSION_TAG = "forfait_version"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_SCHEMA_DETAILS": "true",  # else a refused frame is printed: patients' data
}
REQUIREMENTS = ("lightgbm", "msgspec", "numpy", "pandas", "pyarrow", "shap")
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


@dataclass(frozen=True)
class Report:
    """What a run shows of a version: the model card in Markdown, its tables, and pictures by file name."""

    markdown: str
    frames: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Figure]


def register(result: TrainingResult, root: Path, *, report: Report | None = None) -> str:
    """Identifier of the MLflow run in which the version was logged, registered and made `challenger`.

    A version that MLflow already holds is logged again, not registered twice. `report` replaces that of a patient
    model. Errors: those of MLflow's store.
    """
    client, card = open_store(root), result.card
    shown = report or Report(result_markdown(result), result_frames(result), pictures(result))
    import mlflow  # once the store has switched its telemetry off

    name = f"{card.model}-{card.version}"
    with mlflow.start_run(experiment_id=_experiment(client, root, card.model), run_name=name) as run:
        mlflow.log_params(_parameters(card))
        mlflow.log_metrics(card.metrics | card.population)
        mlflow.set_tags({VERSION_TAG: str(card.version), "version_hash": result.scorer.hash})
        mlflow.log_dict(card.data_hashes, "data_hashes.json")
        mlflow.log_dict(msgspec.to_builtins(card.features), "features.json")
        mlflow.log_text(shown.markdown, "model_card.md")
        if report is None:
            mlflow.log_text(result_markdown(result, "en"), "model_card.en.md")
        for number, frame in enumerate(shown.frames.values(), 1):
            mlflow.log_text(frame.to_csv(index=False), f"tables/{number}.csv")
        for picture, figure in shown.pictures.items():
            mlflow.log_figure(figure, f"plots/{picture}.png", save_kwargs={"dpi": 140, "bbox_inches": "tight"})
        _log_model(client, card, root)
    return run.info.run_id


def log_evaluation(evaluation: Evaluation, files: Sequence[Path], root: Path) -> str | None:
    """Identifier of the run of the version with which the files (folder `evaluation`) and figures were logged.

    Figures are named `evaluation_<year>_<measure>`, so that years stand side by side. None where MLflow has no run of
    the version (a store begun anew).
    """
    client, facts = open_store(root), evaluation.facts
    experiment = client.get_experiment_by_name(facts.model)
    tagged = f"tags.{VERSION_TAG} = '{facts.version}'"
    runs = client.search_runs([experiment.experiment_id], tagged, max_results=1) if experiment else []
    if not runs:
        return None
    run = runs[0].info.run_id
    for file in files:
        client.log_artifact(run, str(file), "evaluation")
    for figure in evaluation.fit:
        if figure.value is not None:
            client.log_metric(run, f"evaluation_{facts.year}_{figure.name}", figure.value)
    for verdict in evaluation.verdicts:
        client.set_tag(run, f"evaluation_{facts.year}_{verdict.name}", verdict.status)
    return run


def log_retrain(decision: Decision, files: Sequence[Path], root: Path, run: str) -> None:
    """Log the files of a retraining (folder `retrain`) with a run, its gates as tags and figures beside them.

    Tags: `retrain_<year>` (accepted or refused) and `retrain_<year>_<gate>`; figures: `retrain_<year>_<gate>`.
    """
    client, year = open_store(root), decision.year
    for file in files:
        client.log_artifact(run, str(file), "retrain")
    client.set_tag(run, f"retrain_{year}", "refused" if decision.refusals else "accepted")
    for gate in decision.gates:
        client.set_tag(run, f"retrain_{year}_{gate.name}", gate.status)
        if gate.value is not None:
            client.log_metric(run, f"retrain_{year}_{gate.name}", gate.value)


def promote(
    root: Path,
    model: str,
    version: int,
    *,
    from_date: date,
    decided_on: date,
    by: str,
    why: str,
    despite: str | None = None,
    approval: str | None = None,
) -> Entry:
    """The entry appended to the dated register; the version becomes MLflow's `champion`.

    despite: reason given against gates that refuse; approval: hash of the approval written beside the register. What
    a promotion needs before it is checked by training.retrain.approval, not here.
    Errors: MissingError for a version that is not there; RuleError for one altered, or a decision out of order.
    """
    _, _, digest = read_version(root, model, version)
    entry = Entry(
        model=model,
        version=version,
        version_hash=digest,
        from_date=from_date,
        decided_on=decided_on,
        by=by,
        why=why,
        despite=despite,
        approval=approval,
    )
    linked = append_entry(root, entry)
    client = open_store(root)
    held = _held(client, model, version)
    if held is not None:
        client.set_registered_model_alias(model, CHAMPION, held.version)
        if CHALLENGER in held.aliases:
            client.delete_registered_model_alias(model, CHALLENGER)
    return linked


def open_store(root: Path) -> MlflowClient:
    """Client of the store of `root`, artefact locations set to where the folder now lies (it may have moved)."""
    os.environ.update(QUIET)
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    given = os.environ.get("MLFLOW_TRACKING_URI")
    root.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(_store_uri(root))
    if given is None:  # MLflow leaves it in the environment, where the next root would find it
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    client = mlflow.MlflowClient()
    if _artifacts(root) is not None:
        _relocate(client, root)
    return client


def _store_uri(root: Path) -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root.parent / 'mlflow.db').resolve()}"


def _artifacts(root: Path) -> Path | None:
    """Folder of artefacts beside a SQLite store; None where a server says where they go."""
    scheme, _, path = _store_uri(root).partition(":///")
    return Path(path).resolve().parent / "artifacts" if scheme == "sqlite" else None


def _relocate(client: MlflowClient, root: Path) -> None:
    """MLflow stores absolute paths: rewrite those of a folder that was moved."""
    here = str(_artifacts(root))
    stored = {
        str(Path(e.artifact_location).parent)
        for e in client.search_experiments()
        if e.name in (*RECIPES, *EPISODE_MODELS)
    }
    for there in stored - {here}:
        engine = sa.create_engine(_store_uri(root))
        with engine.begin() as connection:
            for table, name in LOCATIONS:
                column = sa.column(name, sa.String)
                moved = sa.func.replace(column, there + "/", here + "/")
                rows = sa.update(sa.table(table, column)).where(column.startswith(there + "/", autoescape=True))
                connection.execute(rows.values({name: moved}))
        engine.dispose()


def _experiment(client: MlflowClient, root: Path, model: str) -> str:
    known = client.get_experiment_by_name(model)
    if known is not None:
        return known.experiment_id
    artifacts = _artifacts(root)
    return client.create_experiment(model, artifact_location=None if artifacts is None else str(artifacts / model))


def _log_model(client: MlflowClient, card: Card, root: Path) -> None:
    import mlflow

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # an input example would be patients' data
        warnings.filterwarnings("ignore", message=".*input example.*")
        data = Path(folder) / "version"
        shutil.copytree(version_folder(root, card.model, card.version), version_folder(data, card.model, card.version))
        logged = mlflow.pyfunc.log_model(
            name=card.model,
            loader_module="training.pyfunc",
            data_path=str(data),
            signature=_signature(card),
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS],
        )
    if _held(client, card.model, card.version) is None:
        if not client.search_registered_models(f"name = '{card.model}'"):
            client.create_registered_model(card.model)
        tags = {VERSION_TAG: str(card.version)}
        made = client.create_model_version(card.model, logged.model_uri, tags=tags, await_creation_for=0)
        client.set_registered_model_alias(card.model, CHALLENGER, made.version)


def _held(client: MlflowClient, model: str, version: int) -> ModelVersion | None:
    """MLflow's own version of a frozen version (its number may differ where a store was begun anew)."""
    found = client.search_model_versions(f"name = '{model}' and tag.{VERSION_TAG} = '{version}'")
    return client.get_model_version(model, found[0].version) if found else None


def _signature(card: Card) -> ModelSignature:
    """Features by name; MLflow refuses an int64 where it expects a double, so that the type of numbers is open.

    The version's own check follows it, and names field and row.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string if known.kind == "category" else AnyType(), known.name, required=not known.nullable)
        for known in card.features
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double, "expected_eur")]))


def _parameters(card: Card) -> dict[str, object]:
    named = ("perimeter", "objective", "link", "cap_quantile", "cap_eur", "balance_factor", "floor_eur", "seed")
    years = {"training_years": ",".join(map(str, card.training_years)), "test_year": card.test_year}
    return {name: getattr(card, name) for name in named} | years | card.parameters
