"""Resampling of patients, in one matrix product and within a bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BLOCKS = 20_000
DRAWS = 200
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Bootstrap:
    """How often each block of patients is drawn, shape (draws, blocks); `block` gives each row its block.

    A patient's rows share a block. Above `BLOCKS` patients, a block pools patients at random: the variance of a
    sum is unchanged, the work bounded.
    """

    block: np.ndarray
    counts: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Drawn sums, shape (draws, columns), of row values of shape (n, columns)."""
        blocks = self.counts.shape[1]
        pooled = np.stack([np.bincount(self.block, column, minlength=blocks) for column in values.T], axis=1)
        return self.counts @ pooled

    def group_sums(self, groups: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Drawn sums by group, shape (draws, groups), of row values; groups are 0, 1, …"""
        count = int(groups.max()) + 1
        blocks = self.counts.shape[1]
        pooled = np.bincount(self.block * count + groups, values, minlength=blocks * count)
        return self.counts @ pooled.reshape(blocks, count)


def bootstrap_of(patients: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Bootstrap by patient: each draw takes as many blocks as there are, with replacement."""
    generator = np.random.default_rng(seed)
    codes, names = pd.factorize(patients)
    blocks = min(len(names), BLOCKS)
    block = codes if len(names) <= BLOCKS else (generator.permutation(len(names)) % BLOCKS)[codes]
    counts = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws)
    return Bootstrap(block, counts.astype(float))


def interval(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 95 % interval of drawn values, along the draws."""
    low, high = np.nanquantile(drawn, INTERVAL, axis=0)
    return low, high
