"""Days as whole numbers since 1970-01-01, and the other small encodings that the draws share."""

from __future__ import annotations

from datetime import date

import numpy as np

from features.synth.model import Array

NEVER = 200_000
MISSING = (date(1600, 1, 1) - date(1970, 1, 1)).days
_HEX = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)


def first_day(year: int) -> int:
    """1 January of the year."""
    return (date(year, 1, 1) - date(1970, 1, 1)).days


def iso_days(days: Array) -> Array:
    """Days as YYYY-MM-DD; "" for NEVER."""
    return np.where(days >= NEVER, "", np.datetime_as_string(days.astype("M8[D]"), unit="D"))


def month_of(days: Array) -> Array:
    """Months since January 1970 of each day."""
    first, last = (int(days.min()), int(days.max())) if days.size else (0, 0)
    if last - first >= days.size:
        return days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    each = np.arange(first, last + 1).astype("M8[D]").astype("M8[M]").astype(np.int64)
    return each[days - first]


def first_of_month(months: Array) -> Array:
    """First day of each month, months counted from January 1970."""
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64)


def pseudonyms(places: Array, *, salt: int, prefix: str) -> list[str]:
    """Texts of a prefix and 16 hexadecimal digits, one per place, all different (a bijective mixing of 64 bits)."""
    with np.errstate(over="ignore"):
        mixed = places.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(salt * 2 + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    digits = _HEX[((mixed[:, None] >> shifts) & np.uint64(15)).astype(np.uint8)]
    return [prefix + text for text in np.ascontiguousarray(digits).view("S16").ravel().astype("U16").tolist()]


def uniform(*keys: Array, salt: int) -> Array:
    """A number from 0 to 1 for each row, the same wherever the keys are the same: a draw that rows can repeat."""
    mixed = np.full(np.broadcast(*keys).shape, salt * 2 + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            mixed = (mixed ^ np.asarray(key).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)) / float(1 << 53)
