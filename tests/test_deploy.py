"""deploy/ as far as it can be checked without a container engine: what it names exists, and nothing is left open."""

from __future__ import annotations

import http.server
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.access.rights import RIGHTS
from serving.settings import SECRETS, ServiceSettings
from tests.test_docs import COMMANDS, options

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {f"FORFAIT_{name.upper()}" for name in ServiceSettings.model_fields}
OURS = ("service", "keeper", "mlflow")
SET_BY_WHOEVER_STARTS = {"FORFAIT_VERSIONS_HERE"}


def instructions() -> list[list[str]]:
    """The Containerfile, an instruction a line, without comments."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [line.split() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def test_every_file_copied_exists():
    """COPY from the project, what .dockerignore lets through, and what the compose file mounts."""
    copied = [
        name for line in instructions() if line[0] == "COPY" and "--from=build" not in line for name in line[1:-1]
    ]
    assert {"pyproject.toml", "uv.lock", "serving", "features", "schemes", "forfait", "training"} <= set(copied)
    allowed = {
        line.removeprefix("!")
        for line in (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert set(copied) == allowed
    mounted = [one.split(":")[0] for service in SERVICES.values() for one in service.get("volumes", ())]
    files = [DEPLOY / name for name in mounted if name.startswith("./")]
    assert len(files) == 2 and all(path.is_file() for path in files)
    assert all((ROOT / name).exists() for name in copied)
    build = SERVICES["service"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT and (ROOT / build["dockerfile"]).is_file()
    assert {name for name in mounted if re.fullmatch(r"\w+", name)} == COMPOSE["volumes"].keys()


def test_every_package_of_the_wheel_is_copied():
    """A package added to pyproject.toml goes into the image."""
    packages = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert packages is not None
    copied = {name for line in instructions() if line[0] == "COPY" for name in line[1:-1]}
    assert set(yaml.safe_load(packages[1])) <= copied


def test_every_variable_is_a_setting():
    """A name that nothing reads would be a safety that is not there."""
    texts = [(DEPLOY / name).read_text(encoding="utf-8") for name in ("compose.yaml", "Containerfile")]
    named = {name for text in texts for name in re.findall(r"FORFAIT_[A-Z_]+", text)}
    assert named - SET_BY_WHOEVER_STARTS - {SECRETS} <= SETTINGS
    assert SECRETS in named and "FORFAIT_ACCESS=open" not in "".join(texts)


def test_secrets_are_files_that_the_settings_read():
    """No password in an environment; each secret is declared, lies outside git, and is used."""
    used: list[str] = []
    for service in SERVICES.values():
        for one in service.get("secrets", ()):
            used.append(one if isinstance(one, str) else one["source"])
            if not isinstance(one, str):
                assert one["target"].upper() in SETTINGS
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or (name.endswith("_FILE") and value.startswith("/run/secrets/"))
            assert "://" not in str(value)
    assert set(used) == COMPOSE["secrets"].keys()
    assert {Path(one["file"]).parent.as_posix() for one in COMPOSE["secrets"].values()} == {"secrets"}
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    how_to = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert all(name in how_to for name in COMPOSE["secrets"])


def test_files_of_secrets_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file gives the setting, a variable wins over it, and a folder that is not there is said."""
    (tmp_path / "forfait_ledger_url").write_text("postgresql+psycopg://x:secret@db/forfait\n", encoding="utf-8")
    (tmp_path / "forfait_rate").write_text("5/minute", encoding="utf-8")
    monkeypatch.setenv(SECRETS, str(tmp_path))
    monkeypatch.delenv("FORFAIT_LEDGER_URL", raising=False)
    settings = ServiceSettings()
    assert (settings.ledger, settings.rate) == ("postgresql+psycopg://x:secret@db/forfait", "5/minute")
    assert "secret" not in repr(settings)
    monkeypatch.setenv("FORFAIT_RATE", "6/minute")
    assert ServiceSettings().rate == "6/minute"
    monkeypatch.setenv(SECRETS, str(tmp_path / "nowhere"))
    with pytest.raises(Exception, match="FORFAIT_SECRETS is not a folder"):
        ServiceSettings()


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_writes_where_it_should_not(name: str):
    """Another user than root, a read-only file system, no capability; ports of this machine alone."""
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    user = service.get("user") or next(line[1] for line in reversed(instructions()) if line[0] == "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert (name in OURS) == (service["image"] == "forfait")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert any(one.startswith("/tmp") for one in service["tmpfs"])


def test_the_data_network_has_no_way_out():
    """PostgreSQL and the keeper reach nothing else, and nothing reaches them."""
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["keeper"]["networks"] == ["data"]
    assert not SERVICES["postgres"].get("ports")


def test_ports_are_the_same_everywhere():
    """Exposed, served, published and asked for health: one port; the path asked is open to all."""
    lines = {line[0]: line for line in instructions()}
    command = yaml.safe_load(" ".join(lines["CMD"][1:]))
    port = lines["EXPOSE"][1]
    assert command[command.index("--port") + 1] == port
    assert SERVICES["service"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)'", SERVICES["service"]["healthcheck"]["test"][-1])
    assert asked is not None and asked[1] == port
    assert ("GET", asked[2]) in {(right.method, right.route) for right in RIGHTS if right.is_public}


def test_commands_exist_with_their_options():
    """What the image runs is what the command line knows."""
    lines = {line[0]: line for line in instructions()}
    assert yaml.safe_load(" ".join(lines["ENTRYPOINT"][1:])) == ["forfait"]
    name, *words = yaml.safe_load(" ".join(lines["CMD"][1:]))
    assert {word for word in words if word.startswith("--")} <= options(COMMANDS.commands[name])
    mlflow = shlex.split(SERVICES["mlflow"]["command"][0].replace("$$", "$"))
    given = [word for word in mlflow if word.startswith("--")]
    known = subprocess.run(
        [sys.executable, "-m", "mlflow", "server", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert given and all(word in known for word in given)


@pytest.fixture
def answering() -> Iterator[http.server.ThreadingHTTPServer]:
    """A server that answers with `status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.status if self.path == "/readyz" else 404)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_the_health_check_tells(answering: http.server.ThreadingHTTPServer, status: int, is_healthy: bool):
    """The very command of the compose file: 0 for a service that is ready, else not."""
    answering.status = status  # type: ignore[attr-defined]
    _, program, *words = SERVICES["service"]["healthcheck"]["test"]
    assert program == "python"
    port = str(answering.server_port)
    done = subprocess.run([sys.executable, *(word.replace("3000", port) for word in words)], capture_output=True)
    assert (done.returncode == 0) is is_healthy
