"""The sections that only a measure can fill: fit, totals, incentives, proof, stability, limits.

Where the version was not evaluated, each says so and names the command; nothing is left blank.
"""

from __future__ import annotations

from training.cards.compared import groups_section, lacking, rivals_section, section, twin_section, voice_for
from training.cards.declared import labels_of
from training.cards.known import Known, Section
from training.cards.wording import table, texts
from training.evaluation.fit import UNITS
from training.evaluation.page_tables import (
    Table,
    code_table,
    fit_table,
    monotone_table,
    past_table,
    pool_table,
    selection_table,
    size_table,
)
from training.evaluation.record import Evaluation
from training.evaluation.verdicts import BAD, DOUBT
from training.evaluation.wording import (
    LANGUAGES,
    number,
    sentence,
    written,
)
from training.evaluation.wording import texts as evaluation_texts

FIRST_CODES = 10


def judged_sections(known: Known, language: str) -> list[Section]:
    """Fit, baselines, worst groups, totals, incentives, proof, stability and limits, in reading order."""
    return [
        _fit(known, language),
        rivals_section(known, language),
        twin_section(known, language),
        groups_section(known, language),
        _totals(known, language),
        _incentives(known, language),
        _monotone(known, language),
        _stability(known, language),
        _limits(known, language),
    ]


def _fit(known: Known, language: str) -> Section:
    words, found = texts(language), known.evaluation
    tables = [(words["fit_frozen"], _frozen(known, language))]
    if found is None:
        cap = known.card.cap_eur
        return section("fit", language, (_cap(cap, language), lacking(known, language)), tuple(tables))
    year = {"year": found.facts.year, "draws": number(found.facts.draws, 0, language)}
    judged = (words["fit_judged"].format(**year), fit_table(found.fit, voice_for(known, language)))
    return section("fit", language, (_cap(found.facts.cap_eur, language),), (judged, *tables))


def _totals(known: Known, language: str) -> Section:
    words, found = texts(language), known.evaluation
    if found is None:
        return section("totals", language, (lacking(known, language),))
    how = words["between_assumed" if found.is_between_assumed else "between_measured"]
    sd = written(found.between_sd, "share", language)
    told = words["between"].format(sd=sd, how=how, colon=words["colon"])
    return section(
        "totals", language, (words["totals_lead"], told), (("", size_table(found.sizes, voice_for(known, language))),)
    )


def _incentives(known: Known, language: str) -> Section:
    words, voice = texts(language), voice_for(known, language)
    if known.evaluation is None:
        return section("incentives", language, (lacking(known, language),))
    found = known.evaluation.incentives
    if found is None:
        return section("incentives", language, (_unmeasured(known.evaluation, language),))
    tables: list[tuple[str, Table]] = []
    if found.pools:
        share = written(found.pools[0].share, "share", language)
        tables.append((words["upcoding"].format(share=share), pool_table(found.pools, voice)))
    if found.codes:
        tables.append((words["codes"], code_table(found.codes[:FIRST_CODES], voice)))
    if found.selection:
        tables.append((words["selection"], selection_table(found.selection, voice)))
    if found.past:
        tables.append((evaluation_texts(voice)["past"], past_table(found.past, voice)))
    paragraphs = () if found.past else (words["past_zero"],)
    return section("incentives", language, paragraphs, tuple(tables))


def _monotone(known: Known, language: str) -> Section:
    words = texts(language)
    directed = [feature for feature in known.card.features if feature.monotone]
    if not directed:
        return section("monotone", language, (words["monotone_none"],))
    found = known.evaluation.incentives if known.evaluation else None
    if found is None or not found.monotone:
        named = {"labels": labels_of(directed, language), "command": known.evaluate_command}
        return section("monotone", language, (words["monotone_told"].format(**named),))
    shown = monotone_table(found.monotone, voice_for(known, language))
    return section("monotone", language, (words["monotone_proved"],), (("", shown),))


def _stability(known: Known, language: str) -> Section:
    words = texts(language)
    found = known.evaluation.stability if known.evaluation else None
    if found is None:
        told = words["stability_command"].format(command=known.evaluate_command)
        return section("stability", language, (told,))
    told = words["stability_told"].format(
        against=found.against,
        ranks=number(found.rank_correlation, 3, language),
        change=written(found.mean_absolute_change, "share", language),
        moved=written(found.moved_share, "share", language),
    )
    return section("stability", language, (told,))


def _limits(known: Known, language: str) -> Section:
    words, card, found = texts(language), known.card, known.evaluation
    told = [words["limit_r2"], words["limit_complete" if known.is_episode else "limit_doctor"]]
    if len(card.training_years) == 1:
        told.append(words["limit_one_year"].format(year=card.training_years[0]))
    if card.cap_eur is not None:
        told.append(words["limit_cap"].format(cap=written(card.cap_eur, "EUR", language)))
    told += _measured_limits(found, known, language) if found else [lacking(known, language)]
    return section("limits", language, (*told, words["limit_law"]))


def _measured_limits(found: Evaluation, known: Known, language: str) -> list[str]:
    words, voice = texts(language), voice_for(known, language)
    told = []
    codes = found.incentives.codes if found.incentives else ()
    worst = max(codes, key=lambda row: row.lowering_share, default=None)
    if worst is not None and worst.lowering_share > 0:
        label = (worst.label_fr, worst.label_en)[LANGUAGES.index(language)]
        told.append(words["limit_lowering"].format(share=written(worst.lowering_share, "share", language), label=label))
    if found.oracle is not None:
        told.append(words["limit_fictional"])
    if found.facts.not_measured:
        said = evaluation_texts(voice)
        names = words["join"].join(said.get(f"missing_{name}", name) for name in found.facts.not_measured)
        told.append(words["limit_unmeasured"].format(names=names))
    open_ones = [one for status in (BAD, DOUBT) for one in found.verdicts if one.status == status]
    return told + [words["limit_verdict"].format(sentence=sentence(one, voice)) for one in open_ones]


def _frozen(known: Known, language: str) -> Table:
    """Figures of the card, measure by measure: on the judged year, and out of fold."""
    metrics, said, words = known.card.metrics, evaluation_texts(voice_for(known, language)), texts(language)
    there = {name.removeprefix(part) for name in metrics for part in ("test_", "folds_") if name.startswith(part)}
    names = [*(name for name in UNITS if name in there), *sorted(there - set(UNITS))]
    rows = [
        (
            said.get(f"fit_{name}", words.get(f"metric_{name}", name)),
            *(written(metrics.get(f"{part}_{name}"), UNITS.get(name, "1"), language) for part in ("test", "folds")),
        )
        for name in names
    ]
    return table(("fact", "test", "folds"), rows, language, ("test", "folds"))


def _cap(cap_eur: float | None, language: str) -> str:
    words = texts(language)
    return words["cap_beside_none"] if cap_eur is None else words["cap_beside"].format(
        cap=written(cap_eur, "EUR", language)
    )  # fmt: skip


def _unmeasured(found: Evaluation, language: str) -> str:
    return texts(language)["not_in_evaluation"].format(year=found.facts.year)
