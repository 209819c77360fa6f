"""How an establishment spends beside the nation, for the same programmes, sectors and risk: by component, by period."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pandas as pd

from schemes.amounts import Amount
from schemes.money import round_cents
from schemes.statements.document import Column, Document, Figure, KeyFigure, Mark, Section, Series, Table, Value
from schemes.statements.eds import CELL, EdsViews, stratum_name
from schemes.statements.given import Given
from schemes.statements.small_cells import suppressed
from schemes.statements.wording import listed, written

TITLES = ("column_own_mean", "column_nation_at_risk")
MEANS = {"own": "mean_eur", "nation": "nation_at_risk_eur"}


def benchmark_page(amount: Amount, given: Given, views: EdsViews) -> Document | None:
    """Mean cost of an episode by component and by period, beside the nation's at the same risk.

    None without the views, or where no stratum has the episodes that a mean needs to be shown. Strata of fewer
    episodes are left out of every mean. Rule: EDS specification, benchmark of establishments.
    """
    components, left_out = _kept(views.components, amount.structure_id, given)
    periods, _ = _kept(views.periods, amount.structure_id, given)
    if components.empty or periods.empty:
        return None
    whole = _blended(components)
    sections = [
        _summary_section(components, whole, left_out, given),
        _section("components", whole, given),
        _section("periods", _blended(periods), given),
        *_strata_sections(components, given),
    ]
    page = Document(
        title=given.say("benchmark_title", year=str(amount.year)),
        subtitle=given.subtitle(amount.structure_id),
        language=given.language,
        sections=tuple(sections),
        notes=given.notes(),
    )
    return given.explained(page)


def _kept(frame: pd.DataFrame | None, structure_id: str, given: Given) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows of an establishment in strata whose mean may be shown, and the names of the others.

    A stratum that the statement masks is left out: with its total, a mean would tell how many episodes are in it.
    """
    if frame is None:
        return pd.DataFrame(), ()
    own = frame[frame["establishment_id"] == structure_id]
    counts = own.drop_duplicates(CELL)[[*CELL, "episodes"]]
    is_hidden = pd.Series(_hidden(counts["episodes"].astype(int).tolist(), given), index=counts.index, dtype=bool)
    names = [stratum_name(row, given) for row in counts[is_hidden].to_dict("records")]
    kept = own.merge(counts.loc[~is_hidden, CELL], on=CELL, how="inner", validate="m:1")
    return kept, tuple(names)


def _hidden(counts: list[int], given: Given) -> list[bool]:
    """Whether each stratum is masked where all of them and their total are shown."""
    if not counts:
        return []
    cells = [[count] for count in [*counts, *([sum(counts)] if len(counts) > 1 else [])]]
    masked = suppressed(cells, given.small_cell_min, has_total_row=len(counts) > 1)
    return [row[0] for row in masked[: len(counts)]]


