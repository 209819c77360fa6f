"""PEPS, paiement en équipe de professionnels de santé en ville: a forfait per patient in place of acts.

`pay` is the payment of a year; the calendar of instalments, the exported grid and the status of patients stand in
`calendar`, `grid` and `status`.
"""

from schemes.peps.calendar import Instalment, instalments, regularisations
from schemes.peps.eligibility import patientele_flags
from schemes.peps.exposure import exposure_share, exposure_shares
from schemes.peps.grid import amounts_from, export_grid
from schemes.peps.payment import pay
from schemes.peps.status import patient_status
from schemes.peps.team import FAMILY

__all__ = [
    "FAMILY",
    "Instalment",
    "amounts_from",
    "export_grid",
    "exposure_share",
    "exposure_shares",
    "instalments",
    "patient_status",
    "patientele_flags",
    "pay",
    "regularisations",
]
