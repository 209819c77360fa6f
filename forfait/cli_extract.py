"""The command before `read` for those whose SNDS lies in a database: raw tables → Parquet, month by month."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forfait.console import frame_table, out, working
from forfait.options import years_between


def extract(
    source: Annotated[
        str, typer.Option(help="Database, as oracle://user:password@host:1521/service.", envvar="FORFAIT_SOURCE")
    ],
    snds: Annotated[Path, typer.Option(help="Folder to write: one file or folder per SNDS table.")],
    flux: Annotated[str, typer.Option(help="Months of flux of the claims, as in 2024-01..2024-12.")],
    years: Annotated[str, typer.Option(help="Years of the hospital tables (PMSI), as in 2022..2024.")],
    table_schema: Annotated[str | None, typer.Option(help="Schema (owner) of the tables; default: the user's.")] = None,
) -> None:
    """Raw SNDS tables of a database (Oracle, or another that Ibis reads) as the files that read takes.

    Only declared columns are asked for; what is there is not asked again, so that a stopped run goes on.

    Example: [bold]forfait extract --snds data/snds --flux 2024-01..2024-12 --years 2024..2024 --table-schema SNDS[/]
    """
    from features.engine import connect_source
    from features.snds.extract import Database, months_between
    from features.snds.extract import extract as bring

    with working("extract") as step:
        months, hospital = months_between(flux), years_between(years)
        found = bring(
            Database(connect_source(source), table_schema), snds, months=months, years=hospital, progress=step
        )
    out.print(frame_table(found, f"Raw tables in {snds}"))
