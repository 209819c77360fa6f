"""Each gate held against what the steps measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.money import surely_outside
from training.evaluation.record import Evaluation, Figure, SizeRow
from training.retrain.compare import WORST
from training.retrain.gate_files import GATES, LEAST, GateFile
from training.retrain.record import Comparison, Drift, GateResult, Impact, VersionFacts

PROMISED, TWO_SIDED = 0.95, 1.96
GRID = "grid"


@dataclass(frozen=True)
class Measured:
    """What a gate is held against; None and applicable: it should have been measured. `words` name what stands out."""

    value: float | None
    is_applicable: bool = True
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What the steps found; comparison and impact are None without a champion, or without lists of structures."""

    drift: Drift
    evaluation: Evaluation
    challenger: VersionFacts
    comparison: Comparison | None = None
    impact: Impact | None = None


NOT_APPLICABLE = Measured(None, False)


def check_gates(found: Findings, gates: GateFile) -> tuple[GateResult, ...]:
    """Every gate of the file, in its order, with value, threshold and status."""
    measured = {**_of_evaluation(found), **_of_change(found)}
    return tuple(_checked(name, gates, measured[name]) for name in GATES)


def _checked(name: str, gates: GateFile, found: Measured) -> GateResult:
    gate, sign = gates.gates[name], GATES[name][0]
    if not found.is_applicable:
        status = "not_applicable"
    elif found.value is None:
        status = "not_measured"
    else:
        holds = found.value >= gate.threshold if sign == LEAST else found.value <= gate.threshold
        status = "passed" if holds else "failed" if gate.kind == "hard" else "warned"
    return GateResult(
        name=name,
        kind=gate.kind,
        status=status,
        value=found.value,
        threshold=gate.threshold,
        sign=sign,
        unit=gate.unit,
        grade=gate.grade,
        source_fr=gate.source_fr,
        source_en=gate.source_en,
        meaning_fr=gate.meaning_fr,
        meaning_en=gate.meaning_en,
        words=found.words,
    )


def _of_evaluation(found: Findings) -> dict[str, Measured]:
    judged = found.evaluation
    fit = {figure.name: figure.value for figure in judged.fit}
    out = surely_outside(judged.groups)
    total, incentives = fit.get("total_ratio"), judged.incentives
    return {
        "total_gap": Measured(None if total is None else abs(total - 1)),
        "groups_outside": Measured(float(len(out)), words=tuple(f"{row.group}/{row.level}" for row in out)),
        **_against_grid(judged),
        "negative": Measured(fit.get("negative_share")),
        "past_return": NOT_APPLICABLE
        if not found.challenger.is_payment
        else Measured(None if incentives is None else _largest(incentives.past)),
        "monotone": Measured(None if incentives is None else float(sum(row.broken > 0 for row in incentives.monotone))),
        "structure_coverage": coverage_gap(judged.sizes),
    }


def _of_change(found: Findings) -> dict[str, Measured]:
    """What only stands beside a champion, and drift."""
    alerts = [row for row in found.drift.rows if row.status == "alert"]
    names = tuple(dict.fromkeys(row.name if not row.level else f"{row.name}/{row.level}" for row in alerts))
    measured = {"drift_alerts": Measured(float(len(alerts)), words=names)}
    comparison, impact = found.comparison, found.impact
    if comparison is None:
        lacking = ("r2_loss", "r2_proof", "cpm_loss", "worst_group_loss", "structure_impact", "rank_correlation")
        return measured | dict.fromkeys(lacking, NOT_APPLICABLE)
    low = {row.name: row.low for row in comparison.rows}
    gap = {row.name: row.difference for row in comparison.rows}
    measured |= {"r2_loss": Measured(gap.get("r2")), "r2_proof": Measured(low.get("r2"))}
    measured["cpm_loss"] = Measured(low.get("cpm"))
    measured["worst_group_loss"] = Measured(low[WORST]) if WORST in low else NOT_APPLICABLE
    if impact is None:
        return measured | dict.fromkeys(("structure_impact", "rank_correlation"), Measured(None))
    first = max(impact.rows, key=lambda row: abs(row.change), default=None)
    moved = Measured(abs(first.change), words=(first.structure,)) if first else Measured(None)
    return measured | {"structure_impact": moved, "rank_correlation": Measured(impact.rank_correlation)}


def _against_grid(judged: Evaluation) -> Mapping[str, Measured]:
    """Low ends of the paired gains over the grid; a model of episodes has no grid among its rivals."""
    rival = next((row for row in judged.rivals if row.model == GRID), None)
    if rival is None:
        found = Measured(None, not judged.facts.model.startswith("eds_"))
        return {"grid_r2": found, "grid_cpm": found}
    return {
        "grid_r2": Measured(None if rival.r2_gain is None else rival.r2_gain.low),
        "grid_cpm": Measured(None if rival.cpm_gain is None else rival.cpm_gain.low),
    }


def coverage_gap(sizes: tuple[SizeRow, ...]) -> Measured:
    """Distance from 95 % of the worst coverage, less what the simulation's own error allows (1.96 √(p(1−p)/n))."""
    rows = [row for row in sizes if row.coverage is not None and row.simulated]
    if not rows:
        return NOT_APPLICABLE
    gaps = {}
    for row in rows:
        slack = TWO_SIDED * (PROMISED * (1 - PROMISED) / row.simulated) ** 0.5
        gaps[row.size] = max(abs((row.coverage or 0.0) - PROMISED) - slack, 0.0)
    worst = max(gaps, key=lambda size: (gaps[size], -size))
    return Measured(gaps[worst], words=(str(worst),))


def _largest(figures: tuple[Figure, ...]) -> float:
    return max((abs(figure.value or 0.0) for figure in figures), default=0.0)
