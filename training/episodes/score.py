"""A year of episodes scored and explained by a frozen version that never saw them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.errors import InputError, MissingError, RuleError
from features.scoring import Scorer, encode_frame, load_scorer
from features.store import read_dataset
from features.tables import EPISODE_EXPLANATIONS, EPISODE_FEATURES, EPISODE_PREDICTIONS, EPISODES
from training.beside import written_beside
from training.bulk import EXPLAINED_ONCE, answering
from training.episodes.recipes import AVOIDABLE
from training.episodes.written import provenance_of, with_parts, write_beside
from training.long_rows import AT_ONCE, long_rows
from training.means import NATION, by_family, structure_rows

SMALLEST_CELL = 11


def predict_episodes(data: Path, root: Path, model: str, version: int, year: int) -> pd.DataFrame:
    """Rows of EPISODE_PREDICTIONS of the final episodes of a year, written; `fold` is null: they trained nothing.

    Errors: MissingError without episodes or version; InputError for a year that trained the version, or
    characteristics built under another policy; RuleError for a part that is not the one frozen with it.
    """
    scorer = load_scorer(root, model, version)
    known = _unseen(data, scorer, year)
    matrix = _encoded(scorer, known)
    part = _part(root, scorer)
    avoidable = None if part is None else part.predict(matrix)
    predictions = with_parts(known, scorer, scorer.predict(matrix), avoidable_eur=avoidable)
    write_beside(EPISODE_PREDICTIONS, data, predictions, scorer, year=year)
    return predictions


def explain_episodes(data: Path, root: Path, model: str, version: int, year: int) -> pd.DataFrame:
    """Mean euros per family of all episodes ("*") and of each establishment, and their difference.

    EPISODE_EXPLANATIONS is written on the way: a row per feature that moves the euros of an episode, the base and the
    floor; they add up to its expected_eur. Establishments with fewer than 11 episodes are left out of the means.
    Columns: structure_id, family, label_fr, patients, mean_eur, difference_eur. Errors: as `predict_episodes`.
    """
    scorer = load_scorer(root, model, version)
    known = _unseen(data, scorer, year)
    families = _explained(data, scorer, known, year)
    nation = families.mean()
    rows = [structure_rows(NATION, nation, nation, len(known))]
    for name, places in known.reset_index(drop=True).groupby("establishment_id", sort=True).groups.items():
        if len(places) >= SMALLEST_CELL:
            rows.append(structure_rows(str(name), families.loc[places].mean(), nation, len(places)))
    return pd.concat(rows, ignore_index=True)


def _explained(data: Path, scorer: Scorer, known: pd.DataFrame, year: int) -> pd.DataFrame:
    """Euros by family of each episode; EPISODE_EXPLANATIONS is written a batch at a time."""
    card, width = scorer.card, len(scorer.explained_names)
    identity = pa.record_batch({"episode_id": pa.array(known["episode_id"], pa.string())})
    matrix, families = _encoded(scorer, known), []
    asked = answering(scorer, scorer.explain, width=width, merging=len(known) >= EXPLAINED_ONCE)
    record = provenance_of(EPISODE_EXPLANATIONS, data, scorer, year)
    with written_beside(EPISODE_EXPLANATIONS, data, card, year, provenance=record) as write, asked as answered:
        for start in range(0, len(matrix), AT_ONCE):
            for stretch, place, answers in answered(matrix[start : start + AT_ONCE]):
                some = identity.slice(start + stretch.start, len(place))
                for rows in long_rows(scorer, some, answers, place, {"model": card.model, "version": card.version}):
                    write(rows)
                families.append(by_family(scorer, answers[place]))
    return pd.concat(families, ignore_index=True)


def _unseen(data: Path, scorer: Scorer, year: int) -> pd.DataFrame:
    """Final episodes of the programme with their characteristics, of a year that trained nothing."""
    card = scorer.card
    if year in card.training_years:
        raise InputError(
            f"{card.model} version {card.version} was trained on {year}: its cross-fitted predictions were written "
            f"then, and no episode prices itself; choose a year after {max(card.training_years)}"
        )
    own = read_dataset(None, EPISODES, data, year)
    own = own[(own["programme"] == card.perimeter) & own["is_final"]]
    own = own[["episode_id", "patient_id", "programme", "sector", "establishment_id"]]
    described = read_dataset(None, EPISODE_FEATURES, data, year)
    names = ["index_dx_policy", *(feature.name for feature in card.features)]
    known = own.merge(described[["episode_id", *names]], on="episode_id", how="left", validate="one_to_one")
    _check(known, card.perimeter, str(card.parameters.get("index_dx_policy", "")), year)
    return known.sort_values("episode_id", kind="stable", ignore_index=True)


def _check(known: pd.DataFrame, programme: str, policy: str, year: int) -> None:
    if known.empty:
        raise MissingError(f"episodes {year} has no final episode of {programme}: run forfait episodes")
    if lacking := int(known["index_dx_policy"].isna().sum()):
        raise InputError(f"episode_features {year}: {lacking} final episodes have no row; run forfait episodes again")
    found = sorted(set(known["index_dx_policy"]) - {policy})
    if found:
        raise InputError(
            f"episode_features {year}: index_dx_policy is {found[0]}, the version was trained under {policy}; "
            "build the year under the same policy"
        )


def _encoded(scorer: Scorer, known: pd.DataFrame) -> np.ndarray:
    features = scorer.card.features
    return encode_frame(features, known[[feature.name for feature in features]])


def _part(root: Path, scorer: Scorer) -> Scorer | None:
    """The frozen avoidable part that the card names, if any."""
    named = scorer.card.parameters
    if f"{AVOIDABLE}_model" not in named:
        return None
    part = load_scorer(root, str(named[f"{AVOIDABLE}_model"]), int(str(named[f"{AVOIDABLE}_version"])))
    if part.hash != named[f"{AVOIDABLE}_hash"]:
        raise RuleError(
            f"{part.card.model} version {part.card.version} is not the part frozen with {scorer.card.model} version "
            f"{scorer.card.version}; restore its frozen files"
        )
    return part
