"""AMOUNTS → PAGES: statements, refusals, leakage, cash flow, settlements, views of a group, simulations; no drawing.

`document` says what a page is made of, `wording` and texts.csv hold the words, `small_cells` hides what would show
someone. `forfait.documents` makes HTML, PDF and CSV of them.
"""

from __future__ import annotations

from schemes.statements.cashflow import Estimate, Instalment, cashflow_page, instalments_of
from schemes.statements.comparison import Scenario, change_told, comparison_page, parameter_told, together_told
from schemes.statements.document import Document
from schemes.statements.given import Given
from schemes.statements.ipep import Views, ipep_page
from schemes.statements.leakage import leakage_page
from schemes.statements.reconciliation import reconciliation_page
from schemes.statements.refusal import refusal_page, refused_of
from schemes.statements.small_cells import mask_small
from schemes.statements.statement import statement
from schemes.statements.stored import amounts_from

__all__ = [
    "Document",
    "Estimate",
    "Given",
    "Instalment",
    "Scenario",
    "Views",
    "amounts_from",
    "cashflow_page",
    "change_told",
    "comparison_page",
    "instalments_of",
    "ipep_page",
    "leakage_page",
    "mask_small",
    "parameter_told",
    "reconciliation_page",
    "refusal_page",
    "refused_of",
    "statement",
    "together_told",
]
