"""AMOUNTS → PAGES: statements, refusals, leakage, cash flow, settlements, views of a group, simulations; no drawing.

`document` says what a page is made of, `wording` and texts.csv hold the words, `small_cells` hides what would show
someone. `forfait.documents` makes HTML, PDF and CSV of them.
"""

from __future__ import annotations

from schemes.statements.cashflow import Estimate, Instalment, cashflow_page, instalments_of
from schemes.statements.comparison import Scenario, change_told, comparison_page, parameter_told, together_told
from schemes.statements.document import Document
from schemes.statements.eds import EdsViews, eds_sections
from schemes.statements.eds_benchmark import benchmark_page
from schemes.statements.eds_episode import Explained, episode_page
from schemes.statements.eds_quality import quality_page
from schemes.statements.eds_watch import Watched, watch_page
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
    "EdsViews",
    "Estimate",
    "Explained",
    "Given",
    "Instalment",
    "Scenario",
    "Views",
    "Watched",
    "amounts_from",
    "benchmark_page",
    "cashflow_page",
    "change_told",
    "comparison_page",
    "eds_sections",
    "episode_page",
    "instalments_of",
    "ipep_page",
    "leakage_page",
    "mask_small",
    "parameter_told",
    "quality_page",
    "reconciliation_page",
    "refusal_page",
    "refused_of",
    "statement",
    "together_told",
    "watch_page",
]
