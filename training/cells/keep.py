"""A balanced version frozen under the next number and registered as challenger, as one that was trained."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd

from features.errors import InputError
from features.scoring import load_scorer
from features.versions import Card
from training.cells.page import sentences
from training.cells.yearly import BASE, CELLS, Balanced
from training.evaluate import fit_table, groups_of, r2_differences, ratio_table
from training.freeze import freeze
from training.judgement import THIS_MODEL, Judgement
from training.train import TrainingResult

MEASURED = {"out_of_time": "test", "out_of_fold": "folds"}


def keep_version(root: Path, balanced: Balanced) -> TrainingResult:
    """The balanced version frozen, and registered in MLflow with its tables.

    Its card names the cells and the version that they were put on; its figures of fit are those after. Errors:
    InputError where no cell was balanced.
    """
    from training.registry import Report, register  # MLflow takes seconds to import

    found = balanced.report
    if not found.feasibility:
        raise InputError(f"none of {found.asked} is seen by the model; there is nothing to keep")
    card, is_new = freeze(root, _card(balanced), balanced.text)
    told = f"version {found.version} balanced on {found.asked}"
    result = TrainingResult(
        balanced.recipe,
        load_scorer(root, card.model, card.version),
        is_new,
        _judgement(balanced),
        balanced.population,
        balanced.tested,
        (told,),
    )
    tables = {name: _frame(getattr(found, name)) for name in ("feasibility", "cells", "others", "fit")}
    said = "\n".join(f"- {sentence}" for _, sentence in sentences(found, "fr"))
    register(result, root, report=Report(f"# {card.model}, version {card.version}\n\n{told}\n\n{said}\n", tables, {}))
    return result


def _card(balanced: Balanced) -> Card:
    found, card = balanced.report, balanced.scorer.card
    measured = {f"{MEASURED[row.sample]}_{row.measure}": row.after for row in found.fit if row.sample in MEASURED}
    others = {name: value for name, value in card.metrics.items() if not name.startswith(("test_", "folds_"))}
    layer = {
        CELLS: found.asked,
        BASE: found.version,
        "cells_fewest_patients": found.fewest_patients,
        "cells_believed_gap": found.believed_gap,
    }
    return msgspec.structs.replace(
        card, test_year=found.year, metrics=others | measured, parameters=card.parameters | layer
    )


def _judgement(balanced: Balanced) -> Judgement:
    """Fit and ratios on the year judged; no baseline is fitted again."""
    judged, tested = balanced.judged, balanced.tested
    expected = {THIS_MODEL: judged.after}
    groups = groups_of(tested.frame(), judged.after, tested.exposure)
    return Judgement(
        fit_table(judged.observed, expected),
        r2_differences(judged.observed, expected, seed=balanced.report.seed),
        ratio_table(judged.observed, judged.after, groups, seed=balanced.report.seed),
        judged.observed.cap_eur,
    )


def _frame(rows: tuple[msgspec.Struct, ...]) -> pd.DataFrame:
    return pd.DataFrame([msgspec.structs.asdict(row) for row in rows])
