"""What must be on disk before a retraining, and the commands that write what is not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from features.errors import MissingError
from features.store import years_written
from features.tables import CARE_LINES, EPISODE_FEATURES, EPISODES, FEATURE_TABLE, PATIENTELE, SPENDING, Table
from training.episodes import is_episode_model


def missing_commands(data: Path, model: str, year: int) -> list[str]:
    """Commands to run, in order, before `model` can be retrained for `year`; empty where all is there.

    Wanted: characteristics and spending of the year (or its episodes) and of the year before; the lists of the
    structures of the year, where any year has some. Reading comes first where the claims that a step needs are not
    there: those of the year for spending, of the year before for characteristics.
    """
    if is_episode_model(model):
        return _of_episodes(data, year)
    claims, commands = set(years_written(CARE_LINES, data)), []
    reads: set[int] = set()
    for known in (year - 1, year):
        if _lacks(FEATURE_TABLE, data, known):
            reads.add(known - 1)
            commands.append(f"forfait features --year {known}")
        if _lacks(SPENDING, data, known):
            reads.add(known)
            commands.append(f"forfait spending --year {known}")
    if years_written(PATIENTELE, data) and _lacks(PATIENTELE, data, year):
        reads.add(year)
        commands.insert(0, f"forfait attribute --roster {data / 'roster.csv'} --year {year}")
    return [*_reads(data, reads - claims), *commands]


def check_wanted(data: Path, model: str, year: int) -> None:
    """None where all is there. Errors: MissingError with the commands to run, in order."""
    commands = missing_commands(data, model, year)
    if commands:
        raise MissingError(f"{model} cannot be retrained for {year}; run, in this order: {'; '.join(commands)}")


def _of_episodes(data: Path, year: int) -> list[str]:
    tables = EPISODES, EPISODE_FEATURES
    lacking = [known for known in (year - 1, year) if any(_lacks(table, data, known) for table in tables)]
    if not lacking:
        return []
    wanted = {known for year_ in lacking for known in (year_ - 1, year_, year_ + 1)}
    return [
        *_reads(data, wanted - set(years_written(CARE_LINES, data))),
        f"forfait episodes --years {lacking[0]}..{lacking[-1]}",
    ]


def _reads(data: Path, years: Iterable[int]) -> list[str]:
    return [f"forfait read --snds {data / 'snds'} --year {year}" for year in sorted(years)]


def _lacks(table: Table, data: Path, year: int) -> bool:
    return year not in years_written(table, data)
