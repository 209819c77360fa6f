"""What IPEP pays: gains and quality combined by phase, with every component, and the cents of each patient."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from features.tables import FORFAITS
from schemes.amounts import Amount, Payment, Walk
from schemes.ipep.cases import Case, Cases, cases
from schemes.ipep.chance import DRAWS, Strata, strata
from schemes.ipep.figures import figures
from schemes.ipep.groups import SCHEME
from schemes.ipep.inputs import Inputs
from schemes.ipep.modulation import due_eur
from schemes.ipep.uncertainty import uncertainty
from schemes.money import allot
from schemes.rulebook import Rules


def pay(inputs: Inputs, *, year: int, rules: Rules, seed: int = 0, draws: int = DRAWS) -> Payment:
    """What IPEP pays each group for `year`: components, figures, cents by patient, who is not paid and why.

    Inputs: participations, members, nation, indicators, and residuals (not read where `draws` is 0: amounts are the
    same, the figures of chance are empty). The same inputs, rules, seed and draws give the same payment to the byte,
    in any order of rows. Rule: IPEP specifications, payment and phases.
    Errors: InputError, MissingError and RuleError of the frames and rules read.
    """
    found = cases(inputs, year=year, rules=rules)
    reference = strata(inputs, year=year) if draws and found.paid else None
    amounts = [_amount(case, (inputs, found), (reference, seed, draws), rules) for case in found.paid]
    return Payment(
        tuple(amounts), _forfaits(zip(found.paid, amounts, strict=True), found), found.refused, found.excluded
    )


def _amount(case: Case, context: tuple[Inputs, Cases], chance: tuple[Strata | None, int, int], rules: Rules) -> Amount:
    (inputs, found), (reference, seed, draws) = context, chance
    walk = Walk()
    due_eur(case.means, case.score, phase=case.phase, rules=rules, walk=walk)
    values = figures(case, found.year, inputs, rules)
    if reference is not None:
        values |= uncertainty(case, found.year, reference, (seed, draws), rules)
    return Amount(
        structure_id=case.group.structure_id,
        scheme=SCHEME,
        year=found.year.year,
        components=tuple(walk.components),
        figures=values,
        warnings=tuple(warnings(case, values, rules)),
    )


def warnings(case: Case, values: Iterable[str], rules: Rules) -> list[str]:
    """What the reader of an amount should know: names of labels.csv."""
    found = []
    gate = rules.whole("min_patients")
    if case.listed < gate * rules.decimal("warn_below_gate_ratio"):
        found.append("close_to_gate")
    if case.phase > 1:
        found += [f"missing_{name}" for name in case.score.missing]
    if case.score.experience is None and case.phase > 1:
        found.append("experience_not_measured")
    if not {"gains_p995_eur", "gains_uncapped_eur"} <= set(values):
        found.append("no_sensitivity")
    if not any(name.startswith("chance_") for name in values):
        found.append("no_chance")
    return found


def _forfaits(paid: Iterable[tuple[Case, Amount]], found: Cases) -> pd.DataFrame:
    """IPEP pays groups, not patients: the cents of a group are allotted over its patients by part of the year lived.

    Expected euros are those of a full year, cut, with the national trend.
    """
    frames = [pd.DataFrame(columns=FORFAITS.column_names)]
    now = found.year.now
    for case, amount in paid:
        rows = case.rows[case.rows["is_now"]].reset_index(drop=True)
        annual = np.minimum(rows["expected_eur"].to_numpy(dtype=float), now.cap_eur) * float(now.trend)
        frames.append(
            pd.DataFrame(
                {
                    "structure_id": case.group.structure_id,
                    "patient_id": rows["patient_id"],
                    "scheme": SCHEME,
                    "year": found.year.year,
                    "present_share": rows["present_share"].astype(float),
                    "expected_eur": annual,
                    "amount_cents": allot(amount.total_cents, rows["exposure_share"].tolist()),
                }
            )
        )
    return pd.concat(frames[1:] or frames, ignore_index=True)[FORFAITS.column_names]
