"""The sections that a frozen version tells by itself: purpose, register, data, target, features, method, software."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from features.feature import FAMILIES
from features.versions import CardFeature
from training.cards.known import Known, Section, periods_of
from training.cards.wording import table, texts
from training.evaluate import SMALLEST_CELL
from training.evaluation.page_tables import Table
from training.evaluation.wording import DASH, LANGUAGES, number, written

YEARLY_LEFT_OUT = ("past_spending", "stays", "team", "after", "region", "person")
FORECAST_LEFT_OUT = ("team", "after", "region", "person")
EPISODE_LEFT_OUT = ("severity", "length", "technique", "team", "sector", "region", "outcome", "complications")
POPULATION = ("patients", "rows", "patient_years", "mean_eur", "spent_eur", "zero_share")
FACTOR = "factor_"
ARROWS = {1: " ↑", -1: " ↓"}


def declared_sections(known: Known, language: str) -> list[Section]:
    """Purpose, register, data, target, features, exclusions and method, in reading order."""
    return [
        _purpose(known, language),
        _status(known, language),
        _data(known, language),
        _target(known, language),
        _features(known, language),
        _exclusions(known, language),
        _method(known, language),
    ]


def closing_sections(known: Known, language: str) -> list[Section]:
    """Versions and hashes, and the commands that make the version again."""
    words, card = texts(language), known.card
    hashes = [
        (words["h_version"], known.version_hash),
        (words["h_trees"], card.model_sha256),
        (words["h_seed"], str(card.seed)),
    ]
    tables = [("", table(("item", "value"), hashes, language))]
    if known.software:
        tables.append((words["software_now"], table(("software", "value"), known.software.items(), language)))
    steps = [
        known.train_command,
        known.evaluate_command,
        known.twin_command,
        f"forfait card {card.model} --version {card.version}",
    ]
    return [
        Section("software", words["software"], (), tuple(tables)),
        Section("reproduce", words["reproduce"], (words["reproduce_text"], *steps)),
    ]


def labels_of(features: Iterable[CardFeature], language: str) -> str:
    """Labels, joined."""
    return texts(language)["join"].join((one.label_fr, one.label_en)[LANGUAGES.index(language)] for one in features)


def _purpose(known: Known, language: str) -> Section:
    words = texts(language)
    kind = "episode" if known.is_episode else "forecast" if known.is_forecast else "payment"
    paragraphs = (words[f"purpose_{kind}"], words["not_for"], words["not_individual"])
    return Section("purpose", words["purpose"], paragraphs)


def _status(known: Known, language: str) -> Section:
    words, card = texts(language), known.card
    decided = [e for e in known.register if e.model == card.model and e.version == card.version]
    periods = periods_of(known.register, card.model, card.version)
    if not decided:
        named = {"model": card.model, "version": card.version}
        return Section("status", words["status"], (words["status_never"].format(**named),))
    if not periods:
        return Section("status", words["status"], (words["status_other"], words["status_who"]))
    rows = [
        (
            str(period.first),
            str(period.last) if period.last else words["open_end"],
            period.entry.by,
            period.entry.why,
            str(period.entry.decided_on),
        )
        for period in periods
    ]
    shown = table(("from", "to", "by", "why", "decided"), rows, language)
    return Section("status", words["status"], (words["status_who"],), (("", shown),))


def _data(known: Known, language: str) -> Section:
    words, card = texts(language), known.card
    years = {"training": ", ".join(map(str, card.training_years)) or DASH, "test": card.test_year or DASH}
    paragraphs = [words[f"data_{'episode' if known.is_episode else 'year'}"].format(**years)]
    tables = [("", _population(known, language))]
    if known.counts is None:
        reason = {"reason": words[f"reason_{known.no_counts}"], "command": known.train_command}
        paragraphs.append(words["counts_absent"].format(**reason))
    else:
        tables.append((words["counts"], _counts(known.counts, language)))
    if card.data_hashes:
        tables.append((words["hashes"], table(("file", "hash"), sorted(card.data_hashes.items()), language)))
    return Section("data", words["data"], tuple(paragraphs), tuple(tables))


def _population(known: Known, language: str) -> Table:
    words, figures = texts(language), known.card.population
    units = {"mean_eur": "EUR", "spent_eur": "EUR", "zero_share": "share"}
    rows = []
    for name in POPULATION:
        if known.is_episode and name == "patient_years":
            continue
        label = words["pop_rows_episode" if known.is_episode and name == "rows" else f"pop_{name}"]
        unit = units.get(name, "count")
        rows.append((label, *(written(figures.get(f"{of}_{name}"), unit, language) for of in ("training", "test"))))
    return table(("fact", "training", "test"), rows, language, ("training", "test"))


def _counts(counts: pd.DataFrame, language: str) -> Table:
    words = texts(language)
    wide = counts.pivot_table(index="control", columns="year", values="patients", sort=False, aggfunc="sum")
    rows = [
        (words[f"count_{control}"], *(_masked(float(value), language) for value in row))
        for control, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    years = [str(year) for year in wide.columns]
    return table(("reason", *years), rows, language, years)


def _masked(count: float, language: str) -> str:
    """A count of people; "< 11" for 1 to 10."""
    return f"< {SMALLEST_CELL}" if 0 < count < SMALLEST_CELL else number(count, 0, language)


def _target(known: Known, language: str) -> Section:
    words, card = texts(language), known.card
    kind = "episode" if known.is_episode else "year"
    cap = words["cap_episode" if known.is_episode else "cap_none"]
    if card.cap_eur is not None:
        quantile = number(card.cap_quantile, 3, language)
        cap = words["cap_at"].format(cap=written(card.cap_eur, "EUR", language), quantile=quantile)
    floor = words["cap_none"] if card.floor_eur is None else written(card.floor_eur, "EUR", language)
    rows = [
        (words["t_unit"], words[f"unit_{kind}"]),
        (words["t_perimeter"], f"{card.perimeter}{words['colon']}{words.get(f'perimeter_{card.perimeter}', DASH)}"),
        (words["t_cap"], cap),
        (words["t_floor"], floor),
        (words["t_weight"], words[f"weight_{kind}"]),
        (words["t_balance"], number(card.balance_factor, 6, language)),
    ]
    return Section("target", words["target"], (), (("", table(("item", "value"), rows, language)),))


def _features(known: Known, language: str) -> Section:
    words, features = texts(language), known.card.features
    rows = []
    for family in dict.fromkeys(feature.family for feature in features):
        own = [feature for feature in features if feature.family == family]
        name = FAMILIES.get(family, (family, family))[LANGUAGES.index(language)]
        told = [labels_of([feature], language) + ARROWS.get(feature.monotone, "") for feature in own]
        rows.append((name, str(len(own)), words["join"].join(told)))
    lead = words["features_lead"].format(count=len(features))
    shown = table(("family", "count", "labels"), rows, language, ("count",))
    return Section("features", words["features"], (lead,), (("", shown),))


def _exclusions(known: Known, language: str) -> Section:
    words, past = texts(language), known.past_use
    names = EPISODE_LEFT_OUT if known.is_episode else FORECAST_LEFT_OUT if known.is_forecast else YEARLY_LEFT_OUT
    rows = [(words[f"x_{name}"], words[f"x_{name}_why"]) for name in names]
    own = [feature for feature in known.card.features if feature.name in past]
    checked = words["exclusions_past_none"]
    if known.is_forecast:
        checked = words["exclusions_forecast"].format(count=len(past))
    elif past:
        checked = words["exclusions_past_read"].format(labels=labels_of(own, language))
    shown = table(("what", "reason"), rows, language)
    return Section("exclusions", words["exclusions"], (checked,), (("", shown),))


def _method(known: Known, language: str) -> Section:
    words, card = texts(language), known.card
    named = {"objective": card.objective, "link": card.link, "trees": card.parameters.get("trees", DASH)}
    paragraphs = [words["method_text"].format(**named, seed=card.seed)]
    if card.parts:
        parts = words["join"].join(words["part"].format(link=part.link, trees=part.trees) for part in card.parts)
        paragraphs.append(words["method_parts"].format(count=len(card.parts), parts=parts))
    cells = card.parameters.get("balance_on")
    paragraphs.append(words["method_balance"].format(cells=cells) if cells else words["method_balance_total"])
    factors = {name: value for name, value in sorted(card.metrics.items()) if name.startswith(FACTOR)}
    if factors:
        told = [f"{name.removeprefix(FACTOR)} {number(value, 4, language)}" for name, value in factors.items()]
        paragraphs.append(words["method_strata"].format(factors=words["join"].join(told)))
    rows = [(name, DASH if value is None else str(value)) for name, value in sorted(card.parameters.items())]
    tables = ((words["parameters"], table(("parameter", "value"), rows, language)),) if rows else ()
    return Section("method", words["method"], tuple(paragraphs), tables)
