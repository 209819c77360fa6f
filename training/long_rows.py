"""Explanations as rows of a dataset: one per patient (or episode) and feature that moves the euros."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from features.scoring import BASE, FLOOR, Scorer

NOT_FEATURES = {BASE: ("Base nationale", "base"), FLOOR: ("Plancher", "floor")}
AT_ONCE = 16_384


def families_of(scorer: Scorer) -> list[str]:
    """Family of each column of `Scorer.explain`: that of the feature, or "base" and "floor"."""
    return [NOT_FEATURES[BASE][1], *(feature.family for feature in scorer.card.features), NOT_FEATURES[FLOOR][1]]


def long_rows(
    scorer: Scorer, identity: pa.RecordBatch, answers: np.ndarray, place: np.ndarray, alike: Mapping[str, object]
) -> Iterator[pa.Table]:
    """Identity of each row, what is `alike` in all of them, feature, label, family and euros; 0 is left out.

    Row i of `identity` is explained by `answers[place[i]]`, shape (features + 2,). Text is held once, as dictionaries.
    """
    labels = [NOT_FEATURES[BASE][0], *(known.label_fr for known in scorer.card.features), NOT_FEATURES[FLOOR][0]]
    described = {"feature": scorer.explained_names, "label_fr": labels, "family": families_of(scorer)}
    texts = {name: pd.factorize(pd.Series(values)) for name, values in described.items()}
    for start in range(0, len(place), AT_ONCE):
        euros = answers[place[start : start + AT_ONCE]]
        rows, columns = np.nonzero(euros)
        some = identity.slice(start, AT_ONCE)
        yield pa.table(
            {name: pa.DictionaryArray.from_arrays(pa.array(rows, pa.int32()), some[name]) for name in some.schema.names}
            | {name: _repeated(value, len(rows)) for name, value in alike.items()}
            | {
                name: pa.DictionaryArray.from_arrays(
                    pa.array(codes[columns], pa.int32()), pa.array(levels, pa.string())
                )
                for name, (codes, levels) in texts.items()
            }
            | {"contribution_eur": pa.array(euros[rows, columns])}
        )


def _repeated(value: object, count: int) -> pa.Array:
    one = pa.array([value])
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), one)
