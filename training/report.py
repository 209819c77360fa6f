"""What a version is worth, as terminal tables, Markdown (the model card) and HTML (the demo's page)."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table

from features.feature import FAMILIES
from training.plots import calibration

if TYPE_CHECKING:
    from training.cards import Known
    from training.train import TrainingResult

GROUPS_FR = {"decile": "Décile de dépense attendue", "age_sex": "Âge × sexe", "ald": "ALD", "c2s": "C2S"}
MODELS_FR = {
    "lightgbm": "LightGBM (ce modèle)",
    "age_sex_mean": "Moyenne âge × sexe",
    "grid": "Grille âge × sexe × ALD × C2S × comorbidités",
    "ols": "Moindres carrés",
    "tweedie_glm": "GLM Tweedie",
}
LEVELS_FR = {"women": "femmes", "men": "hommes", "no ": "sans ", "unknown": "inconnu"}
IMPORTANT = 15


def result_frames(result: TrainingResult) -> dict[str, pd.DataFrame]:
    """Title -> table, in reading order, with French headings and figures as text."""
    return {
        f"Population ({', '.join(map(str, [*result.card.training_years, result.card.test_year]))})": _population(
            result
        ),
        f"Ajustement sur {result.card.test_year} (non vue), pondéré par l'exposition": _fit(result),
        "Écart de R² avec chaque référence (bootstrap apparié par patient, 95 %)": _differences(result),
        "Rapport dépense attendue / observée par groupe (bootstrap, 95 %)": _ratios(result),
        "Caractéristiques qui comptent le plus": _importance(result),
    }


def result_tables(result: TrainingResult) -> list[Table]:
    """Terminal tables of a result, the version first."""
    return tables_of(_title(result), _facts(result), result_frames(result))


def tables_of(title: str, facts: Mapping[str, str], frames: Mapping[str, pd.DataFrame]) -> list[Table]:
    """Terminal tables of facts and frames of text."""
    head = Table(title=title, title_justify="left", show_header=False)
    for name, value in facts.items():
        head.add_row(name, value)
    tables = [head]
    for title, frame in frames.items():
        table = Table(title=title, title_justify="left", header_style="bold")
        for number, name in enumerate(frame.columns):
            table.add_column(name, justify="right" if number and _is_numbers(frame[name]) else "left")
        for row in frame.itertuples(index=False):
            table.add_row(*row)
        tables.append(table)
    return tables


def result_markdown(result: TrainingResult, language: str = "fr") -> str:
    """The model card in Markdown, in French or English, with what the run has just measured.

    Errors: InputError for another language.
    """
    from training.cards import card_markdown  # with the whole evaluation behind it: seconds to import

    return card_markdown(known_of_result(result), language)


def known_of_result(result: TrainingResult) -> Known:
    """What a run knows of its version, for its card; it was not evaluated yet, and nobody has put it in force."""
    from training.cards import Known, Trained
    from training.cards.known import software

    test, card = result.test, result.card
    return Known(
        card=card,
        version_hash=result.scorer.hash,
        title_fr=result.recipe.title_fr,
        title_en=f"{card.model}, perimeter {card.perimeter}",
        counts=result.population,
        software=software(),
        trained=Trained(test.fit, test.differences, test.ratios, result.importance),
    )


def markdown_of(title: str, facts: Mapping[str, str], frames: Mapping[str, pd.DataFrame]) -> str:
    """Facts and frames of text in Markdown."""
    lines = [f"# {title}", "", *(f"* {name} : {value}" for name, value in facts.items()), ""]
    for title, frame in frames.items():
        lines += [f"## {title}", "", _markdown_row(frame.columns), _markdown_row(["---"] * len(frame.columns))]
        lines += [_markdown_row(row) for row in frame.itertuples(index=False)]
        lines.append("")
    return "\n".join(lines)


def result_html(result: TrainingResult) -> str:
    """HTML fragment (no script, no outside resource): facts, calibration as SVG, tables."""
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(result).items()
    )
    parts = [f"<h3>{escape(_title(result))}</h3>", f"<table>{facts}</table>", calibration_svg(result)]
    for title, frame in result_frames(result).items():
        heads = "".join(f"<th>{escape(name)}</th>" for name in frame.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in frame.itertuples(index=False)
        )
        parts.append(f"<h4>{escape(title)}</h4><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    return "\n".join(parts)


def calibration_svg(result: TrainingResult) -> str:
    """The calibration by decile as an inline SVG, the same text for the same result."""
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": result.scorer.hash, "svg.fonttype": "none"}):
        calibration(result).savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("<svg", '<svg role="img" aria-label="Calage par décile"', 1)


def _title(result: TrainingResult) -> str:
    return f"{result.recipe.title_fr} : {result.card.model}, version {result.card.version}"


def _facts(result: TrainingResult) -> dict[str, str]:
    card, population = result.card, result.card.population
    return {
        "Empreinte": result.scorer.hash,
        "Unité": card.unit,
        "Périmètre": card.perimeter,
        "Objectif": f"{card.objective}, lien {card.link}, {card.parameters['trees']} arbres",
        "Plafond à l'apprentissage": f"{number_fr(card.cap_eur, 2)} € (quantile {number_fr(card.cap_quantile, 4)})",
        "Coefficient de calage": f"{number_fr(card.balance_factor, 6)}, après calage par cellules de : "
        f"{card.parameters['balance_on']}",
        "Plancher": "aucun" if card.floor_eur is None else f"{number_fr(card.floor_eur, 2)} €",
        "Apprentissage": f"{number_fr(population['training_patients'], 0)} patients, "
        f"{number_fr(population['training_patient_years'], 0)} patients-années, moyenne "
        f"{number_fr(population['training_mean_eur'], 2)} €",
        "R² hors pli (par patient)": f"{number_fr(card.metrics['folds_r2'], 4)} ; plafonné "
        f"{number_fr(card.metrics['folds_r2_capped'], 4)}",
        "À savoir": " ; ".join(result.notes),
    }


def _population(result: TrainingResult) -> pd.DataFrame:
    names = {
        "without_spending": "caractéristiques sans dépense",
        "without_characteristics": "dépense sans caractéristiques",
        "in_experiment": "suivi par une structure de l'expérimentation",
        "no_declared_doctor": "sans médecin traitant déclaré",
        "no_exposure": "sans exposition",
        "kept": "retenus",
    }
    wide = result.population.pivot_table(index="control", columns="year", values="patients", sort=False)
    frame = wide.map(lambda count: number_fr(count, 0)).rename_axis(None, axis=1).rename(columns=str)
    return frame.set_axis([names[control] for control in frame.index]).rename_axis("Patients").reset_index()


def _fit(result: TrainingResult) -> pd.DataFrame:
    fit, cap = result.test.fit, number_fr(result.test.cap_eur, 0)
    return pd.DataFrame(
        {
            "Modèle": fit["model"].map(MODELS_FR),
            "R²": [number_fr(value, 4) for value in fit["r2"]],
            f"R² plafonné à {cap} €": [number_fr(value, 4) for value in fit["r2_capped"]],
            "CPM": [number_fr(value, 4) for value in fit["cpm"]],
            "Erreur absolue (€)": [number_fr(value, 2) for value in fit["mae_eur"]],
            "Biais (€)": [number_fr(value, 2) for value in fit["mean_bias_eur"]],
            "Attendu / observé": [number_fr(value, 4) for value in fit["total_ratio"]],
            "< 0": [_percent(value) for value in fit["negative_share"]],
            "= 0": [_percent(value) for value in fit["zero_share"]],
        }
    )


def _differences(result: TrainingResult) -> pd.DataFrame:
    table = result.test.differences
    return pd.DataFrame(
        {
            "Référence": table["baseline"].map(MODELS_FR),
            "R² en plus": [number_fr(value, 4) for value in table["r2_difference"]],
            "de": [number_fr(value, 4) for value in table["low"]],
            "à": [number_fr(value, 4) for value in table["high"]],
        }
    )


def _ratios(result: TrainingResult) -> pd.DataFrame:
    table = result.test.ratios
    return pd.DataFrame(
        {
            "Groupe": table["group"].map(GROUPS_FR),
            "Niveau": [_level(level) for level in table["level"]],
            "Patients": [number_fr(value, 0) for value in table["patients"]],
            "Observé (€)": [number_fr(value, 2) for value in table["observed_eur"]],
            "Attendu (€)": [number_fr(value, 2) for value in table["expected_eur"]],
            "Rapport": [number_fr(value, 3) for value in table["ratio"]],
            "de": [number_fr(value, 3) for value in table["low"]],
            "à": [number_fr(value, 3) for value in table["high"]],
        }
    )


def _importance(result: TrainingResult) -> pd.DataFrame:
    table = result.importance.head(IMPORTANT)
    return pd.DataFrame(
        {
            "Caractéristique": table["label_fr"],
            "Famille": table["family"].map(lambda family: FAMILIES.get(family, (family,))[0]),
            "Contribution absolue moyenne (€)": [number_fr(value, 2) for value in table["mean_absolute_eur"]],
        }
    )


def _level(level: str) -> str:
    for english, french in LEVELS_FR.items():
        level = level.replace(english, french)
    return level


def number_fr(value: float | None, digits: int) -> str:
    """Figure in French: narrow space between thousands, decimal comma; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:,.{digits}f}".replace(",", "\u202f").replace(".", ",")


def _percent(share: float) -> str:
    return f"{number_fr(100 * share, 1)}\u202f%"


def _is_numbers(column: pd.Series) -> bool:
    return all(re.fullmatch(r"[-−\d\u202f,–∞ %]+", cell) for cell in column)


def _markdown_row(cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"  # type: ignore[attr-defined]
