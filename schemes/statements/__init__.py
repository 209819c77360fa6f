"""AMOUNTS → PAGES: statements, leakage, cash flow, views of a group, simulations; plain records, no drawing.

`document` says what a page is made of, `wording` and texts.csv hold the words, `small_cells` hides what would show
someone. `forfait.documents` makes HTML, PDF and CSV of them.
"""

from __future__ import annotations

from schemes.statements.cashflow import Estimate, Instalment, cashflow_page, instalments_of
from schemes.statements.comparison import Scenario, comparison_page
from schemes.statements.document import Document
from schemes.statements.given import Given
from schemes.statements.ipep import Views, ipep_page
from schemes.statements.leakage import leakage_page
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
    "comparison_page",
    "instalments_of",
    "ipep_page",
    "leakage_page",
    "mask_small",
    "statement",
]
