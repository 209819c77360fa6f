"""The sections that set the version beside others: baselines, twin, the groups paid worst; and what counts most."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from training.cards.known import Known, Section, Trained
from training.cards.wording import table, texts
from training.evaluate import SMALLEST_CELL
from training.evaluation.page_tables import Table, group_table, rival_table
from training.evaluation.pictures import worst_groups
from training.evaluation.wording import (
    LANGUAGES,
    between,
    group_name,
    level_name,
    model_name,
    number,
    voice_of,
    written,
)
from training.twin.make import GRIDS, beats_grid

WORST, IMPORTANT = 8, 15
NUMBERS = ("r2", "r2_capped", "cpm", "mae", "total", "r2_more", "interval")
Tables = tuple[tuple[str, Table], ...]


def rivals_section(known: Known, language: str) -> Section:
    """The version beside its baselines: as evaluated, else as the training run measured them."""
    if known.evaluation is not None:
        rivals = known.evaluation.rivals
        has_grid = any(row.model in GRIDS for row in rivals[1:])
        told = (texts(language)[f"beats_{beats_grid(rivals).verdict}"],) if has_grid else ()
        shown = rival_table(known.evaluation, voice_for(known, language))
        return section("rivals", language, told, (("", shown),))
    if known.trained is None:
        return section("rivals", language, (lacking(known, language),))
    return _trained_rivals(known.trained, voice_for(known, language), language)


def _trained_rivals(trained: Trained, voice: str, language: str) -> Section:
    fit, more = trained.fit, trained.differences
    this = str(fit["model"].iloc[0])
    rows = [
        (
            model_name(str(row["model"]), this, voice),
            *(_figure(row, name, language) for name in ("r2", "r2_capped", "cpm")),
            written(row.get("mae_eur"), "EUR", language),
            _figure(row, "total_ratio", language),
        )
        for row in fit.to_dict("records")
    ]
    shown = table(("model", "r2", "r2_capped", "cpm", "mae", "total"), rows, language, NUMBERS)
    gaps = [
        (
            model_name(str(row["baseline"]), this, voice),
            written(row["r2_difference"], "1", language, signed=True),
            between(row["low"], row["high"], "1", language),
        )
        for row in more.to_dict("records")
    ]
    captioned = (texts(language)["baselines_trained"],
                 table(("baseline", "r2_more", "interval"), gaps, language, NUMBERS))  # fmt: skip
    return section("rivals", language, (), (("", shown), captioned))


def twin_section(known: Known, language: str) -> Section:
    """What could be published in its place."""
    words, found = texts(language), known.twin
    if found is None:
        return section("twin", language, (words["twin_absent"].format(command=known.twin_command),))
    fit = {row.model: row.r2 for row in found.rivals}
    rows = [
        (
            words[f"twin_{row.kind}"],
            str(row.figures),
            number(row.fidelity.r2, 3, language),
            written(row.fidelity.within_10, "share", language),
            written(row.fidelity.moved_share, "share", language),
            number(fit[row.kind], 3, language),
        )
        for row in found.twins
    ]
    told = words["twin_told"].format(year=found.year, r2=number(fit[found.model], 3, language))
    names = ("twin", "figures", "r2_model", "within", "moved", "r2")
    return section("twin", language, (told,), (("", table(names, rows, language, names[1:])),))


def groups_section(known: Known, language: str) -> Section:
    """The groups paid worst, those it sees and those it does not."""
    words, voice = texts(language), voice_for(known, language)
    if known.evaluation is not None:
        judged = worst_groups(known.evaluation, len(known.evaluation.groups))
        if not judged:
            return section("groups", language, (words["groups_none"],))
        tables = [
            (words[name], group_table([row for row in judged if row.is_seen == is_seen][:WORST], voice))
            for name, is_seen in (("seen", True), ("unseen", False))
        ]
        shown_tables = tuple((name, found) for name, found in tables if found.rows)
        return section("groups", language, (words["groups_lead"],), shown_tables)
    if known.trained is None:
        return section("groups", language, (lacking(known, language),))
    return _trained_groups(known.trained, voice, language)


def _trained_groups(trained: Trained, voice: str, language: str) -> Section:
    shown = trained.ratios[trained.ratios["patients"] >= SMALLEST_CELL]
    shown = shown.assign(gap=(shown["ratio"] - 1).abs()).sort_values("gap", ascending=False, kind="stable")
    rows = [
        (
            group_name(str(row["group"]), voice),
            level_name(str(row["group"]), str(row["level"]), voice),
            number(float(row["patients"]), 0, language),
            written(row["observed_eur"], "EUR", language),
            written(row["expected_eur"], "EUR", language),
            written(row["ratio"], "ratio", language),
            between(row["low"], row["high"], "ratio", language),
        )
        for row in shown.to_dict("records")
    ]
    names = ("group", "level", "patients", "observed", "expected", "ratio", "interval")
    return section("groups", language, (), (("", table(names, rows, language, names[2:])),))


def important_section(known: Known, language: str) -> list[Section]:
    """What counts most, where the training run has just measured it."""
    if known.trained is None:
        return []
    labels = {one.name: (one.label_fr, one.label_en)[LANGUAGES.index(language)] for one in known.card.features}
    rows = [
        (labels[str(row["feature"])], written(row["mean_absolute_eur"], "EUR", language))
        for row in known.trained.importance.head(IMPORTANT).to_dict("records")
    ]
    shown = table(("feature", "mean_abs"), rows, language, ("mean_abs",))
    return [section("important", language, (), (("", shown),))]


def voice_for(known: Known, language: str) -> str:
    """The language, in the words of years or of episodes."""
    return voice_of(language, known.card.unit)


def lacking(known: Known, language: str) -> str:
    """What to say of what was not evaluated: the command that does it."""
    return texts(language)["not_evaluated"].format(command=known.evaluate_command)


def section(name: str, language: str, paragraphs: tuple[str, ...], tables: Tables = ()) -> Section:
    """A section under its title."""
    return Section(name, texts(language)[name], paragraphs, tables)


def _figure(row: Mapping[Hashable, Any], name: str, language: str) -> str:
    return number(row.get(name), 3, language)
