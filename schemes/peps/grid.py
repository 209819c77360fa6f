"""The explainable grid: mean expectation of the model by cell of age, sex, ALD, C2S and comorbidities.

Cells are found by dividing the people where it brings the grid closest to the model, never below small_cell_min
people nor beyond grid_cells_max cells; they cover every possible patient and do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from features.errors import InputError
from schemes.rulebook import Rules

AXES = ("age", "sex", "ald", "c2s", "comorbidity")
SOURCES = {"age": "age_years", "sex": "sex", "ald": "ald_count", "c2s": "c2s", "comorbidity": "comorbidity_count"}
BOUNDS = tuple(f"{axis}_{end}" for axis in AXES for end in ("from", "to"))
CELL_COLUMNS = ("cell", *BOUNDS, "patients", "expected_eur", "fidelity")
LEAF = -1
HALF_A_PERSON = 0.5


@dataclass(frozen=True)
class _Coded:
    """People coded by class of each axis, with the first value of every class."""

    classes: pd.DataFrame
    starts: dict[str, tuple[int, ...]]


def export_grid(people: pd.DataFrame, *, rules: Rules) -> pd.DataFrame:
    """Cells with their bounds (both included; an empty upper bound is open), people, mean expectation and fidelity.

    `people`: one row each, age_years, sex (1, 2), ald_count, c2s, comorbidity_count, expected_eur (the model's, for a
    full year) and, if there is one, weight (exposure). expected_eur of a cell is the weighted mean, to the cent;
    fidelity is the weighted R² of the cells against the model, the same on every row.
    Errors: InputError for a missing column, an empty value, or fewer people than small_cell_min.
    """
    checked = _checked(people, rules)
    coded = _coded(checked, rules)
    leaf, boxes = _boxes(coded, checked, rules)
    weight, expected = (checked[name].to_numpy() for name in ("weight", "expected_eur"))
    count = np.bincount(leaf, minlength=len(boxes))
    whole = np.bincount(leaf, weights=weight, minlength=len(boxes))
    means = np.round(np.bincount(leaf, weights=weight * expected, minlength=len(boxes)) / whole, 2)
    cells = pd.DataFrame([_bounds(box, coded.starts) for box in boxes], columns=list(BOUNDS)).astype("Int64")
    cells = cells.assign(patients=count, expected_eur=means, fidelity=fidelity(expected, means[leaf], weight))
    cells = cells.sort_values(list(BOUNDS), ignore_index=True)
    cells.insert(0, "cell", np.arange(1, len(cells) + 1))
    return cells[list(CELL_COLUMNS)]


def amounts_from(cells: pd.DataFrame, people: pd.DataFrame) -> npt.NDArray[np.float64]:
    """expected_eur of the cell of each person, in the order of `people` (age_years, sex, ald_count, c2s, ...).

    Errors: InputError naming the first row without a cell, or in two.
    """
    found, hits = np.full(len(people), np.nan), np.zeros(len(people), dtype=np.int64)
    values = {axis: people[source].astype("float64").to_numpy() for axis, source in SOURCES.items()}
    for cell in cells.to_dict("records"):
        inside = np.ones(len(people), dtype=bool)
        for axis in AXES:
            low, high = cell[f"{axis}_from"], cell[f"{axis}_to"]
            inside &= (values[axis] >= low) & ((values[axis] <= high) if pd.notna(high) else True)
        found[inside], hits = cell["expected_eur"], hits + inside
    for count, what in ((hits == 0, "no cell"), (hits > 1, "several cells")):
        if count.any():
            raise InputError(f"people: row {int(np.argmax(count)) + 1} falls into {what} of the grid")
    return found


def fidelity(
    model_eur: npt.NDArray[np.float64], grid_eur: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> float:
    """Weighted R² of the grid against the model: 1 − Σ w (model − grid)² / Σ w (model − mean)²; 1 for a flat model."""
    gap = float(np.sum(weight * (model_eur - grid_eur) ** 2))
    spread = float(np.sum(weight * (model_eur - np.average(model_eur, weights=weight)) ** 2))
    return round(1 - gap / spread, 6) if spread > 0 else 1.0


def _checked(people: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    columns = [*SOURCES.values(), "expected_eur"]
    if missing := [column for column in columns if column not in people.columns]:
        raise InputError(f"people: column {', '.join(missing)} is missing; a grid wants {', '.join(columns)}")
    numbers = people[columns].astype("float64")
    numbers["weight"] = people["weight"].astype("float64") if "weight" in people.columns else 1.0
    for column in numbers:
        wrong = ~np.isfinite(numbers[column].to_numpy())
        wrong |= numbers[column].to_numpy() <= 0 if column == "weight" else numbers[column].to_numpy() < 0
        if wrong.any():
            want = "above 0" if column == "weight" else "0 or more"
            raise InputError(f"people: column {column}, row {int(np.argmax(wrong)) + 1}: should be a number {want}")
    least = rules.whole("small_cell_min")
    if len(numbers) < least:
        raise InputError(f"people: fewer than {least} rows; a grid shows no smaller cell")
    return numbers.sort_values(list(numbers.columns), ignore_index=True)


def _coded(people: pd.DataFrame, rules: Rules) -> _Coded:
    counts = tuple(range(rules.whole("grid_count_max") + 1))
    ages = tuple(int(start) for start in rules.listed("grid_age_starts"))
    starts = {"age": ages, "sex": (1, 2), "ald": counts, "c2s": (0, 1), "comorbidity": counts}
    classes = {
        axis: np.searchsorted(np.array(starts[axis]), people[SOURCES[axis]].to_numpy(), side="right") - 1
        for axis in AXES
    }
    return _Coded(pd.DataFrame(classes).clip(lower=0), starts)


Box = dict[str, tuple[int, int]]


def _boxes(coded: _Coded, people: pd.DataFrame, rules: Rules) -> tuple[npt.NDArray[np.int64], list[Box]]:
    """The cell of each person, and the classes, first and last, that each cell spans on each axis.

    A regression tree on the distinct combinations of classes, each weighing its people.
    """
    combos = coded.classes.assign(eur=people["expected_eur"] * people["weight"], weight=people["weight"], people=1)
    summed = combos.groupby(list(AXES), as_index=False, sort=True).sum()
    tree = DecisionTreeRegressor(
        max_leaf_nodes=max(rules.whole("grid_cells_max"), 2),
        min_weight_fraction_leaf=(rules.whole("small_cell_min") - HALF_A_PERSON) / len(people),
        random_state=0,
    )
    whole: Box = {axis: (0, len(coded.starts[axis]) - 1) for axis in AXES}
    if len(people) < 2 * rules.whole("small_cell_min"):
        return np.zeros(len(people), dtype=np.int64), [whole]
    classes = summed[list(AXES)].to_numpy(dtype=np.float64)
    tree.fit(classes, (summed["eur"] / summed["weight"]).to_numpy(), sample_weight=summed["people"].to_numpy())
    boxes = _leaves(tree, 0, whole)
    place = {node: number for number, (node, _) in enumerate(boxes)}
    leaf = np.array([place[node] for node in tree.apply(coded.classes[list(AXES)].to_numpy(dtype=np.float64))])
    return leaf, [box for _, box in boxes]


def _leaves(tree: DecisionTreeRegressor, node: int, box: Box) -> list[tuple[int, Box]]:
    nodes = tree.tree_
    if nodes.children_left[node] == LEAF:
        return [(node, box)]
    axis, cut = AXES[nodes.feature[node]], int(np.floor(nodes.threshold[node]))
    low, high = box[axis]
    return _leaves(tree, nodes.children_left[node], {**box, axis: (low, cut)}) + _leaves(
        tree, nodes.children_right[node], {**box, axis: (cut + 1, high)}
    )


def _bounds(box: Box, starts: dict[str, tuple[int, ...]]) -> list[int | None]:
    """First and last value of a cell on each axis; None where the last class is open (age and counts)."""
    values: list[int | None] = []
    for axis in AXES:
        low, high = box[axis]
        ends = [start - 1 for start in starts[axis][1:]] + [None if axis not in ("sex", "c2s") else starts[axis][-1]]
        values += [starts[axis][low], ends[high]]
    return values
