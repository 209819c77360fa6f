"""What a ministry or a team takes away: the grid of a model, the split of a forfait, the control of declared bricks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

import schemes.ipso
from features.errors import InputError
from features.payer_files import read_rows, refuse_empty
from features.tables import FEATURE_TABLE
from forfait.paying.pay import required_run
from forfait.paying.sources import Sources, has_c2s, predicted, priced, rows, spent
from forfait.paying.statements import read_kept
from schemes.peps import export_grid
from schemes.rulebook import rules
from schemes.runs import FINAL, load, rules_of
from schemes.split import split

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
