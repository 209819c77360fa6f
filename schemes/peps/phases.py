"""The three phases of a PEPS team, by day, and what each phase pays of a forfait."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal

from schemes.rulebook import Rules

SIMULATED, RETROSPECTIVE, PROSPECTIVE = 1, 2, 3
PHASES = (SIMULATED, RETROSPECTIVE, PROSPECTIVE)
ZERO = Decimal(0)


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last day of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def phase_starts(phase_from: date, rules: Rules) -> dict[int, date | None]:
    """First day of phases 1, 2, 3, and of the day after phase 3 (key 4); None where a phase has no end.

    Phase n lasts `phase_n_months` months from `phase_from` on; a phase of 0 months does not take place.
    """
    starts: dict[int, date | None] = {SIMULATED: phase_from}
    months: int | None = 0
    for phase in PHASES:
        length = rules.decimal_or_none(f"phase_{phase}_months")
        months = None if months is None or length is None else months + int(length)
        starts[phase + 1] = None if months is None else add_months(phase_from, months)
    return starts


def phase_on(day: date, phase_from: date, rules: Rules) -> int | None:
    """Phase 1, 2 or 3 of a day; None before the first and after the last."""
    starts = phase_starts(phase_from, rules)
    reached = [phase for phase, start in starts.items() if start is not None and start <= day]
    return max(reached) if reached and max(reached) in PHASES else None


def phase_days(first_day: date, last_day: date, *, phase_from: date, rules: Rules) -> dict[int, int]:
    """Days of each phase from `first_day` to `last_day`, both included."""
    starts = phase_starts(phase_from, rules)
    return {phase: _overlap(first_day, last_day, starts[phase], starts[phase + 1]) for phase in PHASES}


def _overlap(first_day: date, last_day: date, start: date | None, after: date | None) -> int:
    if start is None:
        return 0
    begin, end = max(first_day, start), last_day if after is None else min(last_day, after - timedelta(days=1))
    return max((end - begin).days + 1, 0)


def paid_in_phases(payable_eur: Decimal, billed_eur: Decimal, *, shares: dict[int, Decimal], rules: Rules) -> Decimal:
    """Euros due of a forfait, given the part of the team's days spent in each phase.

    due = share(3) × payable + share(2) × phase_2_bonus_share × max(0, payable − fee-for-service billed)

    Phase 1 is a simulation and pays nothing; in phase 2 acts are still billed and a bonus is paid where the forfait
    is the higher; in phase 3 the forfait replaces the acts.
    Rule: PEPS, phases; the bonus of phase 2 is assumed, no formula being published.
    """
    bonus = rules.decimal("phase_2_bonus_share") * max(ZERO, payable_eur - billed_eur)
    return shares[PROSPECTIVE] * payable_eur + shares[RETROSPECTIVE] * bonus
