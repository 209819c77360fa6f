"""Which names may not describe an episode of surgery at admission, without the engines that the catalogue imports."""

from __future__ import annotations

import re
from functools import cache

from features.codes import listed

FORBIDDEN = "episode_forbidden_features"
WHOLE_WORD_LENGTH = 4  # shorter words are compared whole: `los` is not in `close`


def why_not_at_admission(name: str) -> str | None:
    """Why a feature of this name is known after admission only, or chosen by the provider; None where no word says so.

    Rule: EDS specification, risk factors present at admission (episode_forbidden_features.csv).
    """
    words = re.split(r"[_\W]+", name.lower())
    for word, why in _forbidden():
        if word in name.lower() if len(word) >= WHOLE_WORD_LENGTH else word in words:
            return why
    return None


@cache
def _forbidden() -> tuple[tuple[str, str], ...]:
    return tuple((row["word"], f"{row['reason']} ({row['source']})") for row in listed(FORBIDDEN))
