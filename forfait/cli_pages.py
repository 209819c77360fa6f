"""The commands of the schemes that tell and try: estimates, statements, simulations."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError
from forfait.console import frame_table, out, working
from forfait.options import DATA, All, Data, Kind, Scheme, Structure, Year, one_or_all

Language = Annotated[str, typer.Option(help="Language of the pages: fr or en.")]
To = Annotated[Path | None, typer.Option(help="Folder of the pages; default: statements in the data folder.")]
Page = Annotated[bool, typer.Option(help="Write the page that compares the payment with each change.")]
ListGrowth = Annotated[float | None, typer.Option(help="The list grows by this share: 0.1 is ten per cent.")]
Fidelisation = Annotated[float | None, typer.Option(help="Share of in-scope care given by the team, 0 to 1.")]
Patientele = Annotated[str | None, typer.Option(help="DIAB, AGE or TOT.")]
RulesOn = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Under the rules in force on this day.")]
Parameters = Annotated[list[str] | None, typer.Option(help="A parameter of the rules: cap_over_ffs=0.10.")]


def statement(
    scheme: Scheme,
    year: Year,
    structure: Structure = None,
    everyone: All = False,
    kind: Kind = "final",
    language: Language = "fr",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Cash flow as it could be foreseen on this day.")
    ] = None,
    episode: Annotated[str | None, typer.Option(help="EDS: explain the forfait of this episode, for an audit.")] = None,
    to: To = None,
    data: Data = DATA,
) -> None:
    """The pages of a structure: amount or refusal, settlement, leakage, cash flow, quality; HTML, PDF and CSV.

    Example: [bold]forfait statement peps --year 2024 --all[/]
    """
    from forfait.paying.statements import write_episode, write_statements

    folder = to or data / "statements" / scheme / str(year)
    if episode is not None:
        check_episode(scheme, episode, structure, everyone)
        written = write_episode(data, year, episode, kind=kind, language=language, folder=folder)
        out.print(f"{len(written)} files in {folder}")
        return
    one_or_all(structure, everyone, what="whose statement")
    with working(f"statement {scheme} {year}") as step:
        written = write_statements(
            data,
            scheme,
            year,
            kind=kind,
            structure=structure,
            language=language,
            folder=folder,
            as_of=as_of.date() if as_of else None,
            progress=step,
        )
    out.print(f"{len(written)} files in {folder}")


def check_episode(scheme: str, episode: str, structure: str | None, everyone: bool) -> None:
    """None where an episode can be explained. Errors: InputError for another scheme, or a structure beside it."""
    if scheme != "eds":
        raise InputError(f"--episode {episode} is of eds; {scheme} has no episodes")
    if structure or everyone:
        raise InputError("--episode explains one episode: leave --structure and --all out")


def estimate(
    scheme: Scheme,
    year: Year,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="What was loaded before this day is known.")],
    data: Data = DATA,
) -> None:
    """What the structures can expect for a year under way: care completed from what is known, with a 90 % interval.

    Example: [bold]forfait estimate peps --year 2024 --as-of 2024-10-01[/]
    """
    from forfait.paying.estimate import estimate_year
    from forfait.paying.show import cents_columns

    with working(f"estimate {scheme} {year}"):
        frame = estimate_year(data, scheme, year, as_of=as_of.date())
    out.print(frame_table(cents_columns(frame), f"{scheme} {year}, as of {as_of.date()}"))


def simulate(
    scheme: Scheme,
    year: Year,
    structure: Structure = None,
    everyone: All = False,
    list_growth: ListGrowth = None,
    fidelisation: Fidelisation = None,
    patientele: Patientele = None,
    rules_on: RulesOn = None,
    parameter: Parameters = None,
    page: Page = False,
    language: Language = "fr",
    to: To = None,
    kind: Kind = "final",
    data: Data = DATA,
) -> None:
    """What a kept payment would have been: a list that grows, another fidelisation, other rules, another patientele.

    Example: [bold]forfait simulate peps --year 2024 --all --fidelisation 0.8 --page[/]
    """
    from forfait.paying.comparisons import write_comparisons
    from forfait.paying.scenarios import Changes, simulate_year
    from forfait.paying.show import simulation_table

    one_or_all(structure, everyone, what="whose payment")
    day = rules_on.date() if rules_on else None
    changes = Changes(list_growth, fidelisation, patientele, day, tuple(parameter or ()))
    with working(f"simulate {scheme} {year}"):
        frame = simulate_year(data, scheme, year, kind=kind, changes=changes, structure=structure)
    out.print(simulation_table(frame, f"{scheme} {year}: {changes.told}"))
    if page:
        folder = to or data / "statements" / scheme / str(year)
        with working(f"simulate {scheme} {year}: pages"):
            write_comparisons(
                data, scheme, year, kind=kind, changes=changes, structure=structure, language=language, folder=folder
            )
        out.print(f"pages in {folder}")


PAGE_COMMANDS = (estimate, statement, simulate)
