"""What a retraining found, as frozen records: each step writes one of them as JSON.

A figure that cannot be measured or shown is null, never 0; no cell stands for fewer than 11 people.
"""

from __future__ import annotations

from datetime import date

import msgspec

STATUSES = ("alert", "watch", "masked", "told", "ok")


class DriftRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing measured on the year before and on the new one.

    kind: feature, mix, coding, spending or calibration; measure: a key of the thresholds, or "told" without any;
    value: what the thresholds are held against, with its 95 % interval where chance moves it; status: ok, watch,
    alert, told (no threshold) or masked (under 11 people, or a cell that would give one away).
    """

    kind: str
    name: str
    level: str = ""
    measure: str
    unit: str
    before: float | None = None
    after: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    watch: float | None = None
    alert: float | None = None
    status: str


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table of drift; `in_sample`: the year before trained the champion, whose calibration there is flattered."""

    year: int
    before_year: int
    patients_before: int
    patients: int
    in_sample: bool
    rows: tuple[DriftRow, ...]
    not_measured: tuple[str, ...] = ()


class VersionFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A version: its number, the hash of its files, the years that trained it and the one that tested it."""

    version: int
    version_hash: str
    training_years: tuple[int, ...]
    test_year: int | None = None
    is_payment: bool = True


class CompareRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A measure of both versions on the same patients; the difference (challenger − champion) with its interval."""

    name: str
    unit: str
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None


class PairedGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group under both versions: euros per patient and year above what it cost, totals made right."""

    group: str
    level: str
    is_seen: bool
    patients: int
    champion_net_eur: float
    challenger_net_eur: float
    champion_ratio: float
    challenger_ratio: float


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Champion and challenger on the same patients of the test year; `warnings`: what makes the comparison unfair."""

    year: int
    patients: int
    champion: VersionFacts
    challenger: VersionFacts
    rows: tuple[CompareRow, ...]
    groups: tuple[PairedGroup, ...]
    warnings: tuple[str, ...] = ()


class ImpactRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Expected euros of a structure's list under both versions; `moved`: the change once national totals are equal."""

    structure: str
    patients: int
    champion_eur: float
    challenger_eur: float
    difference_eur: float
    change: float
    moved: float


class Impact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the change of version does to each structure, the largest change first.

    masked: structures left out for having fewer than 11 patients; without_rows: patients of the lists who have no
    characteristics or spending (null where they are 1 to 10). The rest: as Stability, after equal national totals.
    """

    year: int
    rows: tuple[ImpactRow, ...]
    masked: int
    without_rows: int | None
    rank_correlation: float
    mean_absolute_change: float
    structure_rank_correlation: float | None
    structure_mean_absolute_change: float | None
    moved_share: float | None


class GateResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gate held against its measure.

    status: passed, failed, warned (a soft gate that is not met), not_measured (the data are lacking; a hard one then
    refuses) or not_applicable (no champion yet, no payment model). `words`: what failed, where it has names.
    """

    name: str
    kind: str
    status: str
    value: float | None
    threshold: float
    sign: str
    unit: str
    grade: str
    source_fr: str
    source_en: str
    meaning_fr: str
    meaning_en: str
    words: tuple[str, ...] = ()

    @property
    def refuses(self) -> bool:
        """Whether this alone refuses a promotion."""
        return self.kind == "hard" and self.status in ("failed", "not_measured")


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether the challenger may be promoted, by the gates in force on a day."""

    model: str
    title_fr: str
    title_en: str
    unit: str
    year: int
    on: date
    gates_file: str
    gates_sha256: str
    challenger: VersionFacts
    champion: VersionFacts | None
    gates: tuple[GateResult, ...]

    @property
    def is_unchanged(self) -> bool:
        """Whether the challenger is the champion itself: the same data, seed and code gave the same files."""
        return self.champion is not None and self.champion.version_hash == self.challenger.version_hash

    @property
    def refusals(self) -> tuple[GateResult, ...]:
        """The gates that refuse; none: it may be promoted."""
        return tuple(gate for gate in self.gates if gate.refuses)


class Retrained(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that a retraining found, but the evaluation, which stands in a file of its own."""

    decision: Decision
    drift: Drift
    comparison: Comparison | None = None
    impact: Impact | None = None


def encode(record: msgspec.Struct | None) -> bytes:
    """A record (or null: there was nothing to measure) as indented JSON, the same bytes for the same record."""
    return msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=2)
