"""From an episode to its euros: each source row counted, with its rule in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as pads

from features.engine import dataset_path
from features.episodes.perimeter import FILE
from features.errors import InputError, MissingError
from features.reference_data import reference
from features.store import years_written
from features.tables import EPISODE_LINES


def trace(data: Path, episode_id: str, *, years: Sequence[int] | None = None) -> pd.DataFrame:
    """Lines of an episode by day, with the rule in words: decision, meaning, rule_source.

    Their cents add up to cost_total_allcause_cents, those in scope to cost_in_scope_cents.

    `years` narrows the search to years of exit of the index stay. Errors: MissingError where no episode was built;
    InputError where none of that name is there.
    """
    found = years_written(EPISODE_LINES, data)
    if not found:
        raise MissingError(f"{data / EPISODE_LINES.name} is missing: run forfait episodes")
    parts = [
        pads.dataset(dataset_path(data, EPISODE_LINES.name, year)).to_table(filter=pc.field("episode_id") == episode_id)
        for year in (years or found)
    ]
    frame = pd.concat([part.to_pandas(date_as_object=False) for part in parts], ignore_index=True)
    if frame.empty:
        raise InputError("no line of that episode in the years searched: it is not final, spent nothing, or is unknown")
    words = reference(FILE).astype({"priority": "int64"}).set_index("priority")
    frame = frame.assign(
        decision=frame["is_in_scope"].map({True: "in", False: "out"}),
        meaning=frame["rule"].map(words["meaning"]).fillna("rule of another perimeter_rules.csv"),
        rule_source=frame["rule"].map(words["source"]).fillna(""),
    )
    return frame.sort_values(["care_date", "source", "source_key", "period", "rule"], ignore_index=True)
