"""Documents drawn: HTML and PDF of what `schemes.statements` tells, with the drawings that the caller makes."""

from __future__ import annotations
