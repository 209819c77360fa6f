"""Frozen versions and the register, as the service sees them: read when first asked for, then kept."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from lightgbm.basic import LightGBMError

from features.errors import ForfaitError, RuleError
from features.scoring import Scorer, load_scorer
from features.versions import Entry, entry_on, read_register, versions_of
from serving.refusals import RefusalError
from serving.schemes_rules import Book, book_of

MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
WRITTEN_WITHIN_MILLISECONDS = 50


@dataclass(frozen=True)
class Store:
    """The folder of versions, with what was read of it.

    A frozen version never changes, so it is read once; the register grows, so it is read again when its file changed.
    """

    root: Path
    scorers: dict[tuple[str, int], Scorer] = field(default_factory=dict)
    registers: dict[tuple[int, int], tuple[Entry, ...]] = field(default_factory=dict)

    def models(self) -> list[str]:
        """Names of the models that have a version on disk."""
        if not self.root.is_dir():
            return []
        names = [path.name for path in self.root.iterdir() if MODEL_NAME.fullmatch(path.name)]
        return sorted(name for name in names if versions_of(self.root, name))

    def versions(self, model: str) -> list[int]:
        """Versions of `model`, oldest first; RefusalError 404 for an unknown model."""
        if model not in (known := self.models()):
            raise RefusalError(404, f"unknown model; the models are: {', '.join(known) or 'none'}", field="model")
        return versions_of(self.root, model)

    def register(self) -> tuple[Entry, ...]:
        """Promotions, oldest first; RuleError when the register was altered."""
        try:
            state = (self.root / "register.jsonl").stat()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        key = (state.st_mtime_ns, state.st_size)
        entries = self.registers.get(key)
        if entries is None:
            entries = _register_of(self.root)
            self.registers[key] = entries
            for other in set(self.registers) - {key}:
                self.registers.pop(other, None)
        return entries

    def entry(self, model: str, on: date, *, known_on: date | None = None) -> Entry:
        """What was in force on a day, as decided by `known_on`; RefusalError 404 when nothing was."""
        try:
            return entry_on(self.register(), model, on, known_on=known_on)
        except RuleError as error:
            self.versions(model)
            if any(entry.model == model for entry in self.register()):
                raise RefusalError(
                    404, f"no version of {model} was in force on {on}; see /models/{model}", field="on"
                ) from error
            raise RefusalError(404, f"no version of {model} was ever promoted; name a version", field="on") from error

    def book(self, schemes: Iterable[str], *, on: date, known_on: date | None) -> Book:
        """The rules of each scheme in force on a day; errors as `book_of`."""
        return book_of(schemes, on=on, known_on=known_on)

    def scorer(self, model: str, version: int) -> Scorer:
        """A version ready to score, the one promoted where it was; RefusalError 404 for an unknown one.

        Errors: RuleError for one altered on disk, or that is not the one promoted.
        """
        promoted = {one.version_hash for one in self.register() if (one.model, one.version) == (model, version)}
        known = self.scorers.get((model, version))
        if known is not None and promoted <= {known.hash}:
            return known
        if version not in (versions := self.versions(model)):
            raise RefusalError(
                404, f"unknown version of {model}; it has {', '.join(map(str, versions))}", field="version"
            )
        loaded = self._load(model, version)
        if promoted - {loaded.hash}:
            raise RuleError(f"{model} version {version} is not the one that was promoted; restore the frozen files")
        self.scorers[model, version] = loaded
        gc.collect()
        gc.freeze()
        return loaded

    def _load(self, model: str, version: int) -> Scorer:
        try:
            loaded = load_scorer(self.root, model, version)
        except LightGBMError as error:
            raise RuleError(f"{model} version {version}: its trees cannot be read; restore the frozen file") from error
        if loaded.booster.num_feature() != len(loaded.card.features):
            raise RuleError(f"{model} version {version}: trees and card disagree on the features; restore the files")
        loaded.predict(np.zeros((1, loaded.booster.num_feature())))  # takes trees apart before the first caller
        return loaded

    def preload(self) -> str | None:
        """Load the last promoted version of each model, ready to predict and explain; None when one can be served.

        Else why none can.
        """
        if self.scorers:
            return None
        try:
            last = {entry.model: entry.version for entry in self.register()}
        except ForfaitError as error:
            return str(error)
        reasons = [self._why_not(*pair) for pair in (last or self._latest()).items()]
        for one in list(self.scorers.values()):
            one.explain(np.zeros((1, len(one.card.features))))  # compiles, where nothing compiled is kept on disk
        reason = next((reason for reason in reasons if reason), None)
        nothing = f"no version under {self.root}; run forfait train, then forfait promote"
        return None if self.scorers else reason or nothing

    def _latest(self) -> dict[str, int]:
        return {model: self.versions(model)[-1] for model in self.models()}

    def _why_not(self, model: str, version: int) -> str | None:
        try:
            self.scorer(model, version)
        except ForfaitError as error:
            return str(error)
        except RefusalError as refusal:
            return refusal.message
        return None


def _register_of(root: Path) -> tuple[Entry, ...]:
    """The register; a last line that is being written is waited for. Errors: RuleError where it was altered."""
    for _ in range(WRITTEN_WITHIN_MILLISECONDS):
        try:
            return tuple(read_register(root))
        except RuleError:
            if (root / "register.jsonl").read_bytes().endswith(b"\n"):
                break
            time.sleep(0.001)
    return tuple(read_register(root))
