"""Where things lie, by environment variable: FORFAIT_DATA, FORFAIT_VERSIONS, FORFAIT_ENGINE."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "OTEL_SDK_DISABLED": "true",
}


class Settings(BaseSettings):
    """Folders and engine; the defaults work in the folder of the project."""

    model_config = SettingsConfigDict(env_prefix="FORFAIT_")

    data: Path = Path("data")
    versions: Path = Path("mlruns/versions")
    engine: str = "duckdb"


def nothing_leaves_the_host() -> None:
    """Switch off the telemetry of the libraries, before any of them is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
