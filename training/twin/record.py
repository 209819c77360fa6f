"""The twin of a model as one frozen record: what is published, and what publishing it would cost; in JSON and back."""

from __future__ import annotations

import msgspec

from training.evaluation.record import Figure, RivalRow


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of the scorecard: whole euros for who has `feature` from `low` up to, not including, `below`.

    A null end is open; a category is matched by its text; `is_woman` null holds for both sexes. A missing number
    counts as the lowest, a missing flag or sex as 0. `patients`, `share`: people and share of the weight in training.
    """

    feature: str
    points_eur: int
    low: float | None = None
    below: float | None = None
    category: str | None = None
    is_woman: bool | None = None
    patients: int
    share: float


class Scorecard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """amount = max(base + Σ points of the lines that hold, floor), to the cent."""

    base_cents: int
    floor_cents: int | None = None
    lines: tuple[Line, ...] = ()


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A cell of the grid: first and last value on each axis (null: open), people, euros."""

    bounds: dict[str, int | None]
    patients: int
    expected_eur: float


class Fidelity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A twin against the model on rows that neither saw, weighted, the totals made right.

    within_5, _10, _20: share of patients whose amount is that close (per cent of the model's); moved_share: share of
    the euros that would go to other patients, Σ w |twin − model| / 2 Σ w model; `raw_ratio`: Σ twin / Σ model before.
    """

    r2: float
    rank_correlation: float
    within_5: float
    within_10: float
    within_20: float
    moved_share: float
    mean_gap_eur: float
    raw_ratio: float


class GapRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group, or a structure, under the model and the twin: euros per patient, total gap; null under 11 people."""

    group: str
    level: str
    patients: int | None = None
    model_eur: float | None = None
    twin_eur: float | None = None
    gap_eur: float | None = None
    gap_total_eur: float | None = None
    gap_share: float | None = None


class TwinRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One twin (scorecard or grid): how many figures it publishes, its fidelity, its groups and structures."""

    kind: str
    figures: int
    fidelity: Fidelity
    groups: tuple[GapRow, ...]
    structures: tuple[GapRow, ...]
    band_model_eur: tuple[float, ...]
    band_low_eur: tuple[float, ...]
    band_mean_eur: tuple[float, ...]
    band_high_eur: tuple[float, ...]


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fictional patient, typical of a group: values by feature, amounts under model, scorecard and grid."""

    name: str
    group_patients: int
    values: dict[str, float | str]
    model_eur: float
    score_cents: int
    grid_eur: float | None = None
    cell: int | None = None


class BeatsGrid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether the model earns its complexity: its advantage over each grid, paired by patient.

    verdict: "ships" where R² and CPM are surely above every grid's; "grid" where neither is; "split" otherwise.
    """

    verdict: str
    against: tuple[str, ...]
    r2_gain: Figure
    cpm_gain: Figure


class Twin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about the twins of a version, judged on `year`, which trained neither.

    labels and kinds: of every feature, French and English, and number, flag or category; families and whole: of the
    features that the scorecard reads, those that only take whole values; path_r2: R² against the model with 1, 2, …
    terms, in training.
    """

    model: str
    version: int
    version_hash: str
    title_fr: str
    title_en: str
    unit: str
    year: int
    training_years: tuple[int, ...]
    patients: int
    observed_eur: float
    model_eur: float
    cap_eur: float | None
    draws: int
    seed: int
    labels: dict[str, tuple[str, str]]
    kinds: dict[str, str]
    families: dict[str, str]
    whole: tuple[str, ...] = ()
    scorecard: Scorecard
    path_r2: tuple[float, ...]
    cells: tuple[Cell, ...] = ()
    twins: tuple[TwinRow, ...]
    rivals: tuple[RivalRow, ...]
    beats_grid: BeatsGrid
    examples: tuple[Example, ...]
    not_measured: tuple[str, ...] = ()


def encode_twin(twin: Twin) -> bytes:
    """The record as indented JSON, the same bytes for the same record."""
    return msgspec.json.format(msgspec.json.encode(twin, order="deterministic"), indent=2)


def decode_twin(content: bytes) -> Twin:
    """The record of its JSON. Errors: msgspec.ValidationError for another form."""
    return msgspec.json.decode(content, type=Twin)
