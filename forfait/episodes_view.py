"""Episodes on the terminal: flow chart and mean costs of a build, euros of one episode; and the build's pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.table import Table

from features.errors import InputError
from features.store import read_dataset, years_written
from features.tables import EPISODE_FLOW, EPISODES
from features.tables.episodes import COMPONENTS, EXCLUSIONS

SECTORS = ("public", "private")
AMOUNTS = (
    "received", "revalued", "share", "counted", "EUR", "episodes", "change", "alone", *SECTORS, "all",
)  # fmt: skip
STEPS = {"candidates": "stays with the GHM root or an act of the programme", "final": "episodes kept"}
ALL_CARE, IN_SCOPE = "cost_total_allcause_cents", "cost_in_scope_cents"


def flow_of(data: Path, years: Sequence[int]) -> pd.DataFrame:
    """Rows of EPISODE_FLOW, the stays of the years added. Errors: MissingError where a year was not built."""
    every = pd.concat([read_dataset(None, EPISODE_FLOW, data, year) for year in years], ignore_index=True)
    return every.groupby(["programme", "order", "step"], sort=False, as_index=False)[["stays", "only_reason"]].sum()


def flow_table(flow: pd.DataFrame, programme: str) -> pd.DataFrame:
    """The flow chart of a programme in words, steps that concern a stay only; alone: stays with no other reason."""
    own = flow[(flow["programme"] == programme) & ((flow["stays"] > 0) | flow["step"].isin(list(STEPS)))]
    own = own.sort_values("order")
    words = {**EXCLUSIONS, **STEPS}
    alone = ["" if row.step in STEPS else f"{row.only_reason:,}" for row in own.itertuples()]
    return pd.DataFrame(
        {"step": own["step"], "stays": own["stays"], "alone": alone, "meaning": [words[step] for step in own["step"]]}
    )


def episodes_of(data: Path, years: Sequence[int]) -> pd.DataFrame:
    """Final episodes of the years. Errors: MissingError where a year was not built."""
    every = pd.concat([read_dataset(None, EPISODES, data, year) for year in years], ignore_index=True)
    return every[every["is_final"]].reset_index(drop=True)


def cost_table(episodes: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Mean euros of the final episodes of a programme, by component and sector, at the tariffs of its campaign.

    Rounded to the euro. Episodes whose window is not over in the years read are left out.
    """
    own = episodes[(episodes["programme"] == programme) & episodes["is_complete"]]
    parts = {sector: own[own["sector"] == sector] for sector in SECTORS} | {"all": own}
    names = {**{name: f"cost_{name}_cents" for name in COMPONENTS}, "in scope": IN_SCOPE, "all care": ALL_CARE}
    columns = {
        sector: [f"{len(part):,}", *(_mean(part[column]) for column in names.values())]
        for sector, part in parts.items()
    }
    return pd.DataFrame({"component": ["episodes", *names], **columns})


def _mean(cents: pd.Series) -> str:
    return f"{cents.astype('int64').sum() / 100 / len(cents):,.0f}" if len(cents) else ""


def change_table(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Episodes and mean euros in scope of each programme and sector, in the data folder and in a sensitivity run."""
    parts = []
    for name, frame in (("before", before), ("now", after)):
        grouped = frame[frame["is_complete"]].groupby(["programme", "sector"])[IN_SCOPE]
        parts.append(pd.DataFrame({f"episodes {name}": grouped.size(), f"EUR {name}": grouped.mean() / 100}))
    joined = parts[0].join(parts[1], how="outer")
    change = joined["EUR now"] / joined["EUR before"] - 1
    shown = joined.apply(lambda column: column.map(_written))
    return shown.assign(change=change.map(lambda part: "" if pd.isna(part) else f"{part:+.1%}")).reset_index()


def _written(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.2f}" if value % 1 else f"{value:,.0f}"


def amounts_right(table: Table) -> Table:
    """The table with its columns of amounts written as text set to the right, and long keys on several lines."""
    for column in table.columns:
        column.overflow = "fold"
        if str(column.header).split()[0] in AMOUNTS:
            column.justify = "right"
    return table


def built_in(data: Path, years: Sequence[int]) -> bool:
    """Whether every year of episodes lies in the folder."""
    return set(years) <= set(years_written(EPISODES, data))


def line_table(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of `features.episodes.trace` for the eye: days, source row, euros at each step, number of the rule."""
    last = lines["end_date"].dt.strftime("%Y-%m-%d")
    first = lines["care_date"].dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "days": first.where(first == last, first + "\nto " + last),
            "source row": lines["source"] + "\n" + lines["source_key"],
            "received": lines["received_cents"].map(_euros),
            "revalued": lines["revalued_cents"].map(_euros) + "\nfrom " + lines["tariff_year"].astype(str),
            "share": lines["window_share"].map(lambda part: f"{part:.4g}"),
            "counted": lines["cents"].map(_euros),
            "component": lines["component"] + "\n" + lines["period"],
            "rule": lines["rule"].astype(str) + " " + lines["decision"],
        }
    )  # fmt: skip


def rule_table(lines: pd.DataFrame) -> pd.DataFrame:
    """The rules that decided the lines of an episode, in order: decision, meaning, source, lines and euros."""
    keys = ["rule", "decision", "meaning", "rule_source"]
    grouped = lines.groupby(keys, sort=True, as_index=False).agg(lines=("cents", "size"), cents=("cents", "sum"))
    told = grouped.rename(columns={"rule_source": "source"}).assign(EUR=grouped["cents"].map(_euros))
    return told[["rule", "decision", "meaning", "source", "lines", "EUR"]]


def totals_table(lines: pd.DataFrame, episode: Mapping[str, object]) -> pd.DataFrame:
    """Euros by component, then in scope and of all care: what the lines add up to and what the episode holds.

    Errors: InputError where they differ: the datasets are not of one build.
    """
    sums = lines.groupby("component")["cents"].sum()
    kept = {name: (int(sums.get(name, 0)), f"cost_{name}_cents") for name in COMPONENTS}
    kept["in scope"] = (int(lines.loc[lines["is_in_scope"], "cents"].sum()), IN_SCOPE)
    kept["all care"] = (int(lines["cents"].sum()), ALL_CARE)
    if wrong := [name for name, (cents, column) in kept.items() if cents != episode[column]]:
        raise InputError(f"episode_lines and episodes differ for {', '.join(wrong)}: run forfait episodes again")
    rows = [(name, _euros(cents)) for name, (cents, _) in kept.items() if cents or name in ("in scope", "all care")]
    rows.insert(-1, ("out of the perimeter", _euros(kept["all care"][0] - kept["in scope"][0])))
    return pd.DataFrame(rows, columns=["component", "EUR"])


def _euros(cents: int) -> str:
    return f"{int(cents) / 100:,.2f}"


def episode_row(data: Path, episode: str, years: Sequence[int] | None = None) -> dict[str, object]:
    """The row of EPISODES of an episode. Errors: InputError where no year searched has it."""
    for year in years or years_written(EPISODES, data):
        frame = read_dataset(None, EPISODES, data, year)
        if len(own := frame[frame["episode_id"] == episode]):
            return {str(name): value for name, value in own.iloc[0].items()}
    raise InputError("no episode of that name in the years searched; forfait episodes writes its identifiers")
