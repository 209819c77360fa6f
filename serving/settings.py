"""Settings of the service, by environment variable (FORFAIT_VERSIONS, FORFAIT_MAX_ROWS_JSON…) or file of secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from features.errors import RuleError

MEBIBYTE = 1024 * 1024
ACCESS_URL = "sqlite:///mlruns/access.sqlite"
SECRETS = "FORFAIT_SECRETS"
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "OTEL_SDK_DISABLED": "true", "DO_NOT_TRACK": "true"}


class ServiceSettings(BaseSettings):
    """Folder of the frozen versions, and the sizes that the service accepts.

    What an environment should not hold (addresses with passwords) may be a file of the folder FORFAIT_SECRETS, named
    as the variable in lower case: forfait_ledger_url. A variable that is set wins.
    """

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
    ledger_url: SecretStr | None = None
    ledger_seconds: float = Field(default=10.0, gt=0)
    max_decisions_waiting: int = Field(default=1_000, ge=1)
    max_bytes_waiting: int = 512 * MEBIBYTE
    max_bytes_recorded: int = 512 * MEBIBYTE
    access: Literal["closed", "open"] = "closed"
    access_url: str = Field(default=ACCESS_URL, repr=False)
    access_seconds: float = Field(default=2.0, gt=0, le=10)
    rate: str = "6000/minute"
    rate_strangers: str = "60/minute"
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_jwks: str = ""
    oidc_name_claim: str = "sub"
    oidc_role_claim: str = "forfait_role"
    oidc_structures_claim: str = "forfait_structures"
    oidc_leeway_seconds: float = Field(default=30.0, ge=0, le=300)
    oidc_keys_seconds: float = Field(default=300.0, gt=0)
    oidc_unknown_key_seconds: float = Field(default=30.0, ge=0)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then files. Errors: RuleError where the folder of the files is not there."""
        folder = os.environ.get(SECRETS)
        if not folder:
            return named["init_settings"], named["env_settings"]
        if not Path(folder).is_dir():
            raise RuleError(f"{SECRETS} is not a folder; give the one that holds the files, /run/secrets say")
        return named["init_settings"], named["env_settings"], SecretsSettingsSource(settings_cls, secrets_dir=folder)

    @property
    def ledger(self) -> str:
        """Address of the ledger; without FORFAIT_LEDGER_URL, SQLite beside the folder of the versions."""
        if self.ledger_url is not None:
            return self.ledger_url.get_secret_value()
        return f"sqlite:///{self.versions.absolute().parent / 'ledger.db'}"


def nothing_leaves_the_host() -> None:
    """Switch off the telemetry of BentoML and OpenTelemetry; to call before importing them."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
