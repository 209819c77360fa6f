"""The command of establishments under EDS: episodes still open, and the next reconciliation as it looks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from forfait.cli_pages import Language, To
from forfait.console import frame_table, out, working
from forfait.options import DATA, ENGINE, VERSIONS, Data, Engine, Memory, Structure, Versions, connected


def watch(
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day: care given by then is known, no more.")],
    structure: Structure = None,
    language: Language = "fr",
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
    engine: Engine = ENGINE,
    memory: Memory = None,
) -> None:
    """Open episodes against their target, and the forecast of the next reconciliation; page and list by establishment.

    The page names no patient; the list (CSV) does, and is for the establishment alone.

    Example: [bold]forfait watch --on 2023-06-30[/]
    """
    from forfait.paying.sources import sources_in
    from forfait.paying.statements import check_language
    from forfait.paying.watch import watch_on, watch_table, whole_euros, write_watch

    check_language(language)
    day = on.date()
    folder = to or data / "statements" / "eds" / f"watch-{day}"
    with working(f"watch {day}") as step:
        found = watch_on(sources_in(connected(engine, memory), data, versions), day)
        written = write_watch(found, structure=structure, language=language, folder=folder, progress=step)
    told = watch_table(found, structure).set_index("structure_id")
    euros = [name for name in told if str(name).endswith("_cents")]
    out.print(frame_table(told.drop(columns=euros).reset_index(), f"Open episodes on {day}"))
    out.print(frame_table(whole_euros(told[euros].reset_index()), f"Open episodes, and {day.year} as it looks"))
    out.print(f"{len(written)} files in {folder}")


WATCH_COMMANDS = (watch,)
