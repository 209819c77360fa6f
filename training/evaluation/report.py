"""An evaluation as one HTML page with everything in it: verdicts first, each figure with what it means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from features.versions import EPISODE_UNIT
from training.evaluation.page_tables import (
    Table,
    code_table,
    coverage_table,
    fit_table,
    group_table,
    monotone_table,
    past_table,
    pool_table,
    rival_table,
    selection_table,
    shift_table,
    size_table,
    structure_table,
)
from training.evaluation.pictures import drawings
from training.evaluation.record import Evaluation, Facts, Incentives, Verdict
from training.evaluation.structures import ASSUMED_BETWEEN_SD
from training.evaluation.wording import is_french, meaning, number, sentence, texts, voice_of, written
from training.pages import MARKS, ORDER, page_template

PACKAGE = Path(__file__).parent
FIRST_GROUPS, FIRST_CODES, FIRST_COVERAGE = 25, 15, 12


def evaluation_html(evaluation: Evaluation, language: str = "fr") -> str:
    """The page in French or English: no script, nothing fetched, the same bytes for the same record.

    Errors: InputError for another language.
    """
    voice = voice_of(language, evaluation.facts.unit)
    return page_template(PACKAGE, "evaluation.html").render(
        page=page_of(evaluation, voice) | {"language": language}, w=texts(voice)
    )


def page_of(evaluation: Evaluation, language: str) -> dict[str, Any]:
    """What the template shows, in words."""
    facts = evaluation.facts
    title = facts.title_fr if is_french(language) else facts.title_en
    named = {"title": title, "version": facts.version, "year": facts.year}
    return {
        "subtitle": texts(language)["subtitle"].format(**named),
        "known_patients": _known_patients(facts, language),
        "tiles": _tiles(evaluation, language),
        "verdicts": _verdicts(evaluation.verdicts, language),
        "drawings": drawings(evaluation, language),
        **_money(evaluation, language),
        **_fit(evaluation, language),
        **_chance(evaluation, language),
        **_incentives(evaluation.incentives, language),
        **_rest(evaluation, language),
    }


def _known_patients(facts: Facts, language: str) -> str:
    if facts.known_share is None or facts.held_out_r2 is None:
        return ""
    told = {"share": written(facts.known_share, "share", language), "r2": number(facts.held_out_r2, 3, language)}
    return texts(language)["known_patients"].format(**told)


def in_order(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What fails first, then what is in doubt, what holds, what is told; in each, the order of the record."""
    return sorted(verdicts, key=lambda verdict: ORDER.index(verdict.status))


def _tiles(evaluation: Evaluation, language: str) -> list[tuple[str, str]]:
    facts, words = evaluation.facts, texts(language)
    return [
        (number(facts.weight if facts.unit == EPISODE_UNIT else facts.patients, 0, language), words["tile_patients"]),
        (written(facts.observed_eur, "EUR", language), words["tile_observed"]),
        (written(facts.expected_eur, "EUR", language), words["tile_expected"]),
        (number(facts.expected_eur / facts.observed_eur, 3, language), words["tile_ratio"]),
    ]


def _verdicts(verdicts: tuple[Verdict, ...], language: str) -> list[dict[str, str]]:
    return [
        {
            "status": one.status,
            "mark": MARKS[one.status],
            "sentence": sentence(one, language),
            "meaning": meaning(one, language),
        }
        for one in in_order(verdicts)
    ]


def _money(evaluation: Evaluation, language: str) -> dict[str, Any]:
    masked = sum(row.verdict == "masked" for row in evaluation.groups)
    shown = [row for row in evaluation.groups if row.verdict != "masked"]
    made: dict[str, Any] = {
        "masked": texts(language)["masked_note"].format(count=masked) if masked else "",
    }
    for name, is_seen in (("seen", True), ("unseen", False)):
        rows = [row for row in shown if row.is_seen == is_seen]
        made[name] = group_table(rows[:FIRST_GROUPS], language)
        made[f"{name}_rest"] = group_table(rows[FIRST_GROUPS:], language)
    return made


def _fit(evaluation: Evaluation, language: str) -> dict[str, Any]:
    facts, words, diagrams = evaluation.facts, texts(language), evaluation.diagrams
    cap = words["fit_nocap"]
    if facts.cap_eur is not None:
        quantile = number(facts.cap_quantile, 3, language)
        cap = words["fit_cap"].format(cap=written(facts.cap_eur, "EUR", language), quantile=quantile)
    parts = {
        name: number(value, 0, language)
        for name, value in (
            ("mcb", diagrams.miscalibration), ("dsc", diagrams.discrimination), ("unc", diagrams.uncertainty),
        )
    }  # fmt: skip
    return {
        "cap": cap,
        "fit": fit_table(evaluation.fit, language, capped=facts.cap_eur is not None),
        "rivals": rival_table(evaluation, language),
        "decomposition": words["decomposition"].format(**parts),
    }


def _chance(evaluation: Evaluation, language: str) -> dict[str, Any]:
    words = texts(language)
    how = words["between_assumed" if evaluation.is_between_assumed else "between_measured"]
    return {
        "sizes": size_table(evaluation.sizes, language),
        "structures": structure_table(evaluation.structures, language),
        "between": words["between"].format(sd=written(evaluation.between_sd, "share", language), how=how)
        if evaluation.between_sd
        else words["between_none"].format(sd=written(ASSUMED_BETWEEN_SD, "share", language)),
        "coverage": coverage_table(evaluation.coverage[:FIRST_COVERAGE], language),
        "coverage_rest": coverage_table(evaluation.coverage[FIRST_COVERAGE:], language),
    }


def _incentives(incentives: Incentives | None, language: str) -> dict[str, Any]:
    found, words = incentives or Incentives(), texts(language)
    shares = {"share": written(found.pools[0].share, "share", language)} if found.pools else {"share": ""}
    counts = {"count": min(FIRST_CODES, len(found.codes)), "total": len(found.codes)}
    return {
        "incentives": incentives is not None,
        "codes": code_table(found.codes[:FIRST_CODES], language),
        "codes_rest": code_table(found.codes[FIRST_CODES:], language),
        "codes_note": words["top_codes"].format(**counts),
        "pools": pool_table(found.pools, language),
        "pools_means": words["pools_means"].format(**shares),
        "past": past_table(found.past, language),
        "selection": selection_table(found.selection, language),
        "selection_means": words["selection_means"].format(count=found.selection_features),
        "monotone": monotone_table(found.monotone, language),
    }


def _rest(evaluation: Evaluation, language: str) -> dict[str, Any]:
    facts, words, stability, oracle = evaluation.facts, texts(language), evaluation.stability, evaluation.oracle
    drawn = {"draws": facts.draws, "seed": facts.seed, "k": number(facts.normalisation, 4, language)}
    reached = {
        "model": number(oracle.model_r2, 3, language),
        "oracle": number(oracle.oracle_r2, 3, language),
        "share": written(oracle.share, "share", language),
    } if oracle else {}  # fmt: skip
    return {
        "stability": words["stability_means"].format(against=stability.against) if stability else "",
        "shifts": shift_table(stability.structures, language) if stability else Table((), ()),
        "oracle": words["oracle_means"].format(**reached) if oracle else "",
        "method": words["method_text"].format(**drawn),
        "not_measured": [words[f"missing_{name}"] for name in facts.not_measured],
        "hashes": [("version", facts.version_hash), *sorted(facts.data_hashes.items())],
    }
