"""The command that balances a version on policy cells: what is feasible, before and after, a page; kept if asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import msgspec
import typer

from forfait.console import frame_table, out, working
from forfait.options import DATA, VERSIONS, Data, Judged, Language, Model, Versions, chosen_version, today

if TYPE_CHECKING:
    import pandas as pd

Cells = Annotated[
    str,
    typer.Option(
        "--cells",
        help="Cells to balance: age_class, sex, ald, ald_groups, c2s, diab, patientele_age, patientele, any feature "
        "(a number with bands: age=0-17,18-64,65+), or two crossed (ald*c2s).",
    ),
]
Version = Annotated[int | None, typer.Option(help="Version; default: the one in force today.")]
Fewest = Annotated[int, typer.Option(help="Cells of fewer patients are not corrected (never under 11).")]
Gap = Annotated[
    float, typer.Option(help="Share of the mean that a cell may truly be off; the smaller, the more is put to chance.")
]
Folds = Annotated[int, typer.Option(help="Folds of patients without which version and layer are fitted again.")]
Keep = Annotated[bool, typer.Option("--keep", help="Freeze the balanced model as a new version.")]
To = Annotated[Path | None, typer.Option(help="Folder of the page and tables; default: cells in the data folder.")]
SHOWN = (
    "cells",
    "level",
    "verdict",
    "why",
    "patients",
    "ratio",
    "low",
    "high",
    "net_eur",
    "credibility",
    "correction_eur",
)
BEFORE_AFTER = (
    "cells", "level", "patients", "ratio_before", "before_low", "before_high", "ratio_after", "after_low", "after_high",
)  # fmt: skip


def cells(
    model: Model,
    cells_on: Cells = "age_class,sex,ald,c2s,patientele",
    version: Version = None,
    year: Judged = None,
    fewest: Fewest = 100,
    believed_gap: Gap = 0.03,
    folds: Folds = 5,
    keep: Keep = False,
    language: Language = "fr",
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Balance by policy cells: what is feasible, cells and fit before and after, out of fold and out of time.

    Example: [bold]forfait cells peps_mg --version 1 --cells age_class,ald,c2s,diab[/]
    Kept: [bold]forfait cells peps_mg --version 1 --cells age_class,ald,c2s,diab --keep[/]
    """
    from training.cells import Rule, Wanted, balance_version, keep_version
    from training.cells.page import cells_html

    chosen = chosen_version(versions, model, version, on=None, today=today())
    rule = Rule(fewest, believed_gap)
    with working(f"cells {model}") as step:
        wanted = Wanted(model, chosen, cells_on, year, rule, folds)
        balanced = balance_version(data, versions, wanted, progress=step)
        report = balanced.report
        folder = to or data / "cells" / model / str(chosen) / str(report.year)
        tables = {name: frame_of(report, name) for name in ("feasibility", "unseen", "cells", "others", "fit")}
        page = _write(folder, tables, msgspec.json.encode(report), (cells_html(report, language), language))
        kept = keep_version(versions, balanced) if keep else None
    _print(tables, f"{model} version {chosen}, {report.year}")
    out.print(f"{page}")
    if kept is not None:
        told = "frozen, challenger" if kept.is_new else "was there already"
        out.print(f"{model} version {kept.card.version}: {told} (version {chosen} balanced on {cells_on})")


def frame_of(report: msgspec.Struct, name: str) -> pd.DataFrame:
    """Records of a field of a report as a table, its columns there without a row; a list is joined by spaces."""
    import pandas as pd

    (kind,) = {get_args(field.type)[0] for field in msgspec.structs.fields(report) if field.name == name}
    rows = [[_flat(value) for value in msgspec.structs.astuple(row)] for row in getattr(report, name)]
    return pd.DataFrame(rows, columns=[field.name for field in msgspec.structs.fields(kind)])


def _flat(value: object) -> object:
    return " ".join(value) if isinstance(value, tuple) else value


def _write(folder: Path, tables: dict[str, pd.DataFrame], record: bytes, page: tuple[str, str]) -> Path:
    """The page written, beside the tables (CSV) and the record (JSON)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "cells.json").write_bytes(msgspec.json.format(record, indent=2))
    path = folder / f"cells.{page[1]}.html"
    path.write_text(page[0], encoding="utf-8")
    return path


def _print(tables: dict[str, pd.DataFrame], title: str) -> None:
    """Feasibility, refusals, cells before and after out of time, fit."""
    if len(tables["feasibility"]):
        out.print(frame_table(tables["feasibility"][list(SHOWN)], f"{title}: what is feasible (out of fold)"))
        after = tables["cells"].query("sample == 'out_of_time'")
        out.print(frame_table(after[list(BEFORE_AFTER)], f"{title}: expected / observed before and after, out of time"))
        out.print(frame_table(tables["fit"], f"{title}: fit"))
    if len(tables["unseen"]):
        refused = tables["unseen"][["cells", "level", "patients", "net_eur", "told_share", "moved_eur", "nearest"]]
        out.print(frame_table(refused, f"{title}: refused, no feature of the model sees them"))


CELL_COMMANDS = (cells,)
