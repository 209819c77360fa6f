"""What a version of a model of episodes is worth, as terminal tables, Markdown and pictures, in French."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.table import Table

from features.feature import FAMILIES
from training.episodes.judgement import GLM, MEAN, THIS_MODEL
from training.plots import pictures
from training.report import markdown_of, number_fr, tables_of

if TYPE_CHECKING:
    from training.episodes.train import EpisodeResult

MODELS_FR = {
    THIS_MODEL: "LightGBM (ce modèle)",
    GLM: "GLM gamma, lien log",
    MEAN: "Moyenne programme × secteur",
    "oracle": "Oracle (espérance vraie)",
}
SHORT_FR = {
    MODELS_FR[THIS_MODEL]: "LightGBM",
    MODELS_FR[GLM]: "GLM",
    MODELS_FR[MEAN]: "Moyenne",
    MODELS_FR["oracle"]: "Oracle",
}
GROUPS_FR = {
    "decile": "Décile de coût attendu",
    "age_85": "Âge",
    "fdep_q5": "FDep",
    "lives_alone": "Vit seul",
    "charlson_5": "Charlson",
    "c2s": "C2S",
    "sector": "Secteur",
    "size": "Taille de l'établissement",
}
LEVELS_FR = {
    "85 and over": "85 ans et plus", "under 85": "moins de 85 ans", "FDep Q5": "quintile le plus défavorisé",
    "other FDep": "autres", "lives alone": "vit seul", "not known to live alone": "non connu comme vivant seul",
    "Charlson 5 and over": "5 et plus", "Charlson under 5": "moins de 5", "no C2S": "sans C2S",
    "public": "public", "private": "privé", "under 31 episodes": "moins de 31 épisodes",
    "31 to 99 episodes": "31 à 99 épisodes", "100 episodes or more": "100 épisodes et plus",
}  # fmt: skip
CHECKS_FR = {
    "by_patient": "Plis par patient",
    "by_establishment": "Plis par établissement (transportabilité)",
    "demeaned": "Coûts sans le niveau de l'établissement (sensibilité)",
}
CONTROLS_FR = {
    "not_final": "séjours exclus (voir le diagramme de flux)",
    "not_complete": "fenêtre incomplète",
    "without_characteristics": "sans caractéristiques",
    "without_episode": "caractéristiques sans épisode",
    "no_cost": "coût nul ou négatif",
    "kept": "retenus",
}
IMPORTANT = 15
SHORT_TITLES = {"R² dans les strates": "R²", "Erreur absolue (€)": "MAE (€)", "Attendu / observé": "A / O"}
LONG_ONLY = ("R² d'ensemble", "R², coûts entiers")


def episode_tables(result: EpisodeResult) -> list[Table]:
    """Terminal tables of a result, the version first; the model card has more columns of them."""
    frames = {title: narrowed(frame) for title, frame in episode_frames(result).items()}
    return tables_of(_title(result), _facts(result), frames)


def narrowed(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of the model card as 80 columns of a terminal have room for it: short names, fewer columns."""
    kept = frame.drop(columns=[name for name in LONG_ONLY if name in frame]).rename(columns=SHORT_TITLES)
    return kept.assign(Modèle=kept["Modèle"].replace(SHORT_FR)) if "Modèle" in kept else kept


def episode_markdown(result: EpisodeResult) -> str:
    """The model card in Markdown."""
    return markdown_of(_title(result), _facts(result), episode_frames(result))


def episode_pictures(result: EpisodeResult) -> dict[str, Figure]:
    """Pictures of any model, and the R² of each model with its interval: file name without suffix -> figure."""
    return {**pictures(result.version), "r2_by_model": r2_by_model(result)}


def registered(result: EpisodeResult, root: Path) -> str:
    """Identifier of the MLflow run of the version, with the card, tables and pictures of a model of episodes."""
    from training.registry import Report, register  # MLflow takes seconds to import

    report = Report(episode_markdown(result), episode_frames(result), episode_pictures(result))
    return register(result.version, root, report=report)


