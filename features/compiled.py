"""Functions compiled by numba, kept on disk where a folder can be written.

What is kept is checked by the file of the function alone: whatever a compiled function calls stands in its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """By numba, without Python's lock."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)
