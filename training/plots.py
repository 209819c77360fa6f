"""Three pictures of a version, with French labels: calibration by decile, importance, SHAP summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

if TYPE_CHECKING:
    from training.train import TrainingResult

INK, BLUE, ORANGE, GREY = "#1d2733", "#1f5f99", "#c4601d", "#c9d1d9"
SHOWN = 20
FRENCH = FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−").replace(".", ","))
LABEL_LENGTH = 58
WORDS_FR = {
    "EUR per year": ("patients", "Euros par patient et par an", "euros par an"),
    "EUR per episode": ("épisodes", "Euros par épisode", "euros par épisode"),
}
"""Of a card's unit: what is counted, the axis of amounts, the unit of contributions."""


def pictures(result: TrainingResult) -> dict[str, Figure]:
    """File name without suffix -> figure."""
    return {
        "calibration_by_decile": calibration(result),
        "importance": importance(result),
        "shap_summary": shap_summary(result),
    }


def calibration(result: TrainingResult) -> Figure:
    """Mean observed (with the 95 % interval of the ratio) and expected euros by decile of expectation, test year."""
    ratios = result.test.ratios
    deciles = ratios[ratios["group"] == "decile"]
    place = np.arange(len(deciles))
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    observed, expected = deciles["observed_eur"].to_numpy(), deciles["expected_eur"].to_numpy()
    # the interval is that of expected / observed: expected / ratio is observed again
    ends = np.abs(np.stack([expected / deciles["high"], expected / deciles["low"]]) - observed)
    axes.bar(place, expected, color=GREY, width=0.7, label="attendu (modèle)")
    axes.errorbar(place, observed, yerr=ends, fmt="o", color=BLUE, capsize=4, label="observé, intervalle à 95 %")
    for x, top, ratio in zip(place, np.maximum(observed + ends[1], expected), deciles["ratio"], strict=True):
        text = f"{ratio:.2f}".replace(".", ",")
        axes.annotate(text, (x, top), (0, 4), textcoords="offset points", ha="center", fontsize=9, color=INK)
    axes.set_xticks(place, [str(int(level)) for level in deciles["level"]])
    axes.set_xlabel("Décile de dépense attendue (1 : la plus faible)")
    axes.yaxis.set_major_formatter(FRENCH)
    axes.set_ylabel(_words(result)[1])
    axes.legend(loc="upper left", frameon=False)
    _titled(figure, result, "Calage par décile", f"rapport attendu / observé au-dessus, test {result.card.test_year}")
    return figure


def importance(result: TrainingResult) -> Figure:
    """Mean absolute contribution in euros of the features that count most."""
    shown = result.importance.head(SHOWN)[::-1]
    figure = Figure(figsize=(9, 0.32 * len(shown) + 1.4), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([_short(label) for label in shown["label_fr"]], shown["mean_absolute_eur"], color=BLUE)
    axes.bar_label(
        bars, [f"{euros:.2f}".replace(".", ",") for euros in shown["mean_absolute_eur"]], padding=3, fontsize=8
    )
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter(FRENCH)
    axes.set_xlabel(f"Contribution moyenne en valeur absolue ({_words(result)[2]})")
    axes.tick_params(axis="y", labelsize=8)
    _titled(
        figure, result, "Ce qui compte dans la dépense attendue", f"{len(result.sample)} {_words(result)[0]} de test"
    )
    return figure


def shap_summary(result: TrainingResult) -> Figure:
    """SHAP's summary (beeswarm) of contributions in euros, on a sample of test patients."""
    import shap
    from matplotlib import pyplot

    shown_by = matplotlib.get_backend()
    matplotlib.use("Agg")

    labels = [_short(feature.label_fr) for feature in result.card.features]
    shown = pd.DataFrame(result.sample, columns=labels)
    pyplot.figure()
    generator = np.random.default_rng(0)
    shap.summary_plot(
        result.explained[:, 1:-1], shown, max_display=SHOWN, show=False, plot_size=(10, 7), rng=generator,
        color_bar_label="Valeur de la caractéristique",
    )  # fmt: skip
    figure = pyplot.gcf()
    pyplot.close(figure)
    matplotlib.use(shown_by)  # a notebook goes on showing its own figures
    figure.axes[0].xaxis.set_major_formatter(FRENCH)
    figure.axes[0].set_xlabel(f"Contribution SHAP à la dépense attendue ({_words(result)[2]})")
    figure.axes[0].tick_params(axis="both", labelsize=9)
    figure.axes[0].xaxis.label.set_fontsize(10)
    figure.axes[-1].set_yticklabels(["faible", "élevée"], fontsize=9)
    figure.axes[-1].yaxis.label.set_fontsize(10)
    _titled(figure, result, "Contributions par patient", f"{len(result.sample)} {_words(result)[0]} de test")
    return figure


def _words(result: TrainingResult) -> tuple[str, str, str]:
    return WORDS_FR[result.card.unit]


def _titled(figure: Figure, result: TrainingResult, title: str, detail: str) -> None:
    card = result.card
    name = f"{result.recipe.title_fr}, version {card.version}"
    axes = figure.axes[0]
    axes.set_title(f"{title}\n{name} ; {detail}", loc="left", fontsize=11, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH else label[: LABEL_LENGTH - 1].rstrip() + "…"
