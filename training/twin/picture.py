"""The picture of a twin beside its model, from the record alone: bands of patients, never one of them."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from training.evaluation.pictures import BLUE, PALE, QUIET, SETTINGS
from training.evaluation.wording import number
from training.pages import inline_svg
from training.twin.record import TwinRow
from training.twin.wording import texts


def twin_svg(row: TwinRow, language: str) -> str:
    """The twin's amounts against the model's, as an inline SVG, the same bytes for the same record."""
    words = texts(language)
    model, low, mean, high = (
        np.array(values) for values in (row.band_model_eur, row.band_low_eur, row.band_mean_eur, row.band_high_eur)
    )
    with matplotlib.rc_context(SETTINGS):
        canvas = Figure(figsize=(5.6, 3.6), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        top = float(max(model.max(), high.max()))
        axes.plot([0, top], [0, top], color=PALE, linewidth=1.2)
        axes.errorbar(model, mean, yerr=np.clip(np.stack([mean - low, high - mean]), 0, None), fmt="o",
                      color=BLUE, ecolor=QUIET, elinewidth=1, markersize=4)  # fmt: skip
        axes.set_xlabel(words["axis_model"])
        axes.set_ylabel(words["axis_twin"])
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0, language)))
        axes.spines[["top", "right"]].set_visible(False)
        return inline_svg(canvas, words["picture"])
