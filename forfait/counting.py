"""What the schemes need counted in the claims of a year, one dataset after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ibis.backends import BaseBackend

from features.biosimilar_boxes import count_boxes
from features.bricks import flag_bricks
from features.contacts import measure_contacts
from features.development import measure_development
from features.errors import RuleError
from features.fidelisation import measure_fidelisation
from features.indicators import measure_indicators
from features.leakage import measure_leakage
from features.store import years_written
from features.tables import FEATURE_TABLE
from features.team import TeamCount, TeamRules
from features.territories import read_territories
from schemes.rulebook import Rules, rules

FAMILY = ("peps", "peps2", "primordial", "capitation")


@dataclass(frozen=True)
class Counted:
    """What to count from: the year, the roster, the territories (None: departments), the day of knowledge."""

    year: int
    roster: Path
    territories: Path | None
    known_before: date | None = None


def count_year(con: BaseBackend, data: Path, asked: Counted, *, progress: Callable[[str], None]) -> dict[str, int]:
    """Rows written of each dataset: fidelisation, leakage, contacts, development, indicators, biosimilar boxes, bricks.

    Bricks want the characteristics of the year and are left out where these were not built.
    Errors: MissingError where the year was not read or attributed; RuleError for a year without rules.
    """
    team = TeamCount(asked.roster, asked.year, team_rules(asked.year), asked.known_before)
    territories = read_territories(asked.territories) if asked.territories else None
    written = {
        "fidelisation": len(measure_fidelisation(con, data, team, progress=progress)),
        "leakage": len(measure_leakage(con, data, team, progress=progress)),
        "contacts": len(measure_contacts(con, data, asked.year, roster=asked.roster, progress=progress)),
        "development": len(measure_development(con, data, [asked.year], roster=asked.roster, progress=progress)),
    }
    indicators = measure_indicators(
        con, data, asked.year, territories=territories, known_before=asked.known_before, progress=progress
    )
    written["indicators"] = int(indicators.count().execute())
    written["biosimilar_boxes"] = len(count_boxes(con, data, asked.year))
    if asked.year in years_written(FEATURE_TABLE, data):
        written["bricks"] = int(flag_bricks(con, data, asked.year, progress=progress).count().execute())
    return written


def team_rules(year: int) -> TeamRules:
    """Which care counts as the team's, and which outside it does not count, in the rules of a year.

    Errors: RuleError where the schemes of the PEPS family in force that year differ: one count serves them all.
    """
    first_day = date(year, 1, 1)
    book = [found for scheme in FAMILY if (found := _in_force(scheme, first_day)) is not None]
    if not book:
        raise RuleError(f"no rule of {', '.join(FAMILY)} was in force on {first_day}; care outside cannot be counted")
    read = {_read(found): found.file for found in book}
    if len(read) > 1:
        raise RuleError(f"{' and '.join(read.values())} count care outside the team differently; count them apart")
    return next(iter(read))


def _in_force(scheme: str, on: date) -> Rules | None:
    try:
        return rules(scheme, on=on)
    except RuleError:
        return None


def _read(found: Rules) -> TeamRules:
    return TeamRules(
        in_team_pathways=tuple(map(int, found.listed("in_team_pathway_codes"))),
        neutralised_pathways=tuple(map(int, found.listed("neutralised_pathway_codes"))),
        neutralise_regulated=found.flag("neutralise_regulated_acts"),
    )
