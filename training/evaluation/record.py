"""The evaluation of a model as one frozen record: every figure, in JSON and back.

A figure that cannot be measured is null, never 0; a masked cell keeps its name and nothing else.
"""

from __future__ import annotations

import math
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure with its 95 % interval (null where it has none); unit: share, ratio, EUR, count or 1."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = "1"


class RivalRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model beside others, totals made right first (`raw_ratio` is the ratio before); None where it has no value.

    The `*_gain` are this evaluation's model minus the rival, paired by patient, with 95 % intervals.
    """

    model: str
    raw_ratio: float | None
    r2: float | None
    r2_capped: float | None
    cpm: float | None
    mae_eur: float | None
    r2_gain: Figure | None = None
    cpm_gain: Figure | None = None


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of a diagram."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Diagrams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Reliability (mean observed by expected euros) and Murphy curves, and Σ of the squared-error decomposition."""

    reliability: Curve
    murphy: tuple[Curve, ...]
    miscalibration: float
    discrimination: float
    uncertainty: float


class GroupRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a group is paid over what it costs, the national total made right; euros per patient and year.

    Every figure is null where fewer than 11 people stand behind it (verdict "masked").
    """

    group: str
    level: str
    is_seen: bool
    verdict: str
    patients: int | None = None
    observed_eur: float | None = None
    expected_eur: float | None = None
    net_eur: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    net_total_eur: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    raw_ratio: float | None = None


class StructureRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A structure's observed / expected beside what chance does to a list of its size and mix.

    `chance_low`, `chance_high`: 95 % of what no effect would give; `low`, `high`: interval of its own level (`high`
    None: no upper end, where chance alone can bring what was spent to nothing);
    `credibility`: weight (0 to 1) of its own result; `detectable`: smallest saving seen (5 % one-sided, power 80 %);
    `chance_eur`: what a floored incentive would pay it for no effect.
    """

    structure: str
    patients: int
    ratio: float
    low: float
    high: float | None
    chance_low: float
    chance_high: float
    credibility: float
    detectable: float
    chance_eur: float
    chance_eur_per_patient: float


class SizeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same for lists of a size drawn from the nation; `coverage`: share of simulated structures inside."""

    size: int
    low: float
    high: float
    detectable: float
    credibility: float
    chance_eur_per_patient: float
    coverage: float | None = None
    simulated: int = 0
    is_capped: bool = False


class CoverageRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Share of patients whose spending fell in their interval, and its mean width."""

    group: str
    level: str
    patients: int
    coverage: float
    low: float
    high: float
    width_eur: float


class CodeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one more code is worth: mean euros per patient who lacks it; share of additions that lower the amount."""

    code: str
    label_fr: str
    label_en: str
    prevalence: float
    eur_per_code: float
    lowering_share: float


class PoolRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One code of a pool added to each of a share of the patients: euros per code, growth of the total."""

    pool: str
    codes: int
    share: float
    eur_per_code: float
    growth: float


class SelectionRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is gained per kept patient by who keeps the best `kept` share, with data that the model lacks."""

    kept: float
    gain_eur: float
    low: float
    high: float
    share_of_spending: float


class MonotoneRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A feature that must not lower (or raise) the amount: pairs of leaves checked, pairs that break it."""

    feature: str
    label_fr: str
    label_en: str
    direction: int
    trees: int
    pairs: int
    broken: int
    worst_eur: float


class Incentives(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Codes, pools, euros back per euro of past spending (by feature; empty where none is read), selection, proof."""

    codes: tuple[CodeRow, ...] = ()
    pools: tuple[PoolRow, ...] = ()
    past: tuple[Figure, ...] = ()
    selection: tuple[SelectionRow, ...] = ()
    selection_features: int = 0
    monotone: tuple[MonotoneRow, ...] = ()


class ShiftRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A structure's expected euros under two versions, each brought to the same total."""

    structure: str
    patients: int
    before_eur: float
    after_eur: float
    change: float


class Stability(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two versions on the same patients: ranks, changes, and what moves between structures (share of the total)."""

    against: str
    rank_correlation: float
    mean_absolute_change: float
    structure_rank_correlation: float | None
    structure_mean_absolute_change: float | None
    moved_share: float | None
    normalisation_before: float
    normalisation_after: float
    structures: tuple[ShiftRow, ...] = ()


class OracleRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """On fictional data: R² of the model and of the true expectation.

    `held_out_r2`: of the training years, each patient expected by models without him; `held_out_oracle_r2`: of the
    truth on the same rows. None for a model of episodes, whose patients are others every year.
    """

    patients: int
    model_r2: float
    oracle_r2: float
    share: float
    held_out_r2: float | None = None
    held_out_oracle_r2: float | None = None


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of the first page: status good, doubt, bad or told; figures fill the sentence of that name."""

    name: str
    status: str
    figures: tuple[Figure, ...] = ()
    words: tuple[tuple[str, str], ...] = ()


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was evaluated: version, population, cap and total.

    `known_share`: part of the patients judged who also stand in the training years; `held_out_r2`: R² of those years,
    each patient expected by models without him (folds by patient of the training).
    """

    model: str
    version: int
    title_fr: str
    title_en: str
    year: int
    unit: str = "EUR per year"
    perimeter: str = ""
    version_hash: str = ""
    training_years: tuple[int, ...] = ()
    patients: int
    weight: float
    observed_eur: float
    expected_eur: float
    normalisation: float
    cap_eur: float | None = None
    cap_quantile: float | None = None
    draws: int
    seed: int
    data_hashes: dict[str, str] = {}
    not_measured: tuple[str, ...] = ()
    known_share: float | None = None
    held_out_r2: float | None = None


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that an evaluation found."""

    facts: Facts
    verdicts: tuple[Verdict, ...]
    fit: tuple[Figure, ...]
    rivals: tuple[RivalRow, ...]
    diagrams: Diagrams
    groups: tuple[GroupRow, ...]
    sizes: tuple[SizeRow, ...]
    structures: tuple[StructureRow, ...]
    between_sd: float
    is_between_assumed: bool
    coverage: tuple[CoverageRow, ...]
    incentives: Incentives | None = None
    stability: Stability | None = None
    oracle: OracleRow | None = None


def encode_evaluation(evaluation: Evaluation) -> bytes:
    """The record as indented JSON, the same bytes for the same record."""
    return msgspec.json.format(msgspec.json.encode(evaluation, order="deterministic"), indent=2)


def decode_evaluation(content: bytes) -> Evaluation:
    """The record of its JSON. Errors: msgspec.ValidationError for another form."""
    return msgspec.json.decode(content, type=Evaluation)


def read_evaluation(path: Path) -> Evaluation:
    """The record kept at `path`."""
    return decode_evaluation(path.read_bytes())


def number_or_none(value: float) -> float | None:
    """A float for JSON: null where it is not a finite number."""
    return float(value) if math.isfinite(value) else None
