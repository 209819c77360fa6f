"""Where things lie, by environment variable: FORFAIT_DATA, FORFAIT_VERSIONS, FORFAIT_ENGINE."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Folders and engine; the defaults work in the folder of the project."""

    model_config = SettingsConfigDict(env_prefix="FORFAIT_")

    data: Path = Path("data")
    versions: Path = Path("mlruns/versions")
    engine: str = "duckdb"
