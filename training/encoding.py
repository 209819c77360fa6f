"""Any table as a matrix of floats: missing values stay NaN, categories become ranks, learnt once and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

PRIOR_WEIGHT = 10.0


@dataclass(frozen=True)
class Encoding:
    """Categories of each categorical column, in the order of their ranks; empty for a numeric table."""

    categories: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


def learn_encoding(table: object, y: np.ndarray, weight: np.ndarray) -> Encoding:
    """Encoding of a table: ordered categoricals keep their order, others are ranked by mean target.

    The mean is drawn to the overall mean by `PRIOR_WEIGHT` rows, so that rare categories do not stand at the ends;
    one threshold on the ranks is then the best split of the categories (Fisher 1958), as for a number.
    """
    if not isinstance(table, pd.DataFrame):
        return Encoding()
    return Encoding({str(name): _ranked(table[name], y, weight) for name in table.columns if _is_category(table[name])})


def encode_table(encoding: Encoding, table: object) -> object:
    """Matrix (n, columns) of floats of a frame; anything else is returned as it is.

    A category that was not learnt is treated as missing, as scikit-learn's histogram boosting does.
    """
    if not isinstance(table, pd.DataFrame):
        return table
    if all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in table.dtypes):
        return table.to_numpy()
    matrix = np.empty(table.shape, order="F")
    for number, name in enumerate(table.columns):
        matrix[:, number] = _numbers(table.iloc[:, number], encoding.categories.get(str(name)))
    return matrix


def tree_names(names: list[str]) -> list[str]:
    """Names that LightGBM's text format accepts (letters, digits, underscore), kept distinct."""
    plain = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in names]
    return plain if len(set(plain)) == len(plain) else [f"x{number}" for number in range(len(names))]


def _is_category(column: pd.Series) -> bool:
    return not (is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype) or _holds_numbers(column))


def _holds_numbers(column: pd.Series) -> bool:
    """True for a column of objects that are all numbers or missing (True and False included)."""
    if column.dtype != object:
        return False
    return bool(column.map(lambda value: pd.isna(value) or isinstance(value, (bool, int, float, np.number))).all())


def _ranked(column: pd.Series, y: np.ndarray, weight: np.ndarray) -> tuple[object, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        return tuple(column.dtype.categories)
    codes, found = pd.factorize(column, sort=True)
    known = codes >= 0
    mass = np.bincount(codes[known], weight[known], minlength=len(found))
    total = np.bincount(codes[known], (weight * y)[known], minlength=len(found))
    prior = PRIOR_WEIGHT * weight.mean()
    mean = (total + prior * np.average(y, weights=weight)) / (mass + prior)
    return tuple(found[rank] for rank in np.argsort(mean, kind="stable"))


def _numbers(column: pd.Series, categories: tuple[object, ...] | None) -> np.ndarray:
    if categories is None:
        return column.astype("Float64" if column.dtype == object else column.dtype).to_numpy(float, na_value=np.nan)
    ranks = pd.Index(categories).get_indexer(pd.Index(column)).astype(float)
    ranks[ranks < 0] = np.nan
    return ranks
