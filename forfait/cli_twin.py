"""The commands that publish a version: its explainable twin (scorecard and grid), and its card in two languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from forfait.console import frame_table, out, working
from forfait.options import DATA, VERSIONS, Data, Judged, Language, Model, On, Version, Versions, chosen_version, today

if TYPE_CHECKING:
    import pandas as pd

    from training.twin import Twin

KINDS = ("scorecard", "grid")
Kind = Annotated[str, typer.Option(help="What is published: scorecard (points added by hand) or grid (cells).")]
Terms = Annotated[int, typer.Option(help="Most terms of the scorecard: thresholds, illnesses, levels.", min=1, max=40)]
To = Annotated[Path | None, typer.Option(help="Folder written; default: beside the datasets, in the data folder.")]


def twin(
    model: Model,
    version: Version = None,
    on: On = None,
    year: Judged = None,
    kind: Kind = "scorecard",
    terms: Terms = 25,
    language: Language = "fr",
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """Something short that stands for a model: points to add by hand, or a grid, and what publishing it would cost.

    Example: [bold]forfait twin peps_mg --version 1 --year 2024[/]
    """
    from functools import partial

    from features.versions import read_version
    from forfait.paying.exports import fitted_grid
    from training.twin import Asked, make_twin
    from training.twin.wording import texts

    if kind not in KINDS:
        raise InputError(f"--kind {kind!r}: choose one of {', '.join(KINDS)}")
    words = texts(language)
    chosen = chosen_version(versions, model, version, on=on and on.date(), today=today())
    judged = year or read_version(versions, model, chosen)[0].test_year or 0
    asked = Asked(model, chosen, year=judged, terms=terms)
    with working(f"twin {model}") as step:
        found = make_twin(data, versions, asked, grid=partial(fitted_grid, year=judged), progress=step)
    folder = to or data / "twins" / model / str(chosen)
    written = _write(found, folder, kind, language)
    out.print(frame_table(fidelity_frame(found), f"{model} version {chosen}, {found.year}: twins beside the model"))
    out.print(words[found.beats_grid.verdict])
    out.print("\n".join(map(str, written)))


def _write(found: Twin, folder: Path, kind: str, language: str) -> list[Path]:
    """The page, the table to publish and the record, written."""
    from training.twin import encode_twin
    from training.twin.page import twin_html
    from training.twin.tables import cells_frame, points_frame

    frame = points_frame(found) if kind == "scorecard" else cells_frame(found)
    files = {
        f"{found.year}.{kind}.{language}.html": twin_html(found, kind, language).encode(),
        f"{found.year}.{kind}.csv": frame.to_csv(index=False).encode(),
        f"{found.year}.json": encode_twin(found),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def fidelity_frame(found: Twin) -> pd.DataFrame:
    """How close each twin is to the model, and R² and CPM of each against observed spending."""
    import pandas as pd

    of = {row.model: row for row in found.rivals}
    near = {row.kind: (row.figures, row.fidelity.r2, row.fidelity.within_10, row.fidelity.moved_share)
            for row in found.twins}  # fmt: skip
    rows = [
        (name if name in near else "model", *near.get(name, (None, 1.0, 1.0, 0.0)), of[name].r2, of[name].cpm)
        for name in (found.model, *near)
    ]
    columns = ["", "figures", "R² of model", "within 10 %", "euros moved", "R²", "CPM"]
    return pd.DataFrame(rows, columns=columns).astype({"figures": "Int64"})


def card(
    model: Model,
    version: Version = None,
    on: On = None,
    language: Annotated[str | None, typer.Option(help="fr or en; default: both.")] = None,
    to: To = None,
    data: Data = DATA,
    versions: Versions = VERSIONS,
) -> None:
    """The model card of a version: what it is for, made of and worth, who decided it; a page and Markdown.

    Example: [bold]forfait card peps_mg --version 1[/]
    """
    from training.cards import card_html, card_markdown, known_of_version
    from training.evaluation.wording import LANGUAGES

    chosen = chosen_version(versions, model, version, on=on and on.date(), today=today())
    with working(f"card {model}"):
        known = known_of_version(data, versions, model, chosen)
        pages = {
            f"card.{one}.{suffix}": render(known, one)
            for one in ((language,) if language else LANGUAGES)
            for suffix, render in (("html", card_html), ("md", card_markdown))
        }
    folder = to or data / "cards" / model / str(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    out.print("\n".join(str(folder / name) for name in pages))
    if known.evaluation is None:
        out.print(f"not evaluated: {known.evaluate_command} fills the sections that say so")


TWIN_COMMANDS = (twin, card)
