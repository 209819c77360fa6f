"""The episodes of some years: cohort, flow chart, lines, costs, characteristics and outcomes, written as datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.declare import Table
from features.episodes.characteristics import DEFAULT_POLICY, check_policy, episode_features
from features.episodes.cohort import flagged, flow_chart, settled
from features.episodes.lines import costs, episode_lines
from features.episodes.outcome_rules import outcome_rules
from features.episodes.outcomes import episode_outcomes
from features.episodes.perimeter import Rule, perimeter_rules
from features.episodes.programmes import EDS, Programme, load_programmes
from features.episodes.sources import Sources, load_sources
from features.provenance import Provenance
from features.store import cast_by_engine, read_dataset, write_dataset
from features.tables import EPISODE_FEATURES, EPISODE_FLOW, EPISODE_LINES, EPISODE_OUTCOMES, EPISODES

Say = Callable[[str], None]


def build_episodes(
    con: BaseBackend,
    data: Path,
    years: Sequence[int],
    *,
    programmes: Sequence[str] | Sequence[Programme] = EDS,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
    rules: pd.DataFrame | None = None,
    index_dx_policy: str = DEFAULT_POLICY,
    known_before: date | None = None,
    to: Path | None = None,
    progress: Say | None = None,
) -> dict[int, ibis.Table]:
    """EPISODES of each year of exit of the index stay, once written with lines, flow chart, features and outcomes.

    Reads the years, the one before (history, similar interventions) and the one after (windows), where they were
    read. `overrides` replaces parameters of programmes (a sensitivity run), `rules` the rows of perimeter_rules.csv;
    lines loaded on or after `known_before` are not seen. Tables, in `to` (default: `data`): episodes, episode_lines,
    episode_flow, episode_features, episode_outcomes. Errors: MissingError where a year was not read; RuleError or
    InputError for a parameter, a rule or a tariff campaign.
    """
    say = progress or (lambda step: None)
    check_policy(index_dx_policy)
    chosen = _chosen(programmes, overrides)
    sources = load_sources(con, data, years, known_before=known_before)
    written = to or data
    written.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=written, prefix=".episodes-") as folder:
        keep = _keeper(con, Path(folder))
        say("index stays and reasons of exclusion")
        rows = keep("flagged", flagged(sources, chosen))
        cohort = keep("cohort", settled(rows, chosen, last_day=ibis.literal(sources.last_day)))
        built = _Build(sources, chosen, perimeter_rules(rules), index_dx_policy, keep)
        results = _results(built, cohort, say=say)
        say("writing episodes")
        provenance = _provenance(sources, data, chosen, index_dx_policy=index_dx_policy, known_before=known_before)
        _write(written, sources.index_years, cohort, results=results, programmes=chosen, provenance=provenance)
    return {year: read_dataset(con, EPISODES, written, year) for year in sources.index_years}


class _Build(NamedTuple):
    """What every step of a build reads, and how it keeps a result that later steps read."""

    sources: Sources
    programmes: tuple[Programme, ...]
    rules: tuple[Rule, ...]
    index_dx_policy: str
    keep: Callable[[str, ibis.Table], ibis.Table]


def _results(build: _Build, cohort: ibis.Table, *, say: Say) -> dict[Table, ibis.Table]:
    """Rows of each dataset of a build but the flow chart."""
    final, keep, sources = cohort.filter(cohort.is_final), build.keep, build.sources
    say("care of the windows")
    lines = episode_lines(sources, final, programmes=build.programmes, rules=build.rules, keep=keep)
    lines = keep("lines", lines)
    say("characteristics before admission")
    known = keep("features", episode_features(sources, final, index_dx_policy=build.index_dx_policy))
    say("outcomes")
    happened = episode_outcomes(sources, final, known=known, rules=build.rules, signs=outcome_rules())
    happened = keep("outcomes", happened)
    return {
        EPISODES: costs(cohort, lines), EPISODE_LINES: lines, EPISODE_FEATURES: known, EPISODE_OUTCOMES: happened,
    }  # fmt: skip


def _chosen(
    programmes: Sequence[str] | Sequence[Programme], overrides: Mapping[str, Mapping[str, str]] | None
) -> tuple[Programme, ...]:
    names = [item for item in programmes if isinstance(item, str)]
    given = tuple(item for item in programmes if isinstance(item, Programme))
    return (*given, *(load_programmes(names, overrides=overrides) if names else ()))


def _keeper(con: BaseBackend, folder: Path) -> Callable[[str, ibis.Table], ibis.Table]:
    def keep(name: str, rows: ibis.Table) -> ibis.Table:
        types = {column: "int64" for column, kind in rows.schema().items() if kind.is_integer()}
        # a day plus an interval is a timestamp to the engine where Ibis still calls it a date
        types |= {column: "date" for column, kind in rows.schema().items() if kind.is_temporal()}
        path = folder / name
        con.to_parquet(cast_by_engine(rows, types), path)
        return con.read_parquet(path)

    return keep


def _write(
    data: Path,
    years: tuple[int, ...],
    cohort: ibis.Table,
    *,
    results: Mapping[Table, ibis.Table],
    programmes: Sequence[Programme],
    provenance: Provenance,
) -> None:
    """Each dataset by year of exit of the index stay."""
    for year in years:
        own = cohort.filter(cohort.exit_date.year() == year)
        frame = own.to_pyarrow().to_pandas(date_as_object=False)
        write_dataset(EPISODE_FLOW, data, flow_chart(frame, programmes), year, provenance=provenance)
        for table, rows in results.items():
            write_dataset(table, data, rows.semi_join(own, "episode_id"), year, provenance=provenance)


def _provenance(
    sources: Sources, data: Path, programmes: Sequence[Programme], *, index_dx_policy: str, known_before: date | None
) -> Provenance:
    return Provenance(
        command=f"episodes --years {' '.join(str(year) for year in sources.index_years)}",
        inputs=sources.paths(data),
        parameters={
            "programmes": {f"{p.name} from {p.first_day}": dict(p.values) for p in programmes},
            "index_dx_policy": index_dx_policy,
            "known_before": known_before,
            "years_read": sources.years,
        },
    )
