"""Who takes part in PEPS in a year, under which scheme of the family, for which patientele and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from features.errors import RuleError
from schemes.frames import refuse
from schemes.peps.exact import exact
from schemes.peps.frames import PERIMETERS
from schemes.peps.phases import add_months, phase_days
from schemes.rulebook import Rules

FAMILY = ("peps", "peps2", "primordial", "capitation")
Refusal = tuple[str, str, str]


@dataclass(frozen=True)
class Team:
    """A structure in a scheme of the PEPS family: patientele, its days in the year, phases and quality known."""

    structure_id: str
    scheme: str
    patientele: str
    perimeter: str
    from_date: date
    first_day: date
    last_day: date
    phase_from: date
    quality_share: Decimal | None
    legal_form: str
    rules: Rules

    @property
    def days(self) -> int:
        """Days of the year in the scheme."""
        return (self.last_day - self.first_day).days + 1

    @property
    def days_by_phase(self) -> dict[int, int]:
        """Days of the year in the scheme and in phase 1, 2 and 3."""
        return phase_days(self.first_day, self.last_day, phase_from=self.phase_from, rules=self.rules)

    @property
    def presumed_days_share(self) -> Decimal:
        """Part of the team's days on which the rules may presume its quality: presumed_quality_months from phase 1."""
        months = self.rules.decimal_or_none("presumed_quality_months")
        if months is None:
            return Decimal(1)
        last = min(self.last_day, add_months(self.phase_from, int(months)) - timedelta(days=1))
        first = max(self.first_day, self.phase_from)
        return Decimal(max((last - first).days + 1, 0)) / self.days


def teams_in(
    participations: pd.DataFrame, *, year: int, rules: Mapping[str, Rules]
) -> tuple[tuple[Team, ...], tuple[Refusal, ...]]:
    """Teams that take part on some day of a year, by structure, and those refused for it.

    A structure with two participations of the family in one year is refused (`two_participations`): a forfait has
    one patientele and one scheme a year. A year wholly outside the phases is refused (`outside_phases`).
    Errors: InputError for a row without patientele or one that ends before it starts; RuleError for a scheme
    without rules.
    """
    family = participations["scheme"].isin(FAMILY).to_numpy()
    ends = participations["to_date"]
    refuse("participations", "patientele", family & participations["patientele"].isna().to_numpy(), "filled")
    ends_early = (ends < participations["from_date"]).to_numpy()
    refuse("participations", "to_date", family & ends_early, "on or after from_date")
    first, last = date(year, 1, 1), date(year, 12, 31)
    begun = participations["from_date"] <= pd.Timestamp(last)
    running = participations[family & begun & (ends.isna() | (ends >= pd.Timestamp(first)))]
    teams, refused = [], []
    for structure_id, rows in running.groupby("structure_id", sort=True):
        if len(rows) > 1:
            schemes = ", ".join(sorted(rows["scheme"]))
            refused.append((str(structure_id), "two_participations", f"{len(rows)} in {year}: {schemes}"))
            continue
        team = _team(rows.iloc[0], year=year, rules=rules)
        if any(team.days_by_phase.values()):
            teams.append(team)
        else:
            refused.append((team.structure_id, "outside_phases", f"no phase in {year}; phase 1 from {team.phase_from}"))
    return tuple(teams), tuple(refused)


def _team(row: pd.Series, *, year: int, rules: Mapping[str, Rules]) -> Team:
    scheme = row["scheme"]
    if scheme not in rules:
        raise RuleError(f"{scheme}: no rules were given for this scheme; there are {', '.join(sorted(rules))}")
    from_date, to_date, phase_from = (_day(row, name) for name in ("from_date", "to_date", "phase_from"))
    assert from_date is not None
    quality = row.get("quality_share")
    first, last = date(year, 1, 1), date(year, 12, 31)
    return Team(
        structure_id=row["structure_id"],
        scheme=scheme,
        patientele=row["patientele"],
        perimeter=_perimeter(row, rules[scheme]),
        from_date=from_date,
        first_day=max(from_date, first),
        last_day=min(to_date or last, last),
        phase_from=phase_from or from_date,
        quality_share=None if quality is None or pd.isna(quality) else exact(quality),
        legal_form=row.get("legal_form") or "",
        rules=rules[scheme],
    )


def _day(row: pd.Series, name: str) -> date | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else pd.Timestamp(value).date()


def _perimeter(row: pd.Series, rules: Rules) -> str:
    perimeter = row.get("perimeter") or rules.text("perimeter_default")
    if perimeter not in PERIMETERS:
        raise RuleError(f"{rules.file}: perimeter_default is {perimeter!r}; it should be {' or '.join(PERIMETERS)}")
    return str(perimeter)
