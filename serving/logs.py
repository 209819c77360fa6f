"""Logs as JSON lines: request id, caller, route, status, milliseconds; never a path, a query, a header or a body."""

from __future__ import annotations

import logging
import re
import traceback
import uuid
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

REQUESTS_LOG = logging.getLogger("forfait.requests")
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
# A UUID and nothing else: what callers put there is logged, and no identifier of a person has this form.
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FIELDS = ("caller", "method", "route", "status", "milliseconds")
SERVERS = ("", "bentoml", "uvicorn.error")


class JsonLines(logging.Formatter):
    """One JSON object a line; of an exception its kind and its place, since messages may hold values."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request_id := REQUEST_ID.get():  # not that of the record, which BentoML's filter writes over
            line["request_id"] = request_id
        if record.name == REQUESTS_LOG.name:
            line |= {name: getattr(record, name) for name in FIELDS}
        else:
            line["message"] = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            line["error"], line["place"] = _fault(record.exc_info[1])
        return msgspec.json.encode(line).decode()


def json_logs() -> None:
    """Turn what the server writes into JSON lines; to call once, where the service starts."""
    for name in SERVERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(JsonLines())
    logging.getLogger("forfait").setLevel(logging.INFO)


def log_request(**told: object) -> None:
    """Log one request, under REQUEST_ID: caller, method, route, status and milliseconds."""
    REQUESTS_LOG.info("request", extra=told)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The X-Request-Id of a request where it is a UUID, in lower case; else a new one."""
    given = [value.lower() for name, value in headers if name.lower() == b"x-request-id"]
    if len(given) == 1 and UUID.fullmatch(given[0]):
        return given[0].decode("ascii")
    return str(uuid.uuid4())


def _fault(error: BaseException) -> tuple[str, str]:
    places = traceback.extract_tb(error.__traceback__)
    place = f"{places[-1].name}:{places[-1].lineno}" if places else ""
    return type(error).__name__, place
