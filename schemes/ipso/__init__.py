"""IPSO, the reinforced médecin traitant: a monthly forfait per patient, mean at first, then by category.

`pay` pays a year; `upcoding` compares the bricks that doctors declare with those that claims show; `prices` fits the
socle and the bricks on the national reference. Order of reading: inputs, months, prices, socle, practices, payment.
"""

from __future__ import annotations

from schemes.ipso.payment import pay
from schemes.ipso.prices import Prices, prices
from schemes.ipso.upcoding import upcoding

__all__ = ["Prices", "pay", "prices", "upcoding"]
