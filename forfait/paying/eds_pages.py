"""The pages of establishments from a kept run of EDS: statement, quality, benchmark, and one episode explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.engine import dataset_path
from features.episodes.catalogue import EPISODE_CATALOGUE
from features.feature import FAMILIES
from features.store import check_file, years_written
from features.tables import EPISODE_EXPLANATIONS
from schemes import eds
from schemes.amounts import Amount
from schemes.rulebook import Rules
from schemes.runs import Inputs, Run
from schemes.statements import (
    Document,
    EdsViews,
    Explained,
    Given,
    benchmark_page,
    eds_sections,
    quality_page,
    statement,
)
from schemes.statements.document import LANGUAGES

COMPONENT = "cost_index_cents"


def eds_views(inputs: Inputs, excluded: pd.DataFrame, *, year: int, rules: Rules) -> EdsViews:
    """The frames that the pages of all establishments show, computed again from the inputs of a run.

    The benchmark needs the components of the cost among the inputs, the quality pages the frame `quality`.
    """
    has_quality = "quality" in inputs and len(inputs["quality"]) > 0
    has_parts = COMPONENT in inputs["episodes"]
    ratios = eds.ratios(inputs, rules) if has_quality else None
    indicators = [] if ratios is None else sorted(set(ratios["indicator"]))
    complete = _complete(inputs)
    return EdsViews(
        episodes=eds.reconciled(inputs, year=year, rules=rules),
        prices=eds.prices(inputs, year=year, rules=rules),
        excluded=excluded,
        ratios=ratios,
        places=eds.places(inputs, rules) if has_quality else None,
        quality=eds.measured(inputs, rules) if has_quality else None,
        curves={name: eds.funnel(inputs, name, rules)[1] for name in indicators},
        components=eds.by_component(complete, year=year, rules=rules) if has_parts else None,
        periods=eds.by_period(complete, year=year, rules=rules) if has_parts else None,
    )


def _complete(inputs: Inputs) -> Inputs:
    """The inputs with the episodes whose window is over: the others would look cheap."""
    rows = inputs["episodes"]
    return {**inputs, "episodes": rows[rows["is_complete"]]} if "is_complete" in rows else inputs


def eds_pages(amount: Amount, given: Given, views: EdsViews, forfaits: pd.DataFrame) -> Iterator[tuple[str, Document]]:
    """Name and page of an establishment: statement; quality and benchmark where their figures are known."""
    yield "statement", statement(amount, given, forfaits=forfaits, more=eds_sections(amount, given, views))
    for name, page in (("quality", quality_page), ("benchmark", benchmark_page)):
        made = page(amount, given, views)
        if made is not None:
            yield name, made


def explained(data: Path, episode_id: str, run: Run, language: str) -> Explained | None:
    """The explanation of an episode under the version that priced it; None where `forfait explain` did not write it."""
    found = []
    for year in years_written(EPISODE_EXPLANATIONS, data):
        path = dataset_path(data, EPISODE_EXPLANATIONS.name, year)
        check_file(EPISODE_EXPLANATIONS, path, named=path)
        found.append(pq.read_table(path, partitioning=None, filters=[("episode_id", "=", episode_id)]).to_pandas())
    used = {(model, version) for model, version, _ in run.models}
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame({"model": [], "version": []})
    keys = zip(rows["model"].astype(str), rows["version"].astype(str), strict=True)
    rows = rows[[key in used for key in keys]]
    if rows.empty:
        return None
    place = LANGUAGES.index(language)
    families = {name: words[place] for name, words in FAMILIES.items()}
    features = {one.name: (one.label_fr, one.label_en)[place] for one in EPISODE_CATALOGUE}
    return Explained(rows, families, features)
