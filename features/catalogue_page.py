"""The catalogue of features as a page of the documentation (docs/reference/features.md), generated from the code."""

from __future__ import annotations

from collections.abc import Iterable

from features.catalogue import FAMILIES, FORECAST_FEATURES, Feature
from features.codes import listed

DIRECTIONS = {-1: "down", 0: "free", 1: "up"}
HEADER = "| Name | Label (French) | Label (English) | Unit | Values | Source | Rule | Direction |"
INTRODUCTION = """# Features

Every characteristic that a model may use, in the order of the columns of `feature_table`, as known on
1 January of the year: care given before that day **and** loaded before it. Year n is the year before; for
stays, it is the twelve months of loading before that day, so that none falls between two years.
Payment features hold nothing that a provider can raise by doing more; forecast features add past use, for
budget forecasts only. Direction: the way a payment model must go as the value rises.
"""
LEFT_OUT = (
    "Of the cartographie, `TOP_MATERNI_IND` (maternity) is left out: it is no chronic disease, and its rules read "
    "maternity insurance and delivery stays. Groups of one flag have no group column. Routes that the cleaned "
    "datasets cannot carry are named in the rule of each flag."
)


def catalogue_markdown() -> str:
    """The page, as Markdown: one table per family, payment before forecast, then what was left out."""
    parts = [INTRODUCTION]
    for family, (french, english) in FAMILIES.items():
        features = [known for known in FORECAST_FEATURES if known.family == family]
        kind = "forecast only" if features[0].feature_set == "forecast" else "payment and forecast"
        parts.append(f"## {english} ({french}): {len(features)} features, {kind}\n\n{_table(features)}\n")
    parts.append(f"## Left out\n\n{LEFT_OUT}\n\n## Routes of the cartographie\n\n{_routes()}\n")
    return "\n".join(parts)


def _table(features: Iterable[Feature]) -> str:
    rows = [HEADER, "|" + " --- |" * HEADER.count(" | ") + " --- |"]
    for known in features:
        cells = (
            f"`{known.name}`", known.label_fr, known.label_en, known.unit, _values(known), known.source, known.rule,
            DIRECTIONS[known.monotone],
        )  # fmt: skip
        rows.append(_row(cells))
    return "\n".join(rows)


def _values(known: Feature) -> str:
    span = ", ".join(known.categories) if known.categories else f"{known.low:g} to {known.high:g}"
    return f"{span}, or missing" if known.nullable else span


def _routes() -> str:
    """The rules as read from carto_routes.csv: route, codes, years, conditions."""
    header = ("Flag", "Route", "Codes", "Except", "Years", "Sex", "Condition")
    rows = [_row(header), "|" + " --- |" * len(header)]
    for row in listed("carto_routes"):
        years = "n" if row["years_back"] == "0" else f"n to n-{row['years_back']}"
        sex = {"1": "men", "2": "women", "": ""}[row["sex"]]
        cells = (f"`carto_{row['name']}`", row["route"], row["codes"], row["without"], years, sex, row["needs"])
        rows.append(_row(cells))
    return "\n".join(rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
