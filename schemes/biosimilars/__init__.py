"""Biosimilars: what a hospital is paid for the biosimilars among its prescriptions delivered in town."""

from __future__ import annotations

from schemes.biosimilars.payment import SCHEMES, pay

__all__ = ["SCHEMES", "pay"]
