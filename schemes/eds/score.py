"""The quality score of an establishment: its place in the nation, indicator by indicator, 0 to 1."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from features.errors import RuleError
from schemes.eds.frames import Inputs, checked
from schemes.rulebook import Rules

COLUMNS = ("establishment_id", "indicator", "patients", "value", "place", "weight")


def measured(inputs: Inputs, rules: Rules) -> pd.DataFrame:
    """Rows of `quality` with their value: observed / expected (ratio), observed / patients (share), observed (score).

    The value is empty where its divisor is 0 or missing. Errors: RuleError for an indicator the rules do not have.
    """
    rows = checked("quality", inputs)
    known = {row["indicator"]: row for row in rules.grid("indicators")}
    if unknown := sorted(set(rows["indicator"]) - set(known)):
        raise RuleError(f"{rules.file}: grid indicators has no {', '.join(unknown)}; it has {', '.join(known)}")
    kind = rows["indicator"].map({name: row["kind"] for name, row in known.items()})
    observed, expected, patients = (rows[name].astype(float) for name in ("observed", "expected", "patients"))
    value = observed.where(kind == "score")
    value = value.fillna((observed / expected.where(expected > 0)).where(kind == "ratio"))
    value = value.fillna((observed / patients.where(patients > 0)).where(kind == "share"))
    better = rows["indicator"].map({name: row["better"] for name, row in known.items()})
    weight = rows["indicator"].map({name: row["weight"] for name, row in known.items()})
    return rows.assign(value=value.where(patients > 0), is_lower_better=better == "lower", weight=weight)


def places(inputs: Inputs, rules: Rules) -> pd.DataFrame:
    """The place of each establishment among all those of the frame, by indicator: establishment_id, indicator, ….

    place = (establishments that do worse + half of the others that do as well) / (establishments − 1), from 0 to 1;
    empty without a value, or where no other establishment has one. Rule: TEAM, percentile of the nation.
    """
    rows = measured(inputs, rules)
    found = [pd.DataFrame(columns=list(COLUMNS))]
    for _, part in rows.groupby("indicator", sort=True):
        signed = part["value"].where(~part["is_lower_better"], -part["value"])
        others = int(signed.notna().sum()) - 1
        place = (signed.rank(method="average") - 1) / others if others > 0 else signed * float("nan")
        found.append(part.assign(place=place)[list(COLUMNS)])
    joined = pd.concat(found[1:] or found, ignore_index=True)
    return joined.sort_values(["establishment_id", "indicator"], kind="stable", ignore_index=True)


def scores(inputs: Inputs, rules: Rules) -> dict[str, Decimal]:
    """Quality by establishment, 0 to 1: Σ weight × patients × place / Σ weight × patients.

    An indicator without a place leaves its weight to the others; an establishment without any is not in the answer.
    """
    rows = places(inputs, rules)
    rows = rows[rows["place"].notna()]
    found = {}
    for name, part in rows.groupby("establishment_id", sort=True):
        weights = [Decimal(w) * int(n) for w, n in zip(part["weight"], part["patients"], strict=True)]
        if sum(weights) > 0:
            reached = (w * Decimal(repr(float(p))) for w, p in zip(weights, part["place"], strict=True))
            found[str(name)] = sum(reached, Decimal(0)) / sum(weights)
    return found
