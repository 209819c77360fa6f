"""The first page: what holds, what does not, in an order that a reader can act on."""

from __future__ import annotations

from collections.abc import Iterable

from training.evaluation.money import BAND, POLICY_SIZE, surely_outside
from training.evaluation.record import (
    CoverageRow,
    Evaluation,
    Figure,
    GroupRow,
    Incentives,
    MonotoneRow,
    OracleRow,
    PoolRow,
    RivalRow,
    SelectionRow,
    SizeRow,
    Stability,
    Verdict,
)
from training.evaluation.simulated import COVERAGE_BAND

GOOD, DOUBT, BAD, TOLD = "good", "doubt", "bad", "told"
LEAST_COVERAGE = 0.93
KNOWN_AFTER = ("deceased",)
ORACLE_SHARE = 0.95
PROMISED, HALF = 0.95, 0.5
PAST_TOLERANCE = 1e-9


def verdicts_of(found: Evaluation, *, is_payment: bool = True) -> tuple[Verdict, ...]:
    """The verdicts on what was found; `is_payment`: past spending must pay nothing back."""
    named = {figure.name: figure for figure in found.fit}
    return (
        total_verdict(named["total_ratio"]),
        *group_verdicts(found.groups),
        *fit_verdicts(found.fit, found.rivals),
        *chance_verdicts(found.sizes, found.coverage),
        *(incentive_verdicts(found.incentives, is_payment=is_payment) if found.incentives else ()),
        *((oracle_verdict(found.oracle),) if found.oracle else ()),
        *((stability_verdict(found.stability),) if found.stability else ()),
    )


def total_verdict(total_ratio: Figure) -> Verdict:
    """Whether the whole amount is right: expected / observed within 0.97 to 1.03, before any normalisation."""
    value = total_ratio.value or 0.0
    return Verdict(name="total", status=_in_band(value, total_ratio.low, total_ratio.high), figures=(total_ratio,))


def group_verdicts(rows: Iterable[GroupRow]) -> tuple[Verdict, ...]:
    """Groups of 1,000 people or more that the model sees, then those it does not: the worst, how many leave the band.

    rows: worst first, as `group_rows` gives them. The model fails where a group that it sees is outside once all are
    judged together, as the gate of a retraining does: of forty groups treated right, one or two leave their own
    interval. A group that the model may not see is a doubt at most: no model without that information can be right
    for it. Where no group is that large, the one furthest from its cost whose
    interval leaves the band is told.
    """
    shown = [row for row in rows if row.patients is not None]
    large = [row for row in shown if row.patients is not None and row.patients >= POLICY_SIZE]
    found = []
    if not large:
        return (_small_groups(shown),)
    for name, is_seen in (("seen_groups", True), ("unseen_groups", False)):
        those = [row for row in large if row.is_seen == is_seen]
        if not those:
            continue
        worst = those[0]
        out = [row for row in those if row.verdict == "outside"]
        unsure = [row for row in those if row.verdict == "uncertain"]
        sure = surely_outside(those)
        status = BAD if sure else DOUBT if out or unsure else GOOD
        numbers = {"groups": those, "outside": out, "surely": sure, "uncertain": unsure}
        counts = tuple(_count(name, len(some)) for name, some in numbers.items() if is_seen or name != "surely")
        figures = (*counts, *_money(worst))
        found.append(
            Verdict(name=name, status=status, figures=figures, words=(("group", worst.group), ("level", worst.level)))
        )
    return tuple(found)


def _small_groups(rows: list[GroupRow]) -> Verdict:
    sure = [row for row in rows if row.low is not None and row.high is not None]
    sure = [row for row in sure if (row.low or 0.0) > BAND[1] or (row.high or 0.0) < BAND[0]]
    if not sure:
        return Verdict(name="no_group", status=TOLD)
    worst = max(sure, key=lambda row: abs(row.net_eur or 0.0))
    words = (("group", worst.group), ("level", worst.level))
    return Verdict(name="small_groups", status=TOLD, figures=_money(worst), words=words)


def _money(row: GroupRow) -> tuple[Figure, Figure]:
    return (
        Figure(name="net", value=row.net_eur, low=row.net_low, high=row.net_high, unit="EUR"),
        Figure(name="ratio", value=row.ratio, low=row.low, high=row.high, unit="ratio"),
    )


def fit_verdicts(fit: Iterable[Figure], rivals: tuple[RivalRow, ...]) -> tuple[Verdict, ...]:
    """No negative amount; no rival better in R² and CPM (their paired intervals decide)."""
    named = {figure.name: figure for figure in fit}
    negative = named["negative_share"]
    found = [Verdict(name="negative", status=BAD if negative.value else GOOD, figures=(negative,))]
    gains = [(row, gain) for row in rivals[1:] for gain in (row.r2_gain, row.cpm_gain) if gain is not None]
    if gains:
        lost = {row.model for row, gain in gains if (gain.high or 0.0) < 0}
        unsure = {row.model for row, gain in gains if (gain.low or 0.0) <= 0} - lost
        figures = (_count("rivals", len(rivals) - 1), _count("better", len(lost)), _count("uncertain", len(unsure)))
        found.append(Verdict(name="rivals", status=BAD if lost else DOUBT if unsure else GOOD, figures=figures))
    return tuple(found)


