"""The flow charts of a build of episodes, written as SVG and PNG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from features.episodes import load_programmes
from forfait.documents.flow_chart import flow_chart_figure, flow_chart_png, flow_chart_svg
from schemes.rulebook import rules


def write_flow_charts(
    flow: pd.DataFrame, folder: Path, programmes: Sequence[str], *, years: Sequence[int], language: str = "fr"
) -> list[Path]:
    """Paths written, two a programme; counts under the minimum of the rules of EDS are not shown.

    Errors: RuleError for a programme without a file, or years without rules.
    """
    minimum = rules("eds", on=date(max(years), 12, 31)).whole("small_cell_min")
    folder.mkdir(parents=True, exist_ok=True)
    span = "-".join(str(year) for year in sorted({min(years), max(years)}))
    written = []
    titles = {one.name: one.label_fr if language == "fr" else one.label_en for one in load_programmes(programmes)}
    for name, title in titles.items():
        figure = flow_chart_figure(
            flow, name, title=title, years=", ".join(str(year) for year in years), minimum=minimum, language=language
        )
        for kind, drawn in (("svg", flow_chart_svg(figure)), ("png", flow_chart_png(figure))):
            path = folder / f"{name}-{span}.{kind}"
            path.write_bytes(drawn)
            written.append(path)
    return written
