"""Rows as JSON text, decoded straight into numbers in the order of a card: no dictionary, no look at one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from features.versions import CardFeature

UNLIKE = (msgspec.MsgspecError, KeyError, OverflowError, UnicodeError, RecursionError)
VALUES: dict[str, Any] = {"flag": int | float | bool, "category": str}


@dataclass(frozen=True)
class RowDecoder:
    """The decoder of an array of objects that have every feature of a card and nothing else."""

    decoder: msgspec.json.Decoder[list[msgspec.Struct]]
    width: int
    is_plain: bool
    ranks: Mapping[int, Mapping[str | None, float]]

    def matrix(self, rows: bytes | msgspec.Raw, count: int) -> np.ndarray | None:
        """Numbers as they are, flags 0 or 1, categories by rank, null NaN, none of them checked against the card.

        None for rows that are not `count`, or not as the card has them: who looks at them one by one says why.
        """
        try:
            values = [msgspec.structs.astuple(row) for row in self.decoder.decode(rows)]
            if len(values) != count:
                return None
            if self.is_plain:
                flat = np.fromiter(chain.from_iterable(values), dtype=float, count=count * self.width)
                return flat.reshape(-1, self.width)
            matrix = np.empty((count, self.width))
            for place, column in enumerate(zip(*values, strict=True)):
                ranks = self.ranks.get(place)
                matrix[:, place] = np.array(column if ranks is None else [ranks[one] for one in column], dtype=float)
        except UNLIKE:
            return None
        return matrix


def row_decoder(features: Sequence[CardFeature], ranks: Mapping[int, Mapping[str, float]]) -> RowDecoder:
    """The decoder of a card's rows; build it once."""
    fields = [(f"f{place}", _type(one), msgspec.field(name=one.name)) for place, one in enumerate(features)]
    row = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
    is_plain = not ranks and not any(feature.nullable for feature in features)
    known = {place: {**ordered, None: np.nan} for place, ordered in ranks.items()}
    return RowDecoder(msgspec.json.Decoder(list[row]), len(features), is_plain, known)  # type: ignore[valid-type]


def _type(feature: CardFeature) -> Any:
    value = VALUES.get(feature.kind, int | float)
    return value | None if feature.nullable else value
