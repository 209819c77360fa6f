"""The quality score of a group: points of indicators against the deciles of the territories, and patient experience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from features.errors import InputError, RuleError
from schemes.ipep.groups import Group
from schemes.ipep.inputs import Inputs, frame, numbers
from schemes.rulebook import Rules

COLUMNS = ("entity", "entity_id", "year", "indicator", "value_share")
DECILES = 10


@dataclass(frozen=True)
class Results:
    """Results of a year: by structure, indicator and year; and over the territories, by indicator."""

    year: int
    structures: Mapping[tuple[str, str, int], Fraction]
    territories: Mapping[str, tuple[Fraction, ...]]


@dataclass(frozen=True)
class Bounds:
    """Intermediate objective and common target of an indicator."""

    intermediate: Fraction
    target: Fraction


@dataclass(frozen=True)
class Points:
    """What an indicator brings: its result, points reached (None: missing) and points it could bring (0: missing)."""

    indicator: str
    component: str
    value: Fraction | None
    points: Fraction | None
    highest: Fraction


@dataclass(frozen=True)
class Score:
    """Total (None where no indicator is known), points by indicator, points of experience (None: not measured)."""

    total: Decimal | None
    indicators: tuple[Points, ...]
    experience: Decimal | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Indicators without points, whose weight went to the others."""
        return tuple(one.indicator for one in self.indicators if one.points is None)


def decimal(value: Fraction) -> Decimal:
    """A fraction as a decimal, to the precision of the arithmetic."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def results(inputs: Inputs, *, year: int) -> Results:
    """The results of structures and territories, checked.

    Errors: InputError for a share outside 0..1 or two results of an entity, indicator and year.
    """
    rows = frame(inputs, "indicators", COLUMNS)
    numbers("indicators", rows, "value_share", highest=1.0, nullable=True)
    known = rows[rows["value_share"].notna() & rows["entity"].isin(("structure", "territory"))]
    repeated = known.duplicated(["entity", "entity_id", "indicator", "year"])
    if repeated.any():
        raise InputError(f"indicators: row {known.index[repeated][0] + 1} repeats an entity, indicator and year")
    own: dict[tuple[str, str, int], Fraction] = {}
    around: dict[str, list[Fraction]] = {}
    for entity, who, when, indicator, value in known[list(COLUMNS)].itertuples(index=False):
        if entity == "structure":
            own[str(who), str(indicator), int(when)] = Fraction(repr(float(value)))
        elif when == year:
            around.setdefault(str(indicator), []).append(Fraction(repr(float(value))))
    return Results(year, own, {name: tuple(sorted(values)) for name, values in around.items()})


def quantile(values: Sequence[Fraction], share: Fraction) -> Fraction:
    """The quantile of values, each counted once whatever its size, by linear interpolation between ranks.

    With n values in order, the quantile q stands at rank 1 + (n − 1) × q (numpy's "linear", R's type 7). A territory
    weighs one: the text speaks of the distribution over territories. Errors: ValueError for no value.
    """
    if not values:
        raise ValueError("no value: a quantile needs one")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def reached(value: Fraction, before: Fraction | None, bounds: Bounds, evolution_share: Fraction) -> Fraction | None:
    """Share of an increasing indicator's points, 0 to 1; None where evolution counts and the year before is unknown.

    At the target or above 1; from the intermediate objective up (v − D3) / (D8 − D3); below it
    evolution_share × (v − v before) / (D3 − v before), from 0 to evolution_share.
    A decreasing indicator is the same with every sign turned. Rule: IPEP quality method (shape assumed).
    """
    if value >= bounds.target:
        return Fraction(1)
    if value >= bounds.intermediate:
        return (value - bounds.intermediate) / (bounds.target - bounds.intermediate)
    if before is None:
        return None
    if value <= before:
        return Fraction(0)
    return evolution_share * (value - before) / (bounds.intermediate - before)


def score(found: Results, group: Group, rules: Rules) -> Score:
    """The score of a group.

    Socle indicators share quality_points_without_carte, or quality_socle_points where the group chose à la carte
    ones, which share quality_carte_points; every indicator of a component weighs the same. A missing indicator is not
    0: its weight goes to the others of its component, that of an empty component to the other one. The sum is cut at
    score_max, and points of experience are added. Rule: IPEP quality method.
    """
    parts = _components(group, rules)
    shares = {name: _share(found, group, name, rules) for names, _ in parts.values() for name in names}
    known = {part: [name for name in names if shares[name] is not None] for part, (names, _) in parts.items()}
    held = sum(points for part, (_, points) in parts.items() if known[part])
    whole = sum(points for _, points in parts.values())
    indicators = []
    for part, (names, points) in parts.items():
        highest = Fraction(points * whole) / held / len(known[part]) if known[part] else Fraction(0)
        for name in names:
            value, share = found.structures.get((group.structure_id, name, found.year)), shares[name]
            reach = None if share is None else share * highest
            indicators.append(Points(name, part, value, reach, Fraction(0) if share is None else highest))
    total = None
    if held:
        points_reached = sum((one.points for one in indicators if one.points is not None), Fraction(0))
        total = min(rules.decimal("score_max"), decimal(points_reached)) + (group.experience_points or Decimal(0))
    return Score(total, tuple(indicators), group.experience_points)


def _components(group: Group, rules: Rules) -> dict[str, tuple[tuple[str, ...], Fraction]]:
    socle, carte = rules.listed("socle_indicators"), rules.listed("carte_indicators")
    if len(set(socle + carte)) < len(socle + carte):
        raise RuleError(f"{rules.file}: an indicator stands twice among socle_indicators and carte_indicators")
    if not group.has_carte:
        return {"socle": (socle, Fraction(rules.decimal("quality_points_without_carte")))}
    return {
        "socle": (socle, Fraction(rules.decimal("quality_socle_points"))),
        "carte": (carte, Fraction(rules.decimal("quality_carte_points"))),
    }


def _share(found: Results, group: Group, indicator: str, rules: Rules) -> Fraction | None:
    """Share of an indicator's points that a group reaches; None where the result or the distribution is missing."""
    now = found.structures.get((group.structure_id, indicator, found.year))
    before = found.structures.get((group.structure_id, indicator, found.year - 1))
    territories = found.territories.get(indicator, ())
    if now is None or not territories:
        return None
    sign = -1 if indicator in rules.listed("decreasing_indicators") else 1
    turned = [sign * value for value in territories]
    low, high = (
        quantile(turned, Fraction(rules.decimal(f"quality_{name}_decile")) / DECILES)
        for name in ("intermediate", "target")
    )
    evolution_share = Fraction(rules.decimal("evolution_points_share"))
    return reached(sign * now, None if before is None else sign * before, Bounds(low, high), evolution_share)
