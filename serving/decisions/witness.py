"""What an answer was computed with: a store that remembers what it was asked, and one that gives it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, cast

import numpy as np
import pyarrow as pa

from features.encoding import Rows
from features.errors import RuleError
from features.scoring import Scorer
from features.versions import Entry
from schemes.rulebook import every_file
from serving.decisions.record import Characteristics, UsedRules, UsedVersion
from serving.schemes_rules import Book, noted
from serving.store import Store


@dataclass(frozen=True)
class Witness(Store):
    """A store for one request, over the versions that the service has loaded; what it gives is noted."""

    versions_used: dict[tuple[str, int], UsedVersion] = field(default_factory=dict)
    rules_used: dict[str, UsedRules] = field(default_factory=dict)
    characteristics: list[Characteristics] = field(default_factory=list)
    by_day: set[tuple[str, int]] = field(default_factory=set)
    registers_seen: list[tuple[Entry, ...]] = field(default_factory=list)

    def register(self) -> tuple[Entry, ...]:
        """As the store's when it was first asked: a promotion in the middle of an answer does not divide it."""
        if not self.registers_seen:
            self.registers_seen.append(super().register())
        return self.registers_seen[0]

    def entry(self, model: str, on: date, *, known_on: date | None = None) -> Entry:
        """As the store's; the version will be noted as that of a day."""
        found = super().entry(model, on, known_on=known_on)
        self.by_day.add((found.model, found.version))
        return found

    def scorer(self, model: str, version: int) -> Scorer:
        """As the store's, noted with its hash and with each matrix that it encodes."""
        found = super().scorer(model, version)
        key = (model, version)
        self.versions_used[key] = UsedVersion(model, version, found.hash, key in self.by_day)
        return cast(Scorer, SeenScorer(found, self.characteristics))

    def book(self, schemes: Iterable[str], *, on: date, known_on: date | None) -> Book:
        """As the store's, its files noted."""
        found = super().book(schemes, on=on, known_on=known_on)
        self.rules_used.update({scheme: UsedRules(scheme, one.file, one.sha256) for scheme, one in found.items()})
        return found


def parts_of(store: Store) -> dict[str, Any]:
    """What a witness shares with the store: folder, versions loaded, registers read."""
    return {part.name: getattr(store, part.name) for part in fields(Store)}


@dataclass(frozen=True)
class Pinned(Witness):
    """A witness that gives what a decision was made with, whatever is in force now.

    Errors: RuleError where a version or a rule file is not, or is no longer, that of the decision.
    """

    stored: Sequence[UsedVersion] = ()
    rules: Sequence[UsedRules] = ()

    def entry(self, model: str, on: date, *, known_on: date | None = None) -> Entry:
        """The version that the day gave then."""
        for used in self.stored:
            if used.model == model and used.is_in_force:
                self.by_day.add((used.model, used.version))
                return Entry(
                    model=model,
                    version=used.version,
                    version_hash=used.hash,
                    from_date=on,
                    decided_on=on,
                    by="",
                    why="",
                )
        raise RuleError(f"the decision asked no day's version of {model}; it cannot be computed again by this release")

    def scorer(self, model: str, version: int) -> Scorer:
        """The version, whose files must be those of then."""
        found = super().scorer(model, version)
        if self.versions_used[model, version] not in self.stored:
            raise RuleError(f"{model} version {version} is not the one that decided; restore its frozen files")
        return found

    def book(self, schemes: Iterable[str], *, on: date, known_on: date | None) -> Book:
        """The rule files of then, wherever later ones put them."""
        wanted = {used.scheme: used for used in self.rules}
        found = {}
        for scheme in sorted(schemes):
            used = wanted.get(scheme)
            if used is None:
                raise RuleError(f"the decision read no rules of {scheme}; it cannot be computed again by this release")
            file = next((one for one in every_file(scheme) if (one.file, one.sha256) == (used.file, used.sha256)), None)
            if file is None:
                raise RuleError(f"{used.file} is not the file that decided; put it back")
            found[scheme] = noted(file)
            self.rules_used[scheme] = used
        return found


class SeenScorer:
    """A scorer that notes what it encodes; all else is the scorer's own."""

    def __init__(self, scorer: Scorer, seen: list[Characteristics]) -> None:
        """`seen` receives a line for each matrix."""
        self._scorer, self._seen = scorer, seen

    def __getattr__(self, name: str) -> Any:
        """The scorer's own."""
        return getattr(self._scorer, name)

    @property
    def encoder(self) -> SeenScorer:
        """What encodes: this, with the encoder's methods."""
        return self

    def rows(self, rows: Rows) -> np.ndarray:
        """As the encoder's."""
        return self._noted(self._scorer.encoder.rows(rows))

    def json(self, rows: bytes, count: int) -> np.ndarray | None:
        """As the encoder's."""
        matrix = self._scorer.encoder.json(rows, count)
        return None if matrix is None else self._noted(matrix)

    def table(self, table: pa.Table) -> np.ndarray:
        """As the encoder's."""
        return self._noted(self._scorer.encoder.table(table))

    def _noted(self, matrix: np.ndarray) -> np.ndarray:
        card = self._scorer.card
        digest = hashlib.sha256(np.ascontiguousarray(matrix, dtype="<f8").data).hexdigest()
        self._seen.append(Characteristics(card.model, card.version, len(matrix), digest))
        return matrix
