"""Expected euros and their explanation from a frozen version: the one scoring code of training, batch and service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.errors import RequestError
from features.versions import Card, CardFeature, read_version

BASE, FLOOR = "base_eur", "floor_eur"


@dataclass(frozen=True)
class Scorer:
    """A loaded version: its trees, its card and the hash of both."""

    booster: lgb.Booster
    card: Card
    hash: str

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Expected euros for a full year, shape (n,), of an encoded matrix (n, features)."""
        raw = self.booster.predict(matrix, num_threads=_threads(matrix))
        return expected_eur(np.asarray(raw), self.card.balance_factor, self.card.floor_eur)

    def explain(self, matrix: np.ndarray) -> np.ndarray:
        """Euros, shape (n, features + 2): base, one column per feature, floor; each row adds up to `predict`."""
        contributions = np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=_threads(matrix)))
        return explained_eur(contributions, self.card.balance_factor, self.card.floor_eur)

    @property
    def explained_names(self) -> list[str]:
        """Names of the columns of `explain`."""
        return [BASE, *(feature.name for feature in self.card.features), FLOOR]


def load_scorer(root: Path, model: str, version: int) -> Scorer:
    """Scorer of a frozen version; errors as `read_version`."""
    card, text, digest = read_version(root, model, version)
    return Scorer(lgb.Booster(model_str=text), card, digest)


def expected_eur(raw: np.ndarray, balance_factor: float, floor_eur: float | None) -> np.ndarray:
    """balance_factor × raw, not below the floor."""
    balanced = balance_factor * raw
    return balanced if floor_eur is None else np.maximum(balanced, floor_eur)


def explained_eur(contributions: np.ndarray, balance_factor: float, floor_eur: float | None) -> np.ndarray:
    """Contributions of an identity-link model in euros; LightGBM puts the base last, we put it first.

    The last column is what the floor adds (0 where it does not bind).
    """
    euros = balance_factor * np.column_stack([contributions[:, -1], contributions[:, :-1]])
    total = euros.sum(axis=1)
    lifted = np.zeros(len(total)) if floor_eur is None else np.maximum(floor_eur - total, 0.0)
    return np.column_stack([euros, lifted])


def _threads(matrix: np.ndarray) -> int:
    return 1 if len(matrix) < 1000 else 0


def encode_frame(features: Sequence[CardFeature], frame: pd.DataFrame) -> np.ndarray:
    """Matrix (n, features) of floats in the order of the card; categories become their rank, null NaN.

    RequestError naming field and row for unknown, missing or out-of-range values.
    """
    names = [feature.name for feature in features]
    _check_names(set(frame.columns), names)
    columns = [_encode_column(feature, frame[feature.name]) for feature in features]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def encode_rows(features: Sequence[CardFeature], rows: Sequence[Mapping[str, object]]) -> np.ndarray:
    """As `encode_frame`, from rows by feature name (JSON): no pandas on the way."""
    matrix = np.empty((len(rows), len(features)))
    for number, row in enumerate(rows):
        if len(row) != len(features) or any(feature.name not in row for feature in features):
            _check_names(set(row), [feature.name for feature in features], row=number)
        matrix[number] = [_encode_value(feature, row[feature.name], number) for feature in features]
    return matrix


def _check_names(given: set[str], wanted: Sequence[str], *, row: int | None = None) -> None:
    where = "" if row is None else f"row {row}: "
    unknown = sorted(given - set(wanted))
    if unknown:
        raise RequestError(f"{where}unknown feature {unknown[0]!r}; this model takes: {', '.join(wanted[:8])}, …")
    missing = [name for name in wanted if name not in given]
    if missing:
        raise RequestError(f"{where}feature {missing[0]!r} is missing; give it (null where the card allows it)")


def _encode_value(feature: CardFeature, value: object, row: int) -> float:
    if value is None:
        if feature.nullable:
            return np.nan
        raise _refused(feature, "null", row)
    if feature.kind == "category":
        if isinstance(value, str) and value in feature.categories:
            return float(feature.categories.index(value))
        raise _refused(feature, "this value", row)
    if isinstance(value, bool) and feature.kind == "flag":
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _in_range(feature, value):
        raise _refused(feature, "this value", row)
    return float(value)


def _in_range(feature: CardFeature, value: float) -> bool:
    if feature.kind == "flag":
        return value in (0, 1)
    return (
        (feature.low is None or value >= feature.low)
        and (feature.high is None or value <= feature.high)
        and (abs(value) != float("inf") and value == value)
    )


def _refused(feature: CardFeature, what: str, row: int) -> RequestError:
    if feature.kind == "category":
        right = "one of " + ", ".join(feature.categories)
    elif feature.kind == "flag":
        right = "0 or 1"
    else:
        right = f"a number from {feature.low} to {feature.high}"
    return RequestError(f"row {row}: feature {feature.name!r} does not take {what}; give {right}")


def _encode_column(feature: CardFeature, column: pd.Series) -> np.ndarray:
    missing = column.isna().to_numpy()
    if missing.any() and not feature.nullable:
        raise _refused(feature, "null", int(np.argmax(missing)))
    if feature.kind == "category":
        codes = column.map({name: rank for rank, name in enumerate(feature.categories)})
        encoded = pd.to_numeric(codes).to_numpy(dtype=float, na_value=np.nan)
        wrong = np.isnan(encoded) & ~missing
    else:
        encoded, wrong = _encode_numbers(feature, column, missing)
    if wrong.any():
        raise _refused(feature, "this value", int(np.argmax(wrong)))
    return encoded


def _encode_numbers(feature: CardFeature, column: pd.Series, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    numbers = pd.to_numeric(column, errors="coerce")
    encoded = numbers.astype("float64").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~np.isfinite(encoded) & ~missing
    if feature.kind == "flag":
        wrong |= ~missing & ~np.isin(encoded, (0.0, 1.0))
    if feature.low is not None:
        wrong |= encoded < feature.low
    if feature.high is not None:
        wrong |= encoded > feature.high
    return encoded, wrong
