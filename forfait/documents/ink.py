"""The colours of drawings: told apart by everyone, and in grey on paper."""

from __future__ import annotations

INK, QUIET, BLUE, AMBER, PALE = "#0f172a", "#475569", "#1d4ed8", "#b45309", "#cbd5e1"
