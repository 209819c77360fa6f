"""The BentoML service: `bentoml serve serving.service:Forfait`. The only place that imports bentoml."""

from __future__ import annotations

from typing import Any

from serving.settings import ServiceSettings, nothing_leaves_the_host

nothing_leaves_the_host()

import bentoml  # noqa: E402
from bentoml._internal.utils.analytics import usage_stats  # noqa: E402

from serving.app import build_app  # noqa: E402
from serving.logs import json_logs  # noqa: E402

usage_stats.do_not_track.cache_clear()  # `bentoml serve` asked before this module could answer

json_logs()
SETTINGS = ServiceSettings()
APP = build_app(SETTINGS)
BENTOML_PATHS = ("/livez",)


class OursFirst:
    """ASGI middleware that answers every path from our app but those that BentoML's own tools call.

    BentoML's /readyz does not say why it is not ready, and its 404 is not JSON.
    """

    def __init__(self, app: Any) -> None:
        """`app` is what BentoML would run."""
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request to our app or to BentoML's."""
        is_ours = scope["type"] == "http" and scope["path"] not in BENTOML_PATHS
        await (APP if is_ours else self.app)(scope, receive, send)


@bentoml.service(
    name="forfait",
    workers=SETTINGS.workers,
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"sample_rate": 0.0, "excluded_urls": ".*"},
    traffic={"timeout": SETTINGS.longest_seconds},
)
@bentoml.asgi_app(APP, path="/")
class Forfait:
    """Expected euros and their explanation; the routes are those of serving.app."""


Forfait.add_asgi_middleware(OursFirst)  # type: ignore[attr-defined]
