"""Who is reconciled: establishments that take part, their episodes of the year, who is refused and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd

from features.errors import MissingError
from schemes.eds.frames import Inputs, checked
from schemes.eds.price import IDENTITY, PRICED, Key, Stratum, of_year, priced, strata
from schemes.eds.score import scores
from schemes.eds.settle import Position, Safeguards
from schemes.eds.terms import Phase, chosen_phase, phase_of, programmes, quality_terms
from schemes.rulebook import Rules

SCHEME = "eds"
NOBODY = "*"
OPEN_END = date(2199, 12, 31)


@dataclass(frozen=True)
class Participation:
    """An establishment in the year: days, phase, year of participation, programmes (all where empty), quality given."""

    structure_id: str
    from_date: pd.Timestamp
    to_date: pd.Timestamp
    phase: Phase
    rank: int
    programmes: frozenset[str]
    quality: Decimal | None


@dataclass(frozen=True)
class Case:
    """An establishment to reconcile: its episodes with forfaits, its positions by programme, its safeguards."""

    participation: Participation
    rows: pd.DataFrame
    positions: tuple[Position, ...]
    safeguards: Safeguards


@dataclass(frozen=True)
class Cases:
    """All of a year: cases, prices by stratum, refused (structure_id, reason, detail), excluded patients."""

    paid: tuple[Case, ...]
    prices: Mapping[Key, Stratum]
    refused: pd.DataFrame
    excluded: pd.DataFrame


def participations(
    inputs: Inputs, *, year: int, rules: Rules
) -> tuple[list[Participation], list[tuple[str, str, str]]]:
    """Participations in EDS that touch the year, by establishment, and those refused because there are two."""
    rows = checked("participations", inputs)
    last, first = pd.Timestamp(date(year, 12, 31)), pd.Timestamp(date(year, 1, 1))
    rows = rows[(rows["scheme"] == SCHEME) & (rows["from_date"] <= last)]
    rows = rows.assign(to_date=pd.to_datetime(rows["to_date"]).fillna(pd.Timestamp(OPEN_END)))
    rows = rows[rows["to_date"] >= first]
    found, refused = [], []
    for name, part in rows.groupby("structure_id", sort=True):
        if len(part) > 1:
            refused.append((str(name), "two_participations", f"{len(part)} participations in {year}; keep one"))
        else:
            found.append(_participation(part.iloc[0], year, rules))
    return found, refused


def _participation(row: pd.Series, year: int, rules: Rules) -> Participation:
    start = row.get("phase_from")
    start = row["from_date"] if start is None or pd.isna(start) else start
    rank = max(1, year - start.year + 1)
    phase, chosen, quality = row.get("phase"), row.get("programmes"), row.get("quality_share")
    return Participation(
        structure_id=str(row["structure_id"]),
        from_date=row["from_date"],
        to_date=row["to_date"],
        phase=chosen_phase(str(phase), rules) if _given(phase) else phase_of(rank, rules),
        rank=rank,
        programmes=frozenset(part.strip() for part in str(chosen).split(",")) if _given(chosen) else frozenset(),
        quality=Decimal(str(quality)) if _given(quality) else None,
    )


def _given(value: object) -> bool:
    return value is not None and not bool(pd.isna(value))  # type: ignore[call-overload]


def cases(inputs: Inputs, *, year: int, rules: Rules, known_until: date | None = None) -> Cases:
    """The establishments to reconcile for a year. Errors: those of the frames and rules read.

    known_until: last day whose care is known; episodes whose window ends later, or is not complete, are `window_open`.
    """
    rows = of_year(inputs, year=year, rules=rules)
    is_known = rows["expected_eur"].notna()
    prices = strata(inputs, rows[is_known], year=year, rules=rules)
    taking, refused = participations(inputs, year=year, rules=rules)
    excluded = _not_taking_part(rows, taking)
    given, volume, paid = scores(inputs, rules), _volumes(inputs, year=year, rules=rules), []
    for one in taking:
        own = rows[rows["establishment_id"] == one.structure_id]
        kept, left = _kept(own, one, rules, known_until)
        excluded += left
        if kept.empty:
            refused.append((one.structure_id, "no_episodes", f"no episode of {year} to reconcile"))
            continue
        made = priced(kept, prices, rules)
        safeguards = _safeguards(one, given.get(one.structure_id), rules)
        paid.append(Case(one, made, _positions(made, (one, safeguards, volume), rules), safeguards))
    return Cases(
        tuple(paid),
        prices,
        pd.DataFrame(sorted(refused), columns=["structure_id", "reason", "detail"]),
        pd.DataFrame(sorted(excluded), columns=["structure_id", "reason", "patients"]),
    )


def reconciled(inputs: Inputs, *, year: int, rules: Rules, known_until: date | None = None) -> pd.DataFrame:
    """The episodes that `pay` reconciles, with the components of their forfait: rows of `schemes.eds.forfaits`."""
    rows = [case.rows for case in cases(inputs, year=year, rules=rules, known_until=known_until).paid]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=[*IDENTITY, *PRICED])


def _safeguards(one: Participation, score: Decimal | None, rules: Rules) -> Safeguards:
    return Safeguards(
        phase=one.phase,
        terms=quality_terms(rules),
        quality=score if one.quality is None else one.quality,
        shrinkage_episodes=rules.decimal_or_none("shrinkage_episodes"),
        significance=rules.decimal_or_none("significance_standard_errors"),
    )


def _not_taking_part(rows: pd.DataFrame, taking: list[Participation]) -> list[tuple[str, str, int]]:
    others = rows[~rows["establishment_id"].isin([one.structure_id for one in taking])]
    count = others["patient_id"].nunique()
    return [(NOBODY, "not_taking_part", count)] if count else []


def _kept(
    own: pd.DataFrame, one: Participation, rules: Rules, known_until: date | None
) -> tuple[pd.DataFrame, list[tuple[str, str, int]]]:
    """Episodes to reconcile, and patients of the others by the first reason that leaves them out."""
    day, paying = own[rules.text("year_of")], {name for name, known in programmes(rules).items() if known.is_paid}
    reasons = {
        "outside_participation": (day < one.from_date) | (day > one.to_date),
        "programme_in_preparation": ~own["programme"].isin(paying),
        "programme_not_chosen": ~own["programme"].isin(one.programmes or own["programme"]),
        "window_open": ~own["is_complete"] | (own["window_end"] > pd.Timestamp(known_until or OPEN_END)),
        "no_prediction": own["expected_eur"].isna(),
    }
    left, out = [], pd.Series(False, index=own.index)
    for reason, is_out in reasons.items():
        if count := own.loc[is_out & ~out, "patient_id"].nunique():
            left.append((one.structure_id, reason, count))
        out |= is_out
    return own[~out], left


def _volumes(inputs: Inputs, *, year: int, rules: Rules) -> Mapping[tuple[str, str], int] | None:
    """Reference episodes by establishment and programme; None where nothing tells them."""
    if "volumes" in inputs:
        rows = checked("volumes", inputs)
        keys = zip(rows["establishment_id"], rows["programme"], strict=True)
        return dict(zip(keys, rows["episodes"].astype(int), strict=True))
    rows = checked("episodes", inputs)
    rows = rows[rows["is_final"] & (rows[rules.text("year_of")].dt.year < year)]
    if rows.empty:
        return None
    counted = rows.groupby(["establishment_id", "programme"]).size()
    return {(str(who), str(what)): int(count) for (who, what), count in counted.items()}  # type: ignore[misc]


def _positions(
    made: pd.DataFrame, of: tuple[Participation, Safeguards, Mapping[tuple[str, str], int] | None], rules: Rules
) -> tuple[Position, ...]:
    """Positions by programme. Errors: MissingError where losses count and no reference volume is known."""
    one, safeguards, volume = of
    if volume is None and safeguards.phase.loss_limit > 0:
        raise MissingError("EDS needs the frame volumes, or episodes of the reference years: low volume has no loss")
    known, found = programmes(rules), []
    for name, part in made.groupby("programme", sort=True):
        reference = (volume or {}).get((one.structure_id, str(name)), 0)
        found.append(
            Position(
                programme=str(name),
                episodes=len(part),
                price_cents=int(part["forfait_cents"].sum()),
                observed_cents=int(part["observed_cents"].sum()),
                over_cap_cents=int((part["observed_cents"] - part["counted_cents"]).sum()),
                has_low_volume=volume is not None and reference < known[str(name)].low_volume_episodes,
            )
        )
    return tuple(found)
