"""Errors a user can mend: each kind has its exit code, and a message that says what to do."""

from __future__ import annotations


class ForfaitError(Exception):
    """An error that the user can mend; the command line prints it without a stack trace."""

    exit_code = 1


class InputError(ForfaitError):
    """A file, table, column or row given by the user is not what it should be."""

    exit_code = 3


class MissingError(ForfaitError):
    """Something that an earlier step should have written is not there."""

    exit_code = 4


class RuleError(ForfaitError):
    """A dated rule, a version or a register entry is missing or contradicts another."""

    exit_code = 5


class RequestError(ForfaitError):
    """A request for predictions names an unknown model, feature or value."""

    exit_code = 6
