"""A document as plain records: titles, sentences, tables and figures, without a word on how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

LANGUAGES = ("fr", "en")
COLUMN_KINDS = ("text", "eur_cents", "eur", "eur_whole", "share", "count", "number", "date", "mixed")
FIGURE_KINDS = ("waterfall", "bars", "pairs", "line", "funnel", "ratio_funnel")


class Masked(Enum):
    """A figure that exists and is not shown, so that nobody can be recognised."""

    SMALL = "s"


@dataclass(frozen=True)
class Value:
    """A figure with its own kind, for a column that mixes them; `unit` is written after a number."""

    value: str | int | Decimal | date | Masked | None
    kind: str = "text"
    unit: str = ""


Plain = str | int | Decimal | date | Masked | None
Cell = Plain | Value


def parted(cell: Cell, kind: str) -> tuple[Plain, str, str]:
    """The plain value of a cell, its kind (its own, or that of its column) and its unit."""
    return (cell.value, cell.kind, cell.unit) if isinstance(cell, Value) else (cell, kind, "")


@dataclass(frozen=True)
class Column:
    """A column: kind text, eur_cents, eur, eur_whole, share, count, number, date or mixed (cells are then `Value`s).

    `is_people` marks a count of people, which `mask_small` protects; `is_signed` writes the sign of what is added.
    """

    name: str
    title: str
    kind: str = "text"
    is_people: bool = False
    is_signed: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption; the last row is the sum of the others where `has_total`.

    `overlaps` says that one person may stand in several rows, so that counts of people do not add up.
    `is_fine` asks for small print, in two columns of entries where there is room.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    has_total: bool = False
    overlaps: bool = False
    is_fine: bool = False

    def __post_init__(self) -> None:
        """Errors: ValueError for a column of unknown kind, or a row of another width."""
        for column in self.columns:
            if column.kind not in COLUMN_KINDS:
                raise ValueError(f"table {self.name}: column {column.name} is of unknown kind {column.kind!r}")
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: row {number} has {len(row)} cells; it should have {len(self.columns)}"
                )


@dataclass(frozen=True)
class Mark:
    """One bar, step or point; `at` is its place on the horizontal axis of a line or funnel.

    In a waterfall, `value` is where the step ends and `is_whole` a bar from zero (the first, the last).
    """

    label: str
    value: float
    at: date | float | None = None
    low: float | None = None
    high: float | None = None
    is_whole: bool = False


@dataclass(frozen=True)
class Series:
    """Marks of one kind, named in the legend."""

    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Figure:
    """A drawing of plain data, told in words by `alt`, and given as figures by the table named `table`.

    `is_from_zero` begins the vertical axis of a line at zero. `is_beside` sets it beside its table on paper.
    """

    name: str
    kind: str
    caption: str
    alt: str
    table: str
    series: tuple[Series, ...]
    unit: str = "eur_cents"
    across: str = ""
    is_from_zero: bool = False
    is_beside: bool = False

    def __post_init__(self) -> None:
        """Errors: ValueError for an unknown kind, or a figure without words."""
        if self.kind not in FIGURE_KINDS:
            raise ValueError(f"figure {self.name}: kind {self.kind!r} is not one of {', '.join(FIGURE_KINDS)}")
        if not self.alt.strip() or not self.caption.strip():
            raise ValueError(f"figure {self.name}: say in `alt` and `caption` what it shows")


@dataclass(frozen=True)
class KeyFigure:
    """A figure that stands out, with its label and a short note."""

    label: str
    value: Value
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a document; `is_alert` makes it stand out."""

    title: str
    paragraphs: tuple[str, ...] = ()
    key_figures: tuple[KeyFigure, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    is_alert: bool = False


@dataclass(frozen=True)
class Document:
    """A page or several, in one language; `is_one_page` asks for print small enough to fit one A4 page."""

    title: str
    subtitle: str
    language: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()
    is_one_page: bool = False

    def __post_init__(self) -> None:
        """Errors: ValueError for an unknown language, a name used twice, or a figure whose table is not there."""
        if self.language not in LANGUAGES:
            raise ValueError(f"language {self.language!r} is not one of {', '.join(LANGUAGES)}")
        names = [table.name for table in self.tables]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.title}: two tables have one name; there are {', '.join(names)}")
        for figure in self.figures:
            if figure.table not in names:
                raise ValueError(f"figure {figure.name}: its table {figure.table!r} is not in the document")

    @property
    def tables(self) -> tuple[Table, ...]:
        """Tables of every section, in order."""
        return tuple(table for section in self.sections for table in section.tables)

    @property
    def is_masked(self) -> bool:
        """Whether a figure of the page is not shown."""
        cells = [cell for table in self.tables for row in table.rows for cell in row]
        values = [one.value for section in self.sections for one in section.key_figures]
        return any(isinstance(parted(cell, "text")[0], Masked) for cell in [*cells, *values])

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Figures of every section, in order."""
        return tuple(figure for section in self.sections for figure in section.figures)
