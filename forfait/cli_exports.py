"""The commands that give something away: the grid of a model, the split of a forfait, the control of bricks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError
from forfait.cli_twin import TWIN_COMMANDS
from forfait.console import frame_table, out, working
from forfait.options import (
    DATA,
    ENGINE,
    VERSIONS,
    Data,
    Engine,
    Model,
    Scheme,
    Version,
    Versions,
    Year,
    connected,
    today,
)

Professionals = Annotated[
    Path, typer.Argument(help="CSV: professional_id, patients, acts, hours; empty where not known.")
]
Mix = Annotated[list[str] | None, typer.Option(help="Weights of a mix: list=0.5 acts=0.3 time=0.2 (repeat --mix).")]
Folder = Annotated[Path | None, typer.Option(help="Folder to write; default: beside the run of the payment.")]
To = Annotated[Path | None, typer.Option(help="CSV to write; default: in the data folder.")]


def grid(
    model: Model,
    year: Year,
    version: Version = None,
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
    engine: Engine = ENGINE,
) -> None:
    """A model as a grid of at most 200 cells that anyone can read, with its fidelity to the model.

    Example: [bold]forfait grid peps_mg --year 2024[/]
    """
    from datetime import date

    from forfait.options import chosen_version
    from forfait.paying.exports import grid_of
    from forfait.paying.sources import sources_in

    on = None if version else date(year, 1, 1)
    chosen = chosen_version(versions, model, version, on=on, today=today())
    sources = sources_in(connected(engine, None), data, versions)
    with working(f"grid {model} {year}"):
        cells = grid_of(sources, model, chosen, year)
    path = to or data / f"grid-{model}-{chosen}-{year}.csv"
    cells.to_csv(path, index=False)
    out.print(frame_table(cells.head(20), f"{model} version {chosen}, {year}: the first cells"))
    out.print(f"{len(cells)} cells, fidelity (R² against the model) {cells['fidelity'].iloc[0]:.3f}, in {path}")


def split(
    scheme: Scheme,
    professionals: Professionals,
    year: Year,
    structure: Annotated[str, typer.Option(help="Structure whose amount is shared.")],
    mix: Mix = None,
    data: Data = DATA,
) -> None:
    """A collective forfait shared among the professionals of a structure, by list, acts, time and a mix: a proposal.

    Example: [bold]forfait split peps team.csv --year 2024 --structure STR001 --mix list=0.6 --mix acts=0.4[/]
    """
    from forfait.paying.exports import split_of
    from forfait.paying.show import cents_columns

    weights = dict(_weight(text) for text in mix or ())
    frame = split_of(data, scheme, year, structure=structure, professionals=professionals, mix=weights)
    out.print(frame_table(cents_columns(frame), f"{scheme} {year}, {structure}: the forfait shared"))


def upcoding(year: Year, data: Data = DATA) -> None:
    """Bricks declared by the doctors (IPSO) against what the claims show, with the euros at stake.

    Example: [bold]forfait upcoding --year 2024[/]
    """
    from forfait.paying.exports import upcoding_of
    from forfait.paying.show import cents_columns

    with working(f"upcoding {year}"):
        frame = upcoding_of(data, year)
    out.print(frame_table(cents_columns(frame), f"ipso {year}: bricks declared and bricks shown by the claims"))


def bundles(year: Year, to: Folder = None, data: Data = DATA) -> None:
    """The prices of EDS by programme and sector, the forfait of every episode paid, and how prices moved: CSV files.

    Example: [bold]forfait bundles --year 2023[/]
    """
    from forfait.paying.eds_exports import CHANGES, FORFAITS, PRICES, write_bundles
    from forfait.paying.eds_show import prices_table

    with working(f"bundles {year}"):
        folder, frames = write_bundles(data, year, folder=to)
    out.print(prices_table(frames[PRICES], f"eds {year}: prices"))
    if CHANGES in frames:
        out.print(frame_table(frames[CHANGES], f"eds {year}: prices beside those of {year - 1}"))
    else:
        out.print(f"no payment of {year - 1} to compare prices with")
    out.print(f"{len(frames[FORFAITS])} forfaits, {', '.join(f'{name}.csv' for name in frames)} in {folder}")


def _weight(text: str) -> tuple[str, str]:
    method, sign, weight = text.partition("=")
    if not sign:
        raise InputError(f"--mix {text!r}: write method=weight, as in list=0.6")
    return method, weight


EXPORT_COMMANDS = (grid, split, upcoding, bundles, *TWIN_COMMANDS)
