"""Amounts read back from what a run keeps: AMOUNTS and TARGETS rows, and warnings."""

from __future__ import annotations

import pandas as pd

from features.errors import InputError
from schemes.amounts import Amount, Component, Figure


def amounts_from(
    amounts: pd.DataFrame, targets: pd.DataFrame | None = None, warnings: pd.DataFrame | None = None
) -> tuple[Amount, ...]:
    """The amounts of AMOUNTS rows, by structure; figures of TARGETS rows, warnings of structure_id and warning.

    Errors: InputError where the components of a structure do not add up.
    """
    return tuple(
        Amount(
            structure_id=str(structure),
            scheme=str(rows["scheme"].iloc[0]),
            year=int(rows["year"].iloc[0]),
            components=_components(str(structure), rows.sort_values("order")),
            figures=_figures(targets, structure),
            warnings=_warnings(warnings, structure),
        )
        for structure, rows in amounts.groupby("structure_id", sort=True)
    )


def _components(structure: str, rows: pd.DataFrame) -> tuple[Component, ...]:
    running = 0
    components = []
    for row in rows.to_dict("records"):
        running += int(row["amount_cents"])
        if running != int(row["running_cents"]):
            raise InputError(
                f"amounts: {structure}, order {row['order']}: components add up to {running} cents, "
                f"running_cents says {row['running_cents']}; write the run again"
            )
        keys = tuple(str(row["rule_keys"]).split())
        components.append(Component(str(row["component"]), int(row["amount_cents"]), running, keys))
    return tuple(components)


def _figures(targets: pd.DataFrame | None, structure: object) -> dict[str, Figure]:
    if targets is None:
        return {}
    rows = targets[targets["structure_id"] == structure]
    texts = rows["value"].astype("string").fillna("")
    return {
        str(name): Figure(str(text), str(unit))
        for name, text, unit in zip(rows["figure"], texts, rows["unit"], strict=True)
    }


def _warnings(warnings: pd.DataFrame | None, structure: object) -> tuple[str, ...]:
    if warnings is None:
        return ()
    return tuple(warnings.loc[warnings["structure_id"] == structure, "warning"].astype(str))
