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
from features.tables import CARE_LINES, FEATURE_TABLE
from features.team import TeamCount, TeamRules
from features.territories import read_territories
from schemes.peps import FAMILY
from schemes.rulebook import Rules, periods


@dataclass(frozen=True)
class Counted:
    """What to count from: the year, the roster, the territories (None: departments), the day of knowledge."""

    year: int
    roster: Path
    territories: Path | None
    known_before: date | None = None


def count_year(con: BaseBackend, data: Path, asked: Counted, *, progress: Callable[[str], None]) -> dict[str, int]:
    """Rows written of each dataset: bricks, then fidelisation, leakage, contacts, development, indicators, boxes.

    Bricks want the characteristics of the year and are left out where these were not built; before the year is read
    (a provisional payment) they are all there is to count.
    Errors: MissingError where the year was not read or attributed; RuleError for a year without rules.
    """
    written = {}
    if asked.year in years_written(FEATURE_TABLE, data):
        written["bricks"] = int(flag_bricks(con, data, asked.year, progress=progress).count().execute())
        if asked.year not in years_written(CARE_LINES, data):
            return written
    team = TeamCount(asked.roster, asked.year, team_rules(asked.year), asked.known_before)
    territories = read_territories(asked.territories) if asked.territories else None
    written |= {
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
    return written


def team_rules(year: int) -> TeamRules:
    """Which care counts as the team's, and which outside it does not count, in the rules of a year.

    Errors: RuleError where no rule of the PEPS family is in force on a day of the year, or where those that are
    differ: one count serves them all.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    book = [
        found
        for scheme in FAMILY
        for found in periods(scheme)
        if found.first_day <= last and (found.last_day is None or found.last_day >= first)
    ]
    if not book:
        raise RuleError(f"no rule of {', '.join(FAMILY)} was in force in {year}; care outside cannot be counted")
    read = {_read(found): found.file for found in book}
    if len(read) > 1:
        raise RuleError(f"{' and '.join(read.values())} count care outside the team differently; count them apart")
    return next(iter(read))


def _read(found: Rules) -> TeamRules:
    return TeamRules(
        in_team_pathways=tuple(map(int, found.listed("in_team_pathway_codes"))),
        neutralised_pathways=tuple(map(int, found.listed("neutralised_pathway_codes"))),
        neutralise_regulated=found.flag("neutralise_regulated_acts"),
    )
