"""An error of a scheme as a refusal: frame, column and row (from 0), without the values that were sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from features.errors import ForfaitError, FrameError, RuleError
from schemes.rulebook import Rules
from serving.refusals import RefusalError
from serving.schemes_columns import Frame, kind_of

ROWS = re.compile(r"\brow (\d+(?:, \d+)*)")
COLUMN = re.compile(r"\bcolumn (?:\w+ and )*(\w+)")
AFTER_ROW = re.compile(r"\brow [\d, ]+(?:and \d+ more)?[:,]?(?: has (?:a|no))? (\w+)")
NEEDED = re.compile(r"needs the frame (\w+)")
FOUND = re.compile(r" is (?:'[^']*'|-?[\d.]+); it should be")
PATIENT = re.compile(r"\bpatient|\ba member\b")
HIDDEN = "(not shown)"


def refusal_of_scheme(
    error: ForfaitError, inputs: Mapping[str, pd.DataFrame], frames: Mapping[str, Frame], *, book: Mapping[str, Rules]
) -> RefusalError:
    """The refusal for an error of a scheme: 422 for what was sent, 503 for a rule file that is not as it should be.

    Schemes number rows from 1, answers from 0. A FrameError carries its place as data; that of any other error is read
    out of its message. A text of the rows named is never repeated, nor a structure.
    """
    if isinstance(error, FrameError):
        return _of_frame(error)
    message = str(error)
    if isinstance(error, RuleError) and message.startswith(tuple(rules.file for rules in book.values())):
        return RefusalError(503, message)
    name = _frame(message, frames)
    rows = [int(number) - 1 for found in ROWS.findall(message) for number in found.split(", ")]
    column = _column(message, frames[name]) if name else None
    message = FOUND.sub(" should be", ROWS.sub(_from_0, message))
    message = _hidden(message, _texts(inputs.get(name) if name else None, rows, frames.get(name or "")))
    field = f"{name}.{column}" if column else name
    return RefusalError(422, message, field=field or "inputs", row=rows[0] if rows else None)


def _of_frame(error: FrameError) -> RefusalError:
    field = ".".join([error.frame, *error.columns[-1:]])
    return RefusalError(422, error.told(first_row=0), field=field, row=error.row)


def _frame(message: str, frames: Mapping[str, Frame]) -> str | None:
    needed = NEEDED.search(message)
    first = needed.group(1) if needed else re.split(r"\W", message, maxsplit=1)[0]
    return first if first in frames else None


def _column(message: str, frame: Frame) -> str | None:
    for pattern in (COLUMN, AFTER_ROW):
        found = pattern.search(message)
        if found and found.group(1) in frame.kinds:
            return found.group(1)
    is_of_patient = "patient_id" in frame.kinds and PATIENT.search(message) and ROWS.search(message)
    return "patient_id" if is_of_patient else None


def _from_0(found: re.Match[str]) -> str:
    return f"row {', '.join(str(int(number) - 1) for number in found.group(1).split(', '))}"


def _texts(given: pd.DataFrame | None, rows: Iterable[int], frame: Frame | None) -> set[str]:
    """Free texts of the rows named, which a message may not repeat."""
    if given is None or frame is None:
        return set()
    kinds = {str(name): kind_of(frame.kinds[str(name)])[0] for name in given}
    free = [name for name, kind in kinds.items() if kind.type == "text" and not kind.choices]
    named = given.loc[[row for row in rows if row in given.index], free]
    return {value for value in named.to_numpy().ravel().tolist() if isinstance(value, str)}


def _hidden(message: str, texts: Iterable[str]) -> str:
    for text in sorted(texts, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", HIDDEN, message)
    return message
