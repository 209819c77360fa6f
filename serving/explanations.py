"""One prediction taken apart: euros by feature and by family, with French labels, that add up to what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from features.scoring import BASE, FLOOR, Scorer
from features.versions import CardFeature
from serving.families import family_label

BASE_LABEL = "Moyenne de la population de référence"
FLOOR_LABEL = "Relèvement au plancher"
Value = float | int | str | None


class Contribution(msgspec.Struct, frozen=True):
    """Euros that one feature adds to the base, and the value it had."""

    feature: str
    label_fr: str
    family: str
    value: Value
    contribution_eur: float


class FamilyTotal(msgspec.Struct, frozen=True):
    """Euros that the features of one family add to the base."""

    family: str
    label_fr: str
    contribution_eur: float


class Explanation(msgspec.Struct, frozen=True):
    """expected_eur = base_eur + Σ contributions + floor_eur, to 1e-6; the families hold the same euros."""

    expected_eur: float
    base_eur: float
    floor_eur: float
    contributions: tuple[Contribution, ...]
    families: tuple[FamilyTotal, ...]


def explanations(scorer: Scorer, matrix: np.ndarray) -> Iterator[Explanation]:
    """The explanation of each row of an encoded matrix, in order."""
    yield from explained(scorer.card.features, matrix, expected_eur=scorer.predict(matrix),
                           euros=scorer.explain(matrix))  # fmt: skip


def explained(
    features: Sequence[CardFeature], matrix: np.ndarray, *, expected_eur: np.ndarray, euros: np.ndarray
) -> Iterator[Explanation]:
    """As `explanations`, of predictions and of the output of `Scorer.explain` that are known already."""
    families = list(dict.fromkeys(feature.family for feature in features))
    totals = by_family(features, families, euros)
    for expected, row, values, sums in zip(expected_eur, euros, matrix, totals, strict=True):
        yield Explanation(
            expected_eur=float(expected),
            base_eur=float(row[0]),
            floor_eur=float(row[-1]),
            contributions=tuple(
                Contribution(f.name, f.label_fr, f.family, decoded(f, value), euro)
                for f, value, euro in zip(features, values.tolist(), row[1:-1].tolist(), strict=True)
            ),
            families=tuple(
                FamilyTotal(family, family_label(family), total)
                for family, total in zip(families, sums.tolist(), strict=True)
            ),
        )


def by_family(features: Sequence[CardFeature], families: Sequence[str], euros: np.ndarray) -> np.ndarray:
    """Euros by family, shape (n, families), of the output of `Scorer.explain`."""
    belongs = np.array([[feature.family == family for family in families] for feature in features], dtype=float)
    return euros[:, 1:-1] @ belongs


def decoded(feature: CardFeature, value: float) -> Value:
    """A value of the matrix as the caller gave it: text of a category, whole number, number, or null."""
    if value != value:
        return None
    if feature.kind == "category":
        return feature.categories[int(value)]
    return int(value) if value == int(value) else value


def long_table(scorer: Scorer, matrix: np.ndarray) -> pa.Table:
    """One row per row of the matrix and feature (the base first, the floor last), for batches.

    Columns: row (from 0), feature, label_fr, family, value (null for a category), category, contribution_eur.
    """
    features, count = scorer.card.features, len(matrix)
    width = len(features) + 2
    none = np.full(count, np.nan)
    is_category = np.array([feature.kind == "category" for feature in features], dtype=bool)
    values = np.column_stack([none, np.where(is_category, np.nan, matrix), none]).ravel()
    texts: list[Value] = [None] * (count * width)
    for position in np.flatnonzero(is_category):
        texts[position + 1 :: width] = [decoded(features[position], value) for value in matrix[:, position]]
    labels = [BASE_LABEL, *(feature.label_fr for feature in features), FLOOR_LABEL]
    columns = {
        "row": pa.array(np.repeat(np.arange(count), width)),
        "feature": _repeated([BASE, *(feature.name for feature in features), FLOOR], count),
        "label_fr": _repeated(labels, count),
        "family": _repeated(["base", *(feature.family for feature in features), "floor"], count),
        "value": pa.array(values, from_pandas=True),
        "category": pa.array(texts, pa.string()),
        "contribution_eur": pa.array(scorer.explain(matrix).ravel()),
    }
    return pa.table(columns)


def _repeated(texts: Sequence[str], count: int) -> pa.DictionaryArray:
    """`texts` over and over, `count` times, each written once."""
    known = list(dict.fromkeys(texts))
    codes = np.array([known.index(text) for text in texts], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(np.tile(codes, count)), pa.array(known))
