"""What is counted for Prometheus: requests, their duration, rows scored by version. No value of any request."""

from __future__ import annotations

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "REQUESTS", "ROWS", "SECONDS", "exposition"]

REGISTRY = CollectorRegistry()
REQUESTS = Counter("forfait_requests", "Requests answered.", ("route", "status"), registry=REGISTRY)
SECONDS = Histogram(
    "forfait_request_seconds",
    "Time to answer, in seconds.",
    ("route",),
    registry=REGISTRY,
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0),
)
ROWS = Counter("forfait_rows", "Rows predicted or explained.", ("operation", "model", "version"), registry=REGISTRY)


def exposition() -> bytes:
    """The counts in the Prometheus text format, of all the workers when there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return generate_latest(together)
