"""A retraining as one HTML page with everything in it: the verdict first, what to do last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.evaluation.wording import group_name, number, written
from training.pages import MARKS, page_template
from training.retrain.page_tables import compare_table, drift_table, gate_table, group_table, impact_table
from training.retrain.pictures import drawings
from training.retrain.record import Comparison, Decision, Drift, Impact, Retrained
from training.retrain.words import gate_name, gate_value, words_in

PACKAGE = Path(__file__).parent
KINDS = ("calibration", "coding", "spending", "mix", "feature")
FIRST_ROWS, FIRST_GROUPS = 40, 20


def retrain_html(found: Retrained, language: str = "fr", *, evaluation_page: str = "") -> str:
    """The page in French or English: no script, nothing fetched, the same bytes for the same record.

    Errors: InputError for another language.
    """
    return page_template(PACKAGE, "retrain.html").render(
        page=page_of(found, language, evaluation_page), w=words_in(language), marks=MARKS
    )


def page_of(found: Retrained, language: str, evaluation_page: str) -> dict[str, Any]:
    """What the template shows, in words."""
    decision, words = found.decision, words_in(language)
    champion = words["no_champion"]
    if decision.champion is not None:
        champion = words["against"].format(champion=decision.champion.version)
    named = {"title": _title(decision, language), "challenger": decision.challenger.version, "year": decision.year}
    return {
        "language": language,
        "subtitle": words["subtitle"].format(**named, champion=champion),
        "verdicts": verdict_lines(found, language),
        "gates": gate_table(decision.gates, language),
        "gates_lead": words["gates_lead"].format(on=decision.on, file=decision.gates_file),
        "drawings": drawings(found, language),
        **_drift(found.drift, language),
        **_comparison(found.comparison, language),
        **_impact(found.impact, language),
        "next": next_steps(decision, language),
        "command": "" if decision.is_unchanged else promote_command(decision, language),
        "evaluation_page": evaluation_page,
        "hashes": _hashes(decision),
    }


def verdict_lines(found: Retrained, language: str) -> list[tuple[str, str]]:
    """(status, sentence), the decision first: what refuses, what to read before deciding, drift, impact, warnings."""
    decision, words = found.decision, words_in(language)
    refusals = [f"{gate_name(gate, language)} {gate_value(gate, language)}" for gate in decision.refusals]
    soft = [
        f"{gate_name(gate, language)} {gate_value(gate, language)}"
        for gate in decision.gates
        if gate.status == "warned"
    ]
    lines = [("good", words["can"])]
    if refusals:
        lines = [("bad", words["refused"].format(count=len(refusals), gates=" ; ".join(refusals)))]
    if decision.is_unchanged:
        lines.insert(0, ("told", words["unchanged"]))
    if soft:
        lines.append(("doubt", words["warned_line"].format(count=len(soft), gates=" ; ".join(soft))))
    states = [row.status for row in found.drift.rows]
    counts = {"alerts": states.count("alert"), "watch": states.count("watch"), "rows": len(states)}
    mark = "bad" if counts["alerts"] else "doubt" if counts["watch"] else "good"
    lines += [(mark, words["drift_line"].format(**counts)), ("told", _impact_line(found, language))]
    return [*lines, *[("doubt", line) for line in _warnings(found, language)]]


def promote_command(decision: Decision, language: str) -> str:
    """The exact command, with what the one who decides must fill in."""
    words = words_in(language)
    despite = f' --despite "{words["despite"]}"' if decision.refusals else ""
    return (
        f"forfait promote {decision.model} --version {decision.challenger.version} --from {decision.year + 1}-01-01"
        f' --by "{words["by"]}" --why "{words["why"]}"{despite}'
    )


def next_steps(decision: Decision, language: str) -> list[str]:
    """What to do, in order, before the command."""
    words = words_in(language)
    if decision.is_unchanged:
        return [words["next_unchanged"]]
    return [*([words["next_refused"]] if decision.refusals else []), words["next_promote"]]


def _title(decision: Decision, language: str) -> str:
    return decision.title_fr if language == "fr" else decision.title_en


def _drift(drift: Drift, language: str) -> dict[str, Any]:
    words = words_in(language)
    named = {"before": drift.before_year, "year": drift.year}
    people = {
        "patients_before": number(drift.patients_before, 0, language),
        "patients": number(drift.patients, 0, language),
    }
    first = [row for row in drift.rows if row.status in ("alert", "watch")]
    rest = [row for row in drift.rows if row.status not in ("alert", "watch")]
    shown, rest = first[:FIRST_ROWS], [*first[FIRST_ROWS:], *rest]
    tables = []
    for kind in KINDS:
        rows = [row for row in rest if row.kind == kind]
        if rows:
            title = words["drift_rest"].format(kind=words[f"kind_{kind}"])
            tables.append((f"{title} ({len(rows)})", drift_table(drift, rows, language)))
    lacking = ", ".join(words.get(f"kind_{name}", group_name(name, language)) for name in drift.not_measured)
    return {
        "drift_title": words["drift"].format(**named),
        "drift_lead": words["drift_lead"].format(**named, **people),
        "drift": drift_table(drift, shown, language),
        "drift_rest": tables,
        "drift_missing": words["drift_missing"].format(names=lacking) if lacking else "",
    }


def _comparison(comparison: Comparison | None, language: str) -> dict[str, Any]:
    words = words_in(language)
    if comparison is None:
        empty = compare_table((), language)
        return {"comparison_lead": words["comparison_none"], "compare": empty, "groups": empty, "groups_rest": empty}
    people = {"patients": number(comparison.patients, 0, language), "year": comparison.year}
    return {
        "comparison_lead": words["comparison_lead"].format(**people),
        "compare": compare_table(comparison.rows, language),
        "groups": group_table(comparison.groups[:FIRST_GROUPS], language),
        "groups_rest": group_table(comparison.groups[FIRST_GROUPS:], language),
    }


def _impact(impact: Impact | None, language: str) -> dict[str, Any]:
    words = words_in(language)
    if impact is None:
        return {"impact_lead": "", "impact": impact_table((), language), "stability": "", "impact_lost": ""}
    lost = words["impact_few"] if impact.without_rows is None else number(impact.without_rows, 0, language)
    figures = {
        "ranks": number(impact.rank_correlation, 3, language),
        "change": written(impact.mean_absolute_change, "share", language),
        "structure_ranks": number(impact.structure_rank_correlation, 3, language),
    }
    return {
        "impact_lead": words["impact_lead"].format(masked=impact.masked),
        "impact": impact_table(impact.rows, language),
        "impact_lost": "" if impact.without_rows == 0 else words["impact_lost"].format(count=lost),
        "stability": words["stability"].format(**figures),
    }


def _impact_line(found: Retrained, language: str) -> str:
    words, impact = words_in(language), found.impact
    if impact is None or not impact.rows:
        why = words["impact_no_champion" if found.decision.champion is None else "impact_no_lists"]
        return words["impact_none"].format(why=why)
    first = impact.rows[0]
    return words["impact_line"].format(
        count=len(impact.rows),
        change=written(first.change, "share", language, signed=True),
        structure=first.structure,
        moved=written(impact.moved_share, "share", language),
    )


def _warnings(found: Retrained, language: str) -> list[str]:
    words, decision = words_in(language), found.decision
    known = {"year": decision.year, "before": found.drift.before_year, "years": ""}
    if decision.champion is not None:
        more = sorted(set(decision.challenger.training_years) - set(decision.champion.training_years))
        known["years"] = ", ".join(map(str, more))
    names = [
        *(found.comparison.warnings if found.comparison else ()),
        *(["in_sample"] if found.drift.in_sample else []),
    ]
    return [words[f"warn_{name}"].format(**known) for name in names]


def _hashes(decision: Decision) -> list[tuple[str, str]]:
    found = [("challenger", decision.challenger.version_hash), (decision.gates_file, decision.gates_sha256)]
    return [*([("champion", decision.champion.version_hash)] if decision.champion else []), *found]