def r2_by_model(result: EpisodeResult) -> Figure:
    """R² within strata on the test year, with 95 % intervals, of the model and its baselines."""
    fit = result.judged.fit[::-1]
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    ends = np.abs(np.stack([fit["low"], fit["high"]]) - fit["r2"].to_numpy())
    axes.barh([MODELS_FR[name] for name in fit["model"]], fit["r2"], xerr=ends, color="#1f5f99", capsize=4, height=0.5)
    axes.set_xlabel("R² dans les strates, intervalle à 95 % (bootstrap par patient)")
    axes.set_title(f"{_title(result)} ; test {result.card.test_year}", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def episode_frames(result: EpisodeResult) -> dict[str, pd.DataFrame]:
    """Title -> table, in reading order, with French headings and figures as text."""
    card = result.card
    return {
        f"Séjours index ({', '.join(map(str, [*card.training_years, card.test_year]))})": _population(result),
        f"Ajustement sur {card.test_year} (non vue), après normalisation par strate": _fit(result),
        "Écart de R² avec chaque référence (bootstrap apparié par patient, 95 %)": _differences(result),
        "Objectifs et références comparés sur les plis des années d'apprentissage": _folds(result),
        "Validations croisées sur les années d'apprentissage": _checks(result),
        "Rapport coût attendu / observé par groupe (bootstrap, 95 %)": _ratios(result),
        "Caractéristiques qui comptent le plus": _importance(result),
    }


def _title(result: EpisodeResult) -> str:
    return f"{result.version.recipe.title_fr} : {result.card.model}, version {result.card.version}"


def _facts(result: EpisodeResult) -> dict[str, str]:
    card, population = result.card, result.card.population
    factors = result.judged.factors[THIS_MODEL]
    part = result.avoidable
    return {
        "Empreinte": result.version.scorer.hash,
        "Unité": card.unit,
        "Programme": card.perimeter,
        "Objectif": f"{card.objective}, lien {card.link}, {card.parameters['trees']} arbres de profondeur "
        f"{card.parameters['max_depth']}, choisis sur les plis",
        "Diagnostics du séjour index": str(card.parameters["index_dx_policy"]),
        "Apprentissage": f"{number_fr(population['training_rows'], 0)} épisodes, coût moyen "
        f"{number_fr(population['training_mean_eur'], 2)} €",
        "Normalisation par strate": " ; ".join(
            f"{LEVELS_FR.get(name, name)} {number_fr(value, 4)}" for name, value in factors.items()
        ),
        "Part évitable": "non estimée : trop peu de réhospitalisations" if part is None else
        f"{part.card.model}, version {part.card.version} ({part.hash[:12]}), "
        f"{number_fr(100 * _avoidable_share(result), 1)} % du coût attendu",
        "À savoir": " ; ".join(result.version.notes),
    }  # fmt: skip


def _avoidable_share(result: EpisodeResult) -> float:
    return float(result.predictions["avoidable_eur"].sum() / result.predictions["expected_eur"].sum())


def _population(result: EpisodeResult) -> pd.DataFrame:
    wide = result.version.population.pivot_table(index="control", columns="year", values="patients", sort=False)
    frame = wide.map(lambda count: number_fr(count, 0)).rename_axis(None, axis=1).rename(columns=str)
    return frame.set_axis([CONTROLS_FR[name] for name in frame.index]).rename_axis("Séjours").reset_index()


def _fit(result: EpisodeResult) -> pd.DataFrame:
    fit = result.judged.fit
    return pd.DataFrame(
        {
            "Modèle": fit["model"].map(MODELS_FR),
            "R² dans les strates": _column(fit["r2"], 4),
            "de": _column(fit["low"], 4),
            "à": _column(fit["high"], 4),
            "R² d'ensemble": _column(fit["r2_pooled"], 4),
            "R², coûts entiers": _column(fit["r2_raw"], 4),
            "CPM": _column(fit["cpm"], 4),
            "Erreur absolue (€)": _column(fit["mae_eur"], 0),
            "Pente": _column(fit["calibration_slope"], 3),
            "Attendu / observé": _column(fit["total_ratio"], 4),
        }
    )


def _differences(result: EpisodeResult) -> pd.DataFrame:
    table = result.judged.differences
    figures = {"R² en plus": "r2_difference", "de": "low", "à": "high"}
    columns = {title: _column(table[name], 4) for title, name in figures.items()}
    return pd.DataFrame({"Référence": table["baseline"].map(MODELS_FR), **columns})


def _folds(result: EpisodeResult) -> pd.DataFrame:
    laws = {"gamma": "LightGBM, gamma", "tweedie": "LightGBM, Tweedie", "regression": "LightGBM, moindres carrés"}
    names = {**laws, GLM: MODELS_FR[GLM]}
    kept = {result.card.objective: "retenu", GLM: f"pénalité {number_fr(result.judged.alpha, 4)}"}
    rows = [(names[name], number_fr(value, 4), kept.get(name, "")) for name, value in result.judged.folds_r2.items()]
    return pd.DataFrame(rows, columns=["Réglage", "R² dans les strates", "Choix"])


def _checks(result: EpisodeResult) -> pd.DataFrame:
    table = result.judged.checks
    figures = {"R²": "r2", "de": "low", "à": "high"}
    return pd.DataFrame(
        {
            "Validation": table["evaluation"].map(CHECKS_FR),
            **{title: _column(table[name], 4) for title, name in figures.items()},
            "Pente": _column(table["slope"], 3),
            "Corrélation": _column(table["correlation"], 3),
        }
    )


def _ratios(result: EpisodeResult) -> pd.DataFrame:
    table = result.judged.ratios
    return pd.DataFrame(
        {
            "Groupe": table["group"].map(GROUPS_FR),
            "Niveau": table["level"].map(lambda level: LEVELS_FR.get(level, level)),
            "Patients": _column(table["patients"], 0),
            "Observé (€)": _column(table["observed_eur"], 2),
            "Attendu (€)": _column(table["expected_eur"], 2),
            "Rapport": _column(table["ratio"], 3),
            "de": _column(table["low"], 3),
            "à": _column(table["high"], 3),
        }
    )


def _importance(result: EpisodeResult) -> pd.DataFrame:
    table = result.version.importance.head(IMPORTANT)
    return pd.DataFrame(
        {
            "Caractéristique": table["label_fr"],
            "Famille": table["family"].map(lambda family: FAMILIES.get(family, (family,))[0]),
            "Contribution absolue moyenne (€)": _column(table["mean_absolute_eur"], 2),
        }
    )


def _column(values: Mapping[int, float] | pd.Series, digits: int) -> list[str]:
    return [number_fr(float(value), digits) for value in pd.Series(values)]
