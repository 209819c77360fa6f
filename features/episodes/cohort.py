"""The cohort: candidates with every reason of exclusion, windows ended by a death or a second procedure, flow chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import pandas as pd

from features.episodes.candidates import candidates
from features.episodes.codes import any_starts
from features.episodes.programmes import Programme
from features.episodes.sources import Sources
from features.tables import EPISODES
from features.tables.episodes import EXCLUSIONS

LATE = ("excl_overlap", "excl_death_in_window")
COHORT_COLUMNS = [name for name in EPISODES.column_names if not name.startswith("cost_")]


def flagged(sources: Sources, programmes: Sequence[Programme]) -> ibis.Table:
    """Candidates with the reasons that need other stays too: similar intervention, history, palliative year."""
    rows = candidates(sources, programmes)
    similar = _before(sources, rows, programmes)
    seen = _first_seen(sources, rows)
    rows = rows.left_join(similar, "episode_id").drop("episode_id_right")
    rows = rows.left_join(seen, "patient_id").drop("patient_id_right")
    days = rows.entry_date.delta(rows.first_seen, unit="day")
    short = [(rows.programme == p.name) & (days < p.number("min_history_days")) for p in _one_each(programmes)]
    died = (rows.death_date >= rows.exit_date) & (rows.death_date <= rows.window_end)
    died = died.fill_null(False) & ~rows.excl_death
    is_refused = rows.programme.isin([p.name for p in programmes if p.text("post_discharge_death") == "exclude"])
    return rows.mutate(
        excl_similar=rows.is_similar.fill_null(False),
        excl_palliative=rows.excl_palliative | rows.was_palliative.fill_null(False),
        excl_history=ibis.or_(*short).fill_null(True),
        excl_death_in_window=died & is_refused,
        died_in_window=died,
    ).drop("is_similar", "was_palliative", "first_seen")


def _one_each(programmes: Sequence[Programme]) -> list[Programme]:
    """The latest period of each programme: what a history must be does not change within a programme."""
    return list({programme.name: programme for programme in programmes}.values())


def _before(sources: Sources, rows: ibis.Table, programmes: Sequence[Programme]) -> ibis.Table:
    """episode_id, is_similar, was_palliative: acute stays begun before entry, ended in the days before it."""
    parts = []
    for programme in programmes:
        stays = sources.stays
        every = stays.main_diagnoses.concat(stays.associated_diagnoses)
        is_year = programme.text("palliative") == "year"
        marked = stays.filter(stays.is_linked, stays.field == "MCO").mutate(
            is_similar=any_starts(stays.acts, programme.codes("similar_acts")),
            was_palliative=any_starts(every, programme.codes("palliative_diagnoses") if is_year else ()),
        )
        marked = marked.filter(marked.is_similar | marked.was_palliative)
        marked = marked.select("patient_id", "is_similar", "was_palliative", other=marked.stay_id,
                               start=marked.start_date, end=marked.end_date)  # fmt: skip
        own = rows.filter(
            rows.programme == programme.name, rows.entry_date.between(programme.first_day, programme.last_day)
        )
        pairs = own.select("episode_id", "patient_id", "stay_id", "entry_date").inner_join(marked, "patient_id")
        since = pairs.entry_date.delta(pairs.end, unit="day")
        parts.append(
            pairs.filter(
                pairs.other != pairs.stay_id,
                pairs.start < pairs.entry_date,
                since <= programme.number("similar_days"),
            ).select("episode_id", "is_similar", "was_palliative")
        )
    found = parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)
    return found.group_by("episode_id").aggregate(
        is_similar=found.is_similar.max(), was_palliative=found.was_palliative.max()
    )


def _first_seen(sources: Sources, rows: ibis.Table) -> ibis.Table:
    """patient_id and first day on which claims, contracts or rights show the patient."""
    signs = [
        (sources.care_lines, "care_date"), (sources.stays, "start_date"), (sources.declarations, "start_date"),
        (sources.ald_periods, "start_date"),
    ]  # fmt: skip
    wanted = rows.select("patient_id").distinct()
    parts = [
        table.select("patient_id", day=table[name])
        .semi_join(wanted, "patient_id")
        .group_by("patient_id")
        .aggregate(day=ibis._.day.min())
        for table, name in signs
    ]
    days = ibis.union(*parts, distinct=False)
    return days.group_by("patient_id").aggregate(first_seen=days.day.min())


def settled(rows: ibis.Table, programmes: Sequence[Programme], *, last_day: ibis.DateValue) -> ibis.Table:
    """`rows` of `flagged`, written, overlaps decided, windows truncated, the final ones told (EPISODES but costs)."""
    dropped = _overlapping(rows, {p.name: p.text("overlap") for p in programmes})
    rows = rows.mutate(excl_overlap=rows.episode_id.isin(dropped) if dropped else ibis.literal(False))
    reasons = [rows[name] for name in EXCLUSIONS]
    rows = rows.mutate(is_final=~ibis.or_(*reasons))
    rows = rows.left_join(_second_procedures(rows), "episode_id").drop("episode_id_right")
    cut = ibis.greatest((rows.second_date - ibis.interval(days=1)).cast("date"), rows.exit_date)
    is_cut = rows.second_date.notnull() & (cut < rows.window_end)
    rows = rows.mutate(is_truncated=is_cut, window_end=ibis.ifelse(is_cut, cut, rows.window_end))
    died = rows.died_in_window & (rows.death_date <= rows.window_end)
    rows = rows.mutate(
        died_in_window=died,
        window_end=ibis.ifelse(died, rows.death_date, rows.window_end),
    )
    rows = rows.mutate(is_complete=rows.window_end <= last_day)
    return _without_shared_days(rows).select(COHORT_COLUMNS)


def _overlapping(rows: ibis.Table, policies: dict[str, str]) -> list[str]:
    """Episodes that begin inside the window of one that is kept (or contain the entry of a later one).

    Decided patient by patient in order of entry, on the few patients with several: what is dropped drops nobody.
    """
    others = [rows[name] for name in EXCLUSIONS if name != "excl_overlap"]
    good = rows.filter(~ibis.or_(*others))
    several = good.group_by("patient_id").having(good.count() > 1).aggregate(count=good.count())
    frame = good.semi_join(several, "patient_id").select(
        "patient_id", "episode_id", "programme", "entry_date", "window_end"
    )
    found = frame.to_pyarrow().to_pandas(date_as_object=True)
    dropped: list[str] = []
    for _, group in found.sort_values(["entry_date", "episode_id"]).groupby("patient_id", sort=True):
        dropped += _dropped(group, policies)
    return sorted(dropped)


def _dropped(group: pd.DataFrame, policies: dict[str, str]) -> list[str]:
    kept: list[tuple[str, date]] = []
    dropped: list[str] = []
    for row in group.to_dict("records"):
        own = (str(row["episode_id"]), row["window_end"])
        if not kept or row["entry_date"] > kept[-1][1]:
            kept.append(own)
        elif policies[str(row["programme"])] == "keep_later":
            dropped.append(kept.pop()[0])
            kept.append(own)
        else:
            dropped.append(own[0])
    return dropped


def _second_procedures(rows: ibis.Table) -> ibis.Table:
    """episode_id and entry of the first later stay with the root and an act of any programme, in the window."""
    later = rows.filter(~rows.excl_ghm, ~rows.excl_act, ~rows.excl_chaining)
    later = later.select("patient_id", other=later.stay_id, second=later.entry_date)
    final = rows.filter(rows.is_final).select("episode_id", "patient_id", "stay_id", "entry_date", "window_end")
    pairs = final.inner_join(later, "patient_id")
    pairs = pairs.filter(
        pairs.other != pairs.stay_id, pairs.second > pairs.entry_date, pairs.second <= pairs.window_end
    )
    return pairs.group_by("episode_id").aggregate(second_date=pairs.second.min())


def _without_shared_days(rows: ibis.Table) -> ibis.Table:
    """A final episode's window begins after that of the patient's episode before: no euro counts twice."""
    final = rows.filter(rows.is_final)
    before = final.select("patient_id", other=final.episode_id, entry=final.entry_date, end=final.window_end)
    pairs = final.select("episode_id", "patient_id", "entry_date").inner_join(before, "patient_id")
    pairs = pairs.filter(pairs.other != pairs.episode_id, pairs.entry < pairs.entry_date)
    last = pairs.group_by("episode_id").aggregate(previous_end=pairs.end.max())
    joined = rows.left_join(last, "episode_id").drop("episode_id_right")
    free = (joined.previous_end + ibis.interval(days=1)).cast("date")
    start = ibis.greatest(joined.window_start, ibis.least(free, joined.entry_date))
    return joined.mutate(window_start=ibis.ifelse(joined.previous_end.notnull(), start, joined.window_start))


def flow_chart(cohort: pd.DataFrame, programmes: Sequence[Programme]) -> pd.DataFrame:
    """Rows of EPISODE_FLOW: candidates, each reason counted on its own (non-consecutive), final."""
    rows = []
    reasons = cohort[list(EXCLUSIONS)]
    alone = reasons.sum(axis=1) == 1
    for name in dict.fromkeys(programme.name for programme in programmes):
        own = cohort["programme"] == name
        steps = [("candidates", own, own & False)]
        steps += [(reason, own & reasons[reason], own & reasons[reason] & alone) for reason in EXCLUSIONS]
        steps.append(("final", own & cohort["is_final"], own & False))
        for order, (step, concerned, only) in enumerate(steps):
            rows.append((name, order, step, int(concerned.sum()), int(only.sum())))
    return pd.DataFrame(rows, columns=["programme", "order", "step", "stays", "only_reason"])
