"""Settings of the service, by environment variable (FORFAIT_VERSIONS, FORFAIT_MAX_ROWS_JSON…)."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "OTEL_SDK_DISABLED": "true", "DO_NOT_TRACK": "true"}


class ServiceSettings(BaseSettings):
    """Folder of the frozen versions, and the sizes that the service accepts."""

    model_config = SettingsConfigDict(env_prefix="FORFAIT_", hide_input_in_errors=True)

    versions: Path = Path("mlruns/versions")
    workers: int = 1
    batches_at_once: int = 2
    longest_seconds: float = 600.0
    max_rows_json: int = 10_000
    max_rows_batch: int = 500_000
    max_rows_explained: int = 20_000
    max_rows_schemes: int = 200_000
    max_draws: int = 5_000
    max_bytes_json: int = 64 * MEBIBYTE
    max_bytes_batch: int = 256 * MEBIBYTE


def nothing_leaves_the_host() -> None:
    """Switch off the telemetry of BentoML and OpenTelemetry; to call before importing them."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
