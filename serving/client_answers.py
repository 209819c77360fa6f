"""What the client answers, as types; a test holds them in step with those of the service. Imports nothing of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import msgspec


class ServiceError(Exception):
    """A call without an answer: status (0: nobody answered), message, field, row (from 0), request id.

    chunk: of a batch, the first chunk that has no answer; those before it are decided.
    """

    def __init__(
        self, status: int, message: str, *, field: str | None = None, row: int | None = None, request_id: str = "",
        chunk: int | None = None,
    ) -> None:  # fmt: skip
        """The text says status and message."""
        super().__init__(f"{status}: {message}" if status else message)
        self.status, self.message, self.field, self.row, self.request_id = status, message, field, row, request_id
        self.chunk = chunk


class _Fault(msgspec.Struct):
    message: str
    field: str | None = None
    row: int | None = None


def error_of(response: httpx.Response) -> ServiceError:
    """The error that an answer tells; that of a gateway, which speaks otherwise, by its status."""
    request_id = response.headers.get("x-request-id", "")
    try:
        fault = msgspec.json.decode(response.content, type=dict[str, _Fault])["error"]
    except (msgspec.MsgspecError, KeyError):
        return ServiceError(response.status_code, response.reason_phrase or "no reason", request_id=request_id)
    return ServiceError(response.status_code, fault.message, field=fault.field, row=fault.row, request_id=request_id)


class Answer(msgspec.Struct, frozen=True):
    """What a route that pays answers, as it is; the decision; whether its key had it before."""

    content: dict[str, Any]
    decision_id: str
    is_again: bool


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """Expected euros in the order of the rows, with the version that gave them and the decision that they are."""

    model: str
    version: int
    hash: str
    unit: str
    count: int
    expected_eur: list[float]
    decision_id: str
    is_again: bool


class Contribution(msgspec.Struct, frozen=True):
    """Euros that one feature adds to the base, and the value it had."""

    feature: str
    label_fr: str
    family: str
    value: float | int | str | None
    contribution_eur: float


class FamilyTotal(msgspec.Struct, frozen=True):
    """Euros that the features of one family add to the base."""

    family: str
    label_fr: str
    contribution_eur: float


class Explanation(msgspec.Struct, frozen=True):
    """expected_eur = base_eur + Σ contributions + floor_eur."""

    expected_eur: float
    base_eur: float
    floor_eur: float
    contributions: list[Contribution]
    families: list[FamilyTotal]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """Explanations in the order of the rows."""

    model: str
    version: int
    hash: str
    unit: str
    count: int
    explanations: list[Explanation]
    decision_id: str
    is_again: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion: from `from_date` on, `version` of `model` is in force, as decided on `decided_on`."""

    model: str
    version: int
    version_hash: str
    from_date: date
    decided_on: date
    by: str
    why: str
    despite: str | None = None
    approval: str | None = None
    previous: str


class InForce(Entry, frozen=True, kw_only=True):
    """The entry that held on the day asked."""

    on: date


class Model(msgspec.Struct, frozen=True):
    """A model: its frozen versions and its register, oldest first."""

    model: str
    versions: list[int]
    register: list[Entry]


class Card(msgspec.Struct, frozen=True):
    """The card of a version, as it is, and the hash of its two files."""

    hash: str
    card: dict[str, Any]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision; `request` and `result` are JSON, or base64 of another format, by their `_type`."""

    number: int
    id: str
    recorded_at: str
    caller: str
    route: str
    query: str
    idempotency_key: str | None
    request_type: str
    request_hash: str
    request: Any
    rows: int
    versions: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    characteristics: list[dict[str, Any]]
    result_type: str
    result: Any
    explanation: str
    status: int
    previous_hash: str
    hash: str


class Replayed(msgspec.Struct, frozen=True):
    """Whether a decision computed again says the same; `differing`, `rounded`: at most 100 places each, never values.

    `rounded`: numbers with a decimal point that moved by 1e-6 at most; no amount paid is one.
    """

    id: str
    number: int
    identical: bool
    is_same_bytes: bool
    differing: list[str]
    rounded: list[str]
