"""What train, predict and explain run for a model: that of patients and years, or that of episodes (eds_)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.table import Table

from forfait.console import Step

MOST_SHOWN = 10
NATION = "*"


def trained_tables(data: Path, model: str, year: int, *, root: Path, options: tuple[int, Step]) -> list[Table]:
    """Terminal tables of a version trained on the years before `year`; options: the seed and where steps are said."""
    seed, progress = options
    from training.episodes import is_episode_model

    if is_episode_model(model):
        from training.episodes import train_episodes
        from training.episodes.report import episode_tables

        return episode_tables(train_episodes(data, model, year, root=root, seed=seed, progress=progress))
    from training.report import result_tables
    from training.train import train

    return result_tables(train(data, model, year, root=root, seed=seed, progress=progress))


def predicted_line(data: Path, model: str, year: int, *, root: Path, asked: tuple[int, Step]) -> str:
    """How many were scored, and their mean; asked: version, and where steps are said."""
    from training.episodes import is_episode_model, predict_episodes
    from training.score import score_year

    version, progress = asked
    if is_episode_model(model):
        expected = predict_episodes(data, root, model, version, year)["expected_eur"]
        counted = f"{len(expected):,} episodes, mean {expected.mean():,.2f} EUR per episode"
    else:
        scored = score_year(data, root, model, version, year, progress=progress)
        counted = f"{scored.patients:,} patients, mean {scored.mean_eur:,.2f} EUR per year"
    return f"{model} version {version}, {year}: {counted}"


def explained_frame(
    data: Path, model: str, year: int, *, root: Path, asked: tuple[int, bool, Step]
) -> tuple[pd.DataFrame, str]:
    """Mean euros per family and structure (or establishment), and the title; asked: version, whether
    everyone, and where steps are said.

    Every episode is explained, whether everyone is asked for or not. The means of the establishments that had most
    episodes are kept, at most 10, and the title says of how many.
    """
    from training.episodes import explain_episodes, is_episode_model
    from training.score import explain_year

    version, everyone, progress = asked
    if is_episode_model(model):
        frame, told = _busiest(explain_episodes(data, root, model, version, year))
        frame = frame.rename(columns={"structure_id": "establishment_id", "patients": "episodes"})
        return frame, f"{model} version {version}, {year}: mean euros per family and establishment{told}"
    frame = explain_year(data, root, model, version, year, everyone=everyone, progress=progress)
    return frame, f"{model} version {version}, {year}: mean euros per family and structure"


def _busiest(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The nation ("*") and the establishments of most episodes, euros in cents; what to say of those left out."""
    counts = (
        frame[frame["structure_id"] != NATION].drop_duplicates("structure_id").set_index("structure_id")["patients"]
    )
    busiest = counts.sort_values(ascending=False, kind="stable").index[:MOST_SHOWN]
    kept = frame[frame["structure_id"].isin([NATION, *busiest])].reset_index(drop=True)
    told = "" if len(busiest) == len(counts) else f", {len(busiest)} of {len(counts)} (those of most episodes)"
    return kept.round({"mean_eur": 2, "difference_eur": 2}), told
