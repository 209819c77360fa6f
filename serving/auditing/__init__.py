"""Pages for auditors: a decision, a structure, a version, and the explanation that the law asks for."""

from __future__ import annotations
