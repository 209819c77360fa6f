"""Why a request is refused: status, field, row and what would be right; never a submitted value."""

from __future__ import annotations

from features.encoding import FeatureError
from features.errors import ForfaitError, RequestError


class RefusalError(Exception):
    """A request that is answered by an error: its HTTP status, the field and the row (from 0) it concerns."""

    def __init__(self, status: int, message: str, *, field: str | None = None, row: int | None = None) -> None:
        """The message says what is wrong and what would be right."""
        super().__init__(message)
        self.status, self.message, self.field, self.row = status, message, field, row

    def content(self) -> dict[str, dict[str, str | int | None]]:
        """The body of the answer."""
        return {"error": {"field": self.field, "row": self.row, "message": self.message}}


def refusal_of(error: ForfaitError) -> RefusalError:
    """The refusal for an error of ours: the caller's rows are 422; a version that cannot be read is 503."""
    if isinstance(error, FeatureError):
        return RefusalError(422, str(error), field=error.field, row=error.row)
    return RefusalError(422 if isinstance(error, RequestError) else 503, str(error))
