"""Dated gates: files read strictly, the one in force on a day, each gate held against what was measured."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from features.errors import RuleError
from training.evaluation.record import (
    Curve,
    Diagrams,
    Evaluation,
    Facts,
    Figure,
    GroupRow,
    Incentives,
    MonotoneRow,
    RivalRow,
    SizeRow,
)
from training.retrain.gate_files import GATES_FOLDER, gates_on, read_gates
from training.retrain.gates import Findings, check_gates, coverage_gap
from training.retrain.record import STATUSES, CompareRow, Comparison, Drift, DriftRow, Impact, ImpactRow, VersionFacts
from training.retrain.words import gate_words, words_in

FILE = GATES_FOLDER / "2024-01-01.toml"
GATES = read_gates(FILE)


def changed(folder: Path, old: str, new: str, name: str = "2024-01-01.toml") -> Path:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = folder / name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_file_in_force_is_the_latest_begun(tmp_path):
    """2024's until the day before 2026's first; before any, an error and never the nearest."""
    for name in ("2024-01-01.toml", "2026-03-01.toml"):
        changed(tmp_path, "[gates.total_gap]", "[gates.total_gap]", name)
    assert gates_on(date(2026, 2, 28), tmp_path).first_day == date(2024, 1, 1)
    assert gates_on(date(2026, 3, 1), tmp_path).first_day == date(2026, 3, 1)
    with pytest.raises(RuleError, match="no gates are in force on 2023-12-31"):
        gates_on(date(2023, 12, 31), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[gates.total_gap]", "[gates.total_gap", "not TOML as it should be"),
        ("[gates.total_gap]", "[gates.totals]", r"gates has the unknown key totals"),
        ("[drift.psi]", "[drift.psi_]", "drift has the unknown key psi_"),
        ('kind = "soft"\n', "", "gates.total_gap lacks kind"),
        ('kind = "soft"', 'kind = "firm"', "gates.total_gap.kind is 'firm'; it should be one of hard, soft"),
        ('threshold = "0.03"', "threshold = 0.03", "gates.total_gap.threshold is 0.03; write it as quoted text"),
        ('threshold = "0.03"', 'threshold = "3 %"', "gates.total_gap.threshold is '3 %'; it should be a number"),
        ('threshold = "0.03"', 'threshold = "inf"', "it should be a number"),
        ('unit = "share"', 'unit = "EUR"', "gates.total_gap.unit is 'EUR'; it should be 'share'"),
        ('grade = "assumed"', 'grade = "guessed"', "gates.total_gap.grade is 'guessed'"),
        ("[sources.sas_psmatch]", "[sources.other]", "drift.smd.source_fr and source_en name 'sas_psmatch'"),
        ('watch = "0.10"', 'watch = "0.30"', "drift.psi: watch 0.3 and alert 0.25 should be 0 or more, in that order"),
    ],
)
def test_a_file_that_breaks_its_form_is_refused(old: str, new: str, message: str, tmp_path: Path):
    """Unknown or missing key, number not quoted, unit, grade, source, order: file and key are named."""
    with pytest.raises(RuleError, match=r"2024-01-01\.toml: ") as refused:
        read_gates(changed(tmp_path, old, new))
    assert refused.match(message)


def test_a_file_is_named_by_its_first_day(tmp_path):
    """A name that is no day is refused."""
    with pytest.raises(RuleError, match=r"gates-2024.toml: name it by its first day"):
        gates_on(date(2024, 5, 5), changed(tmp_path, "[drift.psi]", "[drift.psi]", "gates-2024.toml").parent)


def facts(version: int = 2, *, is_payment: bool = True) -> VersionFacts:
    return VersionFacts(version=version, version_hash=str(version), training_years=(2022, 2023), is_payment=is_payment)


def evaluation(**changes: object) -> Evaluation:
    """An evaluation in which every gate holds, but for the changes."""
    known: dict[str, object] = {
        "total": 1.0, "negative": 0.0, "past": 0.0, "broken": 0, "group": "within", "r2_low": 0.01, "coverage": 0.95,
        "model": "peps_mg",
    } | changes  # fmt: skip
    gain = Figure(name="r2", value=0.02, low=float(str(known["r2_low"])), high=0.04)
    group = GroupRow(group="ald", level="ALD", is_seen=True, verdict=str(known["group"]), patients=5000, ratio=1.05,
                     low=1.04, high=1.06)  # fmt: skip
    unseen = GroupRow(group="region", level="11", is_seen=False, verdict="outside", patients=5000, ratio=1.2,
                      low=1.19, high=1.21)  # fmt: skip
    proof = MonotoneRow(
        feature="ald_count", label_fr="", label_en="", direction=1, trees=9, pairs=9, broken=int(str(known["broken"])),
        worst_eur=0.0,
    )  # fmt: skip
    size = SizeRow(
        size=5000, low=0.9, high=1.1, detectable=0.1, credibility=0.5, chance_eur_per_patient=1.0,
        coverage=float(str(known["coverage"])), simulated=1900,
    )  # fmt: skip
    return Evaluation(
        facts=Facts(
            model=str(known["model"]), version=2, title_fr="", title_en="", year=2024, patients=9, weight=9.0,
            observed_eur=1.0, expected_eur=1.0, normalisation=1.0, draws=1, seed=0,
        ),
        verdicts=(),
        fit=(
            Figure(name="total_ratio", value=float(str(known["total"]))),
            Figure(name="negative_share", value=float(str(known["negative"]))),
        ),
        rivals=(RivalRow(model="grid", raw_ratio=1, r2=0, r2_capped=0, cpm=0, mae_eur=0, r2_gain=gain, cpm_gain=gain),),
        diagrams=Diagrams(
            reliability=Curve(name="", x=(), y=()), murphy=(), miscalibration=0.0, discrimination=0.0, uncertainty=0.0
        ),
        groups=(group, unseen),
        sizes=(size,),
        structures=(),
        between_sd=0.05,
        is_between_assumed=True,
        coverage=(),
        incentives=Incentives(past=(Figure(name="past", value=float(str(known["past"]))),), monotone=(proof,)),
    )  # fmt: skip


def comparison(r2_low: float = -0.001, gap: float = 0.01) -> Comparison:
    row = CompareRow(name="r2", unit="1", champion=0.2, challenger=0.2 + gap, difference=gap, low=r2_low, high=0.02)
    names = {"r2": row, "cpm": None, "worst_group_eur": None}
    rows = tuple(CompareRow(**{**{n: getattr(row, n) for n in row.__struct_fields__}, "name": name}) for name in names)
    worst = CompareRow(name=rows[2].name, unit="EUR", champion=9.0, challenger=8.0, difference=-1.0, low=-3.0, high=1.0)
    return Comparison(year=2024, patients=9, champion=facts(1), challenger=facts(), rows=(*rows[:2], worst), groups=())


def impact(change: float = 0.02, ranks: float = 0.98) -> Impact:
    row = ImpactRow(
        structure="S1", patients=20, champion_eur=100.0, challenger_eur=100 * (1 + change),
        difference_eur=100 * change, change=change, moved=0.0,
    )  # fmt: skip
    return Impact(
        year=2024, rows=(row,), masked=0, without_rows=0, rank_correlation=ranks, mean_absolute_change=0.01,
        structure_rank_correlation=None, structure_mean_absolute_change=None, moved_share=None,
    )  # fmt: skip


def drift(alerts: int = 0) -> Drift:
    row = DriftRow(kind="coding", name="ald_08", measure="coding_rate", unit="share", value=0.5, status="alert")
    return Drift(year=2024, before_year=2023, patients_before=9, patients=9, in_sample=False, rows=(row,) * alerts)


def held(**changes: object) -> dict[str, str]:
    """Status of each gate."""
    found: dict[str, object] = {
        "drift": drift(), "evaluation": evaluation(), "challenger": facts(), "comparison": comparison(),
        "impact": impact(),
    } | changes  # fmt: skip
    return {gate.name: gate.status for gate in check_gates(Findings(**found), GATES)}  # type: ignore[arg-type]


def test_every_gate_holds():
    """Measured, within its threshold: nothing refuses."""
    assert set(held().values()) == {"passed"}


@pytest.mark.parametrize(
    ("changes", "gate", "status"),
    [
        ({"evaluation": evaluation(total=1.04)}, "total_gap", "warned"),
        ({"evaluation": evaluation(total=0.96)}, "total_gap", "warned"),
        ({"evaluation": evaluation(group="outside")}, "groups_outside", "failed"),
        ({"evaluation": evaluation(group="uncertain")}, "groups_outside", "passed"),
        ({"comparison": comparison(gap=-0.011)}, "r2_loss", "failed"),
        ({"comparison": comparison(-0.011)}, "r2_loss", "passed"),
        ({"comparison": comparison(-0.011)}, "r2_proof", "warned"),
        ({"comparison": comparison(-0.011)}, "cpm_loss", "warned"),
        ({"evaluation": evaluation(r2_low=-0.001)}, "grid_r2", "failed"),
        ({"evaluation": evaluation(r2_low=-0.001)}, "grid_cpm", "warned"),
        ({"evaluation": evaluation(negative=0.0001)}, "negative", "failed"),
        ({"evaluation": evaluation(past=0.001)}, "past_return", "failed"),
        (
            {"evaluation": evaluation(past=0.001), "challenger": facts(is_payment=False)},
            "past_return",
            "not_applicable",
        ),
        ({"evaluation": evaluation(broken=1)}, "monotone", "failed"),
        ({"drift": drift(10)}, "drift_alerts", "passed"),
        ({"drift": drift(11)}, "drift_alerts", "failed"),
        ({"evaluation": evaluation(coverage=0.90)}, "structure_coverage", "warned"),
        ({"impact": impact(0.11)}, "structure_impact", "failed"),
        ({"impact": impact(-0.11)}, "structure_impact", "failed"),
        ({"impact": impact(ranks=0.89)}, "rank_correlation", "failed"),
        ({"impact": None}, "structure_impact", "not_measured"),
        ({"comparison": None, "impact": None}, "structure_impact", "not_applicable"),
        ({"comparison": None, "impact": None}, "r2_loss", "not_applicable"),
    ],
)
def test_each_gate_fails_on_its_own_measure(changes: dict[str, object], gate: str, status: str):
    """A hard gate fails, a soft one warns; what only stands beside a champion does not apply without one."""
    assert held(**changes)[gate] == status


def test_what_refuses():
    """A hard gate that fails or could not be measured refuses; a soft one does not."""
    found = Findings(drift(), evaluation(total=1.5, negative=0.1), facts(), comparison(), None)
    assert [gate.name for gate in check_gates(found, GATES) if gate.refuses] == [
        "negative", "structure_impact", "rank_correlation",
    ]  # fmt: skip


def test_coverage_gap_by_hand():
    """90 % of 1,900 structures: 5 points less 1.96 √(0.95 × 0.05 / 1900) = 0.98 point: 4.02 points."""
    assert coverage_gap(evaluation(coverage=0.90).sizes).value == pytest.approx(0.05 - 0.0098, abs=1e-6)
    assert not coverage_gap(()).is_applicable


def test_what_stands_out_is_named_in_words():
    """A group and its level, a feature, a poste, a structure; five at most, then how many more."""
    found = Findings(drift(), evaluation(group="outside"), facts(), comparison(), impact(0.12))
    named = {gate.name: gate_words(gate, "en") for gate in check_gates(found, GATES)}
    assert (named["groups_outside"], named["structure_impact"]) == ("ALD : ALD", "S1")
    many = Drift(
        year=2024, before_year=2023, patients_before=9, patients=9, in_sample=False,
        rows=tuple(
            DriftRow(kind="coding", name=f"ald_{number:02d}", measure="coding_rate", unit="share", status="alert")
            for number in range(1, 8)
        ),
    )  # fmt: skip
    gates = check_gates(Findings(many, evaluation(), facts(), comparison(), impact()), GATES)
    (drifted,) = [gate for gate in gates if gate.name == "drift_alerts"]
    assert gate_words(drifted, "fr").endswith("+ 2") and "ALD 1" in gate_words(drifted, "fr")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_text_is_there_in_both_languages(language: str):
    """Each gate, measure, kind and status has its words."""
    words = words_in(language)
    names = [f"gate_{name}" for name in GATES.gates] + [f"measure_{name}" for name in GATES.drift]
    names += [f"status_{name}" for name in ("passed", "failed", "warned", "not_measured", "not_applicable")]
    names += [f"state_{name}" for name in STATUSES]
    assert [name for name in names if not words.get(name)] == []
    assert all(words.values())
