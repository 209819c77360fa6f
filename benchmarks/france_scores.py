"""How well expectations of one test year fit, and what they pay to policy groups, for every model alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from msgspec.structs import asdict

from benchmarks.france_cases import Case
from training.bootstrap import Bootstrap, bootstrap_of, interval
from training.evaluate import Observed
from training.evaluation.money import BAND, POLICY_SIZE, group_rows
from training.evaluation.record import GroupRow


@dataclass(frozen=True)
class Yardstick:
    """The test rows of a case, ready to be compared: euros, weight, mean of each row's stratum, cap, draws."""

    euros: np.ndarray
    weight: np.ndarray
    strata: np.ndarray
    cap_eur: float
    capped_share: float
    draws: Bootstrap

    def right(self, expected: np.ndarray) -> np.ndarray:
        """Expectations with their total made right on the test rows."""
        total = float(self.weight @ expected)
        return expected * (float(self.weight @ self.euros) / total) if total > 0 else expected

    def r2(self, expected: np.ndarray, euros: np.ndarray | None = None) -> float:
        """1 − Σ w (euros − expected)² / Σ w (euros − mean of the stratum)²."""
        truth = self.euros if euros is None else euros
        spread = truth - means_of(truth, self.weight, self.strata)
        return float(1 - self.weight @ (truth - expected) ** 2 / (self.weight @ spread**2))

    def cpm(self, expected: np.ndarray) -> float:
        """1 − Σ w |euros − expected| / Σ w |euros − mean of the stratum|, once the total is right."""
        spread = np.abs(self.euros - means_of(self.euros, self.weight, self.strata))
        return float(1 - self.weight @ np.abs(self.euros - self.right(expected)) / (self.weight @ spread))

    def r2_capped(self, expected: np.ndarray) -> float:
        """R² of capped euros; expectations are brought to the capped share of the training total."""
        return self.r2(expected * self.capped_share, np.minimum(self.euros, self.cap_eur))

    def drawn(self, expected: np.ndarray) -> dict[str, np.ndarray]:
        """R² and CPM of each draw of patients."""
        weight, codes = self.weight, pd.factorize(self.strata)[0]
        middle = np.abs(self.euros - means_of(self.euros, weight, self.strata))
        lost = [(self.euros - expected) ** 2, np.abs(self.euros - self.right(expected)), middle]
        square, distance, spread = self.draws.sums(weight[:, None] * np.column_stack(lost)).T
        mass, total, squares = (
            self.draws.group_sums(codes, weight * part) for part in (np.ones(len(weight)), self.euros, self.euros**2)
        )
        variance = (squares - np.where(mass > 0, total**2 / np.where(mass > 0, mass, 1.0), 0.0)).sum(axis=1)
        return {"r2": 1 - square / variance, "cpm": 1 - distance / spread}


def yardstick_of(case: Case, *, seed: int = 0) -> Yardstick:
    """Yardstick of a case; `capped_share` is Σ capped / Σ uncapped euros of its training rows."""
    trained, tested = case.trained, case.tested
    kept = float(trained.weight @ np.minimum(trained.euros, case.cap_eur) / (trained.weight @ trained.euros))
    draws = bootstrap_of(tested.patients, seed=seed)
    return Yardstick(tested.euros, tested.weight, tested.strata, case.cap_eur, kept, draws)


