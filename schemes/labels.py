"""French and English labels of components, figures and reasons: one labels.csv beside each scheme."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def labels(package: str) -> dict[str, dict[str, str]]:
    """Name → {"fr": …, "en": …} of `schemes/<package>/labels.csv` (columns name, fr, en)."""
    with (HERE / package / "labels.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: {"fr": row["fr"], "en": row["en"]} for row in csv.DictReader(file)}


def label(package: str, name: str, language: str = "fr") -> str:
    """Label of a name in a language. Errors: KeyError for a name without a label."""
    return labels(package)[name][language]
