"""Any table as a matrix of floats: missing values stay NaN, categories become ranks, learnt once and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

PRIOR_WEIGHT = 10.0
FEW_LEVELS = 12


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


def unordered(table: object, encoding: Encoding) -> frozenset[int]:
    """Numbers of the columns that are unordered categories of few levels, each of which may have an effect."""
    if not isinstance(table, pd.DataFrame):
        return frozenset()
    return frozenset(
        number
        for number, name in enumerate(table.columns)
        if len(encoding.categories.get(str(name), ())) in range(3, FEW_LEVELS + 1)
    )


def ranks_out_of_fold(
    encoding: Encoding, table: object, matrix: np.ndarray, truth: tuple[np.ndarray, np.ndarray], folds: list[np.ndarray]
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The matrix with ranks of columns of many levels learnt without the row's own fold, and what ranks stand for.

    truth: (y, weight).

    A level of a few rows would otherwise stand where its own rows' target puts it, and trees would learn that.
    """
    if not isinstance(table, pd.DataFrame):
        return matrix, {}
    matrix, (y, weight), values = matrix.copy(), truth, {}
    for number, name in enumerate(table.columns):
        categories = encoding.categories.get(str(name), ())
        column = table.iloc[:, number]
        if len(categories) <= FEW_LEVELS or (isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered):
            continue
        codes = pd.Index(categories).get_indexer(pd.Index(column))
        final = values[number] = np.maximum.accumulate(_means(codes, len(categories), y, weight))
        for held in folds:
            without = _means(codes[~held], len(categories), y[~held], weight[~held])
            rank = np.interp(without, final, np.arange(len(categories), dtype=float))
            matrix[held, number] = np.where(codes[held] >= 0, rank[codes[held]], np.nan)
    return matrix, values


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
    return tuple(found[rank] for rank in np.argsort(_means(codes, len(found), y, weight), kind="stable"))


def _means(codes: np.ndarray, levels: int, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean target of each level, drawn to the overall mean by `PRIOR_WEIGHT` rows."""
    known = codes >= 0
    mass = np.bincount(codes[known], weight[known], minlength=levels)
    total = np.bincount(codes[known], (weight * y)[known], minlength=levels)
    prior = PRIOR_WEIGHT * weight.mean()
    return (total + prior * np.average(y, weights=weight)) / (mass + prior)


def _numbers(column: pd.Series, categories: tuple[object, ...] | None) -> np.ndarray:
    if categories is None:
        return column.astype("Float64" if column.dtype == object else column.dtype).to_numpy(float, na_value=np.nan)
    ranks = pd.Index(categories).get_indexer(pd.Index(column)).astype(float)
    ranks[ranks < 0] = np.nan
    return ranks
