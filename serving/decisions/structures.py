"""Structures that a request names: who may read the decision, and where the search looks for it."""

from __future__ import annotations

import msgspec

from serving.decisions.record import Decision, unpacked
from serving.reading import JSON

NAMELESS = frozenset({"/predict", "/explain"})


def structures_of(found: Decision) -> set[str]:
    """Structures that the request of a decision names; none for one that names none."""
    return structures_in(found.request_type, unpacked(found.request))


def structures_indexed(route: str, media_type: str, body: bytes) -> frozenset[str]:
    """As `structures_in`; none, unread, for a route whose rows cannot name any."""
    return frozenset() if route in NAMELESS else frozenset(structures_in(media_type, body))


def structures_in(media_type: str, body: bytes) -> set[str]:
    """Every `structure_id` in the frames of a request."""
    if media_type.partition(";")[0].strip().lower() != JSON:
        return set()
    inputs = msgspec.json.decode(body).get("inputs", {})
    rows = [row for frame in inputs.values() if isinstance(frame, list) for row in frame]
    return {row["structure_id"] for row in rows if isinstance(row.get("structure_id"), str)}
