"""The national reference that groups are held against, made by the rules that make a group's own figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.errors import InputError
from schemes.ipep.inputs import members
from schemes.ipep.population import population
from schemes.ipep.spending import CUTS, cut_at, expected_cut
from schemes.money import total_eur
from schemes.rulebook import Rules

NATION = "*"
SENSITIVITY = 0.995
SAMPLE = 100_000


def national(people: pd.DataFrame, *, year: int, rules: Rules, sample: int = SAMPLE) -> Mapping[str, pd.DataFrame]:
    """The frames `nation` and `residuals` of reference patients outside the experiments.

    `people` has the columns of `members` without structure_id, and a row of each patient with a médecin traitant on 31
    December of the row's year (or on the day of death): the same definition, exclusions and cut as the groups', in both
    years, or the difference would be paid to every group. caps: quantile winsor_quantile (and P99.5) of annual
    spending, patients weighing by exposure.
    Errors: as `inputs.members`; InputError where nobody lived in a year.
    """
    rows = population(members({"members": people.assign(structure_id=NATION)}, year=year), year=year).rows
    years = [_nation(rows, suffix, when, rules) for suffix, when in (("_before", year - 1), ("", year))]
    return {"nation": pd.DataFrame(years), "residuals": _residuals(rows, years, sample)}


def cap(annual: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Smallest annual amount that at least `share` of the weight does not pass (as `features.spending.cap_of`)."""
    order = np.argsort(annual, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, share * reached[-1]))
    return float(annual[order][min(place, len(order) - 1)])


def _nation(rows: pd.DataFrame, suffix: str, year: int, rules: Rules) -> dict[str, object]:
    lived = rows[rows[f"exposure_share{suffix}"] > 0]
    if lived.empty:
        raise InputError(f"the reference patients have no day lived in {year}; the nation cannot be stated")
    exposure = lived[f"exposure_share{suffix}"]
    weights = exposure.to_numpy(dtype=float)
    annual = lived[f"observed_eur{suffix}"].to_numpy(dtype=float) / weights
    found: dict[str, object] = {"year": year, "patients": len(lived), "exposure": float(total_eur(weights))}
    shares = {"rule": float(rules.decimal("winsor_quantile")), "p995": SENSITIVITY}
    for cut, (cap_column, observed, expected) in CUTS.items():
        cap_eur = cap(annual, weights, shares[cut]) if cut in shares else np.inf
        if cap_column:
            found[cap_column] = cap_eur
        found[observed] = float(total_eur(cut_at(lived[f"observed_eur{suffix}"], exposure, cap_eur)))
        found[expected] = float(total_eur(expected_cut(lived, suffix, cap_eur)))
    return found


def _residuals(rows: pd.DataFrame, years: list[dict[str, object]], sample: int) -> pd.DataFrame:
    """Up to `sample` patients who lived in both years, annualised and cut; even steps along expected spending."""
    both = rows[(rows["exposure_share_before"] > 0) & (rows["exposure_share"] > 0)]
    both = both.sort_values(["expected_eur", "patient_id"], kind="stable", ignore_index=True)
    count = min(sample, len(both))
    taken = both.iloc[((np.arange(count) + 0.5) / max(count, 1) * len(both)).astype(int)]
    before, now = (float(str(one["cap_eur"])) for one in years)
    lived, lived_before = taken["exposure_share"], taken["exposure_share_before"]
    return pd.DataFrame(
        {
            "expected_eur": np.minimum(taken["expected_eur"].to_numpy(dtype=float), now),
            "observed_eur": cut_at(taken["observed_eur"], lived, now) / lived.to_numpy(dtype=float),
            "observed_before_eur": cut_at(taken["observed_eur_before"], lived_before, before)
            / lived_before.to_numpy(dtype=float),
            "exposure_share": lived.to_numpy(dtype=float),
        }
    )
