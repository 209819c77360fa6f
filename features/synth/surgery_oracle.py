"""The oracle of the bundles, one row an operation; and surgery among the ordinary stays of a year."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa

from features.synth.arrow import Part, days, texts
from features.synth.days import first_day
from features.synth.lines import Stage
from features.synth.model import Array
from features.synth.population import Persons
from features.synth.stays import LongStays, Stays
from features.synth.surgery_agenda import Agenda, Due, Followed
from features.synth.surgery_model import POST_DAYS, PRE_DAYS, PROGRAMMES, finess, surgery_model
from features.synth.surgery_plan import PlannedLong
from features.synth.surgery_risk import expected_parts
from features.synth.surgery_town import expected_town

COMPONENTS = (
    "pre", "index", "implant", "ssr", "had", "readmission", "kine", "ide", "transport", "drugs_lpp", "other_ville",
)  # fmt: skip
TABLE = "episodes"


def with_surgery(
    stage: Stage, stays: Stays, due: Due, *, long: LongStays, home: LongStays
) -> tuple[Stays, LongStays, LongStays]:
    """Ordinary stays and those of surgery, together."""
    person, own = stage.state.person, due.stays
    row = np.searchsorted(person, own.person)
    columns = {
        "row": row,
        "kind": own.kind,
        "first": own.first,
        "last": own.last,
        "nights": own.last - own.first,
        "level": own.level,
        "is_private": own.is_private > 0,
        "cents": own.cents,
        "fee_cents": own.fee_cents,
        "sessions": own.sessions,
        "dies": stage.year.dies[row] & (own.last >= stage.year.last[row]),
        "detail": np.arange(own.size),
    }
    both = Stays(**{one.name: np.concatenate([getattr(stays, one.name), columns[one.name]]) for one in fields(Stays)})
    return both, _extended(stage, long, due.long, is_home=0), _extended(stage, home, due.long, is_home=1)


def _extended(stage: Stage, usual: LongStays, planned: PlannedLong, *, is_home: int) -> LongStays:
    own = np.flatnonzero(planned.is_home == is_home)
    columns = {
        "row": np.searchsorted(stage.state.person, planned.person[own]),
        "stay": np.full(own.size, -1),
        "first": planned.first[own],
        "last": planned.last[own],
        "cents": planned.cents[own],
        "programme": planned.programme[own],
        "dp": planned.dp[own],
    }
    return LongStays(
        **{one.name: np.concatenate([getattr(usual, one.name), columns[one.name]]) for one in fields(LongStays)}
    )


def write_episodes(agenda: Agenda, persons: Persons, *, years: range, part: Part) -> None:
    """Part of `episodes`: expected euros in the perimeter, given the state at admission and the sector.

    A row for each operation that takes place in the years; `planted` names the exclusion it was drawn for ("" none).
    """
    end = first_day(years[-1] + 1)
    rows = [_rows(one, persons, end=end) for one in (*agenda.closed, *agenda.followed)]
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    order = np.lexsort((columns["entry_date"], columns["person"]))
    columns = {name: values[order] for name, values in columns.items()}
    names = np.array(persons.patient_id)
    table: dict[str, pa.Array] = {"patient_id": texts(names[columns.pop("person")].tolist())}
    for name, values in columns.items():
        is_text = values.dtype.kind in "UO"
        is_day = name.endswith("_date")
        table[name] = texts(values.tolist()) if is_text else days(values) if is_day else pa.array(values)
    part.write(TABLE, table, plain=list(table))


def _rows(one: Followed, persons: Persons, *, end: int) -> dict[str, Array]:
    plan, model = one.plan, surgery_model()
    own = plan.operations
    known = {**plan.known, "stoma": model.of("stoma_share", own.programme)}
    parts = expected_parts(model, plan.chance, own.programme, is_private=own.is_private)
    parts |= expected_town(own, known=known, chance=plan.chance)
    window_end = own.day + POST_DAYS[own.programme]
    seen = np.clip(np.minimum(window_end + 1, end) - own.start, 1, None)
    parts["ordinary"] = one.background * (PRE_DAYS + POST_DAYS[own.programme] + 1) / seen
    planned = np.array(model.reasons)[own.reason]
    stays, long = plan.stays, plan.long
    back = np.isin(stays.kind, np.concatenate([model.kinds[f"return_{name}"] for name in PROGRAMMES]))
    columns = {
        "person": own.person,
        "programme": np.array(PROGRAMMES)[own.programme],
        "entry_date": own.entry,
        "intervention_date": own.day,
        "exit_date": own.exit,
        "sector": np.where(own.is_private, "private", "public"),
        "establishment_id": finess(is_private=own.is_private, place=own.place),
        "planted": planned,
        "expected_in_scope_eur": sum(parts.values()),
        **{f"expected_{name}_eur": parts[name] for name in (*COMPONENTS, "ordinary")},
        "expected_avoidable_eur": parts["readmission"],
        "risk": own.risk,
        "drawn_level": own.level,
        "drawn_ssr": np.isin(own.person, long.person[long.is_home == 0]),
        "drawn_had": np.isin(own.person, long.person[long.is_home == 1]),
        "drawn_readmission": np.isin(own.person, stays.person[back]),
        **{f"factor_{name}": values for name, values in plan.known.items()},
    }
    taken_place = np.flatnonzero((own.entry <= persons.death[own.person]) & (own.entry < end))
    return {name: np.asarray(values)[taken_place] for name, values in columns.items()}
