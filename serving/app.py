"""The service's ASGI app: routes, refusals and counts. BentoML mounts it; nothing here needs BentoML."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter

import anyio
import msgspec
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Route

from features.errors import ForfaitError
from features.versions import Entry
from serving import pages
from serving.access.door import door_of
from serving.access.guard import Guard
from serving.answering import RECORDED, computed, question_of
from serving.auditing.routes import HANDLERS
from serving.clock import Clock, now
from serving.decisions.recording import recorded
from serving.decisions.routes import decision, ledger_of, replay
from serving.metrics import CONTENT_TYPE_LATEST, REQUESTS, SECONDS, exposition
from serving.openapi import CardWithHash, InForce, Model, Models, openapi
from serving.reading import JSON, Asked, check_query, day, whole_number
from serving.refusals import RefusalError, refusal_of
from serving.scoring import scorer_of
from serving.settings import ServiceSettings
from serving.store import Store

LOG = logging.getLogger("forfait.serving")
Handler = Callable[[Request], Awaitable[Response]]


def build_app(settings: ServiceSettings | None = None, *, clock: Clock = now) -> Starlette:
    """The app over the versions of `settings` (default: from the environment)."""
    settings = settings or ServiceSettings()
    handlers: dict[tuple[str, str], Handler] = {
        **{(path, "POST"): partial(decide, path) for path in RECORDED},
        ("/decisions/{id}", "GET"): decision,
        ("/decisions/{id}/replay", "POST"): replay,
        ("/healthz", "GET"): healthz,
        ("/readyz", "GET"): readyz,
        ("/metrics", "GET"): metrics,
        ("/", "GET"): home,
        ("/models", "GET"): models,
        ("/models/{name}", "GET"): model,
        ("/models/{name}/in-force", "GET"): in_force,
        ("/models/{name}/versions/{version}", "GET"): version_card,
        **HANDLERS,
        ("/docs", "GET"): docs,
        ("/openapi.json", "GET"): openapi_json,
    }
    routes = [Route(path, counted(path, handler), methods=[method]) for (path, method), handler in handlers.items()]
    door = door_of(settings, clock)
    guard = Middleware(Guard, door=door, refuse=refused)
    app = Starlette(routes=routes, middleware=[guard], lifespan=loaded, exception_handlers={HTTPException: not_routed})
    app.state.door = door
    app.state.settings = settings
    app.state.store = Store(settings.versions)
    app.state.ledger = ledger_of(settings, clock)
    app.state.document = openapi(settings)
    app.state.batches = anyio.CapacityLimiter(settings.batches_at_once)
    return app


@asynccontextmanager
async def loaded(app: Starlette) -> AsyncIterator[None]:
    """Load what was last promoted before the first request; without a version the service waits, unready."""
    if why_not := await run_sync(app.state.store.preload):
        LOG.warning("not ready: %s", why_not)
    if why_not := await run_sync(app.state.ledger.why_not):
        LOG.warning("not ready: %s", why_not)
    yield
    await run_sync(app.state.ledger.close)
    if app.state.door.recorder is not None:
        await run_sync(app.state.door.recorder.close)


def counted(path: str, handler: Handler) -> Handler:
    """`handler`, timed and counted, whose errors become refusals; a fault of ours tells the log where, never what."""

    async def endpoint(request: Request) -> Response:
        start = perf_counter()
        try:
            response = await handler(request)
        except RefusalError as refusal:
            response = refused(request, refusal)
        except ForfaitError as error:
            response = refused(request, refusal_of(error))
        except ClientDisconnect:
            response = Response(status_code=400)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            LOG.error("%s: %s at %s:%s", path, type(error).__name__, place.name, place.lineno)
            response = refused(
                request, RefusalError(500, "the service failed; tell its keepers the time and the route")
            )
        REQUESTS.labels(path, str(response.status_code)).inc()
        SECONDS.labels(path).observe(perf_counter() - start)
        return response

    return endpoint


async def decide(path: str, request: Request) -> Response:
    """POST of what is used to pay: computed, on record in the ledger, then returned."""
    question = await question_of(path, request, as_page=path == "/explain" and wants_page(request))
    return await recorded(request, question, partial(computed, request.app.state))


async def healthz(request: Request) -> Response:
    """GET /healthz: the process answers."""
    return written({"status": "ok"})


async def readyz(request: Request) -> Response:
    """GET /readyz: 200 once a version can be served and its answers recorded; 503 that says why not."""
    store, ledger = request.app.state.store, request.app.state.ledger
    if why_not := await run_sync(store.preload) or await run_sync(ledger.why_not):
        raise RefusalError(503, f"not ready: {why_not}")
    return written({"status": "ready", "loaded": [{"model": m, "version": v} for m, v in sorted(store.scorers)]})


async def metrics(request: Request) -> Response:
    """GET /metrics, for Prometheus."""
    return Response(exposition(), headers={"content-type": CONTENT_TYPE_LATEST})


async def home(request: Request) -> Response:
    """GET /: what is in force, in French."""
    check_query(request, {"on"})
    store = request.app.state.store
    on = day(request.query_params.get("on") or None, "on")
    versions = {name: store.versions(name) for name in store.models()}
    return HTMLResponse(pages.home_page(versions, store.register(), on=on))


async def models(request: Request) -> Response:
    """GET /models: every model with its versions and its register."""
    store = request.app.state.store
    return written(Models([Model(n, store.versions(n), register_of(store, n)) for n in store.models()]))


async def model(request: Request) -> Response:
    """GET /models/{name}, as JSON or as a page."""
    store, name = request.app.state.store, request.path_params["name"]
    versions = store.versions(name)
    if wants_page(request):
        return HTMLResponse(pages.model_page(name, versions, store.register()))
    return written(Model(name, versions, register_of(store, name)))


async def version_card(request: Request) -> Response:
    """GET /models/{name}/versions/{version}, as JSON or as a page."""
    store, name = request.app.state.store, request.path_params["name"]
    version = whole_number(request.path_params["version"])
    scorer = await run_sync(scorer_of, store, Asked(name, version, None, []))
    if wants_page(request):
        return HTMLResponse(pages.card_page(scorer, store.register()))
    return written(CardWithHash(scorer.hash, scorer.card))


async def in_force(request: Request) -> Response:
    """GET /models/{name}/in-force?on=DATE: the entry of the register that held on that day."""
    check_query(request, {"on", "known_on"})
    query = request.query_params
    on, known_on = day(query.get("on"), "on"), day(query.get("known_on"), "known_on")
    if on is None:
        raise RefusalError(422, "on is missing; give the day as ?on=2024-03-01", field="on")
    entry = request.app.state.store.entry(request.path_params["name"], on, known_on=known_on)
    return written(InForce(**msgspec.structs.asdict(entry), on=on.isoformat()))


async def docs(request: Request) -> Response:
    """GET /docs: the OpenAPI document as a page."""
    return HTMLResponse(pages.docs_page(request.app.state.document))


async def openapi_json(request: Request) -> Response:
    """GET /openapi.json."""
    return written(request.app.state.document)


async def not_routed(request: Request, error: Exception) -> Response:
    """An unknown path or method, refused as the rest."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = {405: "this path does not take this method"}.get(status, "unknown path")
    response = refused(request, RefusalError(status, f"{message}; see /docs"))
    response.headers.update(getattr(error, "headers", None) or {})
    if status == 405:  # Starlette names the methods of the first route of a path, not of all
        routes = (r for r in request.app.routes if isinstance(r, Route) and r.matches(request.scope)[0] != Match.NONE)
        response.headers["allow"] = ", ".join(sorted({method for route in routes for method in route.methods or ()}))
    return response


def refused(request: Request, refusal: RefusalError) -> Response:
    """The answer to a refused request: JSON, or a page for a reader."""
    if request.method == "GET" and wants_page(request):
        return HTMLResponse(pages.error_page(refusal.status, refusal.message), refusal.status)
    response = written(refusal.content(), refusal.status)
    response.headers.update(getattr(refusal, "headers", {}))
    return response


def wants_page(request: Request) -> bool:
    """Whether the caller is a browser."""
    return "text/html" in request.headers.get("accept", "")


def register_of(store: Store, name: str) -> list[Entry]:
    """The promotions of one model."""
    return [entry for entry in store.register() if entry.model == name]


def written(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, media_type=JSON)