def _blended(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over strata, each weighted by the episodes of the establishment: its own, the nation's at its mix."""
    episodes = int(rows.drop_duplicates(CELL)["episodes"].sum())
    sums = {
        name: (rows[column] * rows["episodes"]).groupby(rows["part"], sort=False).sum() / episodes
        for name, column in MEANS.items()
    }
    return pd.DataFrame(sums).rename_axis("part").reset_index()


def _summary_section(rows: pd.DataFrame, whole: pd.DataFrame, left_out: tuple[str, ...], given: Given) -> Section:
    own, nation = (round(Decimal(repr(float(whole[name].sum()))), 2) for name in MEANS)
    episodes = int(rows.drop_duplicates(CELL)["episodes"].sum())
    figures = (
        KeyFigure(given.say("column_episodes"), Value(episodes, "count"), given.say("benchmark_episodes_note")),
        KeyFigure(given.say("benchmark_own"), Value(own, "eur_whole"), given.say("benchmark_own_note")),
        KeyFigure(given.say("benchmark_nation"), Value(nation, "eur_whole"), given.say("benchmark_nation_note")),
        KeyFigure(
            given.say("column_difference"), Value(_signed(own - nation, given)), given.say("benchmark_difference_note")
        ),
    )
    told = [given.say("benchmark_told")]
    if left_out:
        told.append(given.say("benchmark_left_out", strata=listed(left_out, given.language)))
    return Section(given.say("benchmark_summary"), tuple(told), figures)


def _signed(value: Decimal, given: Given) -> str:
    return written(value, "eur_whole", given.language, signed=True)


def _section(kind: str, rows: pd.DataFrame, given: Given) -> Section:
    table, shown = _table(f"benchmark_{kind}", rows, given), _shown(rows)
    told = listed(
        (
            given.say(
                "benchmark_alt_part",
                part=given.name_of(str(row["part"])),
                **{name: written(_eur(row[name]), "eur_whole", given.language) for name in MEANS},
            )
            for row in shown.to_dict("records")
        ),
        given.language,
    )
    figure = Figure(
        name=f"benchmark_{kind}_pairs",
        kind="pairs",
        caption=given.say(f"benchmark_{kind}_figure"),
        alt=given.say("benchmark_alt", parts=told),
        table=table.name,
        unit="eur",
        series=tuple(
            Series(
                given.say(f"series_benchmark_{name}"),
                tuple(
                    Mark(given.name_of(str(part)), round(float(value), 2))
                    for part, value in zip(shown["part"], shown[name], strict=True)
                ),
            )
            for name in MEANS
        ),
    )
    return Section(given.say(f"benchmark_{kind}"), tables=(table,), figures=(figure,))


def _strata_sections(rows: pd.DataFrame, given: Given) -> list[Section]:
    """Components of each programme and sector; none where there is one only, which is the whole."""
    keys = rows[CELL].drop_duplicates().to_dict("records")
    if len(keys) < 2:
        return []
    tables = []
    for place, key in enumerate(keys, start=1):
        own = rows[(rows[CELL[0]] == key[CELL[0]]) & (rows[CELL[1]] == key[CELL[1]])]
        named = own.rename(columns={column: name for name, column in MEANS.items()})
        table = _table(f"benchmark_stratum_{place}", named, given, titles=("column_own_short", "column_nation_short"))
        tables.append(replace(table, caption=stratum_name(key, given), is_fine=True))
    return [Section(given.say("benchmark_strata"), tables=tuple(tables))]


def _table(name: str, rows: pd.DataFrame, given: Given, *, titles: tuple[str, str] = TITLES) -> Table:
    """Own, nation, difference and its share of each part that somebody spends on, and their total."""
    columns = (
        Column("part", given.say("column_part")),
        Column("own", given.say(titles[0]), "eur_cents"),
        Column("nation", given.say(titles[1]), "eur_cents"),
        Column("difference", given.say("column_difference"), "eur_cents", is_signed=True),
    )
    shown = _shown(rows)
    parts = zip(shown["part"], _cents(shown["own"]), _cents(shown["nation"]), strict=True)
    lines = [(given.name_of(str(part)), own, nation) for part, own, nation in parts]
    own = sum(line[1] for line in lines)
    nation = sum(line[2] for line in lines)
    full = tuple((*line, line[1] - line[2]) for line in [*lines, (given.say("total"), own, nation)])
    return Table(name, given.say("benchmark_caption"), columns, full, has_total=True)


def _cents(values: pd.Series) -> list[int]:
    """Cents that add up to the rounded sum, whatever the parts: each is what the rounded running sum moves by."""
    running = [round_cents(Decimal(repr(float(value)))) for value in values.cumsum()]
    return [now - before for now, before in zip(running, [0, *running], strict=False)]


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["own"] != 0) | (rows["nation"] != 0)]


def _eur(value: object) -> Decimal:
    return round(Decimal(repr(float(value))), 2)  # type: ignore[arg-type]
