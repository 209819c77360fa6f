"""A service with its door closed, tokens of every kind, and calls with them, for the tests of access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import httpx
import pandas as pd
from anyio.from_thread import BlockingPortal

from serving.access.accesses import accesses_between
from serving.access.tables import engine_of
from serving.access.tokens import Wanted, create, revoke
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.serving.client import Client

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ROLES = ("payer", "auditor", "modeller", "admin")


@dataclass(frozen=True)
class Service:
    """A closed service: its client, its database."""

    client: Client
    url: str

    def token(self, name: str, role: str, *structures: str, expires_on: date | None = None) -> str:
        """A new token, made in 2020."""
        wanted = Wanted(name=name, role=role, structures=structures or None, expires_on=expires_on)
        return create(engine_of(self.url), wanted, by="the tests", at=LONG_AGO)

    def revoke(self, name: str) -> None:
        """Revoke a token."""
        revoke(engine_of(self.url), name, by="the tests", why="to see", at=LONG_AGO)

    def call(self, method: str, path: str, token: str | None = None, **options: object) -> httpx.Response:
        """The answer to a request, with a bearer token where one is given."""
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        headers |= options.pop("headers", {})  # type: ignore[arg-type]
        return self.client.portal.call(partial(self.client.http.request, method, path, headers=headers, **options))

    def accesses(self, *, only_denied: bool = False) -> pd.DataFrame:
        """What was recorded, once all of it is written."""
        self.client.app.state.door.recorder.close()
        return accesses_between(engine_of(self.url), date(2000, 1, 1), date(2100, 1, 1), only_denied=only_denied)


def closed(folder: Path, versions: Path, portal: BlockingPortal, **settings: object) -> Service:
    """A service that has no token yet; what it read of the tokens is looked at again at every request."""
    url = f"sqlite:///{folder / 'access.sqlite'}"
    given = {"versions": versions, "access": "closed", "access_url": url, "access_seconds": 1e-9}
    clock: Mapping[str, object] = {"clock": settings.pop("clock")} if "clock" in settings else {}
    app = build_app(ServiceSettings(**{**given, **settings}), **clock)  # type: ignore[arg-type]
    return Service(Client(app, portal), url)
