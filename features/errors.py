"""Errors a user can mend: each kind has its exit code, and a message that says what to do."""

from __future__ import annotations


class ForfaitError(Exception):
    """An error that the user can mend; the command line prints it without a stack trace."""

    exit_code = 1


class InputError(ForfaitError):
    """A file, table, column or row given by the user is not what it should be."""

    exit_code = 3


class FrameError(InputError):
    """A frame, a column or a row that is not what it should be, with its place as data beside the message.

    columns: those concerned, in the order of the key where they make one; row: the first one concerned, from 0, None
    where it is not a row; count: how many rows. `what` says what would be right, and holds no value of the frame.
    """

    def __init__(
        self, what: str, *, frame: str, columns: tuple[str, ...] = (), row: int | None = None, count: int = 1
    ) -> None:
        """The message numbers rows from 1, as the reader of a file does."""
        self.what, self.frame, self.columns, self.row, self.count = what, frame, columns, row, count
        super().__init__(self.told(first_row=1))

    def told(self, *, first_row: int) -> str:
        """The message: frame, column, row (the first row of the frame is `first_row`), what would be right."""
        places = [f"column {' and '.join(self.columns)}"] if self.columns else []
        more = f" ({self.count} such rows)" if self.count > 1 else ""
        places += [f"row {self.row + first_row}{more}"] if self.row is not None else []
        return ": ".join(part for part in (self.frame, ", ".join(places), self.what) if part)


class MissingError(ForfaitError):
    """Something that an earlier step should have written is not there."""

    exit_code = 4


class RuleError(ForfaitError):
    """A dated rule, a version or a register entry is missing or contradicts another."""

    exit_code = 5


class RequestError(ForfaitError):
    """A request for predictions names an unknown model, feature or value."""

    exit_code = 6
