"""What a card is made from: the frozen version, and what is known of it beside; and the card as nested words."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from features.versions import EPISODE_UNIT, Card, Entry, entry_on
from training.evaluation.page_tables import Table
from training.evaluation.record import Evaluation
from training.twin.record import Twin

SOFTWARE = ("forfait", "lightgbm", "numpy", "pandas", "scikit-learn")
PAST = "past_use"


@dataclass(frozen=True)
class Trained:
    """What the training run measured, where the card is written by it.

    fit (a row per model), differences (of R² with each baseline), ratios (by group), importance: as in Judgement and
    TrainingResult.
    """

    fit: pd.DataFrame
    differences: pd.DataFrame
    ratios: pd.DataFrame
    importance: pd.DataFrame


@dataclass(frozen=True)
class Known:
    """A frozen version and what is known of it: evaluation, register, people by reason, software, run, twin.

    `counts`: year, control, patients; None with `no_counts` (absent, changed or folder) where they could not be made.
    """

    card: Card
    version_hash: str
    title_fr: str
    title_en: str
    evaluation: Evaluation | None = None
    register: Sequence[Entry] = ()
    counts: pd.DataFrame | None = None
    no_counts: str = "folder"
    software: Mapping[str, str] = field(default_factory=dict)
    trained: Trained | None = None
    twin: Twin | None = None

    @property
    def is_episode(self) -> bool:
        """Whether amounts are per episode."""
        return self.card.unit == EPISODE_UNIT

    @property
    def past_use(self) -> list[str]:
        """Names of the features of past use that are read."""
        return [known.name for known in self.card.features if known.family == PAST]

    @property
    def is_forecast(self) -> bool:
        """Whether a yearly model reads past use: then it may not price."""
        return bool(self.past_use) and not self.is_episode

    @property
    def evaluate_command(self) -> str:
        """The command that measures what the card lacks."""
        return f"forfait evaluate {self.card.model} --version {self.card.version}"

    @property
    def twin_command(self) -> str:
        """The command that makes what could be published in the model's place."""
        return f"forfait twin {self.card.model} --version {self.card.version}"

    @property
    def train_command(self) -> str:
        """The command that makes the version again."""
        seed = f" --seed {self.card.seed}" if self.card.seed else ""
        return f"forfait train {self.card.model} --year {self.card.test_year}{seed}"


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last` (None: no end decided) on which an entry of the register held."""

    first: date
    last: date | None
    entry: Entry


@dataclass(frozen=True)
class Section:
    """A part of the card: paragraphs, then tables with their caption."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()


def periods_of(entries: Sequence[Entry], model: str, version_number: int) -> list[Period]:
    """When a version was, is or will be in force, as the whole register now says; oldest first.

    A promotion ends the day before the next one that takes effect.
    """
    own = [entry for entry in entries if entry.model == model]
    starts = sorted({entry.from_date for entry in own})
    ends = [*(start - timedelta(days=1) for start in starts[1:]), *([None] if starts else [])]
    held = [Period(start, end, entry_on(own, model, start)) for start, end in zip(starts, ends, strict=True)]
    return [period for period in held if period.entry.version == version_number]


def software() -> dict[str, str]:
    """Versions of Python and of what makes and reads a model; a package that is not installed is left out."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
