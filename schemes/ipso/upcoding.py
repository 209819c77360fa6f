"""Declared bricks beside those that claims show: how many more, how unlikely, how many euros."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binom

from schemes.ipso.inputs import BRICKS, Inputs
from schemes.ipso.payment import brick_eur, terms_of
from schemes.ipso.practices import Marks, Practice, Year, year_of
from schemes.ipso.prices import age_starts, cells_of, flag_shares
from schemes.ipso.socle import Terms
from schemes.money import round_cents, total_eur
from schemes.rulebook import Rules

COLUMNS = [
    "structure_id", "brick", "patients", "declared", "flagged", "both", "only_declared", "only_flagged",
    "price_eur", "at_stake_cents", "missed_cents", "declared_share", "nation_share", "nation_ratio", "p_value",
    "nation_share_at_mix", "p_value_at_mix",
]  # fmt: skip


def upcoding(inputs: Inputs, *, year: int, rules: Mapping[str, Rules]) -> pd.DataFrame:
    """One row per practice and brick: patients declared, flagged by claims, both, only one; euros and chance.

    at_stake_cents: what the year pays for months declared and not flagged (missed_cents: flagged and not declared),
    at the price and category share λ of the year. nation_share: weighted share of the reference that is flagged;
    p_value: P(X ≥ declared), X binomial of `patients` draws at that share. The same at_mix, with the share expected
    from the practice's own ages and sexes: an old list is no upcoding. Patients whose flags are not known are left
    out. Counts are of people: a page masks those under small_cell_min.
    Rule: IPSO, declared bricks are compared with the claims (test assumed).
    """
    found = year_of(inputs, year=year, rules=rules)
    nation = flag_shares(found.reference)
    cells = _shares_by_cell(found.reference, rules["ipso"])
    frames = []
    for practice in found.practices:
        known = practice.patients[BRICKS].notna().all(axis=1).to_numpy()
        kept = Practice(
            practice.structure_id,
            practice.patients[known].reset_index(drop=True),
            practice.months[known],
            practice.declared[known],
            practice.flagged[known],
            practice.shared_patients,
        )
        rows = _counts(kept, nation, _at_mix(kept, cells, nation, rules["ipso"]))
        frames.append(rows.join(_euros(kept, terms_of(kept, found, rules), found)))
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def _counts(practice: Practice, nation: Mapping[str, float], at_mix: Mapping[str, float]) -> pd.DataFrame:
    due = (practice.months > 0)[:, None, :]
    declared, flagged = (practice.declared & due).any(axis=2), (practice.flagged & due).any(axis=2)
    patients = len(practice.patients)
    counts = {"declared": declared, "flagged": flagged, "both": declared & flagged}
    frame = pd.DataFrame({name: marks.sum(axis=0) for name, marks in counts.items()})
    shares = {"nation_share": nation, "nation_share_at_mix": at_mix}
    frame = frame.assign(**{name: [share[brick] for brick in BRICKS] for name, share in shares.items()})
    declared_share = frame["declared"] / patients if patients else np.nan
    return frame.assign(
        structure_id=practice.structure_id,
        brick=BRICKS,
        patients=patients,
        only_declared=frame["declared"] - frame["both"],
        only_flagged=frame["flagged"] - frame["both"],
        declared_share=declared_share,
        nation_ratio=declared_share / frame["nation_share"].replace(0.0, np.nan),
        p_value=binom.sf(frame["declared"] - 1, patients, frame["nation_share"]),
        p_value_at_mix=binom.sf(frame["declared"] - 1, patients, frame["nation_share_at_mix"]),
    )


def _euros(practice: Practice, terms: Terms | None, found: Year) -> pd.DataFrame:
    if terms is None:
        return pd.DataFrame({"price_eur": np.nan, "at_stake_cents": 0, "missed_cents": 0}, index=range(len(BRICKS)))
    return pd.DataFrame(
        {
            "price_eur": [np.nan if price is None else float(price) for price in terms.prices.bricks.values()],
            "at_stake_cents": _cents(practice, practice.declared & ~practice.flagged, terms, found),
            "missed_cents": _cents(practice, practice.flagged & ~practice.declared, terms, found),
        }
    )


def _cents(practice: Practice, marks: Marks, terms: Terms, found: Year) -> list[int]:
    euros = brick_eur(practice, marks, terms.prices, found.category_share)
    return [round_cents(total_eur(euros[name])) for name in BRICKS]


def _shares_by_cell(reference: pd.DataFrame, rules: Rules) -> dict[tuple[int, int], dict[str, float]]:
    age, sex = cells_of(reference, age_starts(rules))
    cells = set(zip(age.tolist(), sex.tolist(), strict=True))
    return {(a, s): flag_shares(reference[(age == a) & (sex == s)]) for a, s in cells}


def _at_mix(
    practice: Practice,
    cells: Mapping[tuple[int, int], Mapping[str, float]],
    nation: Mapping[str, float],
    rules: Rules,
) -> dict[str, float]:
    """Mean over the practice's patients of the share flagged at their age and sex (the nation's where unknown)."""
    pairs = zip(*cells_of(practice.patients, age_starts(rules)), strict=True)
    shares = [cells.get((int(age), int(sex)), nation) for age, sex in pairs]
    return {name: float(total_eur([share[name] for share in shares])) / max(len(shares), 1) for name in BRICKS}
