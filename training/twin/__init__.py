"""Explainable twins of a model: a short additive scorecard and a grid, with what publishing them would cost."""

from training.twin.make import Asked, Grid, GridFit, make_twin
from training.twin.record import Cell, Scorecard, Twin, decode_twin, encode_twin
from training.twin.scorecard import amounts_eur, score

__all__ = [
    "Asked",
    "Cell",
    "Grid",
    "GridFit",
    "Scorecard",
    "Twin",
    "amounts_eur",
    "decode_twin",
    "encode_twin",
    "make_twin",
    "score",
]
