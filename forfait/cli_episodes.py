"""The command of the episodes of care (EDS): cohort, costs, outcomes and pictures; and every euro of one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError
from forfait.console import frame_table, out, working
from forfait.options import DATA, ENGINE, Data, Engine, Memory, connected, years_between

What = Annotated[list[str] | None, typer.Argument(help="Nothing, or: trace EPISODE.")]
Years = Annotated[str | None, typer.Option(help="Years of exit: 2022..2023; with trace, default: all built.")]
Programmes = Annotated[
    str, typer.Option(help="Programmes, with commas (pth, ptg, colectomie, bariatrique); they replace those written.")
]
Policy = Annotated[
    str, typer.Option(help="Diagnoses of the index stay: whitelist (chronic conditions) or lookback_only (none).")
]
KnownBefore = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only lines loaded before this day; default: all.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="Another value for a parameter: pth.post_days=75 (repeat --set).")
]
To = Annotated[
    Path | None,
    typer.Option(help="Folder written; default: the data folder, or sensitivity/ in it with --set."),
]
Csv = Annotated[Path | None, typer.Option("--csv", help="With trace: CSV of the lines, every column.")]
Language = Annotated[str, typer.Option(help="Language of the pictures: fr or en.")]


def episodes(
    what: What = None,
    years: Years = None,
    programmes: Programmes = "pth,ptg,colectomie",
    index_dx_policy: Policy = "whitelist",
    known_before: KnownBefore = None,
    changes: Changes = None,
    to: To = None,
    csv: Csv = None,
    language: Language = "fr",
    data: Data = DATA,
    engine: Engine = ENGINE,
    memory: Memory = None,
) -> None:
    """Episodes of surgery (EDS): who is in and why not, what was spent around them, by whom; or the euros of one.

    Example: [bold]forfait episodes --years 2022..2023[/]

    Example: [bold]forfait episodes --years 2023 --set pth.post_days=75 --set pth.pre_days=30[/]

    Example: [bold]forfait episodes trace pth-MCO-2023-750000001-0000000012 --csv lines.csv[/]
    """
    from features.episodes import build_episodes

    if what and what[0] == "trace" and len(what) == 2:
        _trace(data, what[1], years=_years(years), csv=csv)
        return
    _check_asked(what, years, language)
    names = [name.strip() for name in programmes.split(",") if name.strip()]
    overrides, chosen = _overrides(changes or (), names), list(years_between(years or ""))
    folder = to or (data / "sensitivity" / _name(changes) if changes else data)
    with working(f"episodes {years}") as step:
        build_episodes(
            connected(engine, memory), data, chosen, programmes=names, overrides=overrides, to=folder, progress=step,
            index_dx_policy=index_dx_policy, known_before=known_before.date() if known_before else None,
        )  # fmt: skip
    _show(folder, chosen, names, language=language)
    if folder != data:
        _compare(data, folder, chosen, names)


def _check_asked(what: list[str] | None, years: str | None, language: str) -> None:
    """Errors: InputError for words that no command takes, no years, or a language without pictures."""
    if what or not years:
        raise InputError("give the years (forfait episodes --years 2022..2023), or: forfait episodes trace EPISODE")
    if language not in ("fr", "en"):
        raise InputError(f"--language {language!r}: give fr or en")


def _show(folder: Path, years: Sequence[int], programmes: Sequence[str], *, language: str) -> None:
    """Print the flow chart and the mean costs of each programme; write its picture."""
    from forfait.episodes_pictures import write_flow_charts
    from forfait.episodes_view import amounts_right, cost_table, episodes_of, flow_of, flow_table

    flow, final = flow_of(folder, years), episodes_of(folder, years)
    told = ", ".join(str(year) for year in years)
    for name in dict.fromkeys(programmes):
        chart, costs = flow_table(flow, name), cost_table(final, name)
        out.print(amounts_right(frame_table(chart, f"{name} {told}: stays, each reason counted on its own")))
        out.print(amounts_right(frame_table(costs, f"{name} {told}: mean euros")))
    still_open = int((~final["is_complete"]).sum())
    if still_open:
        out.print(f"{still_open:,} episodes whose window is not over in the years read, left out of the means")
    written = write_flow_charts(flow, folder / "flow_charts", programmes, years=years, language=language)
    out.print(f"{len(final):,} episodes in {folder}, flow charts in {written[0].parent}")


def _compare(data: Path, folder: Path, years: Sequence[int], programmes: Sequence[str]) -> None:
    """Print what a sensitivity run changes beside the episodes of the data folder, where these are there."""
    from forfait.episodes_view import amounts_right, built_in, change_table, episodes_of

    if built_in(data, years):
        before, now = (episodes_of(where, years) for where in (data, folder))
        frame = change_table(before[before["programme"].isin(programmes)], now)
        out.print(amounts_right(frame_table(frame, f"beside the episodes of {data}: mean in scope")))


def _trace(data: Path, episode: str, *, years: Sequence[int] | None, csv: Path | None) -> None:
    """Print every euro of an episode with its rule, and that they add up."""
    from features.episodes import trace
    from forfait.episodes_view import amounts_right, episode_row, line_table, rule_table, totals_table

    lines = trace(data, episode, years=years)
    row = episode_row(data, episode, years)
    totals = totals_table(lines, row)
    day = {name: str(row[name])[:10] for name in ("window_start", "window_end", "intervention_date", "entry_date")}
    out.print(amounts_right(frame_table(line_table(lines), f"{episode}: {len(lines)} lines, EUR")))
    out.print(amounts_right(frame_table(rule_table(lines), "rules that decided, first match first")))
    out.print(amounts_right(frame_table(totals, "added up, to the cent")))
    out.print(
        f"{row['programme']}, {row['sector']}, entry {day['entry_date']}, intervention {day['intervention_date']}, "
        f"window {day['window_start']} to {day['window_end']}"
    )
    if csv:
        lines.to_csv(csv, index=False)
        out.print(f"lines in {csv}")


def _years(text: str | None) -> list[int] | None:
    return list(years_between(text)) if text else None


def _overrides(changes: Sequence[str], programmes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Parameters by programme of "pth.post_days=75". Errors: InputError."""
    found: dict[str, dict[str, str]] = {}
    for text in changes:
        target, sign, value = text.partition("=")
        programme, dot, key = target.partition(".")
        if not (sign and dot and key):
            raise InputError(f"--set {text!r}: write programme.parameter=value, as in pth.post_days=75")
        if programme not in programmes:
            raise InputError(f"--set {text!r}: {programme} is not in --programmes ({', '.join(programmes)})")
        found.setdefault(programme, {})[key] = value
    return found


def _name(changes: Sequence[str] | None) -> str:
    """A folder name of the changes, without the sign that the engines read as a partition."""
    return re.sub(r"[^\w.,-]+", "-", ",".join(changes or ()))


EPISODE_COMMANDS = (episodes,)
