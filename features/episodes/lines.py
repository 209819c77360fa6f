"""Every euro of a window, once: source row, rule, period and cents; and the costs of the episodes, their sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ibis

from features.episodes.perimeter import OF_THE_STAY, Rule, decided, with_decision
from features.episodes.programmes import Programme
from features.episodes.proration import allotted, campaign_of, refuse_unlisted_campaigns, revalued
from features.episodes.sources import Sources
from features.episodes.stay_lines import claim_rows, near_stays, private_lines, public_lines
from features.episodes.town_lines import PHARMACY, decided_claims, drug_parts, town_lines
from features.tables import EPISODE_LINES
from features.tables.episodes import COMPONENTS, PERIODS

BOUNDS = (30, 60, 90)
OUTSIDE = "outside"
PRE, INDEX = "pre", "index"
STAY_TABLES = ("stays_mco", "stays_ssr", "stays_had")
Keep = Callable[[str, ibis.Table], ibis.Table]


def episode_lines(
    sources: Sources, episodes: ibis.Table, *, programmes: Sequence[Programme], rules: Sequence[Rule], keep: Keep
) -> ibis.Table:
    """Rows of EPISODE_LINES for final episodes; `keep` writes a result that several queries read.

    Per stay or claim: received cents, revalued to the reference campaign, then shared out over the days inside and
    outside the window by largest remainders. Errors: InputError for a tariff campaign that is not listed.
    """
    campaigns = {programme.name: programme.number("tariff_campaign") for programme in programmes}
    near = keep("near", near_stays(sources, episodes))
    claims = keep("claims", claim_rows(sources, episodes))
    attached = keep("attached", private_lines(claims, near))
    stays = public_lines(near).union(attached)
    stays = decided(_priced(stays, campaigns), rules, STAY_TABLES)
    stays = keep("stay_lines", stays)
    refuse_unlisted_campaigns(stays)
    town = decided_claims(town_lines(claims, episodes, attached=attached), sources, rules)
    town = keep("town_lines", _priced(town, campaigns))
    refuse_unlisted_campaigns(town)
    drugs = keep("drug_lines", drug_parts(town.filter(town.poste == PHARMACY), sources, episodes, rules))
    dates = episodes.select("episode_id", "patient_id", "intervention_date", "window_start", "window_end")
    spans = keep("spans", _spans(stays.filter(stays.is_span), dates))
    others = stays.filter(~stays.is_span).drop("is_span")
    points = [_points(others, dates), _points(town.filter(town.poste != PHARMACY), dates), _points(drugs, dates)]
    every = ibis.union(*[_line_columns(part, rules) for part in (spans, *points)], distinct=False)
    return every.filter(every.period != OUTSIDE)


def _priced(rows: ibis.Table, campaigns: dict[str, int]) -> ibis.Table:
    return revalued(rows.mutate(tariff_year=campaign_of(rows.end_date)), campaigns)


def _spans(rows: ibis.Table, dates: ibis.Table) -> ibis.Table:
    """Stays cut into the periods of the window and what lies outside it; their cents shared out by day."""
    joined = rows.inner_join(dates, "episode_id")
    joined = joined.mutate(total_weight=_days(joined.care_date, joined.end_date), whole_cents=joined.revalued_cents)
    inside = _days(ibis.greatest(joined.care_date, joined.window_start), ibis.least(joined.end_date, joined.window_end))
    joined = joined.mutate(inside_days=ibis.greatest(inside, 0))
    segments = [(name, _weight(joined, name)) for name in (PRE, INDEX, *PERIODS)]
    segments.append((OUTSIDE, joined.total_weight - joined.inside_days))
    parts = [
        joined.mutate(period=ibis.literal(name), weight=weight.cast("int64"), place_in_order=ibis.literal(place))
        for place, (name, weight) in enumerate(segments)
    ]
    cut = ibis.union(*parts, distinct=False)
    cut = cut.filter(cut.weight > 0)
    return allotted(cut, by=["episode_id", "source_key"], order="place_in_order")


def _weight(rows: ibis.Table, period: str) -> ibis.IntegerValue:
    """Days of a stay in a period of the window: all of them before and in the index stay, by days since A after it."""
    if period in (PRE, INDEX):
        return ibis.ifelse(rows.window_part == period, rows.inside_days, 0)
    place = PERIODS.index(period)
    start, end = rows.care_date, ibis.least(rows.end_date, rows.window_end)
    if place > 0:
        start = ibis.greatest(start, _after(rows.intervention_date, BOUNDS[place - 1] + 1))
    if place < len(BOUNDS):
        end = ibis.least(end, _after(rows.intervention_date, BOUNDS[place]))
    days = ibis.greatest(_days(start, end), 0)
    return ibis.ifelse(rows.window_part == "post", days, 0)


def _points(rows: ibis.Table, dates: ibis.Table) -> ibis.Table:
    """Rows of one day, whole in the period of their day (cents set already where a line was split by packs)."""
    joined = rows.inner_join(dates.drop("patient_id") if "patient_id" in rows.columns else dates, "episode_id")
    joined = joined.drop([name for name in joined.columns if name.endswith("_right")])
    since = joined.care_date.delta(joined.intervention_date, unit="day")
    inside = joined.care_date.between(joined.window_start, joined.window_end)
    period = ibis.cases(
        (~inside, OUTSIDE), (joined.window_part == PRE, PRE),
        *((since <= bound, name) for bound, name in zip(BOUNDS, PERIODS, strict=False)), else_=PERIODS[-1],
    )  # fmt: skip
    whole = {} if "cents" in joined.columns else {
        "cents": joined.revalued_cents, "weight": ibis.literal(1, "int64"), "total_weight": ibis.literal(1, "int64"),
    }  # fmt: skip
    source = {} if "source" in joined.columns else {"source": ibis.literal("care_lines")}
    stay = {} if "stay_id" in joined.columns else {"stay_id": ibis.null("string")}
    return joined.mutate(period=period, **whole, **source, **stay)


def _line_columns(rows: ibis.Table, rules: Sequence[Rule]) -> ibis.Table:
    told = with_decision(rows, rules)
    of_stay = told.component.isin(OF_THE_STAY) & (told.period != OUTSIDE)
    told = told.mutate(
        period=ibis.ifelse(of_stay, INDEX, told.period),
        window_share=told.weight.cast("float64") / told.total_weight.cast("float64"),
    )
    types = {column.name: column.type for column in EPISODE_LINES.columns}
    return told.select(**{name: told[name].cast(kind) for name, kind in types.items()})


def _days(first: ibis.DateValue, last: ibis.DateValue) -> ibis.IntegerValue:
    return (last.delta(first, unit="day") + 1).cast("int64")


def _after(day: ibis.DateValue, days: int) -> ibis.DateValue:
    return (day + ibis.interval(days=days)).cast("date")


def costs(cohort: ibis.Table, lines: ibis.Table) -> ibis.Table:
    """`cohort` with the costs of EPISODES: sums of `lines`, 0 where a final episode has none, null where not final."""
    own = lines.is_in_scope
    after = own & ~lines.component.isin((PRE, *OF_THE_STAY))
    sums = {
        "cost_total_allcause_cents": lines.cents.sum(),
        "cost_in_scope_cents": lines.cents.sum(where=own),
        **{f"cost_{name}_cents": lines.cents.sum(where=own & (lines.component == name)) for name in COMPONENTS},
        **{f"cost_{name}_cents": lines.cents.sum(where=after & (lines.period == name)) for name in PERIODS},
    }
    summed = lines.group_by("episode_id").aggregate(**sums)
    joined = cohort.left_join(summed, "episode_id").drop("episode_id_right")
    filled = {
        name: ibis.ifelse(joined.is_final, joined[name].fill_null(0).cast("int64"), ibis.null("int64")) for name in sums
    }
    return joined.mutate(**filled)
