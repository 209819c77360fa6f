"""What a ministry or a team takes away: the grid of a model, the split of a forfait, the control of declared bricks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import schemes.ipso
from features.errors import InputError
from features.payer_files import read_rows, refuse_empty
from features.tables import FEATURE_TABLE
from forfait.paying.pay import required_run
from forfait.paying.sources import Sources, has_c2s, predicted, priced, rows, spent
from forfait.paying.statements import read_kept
from schemes.peps import amounts_from, export_grid
from schemes.rulebook import rules
from schemes.runs import FINAL, load, rules_of
from schemes.split import split

if TYPE_CHECKING:
    from training.twin import Grid

RIGHTS = ("c2s_free", "c2s_participative", "c2s_unknown")
ILLNESSES = ("carto_count", "charlson_score")
PROFESSIONALS = ("professional_id", "patients", "acts", "hours")


def grid_of(sources: Sources, model: str, version: int, year: int) -> pd.DataFrame:
    """Cells of a model: bounds, people, mean expectation, and the fidelity (R² against the model, on every row).

    Everyone with a declared doctor, an age and a sex, weighted by the part of the year lived.
    Errors: MissingError where the year was not scored or measured; RuleError for a year without PEPS rules.
    """
    known = sources.table(FEATURE_TABLE, year)
    known = known.filter(known.has_declared_doctor & known.age.notnull() & known.is_woman.notnull())
    people = known.select(
        "patient_id",
        "ald_count",
        age_years=known.age,
        sex=known.is_woman + 1,
        c2s=has_c2s(known),
        comorbidity_count=known.carto_count,
    )
    lived = spent(sources, year, "spent_total_eur").select("patient_id", weight="exposure_share")
    scored = predicted(sources, year, priced(sources, model, version))
    joined = people.inner_join(lived, "patient_id").inner_join(scored, "patient_id")
    frame = rows(joined).sort_values("patient_id", ignore_index=True).drop(columns="patient_id")
    return export_grid(frame, rules=rules("peps", on=date(year, 1, 1)))


def fitted_grid(known: pd.DataFrame, expected_eur: np.ndarray, weight: np.ndarray, *, year: int) -> Grid:
    """The grid of what a model expects of encoded rows, a person each (features by name), under the rules of a year.

    Comorbidities are the chronic diseases of the cartographie, or the Charlson score where a model has only that. A
    missing age counts as 0, a missing sex as that of a man, as in the grids that models are compared with.
    Errors: InputError for a model that reads no age, sex or number of ALD; RuleError for a year without PEPS rules.
    """
    from training.twin import Cell, Grid

    people = _grid_people(known).assign(expected_eur=expected_eur, weight=weight)
    cells = export_grid(people, rules=rules("peps", on=date(year, 1, 1)))
    numbered = cells.assign(expected_eur=np.arange(len(cells)))
    bounds = [name for name in cells.columns if name.endswith(("_from", "_to"))]
    made = tuple(
        Cell(
            bounds={name: None if pd.isna(row[name]) else int(row[name]) for name in bounds},
            patients=int(row["patients"]),
            expected_eur=float(row["expected_eur"]),
        )
        for row in cells.to_dict("records")
    )
    return Grid(made, lambda frame: amounts_from(numbered, _grid_people(frame)).astype(int))


def _grid_people(known: pd.DataFrame) -> pd.DataFrame:
    """What a grid reads, from the features of a model."""
    illnesses = next((name for name in ILLNESSES if name in known), None)
    lacking = [name for name in ("age", "is_woman", "ald_count") if name not in known]
    if lacking or illnesses is None:
        raise InputError(f"the model reads no {lacking[0] if lacking else ILLNESSES[0]}; a grid wants it")
    rights = [name for name in RIGHTS if name in known]
    return pd.DataFrame(
        {
            "age_years": known["age"].fillna(0),
            "sex": known["is_woman"].fillna(0) + 1,
            "ald_count": known["ald_count"].fillna(0),
            "c2s": (known[rights] == 1).any(axis=1).astype(int),
            "comorbidity_count": known[illnesses].fillna(0),
        }
    )


def split_of(
    data: Path, scheme: str, year: int, *, structure: str, professionals: Path, mix: Mapping[str, str]
) -> pd.DataFrame:
    """A structure's amount shared among its professionals, by list, acts, time and the mix of them, side by side.

    `professionals`: a CSV with professional_id, patients, acts, hours (empty: not known).
    Errors: MissingError where nothing was paid; InputError for the file, the structure or the mix.
    """
    kept = read_kept(required_run(data / "payments", scheme, year, FINAL))
    paid = {amount.structure_id: amount.total_cents for amount in kept.amounts}
    if structure not in paid:
        raise InputError(f"structure {structure} is not paid in {scheme} {year}; choose one of {', '.join(paid)}")
    listed = read_rows(professionals, PROFESSIONALS, holds="one professional")
    refuse_empty(professionals, listed, PROFESSIONALS[:1])
    return split(paid[structure], listed, mix=mix or None)


def upcoding_of(data: Path, year: int) -> pd.DataFrame:
    """Declared bricks against the claims, by practice and brick; counts below the smallest cell are left empty.

    Errors: MissingError where IPSO was not paid for the year.
    """
    run, inputs = load(required_run(data / "payments", "ipso", year, FINAL))
    book = rules_of(run)
    found = schemes.ipso.upcoding(inputs, year=year, rules=book)
    least = book["ipso"].whole("small_cell_min")
    counts = ["declared", "flagged", "both", "only_declared", "only_flagged"]
    masked = {name: found[name].astype("Int64").where(found[name] >= least) for name in counts}
    shown = [
        "structure_id",
        "brick",
        *counts,
        "at_stake_cents",
        "declared_share",
        "nation_share_at_mix",
        "p_value_at_mix",
    ]
    inner = ["both", "only_declared", "only_flagged"]
    is_small = pd.concat([masked[name].isna() for name in inner], axis=1).any(axis=1)
    masked |= {name: masked[name].where(~is_small) for name in inner}  # one of the three gives the others away
    money = found["at_stake_cents"].astype("Int64").where(~is_small)
    share = found["declared_share"].where(masked["declared"].notna())
    return found.assign(**masked, at_stake_cents=money, declared_share=share)[shown]
