"""IPEP: what a group of médecins traitants is paid for quality and for spending less than expected.

`pay` pays a year, `targets` gives the expected spending alone, `views` shows a group the four pictures it was promised,
`national` prepares the national reference. Order of reading: population, spending, gains, quality, payment, chance.
"""

from __future__ import annotations

from schemes.ipep.payment import pay
from schemes.ipep.reference import national
from schemes.ipep.target import Target, targets
from schemes.ipep.views import (
    contact_points,
    historical_spending,
    patientele_described,
    potential_gains,
)

__all__ = [
    "Target",
    "contact_points",
    "historical_spending",
    "national",
    "patientele_described",
    "pay",
    "potential_gains",
    "targets",
]