def means_of(values: np.ndarray, weight: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Weighted mean of each row's stratum."""
    codes = pd.factorize(strata)[0]
    return (np.bincount(codes, weight * values) / np.bincount(codes, weight))[codes]


def group_table(case: Case, yardstick: Yardstick, expected: np.ndarray) -> pd.DataFrame:
    """Money of every group (see `group_rows`: totals made right), of policy size first; the larger |net| first.

    Column true_ratio: expected over the true expectation, totals made right; NaN without an oracle.
    """
    rows = pd.DataFrame([asdict(row) for row in _money(case, yardstick, expected, case.tested.euros)])
    rows = rows.assign(true_ratio=np.nan)
    if case.truth is not None:
        key = ["group", "level"]
        true = pd.DataFrame([asdict(row) for row in _money(case, yardstick, expected, case.truth)])
        true = true.set_index(key)["ratio"].reindex(pd.MultiIndex.from_frame(rows[key]))
        rows["true_ratio"] = true.to_numpy(float)
    rows["is_policy"] = rows["patients"].fillna(0) >= POLICY_SIZE
    return rows.assign(size=rows["net_eur"].abs()).sort_values(
        ["is_policy", "is_seen", "size"], ascending=False, ignore_index=True, kind="stable"
    )


def _money(case: Case, yardstick: Yardstick, expected: np.ndarray, euros: np.ndarray) -> tuple[GroupRow, ...]:
    observed = Observed(euros, yardstick.weight, case.tested.patients, yardstick.cap_eur, yardstick.capped_share)
    return group_rows(observed, expected, case.groups, yardstick.draws)


def table_of(
    case: Case, expected: Mapping[str, np.ndarray], raw: Mapping[str, np.ndarray], *, seed: int = 0
) -> pd.DataFrame:
    """A row per model: fit, raw ratio, worst group, and intervals of the first model minus it.

    expected: at the level of the training years; raw: as the model gave them, for the raw ratio of totals.
    """
    yardstick = yardstick_of(case, seed=seed)
    best = float("nan") if case.truth is None else yardstick.r2(case.truth)
    first, *_ = expected
    mine = yardstick.drawn(expected[first])
    rows = []
    for name, values in expected.items():
        row: dict[str, object] = {"case": case.recipe.model, "model": name, **_fit(yardstick, values, best)}
        row["raw_ratio"] = yardstick.weight @ raw[name] / (yardstick.weight @ yardstick.euros)
        row |= _groups(group_table(case, yardstick, values))
        drawn = yardstick.drawn(values)
        for measure in ("r2", "cpm"):
            low, high = interval(mine[measure] - drawn[measure])
            row |= {f"{measure}_gain_low": float(low), f"{measure}_gain_high": float(high)}
        rows.append(row)
    return pd.DataFrame(rows)


def _fit(yardstick: Yardstick, expected: np.ndarray, best: float) -> dict[str, object]:
    r2 = yardstick.r2(expected)
    return {
        "r2": r2,
        "r2_capped": yardstick.r2_capped(expected),
        "cap_eur": yardstick.cap_eur,
        "cpm": yardstick.cpm(expected),
        "oracle_share": r2 / best,
        "negative_share": float(np.average(expected < 0, weights=yardstick.weight)),
    }


def _groups(groups: pd.DataFrame) -> dict[str, object]:
    """Worst |net compensation| of policy groups, seen and not, and which of the seen lie outside 0.97 to 1.03.

    outside: by the point, interval_outside: with their own interval, outside_truth: against the true expectation.
    """
    policy = groups[groups["is_policy"]]
    seen, unseen = policy[policy["is_seen"]], policy[~policy["is_seen"]]
    truth = seen["true_ratio"].dropna()
    return {
        **_worst(seen, "worst"),
        **_worst(unseen, "worst_unseen"),
        "groups": len(seen),
        "outside": int((~seen["ratio"].between(*BAND)).sum()),
        "interval_outside": int((seen["verdict"] == "outside").sum()),
        "outside_truth": int((~truth.between(*BAND)).sum()) if len(truth) else None,
    }


def _worst(groups: pd.DataFrame, name: str) -> dict[str, object]:
    if groups.empty:
        return {f"{name}_net_eur": float("nan"), f"{name}_group": ""}
    row = groups.loc[groups["size"].idxmax()]
    return {f"{name}_net_eur": float(row["size"]), f"{name}_group": f"{row['group']} {row['level']}"}
