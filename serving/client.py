"""The service from Python: `from serving.client import ForfaitClient`; needs httpx and msgspec, and pyarrow for tables.

    with ForfaitClient("https://forfait.example", token=TOKEN) as service:
        answer = service.predict("peps_mg", rows, on="2024-03-01")

Each call that decides carries an idempotency key, the same on every try, so that it is decided once: a 429, a 502, a
503, a 504, a timeout or a broken connection is tried again, after the Retry-After of the answer where it has one.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack
from urllib.parse import quote

import httpx
import msgspec

from serving.client_answers import (
    Answer,
    Card,
    Decision,
    Explained,
    InForce,
    Model,
    Predicted,
    Replayed,
    ServiceError,
    error_of,
)

if TYPE_CHECKING:
    from serving.client_tables import Batch, Chunk, Options, Source

__all__ = ["ForfaitClient", "ServiceError"]
Form = TypeVar("Form", bound=msgspec.Struct)
Rows = Sequence[Mapping[str, float | int | bool | str | None]]
JSON = "application/json"
TRY_AGAIN = frozenset({429, 502, 503, 504})
BROKEN = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
FIRST_WAIT_SECONDS, LONGEST_BACKOFF_SECONDS = 0.2, 10.0


class ForfaitClient:
    """Calls to one service, as one caller. To close after use, or to use in a `with`."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_seconds: float = 60.0,
        tries: int = 6,
        longest_wait_seconds: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`token`: of `forfait token create` (default: FORFAIT_TOKEN); `tries`: of one call, the first included.

        A Retry-After over `longest_wait_seconds` is not waited for: the error is raised.
        """
        token = os.environ.get("FORFAIT_TOKEN") if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.tries, self.longest_wait_seconds, self.sleep = max(tries, 1), longest_wait_seconds, sleep
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout_seconds, transport=transport, trust_env=transport is None
        )

    def __enter__(self) -> Self:
        """This client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(
        self,
        model: str,
        rows: Rows,
        *,
        version: int | None = None,
        on: date | str | None = None,
        known_on: date | str | None = None,
        key: str | None = None,
    ) -> Predicted:
        """Expected euros of rows by feature name: by `version`, or by the one in force `on` a day.

        key: an Idempotency-Key of the caller's own, to be paid once even when the caller itself starts again.
        """
        return self._scored("/predict", Predicted, _asked(model, rows, version, on, known_on), key)

    def explain(
        self,
        model: str,
        rows: Rows,
        *,
        version: int | None = None,
        on: date | str | None = None,
        known_on: date | str | None = None,
        key: str | None = None,
    ) -> Explained:
        """Expected euros of rows, and the euros that each characteristic adds; asked as `predict`."""
        return self._scored("/explain", Explained, _asked(model, rows, version, on, known_on), key)

    def predict_table(self, model: str, source: Source, **options: Unpack[Options]) -> Batch:
        """Expected euros of a table, one row per row (`row` from 0), and the decisions that they are, one a chunk."""
        from serving.client_tables import whole

        return whole(self.chunks("/predict", model, source, **options))

    def explain_table(self, model: str, source: Source, **options: Unpack[Options]) -> Batch:
        """The explanations of a table, one row per row and feature."""
        from serving.client_tables import whole

        return whole(self.chunks("/explain", model, source, **options))

    def chunks(self, path: str, model: str, source: Source, **options: Unpack[Options]) -> Iterator[Chunk]:
        """The answers of `/predict` or `/explain` to a table, chunk by chunk, so that it is never held whole."""
        from serving.client_tables import answers

        return answers(self, path, model, source, options)

    def pay(self, route: str, request: Mapping[str, Any], *, key: str | None = None) -> Answer:
        """The answer of a route that pays (`/peps/forfait`, `/ipso/forfait`, `/eds/bundle`…) to its request."""
        response = self.decide(route, msgspec.json.encode(request), JSON, key=key)
        return Answer(msgspec.json.decode(response.content), decision_id(response), is_again(response))

    def decision(self, decision: str) -> Decision:
        """A recorded decision by its id."""
        return self._read(f"/decisions/{quote(decision, safe='')}", Decision)

    def replay(self, decision: str) -> Replayed:
        """Whether a decision is computed the same from what was stored."""
        response = self._sent("POST", f"/decisions/{quote(decision, safe='')}/replay")
        return msgspec.json.decode(response.content, type=Replayed)

    def models(self) -> list[Model]:
        """Every model, its versions and its register."""
        return msgspec.json.decode(self._sent("GET", "/models").content, type=dict[str, list[Model]])["models"]

    def in_force(self, model: str, on: date | str, *, known_on: date | str | None = None) -> InForce:
        """The entry of the register that held on a day, as decided by `known_on` (default: so far)."""
        days = {"on": str(on), **({} if known_on is None else {"known_on": str(known_on)})}
        return self._read(f"/models/{quote(model, safe='')}/in-force", InForce, days)

    def card(self, model: str, version: int) -> Card:
        """The card of a frozen version, and the hash of its files."""
        return self._read(f"/models/{quote(model, safe='')}/versions/{version}", Card)

    def decide(
        self,
        path: str,
        content: bytes,
        media_type: str,
        *,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a call that decides, under one key whatever the number of tries. Errors: ServiceError."""
        headers = {"Content-Type": media_type, "Idempotency-Key": key or str(uuid.uuid4())}
        return self._sent("POST", path, content=content, headers=headers, params=query)

    def _scored(self, path: str, form: type[Form], asked: dict[str, Any], key: str | None) -> Form:
        response = self.decide(path, msgspec.json.encode(asked), JSON, key=key)
        told = msgspec.json.decode(response.content)
        told |= {"decision_id": decision_id(response), "is_again": is_again(response)}
        return msgspec.convert(told, form)

    def _read(self, path: str, form: type[Form], query: Mapping[str, str] | None = None) -> Form:
        return msgspec.json.decode(self._sent("GET", path, params=query).content, type=form)

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, if need be after several tries: every call is safe to make again. Errors: ServiceError."""
        request = self._http.build_request(method, path, **options)
        for turn in range(1, self.tries + 1):
            try:
                response = self._http.send(request)
            except BROKEN as error:
                if turn == self.tries:
                    what = f"no answer after {turn} tries: {type(error).__name__}"
                    raise ServiceError(0, what) from error
                self.sleep(backoff_seconds(turn))
                continue
            if response.is_success:
                return response
            wait = wait_seconds(response, turn)
            if response.status_code not in TRY_AGAIN or turn == self.tries or wait > self.longest_wait_seconds:
                raise error_of(response)
            self.sleep(wait)
        raise AssertionError("a last try either answers or raises")


def wait_seconds(response: httpx.Response, turn: int) -> float:
    """Seconds before the next try: those of Retry-After, else of the backoff."""
    given = response.headers.get("retry-after", "").strip()
    if given.isdecimal():
        return float(given[:9])
    try:
        later = parsedate_to_datetime(given) - parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError, TypeError):
        return backoff_seconds(turn)
    return max(later.total_seconds(), 0.0)


def backoff_seconds(turn: int) -> float:
    """Twice as long each time, within a factor of two by chance, so that callers do not come back together."""
    most = min(FIRST_WAIT_SECONDS * 2**turn, LONGEST_BACKOFF_SECONDS)
    return random.SystemRandom().uniform(most / 2, most)


def decision_id(response: httpx.Response) -> str:
    """The decision that an answer is."""
    return response.headers["decision-id"]


def is_again(response: httpx.Response) -> bool:
    """Whether the answer is the one that its key had before."""
    return response.headers.get("idempotency-replayed") == "true"


def _asked(
    model: str, rows: Rows, version: int | None, on: date | str | None, known_on: date | str | None
) -> dict[str, Any]:
    which = {"version": version, "on": None if on is None else str(on), "known_on": known_on and str(known_on)}
    return {"model": model, **{name: value for name, value in which.items() if value is not None}, "rows": rows}
