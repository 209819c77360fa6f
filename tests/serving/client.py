"""A client of an ASGI app in the same process: calls from any thread, answers from the app's one event loop."""

from __future__ import annotations

from functools import partial

import httpx
from anyio.from_thread import BlockingPortal
from starlette.applications import Starlette


class Client:
    """GET and POST; an error of the app that is not an answer is a 500, as in production."""

    def __init__(self, app: Starlette, portal: BlockingPortal) -> None:
        self.app, self.portal = app, portal
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.portal.call(partial(self.http.get, path, **options))

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.portal.call(partial(self.http.post, path, **options))
