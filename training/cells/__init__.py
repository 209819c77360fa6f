"""Balance on policy cells: which can be balanced, the layer that does it, and what it gives before and after."""

from training.cells.declare import Cells, resolve
from training.cells.keep import keep_version
from training.cells.layer import Layer, Rule, fit_layer
from training.cells.record import CellReport, Wanted
from training.cells.yearly import Balanced, balance_version

__all__ = [
    "Balanced",
    "CellReport",
    "Cells",
    "Layer",
    "Rule",
    "Wanted",
    "balance_version",
    "fit_layer",
    "keep_version",
    "resolve",
]