def chance_verdicts(sizes: Iterable[SizeRow], coverage: tuple[CoverageRow, ...]) -> tuple[Verdict, ...]:
    """Intervals hold what they promise: structures 95 ± 2 %, patients 93 % or more in every group."""
    measured = [row for row in sizes if row.coverage is not None]
    found = [_structures_covered(measured)] if measured else []
    return (*found, *((_patients_covered(coverage),) if coverage else ()))


def incentive_verdicts(incentives: Incentives, *, is_payment: bool) -> tuple[Verdict, ...]:
    """Past spending pays nothing back; monotone features are proved; what codes and selection would bring is told."""
    back = max((abs(figure.value or 0.0) for figure in incentives.past), default=0.0)
    past = Figure(name="back", value=back, unit="EUR")
    status = TOLD if not is_payment else GOOD if back <= PAST_TOLERANCE else BAD
    found = [Verdict(name="past" if is_payment else "past_forecast", status=status, figures=(past,))]
    found += [_proved(incentives.monotone)] if incentives.monotone else []
    found += [_swollen(row) for row in incentives.pools if row.pool == "targeted"]
    found += [_selected(row) for row in incentives.selection if row.kept == HALF]
    return tuple(found)


def oracle_verdict(oracle: OracleRow) -> Verdict:
    """On fictional data: share of the oracle's R² reached, 95 % at least, on patients held out where they are known."""
    name, model_r2, oracle_r2 = "oracle", oracle.model_r2, oracle.oracle_r2
    if oracle.held_out_r2 is not None and oracle.held_out_oracle_r2:
        name, model_r2, oracle_r2 = "oracle_held_out", oracle.held_out_r2, oracle.held_out_oracle_r2
    share = model_r2 / oracle_r2
    figures = (
        Figure(name="share", value=share, unit="share"),
        Figure(name="model_r2", value=model_r2),
        Figure(name="oracle_r2", value=oracle_r2),
    )
    return Verdict(name=name, status=GOOD if share >= ORACLE_SHARE else BAD, figures=figures)


def stability_verdict(stability: Stability) -> Verdict:
    """What moves between two versions: told, for the one who approves to weigh."""
    figures = (
        Figure(name="ranks", value=stability.rank_correlation),
        Figure(name="change", value=stability.mean_absolute_change, unit="share"),
        Figure(name="moved", value=stability.moved_share, unit="share"),
    )
    return Verdict(name="stability", status=TOLD, figures=figures, words=(("against", stability.against),))


def _structures_covered(measured: list[SizeRow]) -> Verdict:
    """The size whose coverage is furthest; within 1.96 standard errors of the simulation it is a doubt, not a fault."""
    worst = max(measured, key=lambda row: abs((row.coverage or 0.0) - PROMISED))
    slack = 1.96 * (PROMISED * (1 - PROMISED) / worst.simulated) ** 0.5
    value = worst.coverage or 0.0
    inside = COVERAGE_BAND[0] <= value <= COVERAGE_BAND[1]
    close = COVERAGE_BAND[0] - slack <= value <= COVERAGE_BAND[1] + slack
    figures = (Figure(name="coverage", value=value, unit="share"), _count("size", worst.size))
    return Verdict(name="structure_coverage", status=GOOD if inside else DOUBT if close else BAD, figures=figures)


def _patients_covered(coverage: tuple[CoverageRow, ...]) -> Verdict:
    """The worst group known on the index date; that someone will die is not, and is told in the table alone."""
    known, overall = [row for row in coverage if row.level not in KNOWN_AFTER], coverage[0]
    low = min(known, key=lambda row: row.coverage)
    figures = (
        Figure(name="coverage", value=overall.coverage, low=overall.low, high=overall.high, unit="share"),
        Figure(name="lowest", value=low.coverage, low=low.low, high=low.high, unit="share"),
    )
    is_bad = any(row.high < LEAST_COVERAGE for row in known)
    status = BAD if is_bad else DOUBT if low.coverage < LEAST_COVERAGE else GOOD
    words = (("group", low.group), ("level", low.level))
    return Verdict(name="patient_coverage", status=status, figures=figures, words=words)


def _proved(rows: tuple[MonotoneRow, ...]) -> Verdict:
    broken = sum(row.broken > 0 for row in rows)
    pairs = _count("pairs", sum(row.pairs for row in rows))
    figures = (_count("features", len(rows)), pairs, _count("broken", broken))
    return Verdict(name="monotone", status=BAD if broken else GOOD, figures=figures)


def _swollen(pool: PoolRow) -> Verdict:
    figures = (
        Figure(name="eur_per_code", value=pool.eur_per_code, unit="EUR"),
        Figure(name="share", value=pool.share, unit="share"),
        Figure(name="growth", value=pool.growth, unit="share"),
    )
    return Verdict(name="upcoding", status=TOLD, figures=figures)


def _selected(row: SelectionRow) -> Verdict:
    gain = Figure(name="gain", value=row.gain_eur, low=row.low, high=row.high, unit="EUR")
    share = Figure(name="share", value=row.share_of_spending, unit="share")
    return Verdict(name="selection", status=DOUBT if row.low > 0 else GOOD, figures=(gain, share))


def _in_band(value: float, low: float | None, high: float | None) -> str:
    if BAND[0] <= value <= BAND[1]:
        return GOOD
    return DOUBT if low is not None and high is not None and low <= BAND[1] and high >= BAND[0] else BAD


def _count(name: str, number: int) -> Figure:
    return Figure(name=name, value=float(number), unit="count")
