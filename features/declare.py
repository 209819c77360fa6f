"""How a dataset is declared: what a row is, what identifies it, its columns with type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "strings": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Column:
    """One column: name, type (a key of `TYPES`), meaning, unit ("" where none), nullability."""

    name: str
    type: str
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One dataset: what a row is, what identifies it, its columns.

    `wide` tables carry further columns declared elsewhere (the catalogue of features, the postes).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    yearly: bool = True
    wide: bool = False

    @property
    def column_names(self) -> list[str]:
        """Names of the declared columns, in order."""
        return [column.name for column in self.columns]

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of the declared columns."""
        return pa.schema([pa.field(c.name, TYPES[c.type], nullable=c.nullable) for c in self.columns])
