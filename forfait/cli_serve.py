"""The command that starts the service."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from features.errors import InputError
from forfait.options import VERSIONS, Versions


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    versions: Versions = VERSIONS,
) -> None:
    """The service: predictions and explanations over HTTP, pages of models in force.

    Example: [bold]forfait serve --port 3000[/]
    """
    check_host(host)
    os.environ["FORFAIT_VERSIONS"] = str(versions.resolve())
    command = ["bentoml", "serve", "serving.service:Forfait", "--host", host, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])


def check_host(host: str) -> None:
    """Nothing where the service may listen there. Errors: InputError for an open door that others could pass."""
    from serving.access.door import is_loopback
    from serving.settings import ServiceSettings

    if ServiceSettings().access == "open" and not is_loopback(host):
        raise InputError(f"FORFAIT_ACCESS=open serves this machine alone, not {host}; use 127.0.0.1, or create tokens")
