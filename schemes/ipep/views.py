"""The four pictures promised to groups: their patients, where they meet care, what they spend, what could be gained.

Counts are exact; who shows them masks small cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import pandas as pd

from features.errors import InputError
from schemes.amounts import Walk
from schemes.ipep.cases import Case, cases
from schemes.ipep.inputs import Inputs, frame, numbers
from schemes.ipep.modulation import due_eur
from schemes.ipep.quality import Points, Score, decimal
from schemes.money import round_cents
from schemes.rulebook import Rules

NATION = "*"
TOPICS = {"age_band": "age", "is_woman": "sex", "has_ald": "ald", "has_c2s": "c2s"}
SAVINGS = (Decimal("0.01"), Decimal("0.02"), Decimal("0.05"))


def patientele_described(described: pd.DataFrame) -> pd.DataFrame:
    """Who the patients are: structure_id, topic, value, patients, share, nation_share.

    `described`: counts of patients by structure_id ("*": the reference patients of the nation), age_band, is_woman,
    has_ald, has_c2s. Topics: age (bands as "00-15", in order), sex, ald, c2s. A value that is missing is "unknown";
    nation_share is empty without rows of the nation.
    """
    rows = frame({"described": described}, "described", ["structure_id", *TOPICS, "patients"])
    numbers("described", rows, "patients")
    counted = pd.concat(
        rows.assign(topic=topic, value=rows[column].map(lambda value, topic=topic: _told(value, topic)))
        .groupby(["structure_id", "topic", "value"], as_index=False)["patients"]
        .sum()
        for column, topic in TOPICS.items()
    )
    counted["share"] = counted["patients"] / counted["structure_id"].map(_sizes(rows))
    return _beside_nation(counted, ["topic", "value"], {"share": "nation_share"})


def contact_points(contacts: pd.DataFrame, described: pd.DataFrame) -> pd.DataFrame:
    """Where the patients meet care: structure_id, year, poste, patients, contacts, reimbursed_cents and rates.

    Rates per patient described, beside the nation's (`nation_…`, empty without rows of structure "*"): share (with
    a contact), contacts_per_patient, reimbursed_per_patient_eur. `contacts`: rows of CONTACTS.
    Errors: InputError for a structure with contacts whose patients are not described.
    """
    needed = ["structure_id", "year", "poste", "patients", "contacts", "reimbursed_cents"]
    rows = frame({"contacts": contacts}, "contacts", needed)[needed]
    size = rows["structure_id"].map(_sizes(frame({"described": described}, "described", ["structure_id", "patients"])))
    if (size.isna() & (rows["structure_id"] != NATION)).any():
        raise InputError("contacts has a structure that described does not; describe the patients of every group")
    rates = {
        "share": rows["patients"] / size,
        "contacts_per_patient": rows["contacts"] / size,
        "reimbursed_per_patient_eur": rows["reimbursed_cents"] / 100 / size,
    }
    return _beside_nation(rows.assign(**rates), ["year", "poste"], {rate: f"nation_{rate}" for rate in rates})


def historical_spending(inputs: Inputs, *, year: int, rules: Rules) -> pd.DataFrame:
    """What was spent and expected per year lived: structure_id, year, exposure, observed_eur, expected_eur, nation_….

    Cut at the cap of each year; expected with the national trend. nation_observed_eur is that of the reference
    patients. Groups that `pay` refuses are left out.
    """
    nation = frame(inputs, "nation", ["year", "exposure", "observed_eur"])
    around = {
        int(when): float(spent) / float(lived)
        for when, lived, spent in nation[["year", "exposure", "observed_eur"]].itertuples(index=False)
        if lived > 0
    }
    rows = []
    for case in cases(inputs, year=year, rules=rules).paid:
        m, name = case.means, case.group.structure_id
        rows += [
            (name, year - 1, m.exposure_before, m.observed_before, m.expected_before, around.get(year - 1)),
            (name, year, m.exposure, m.observed, m.expected, around.get(year)),
        ]
    columns = ["structure_id", "year", "exposure", "observed_eur", "expected_eur", "nation_observed_eur"]
    numbers = dict.fromkeys(columns[2:], float)
    return pd.DataFrame(rows, columns=columns).astype(numbers)


def potential_gains(inputs: Inputs, *, year: int, rules: Rules, savings: Sequence[Decimal] = SAVINGS) -> pd.DataFrame:
    """What would have been paid: structure_id, lever, name, change, paid_cents, added_cents.

    lever "spending": the group's observed spending of the year lower by a share (change). lever "indicator": all the
    points of an indicator reached (change: points to gain). Everything else stays as it is; phase 1 gains nothing.
    """
    rows = []
    for case in cases(inputs, year=year, rules=rules).paid:
        now = _cents(case, rules)
        for name, lever, change, other in _levers(case, rules, savings):
            paid = _cents(other, rules)
            rows.append((case.group.structure_id, lever, name, float(change), paid, paid - now))
    columns = ["structure_id", "lever", "name", "change", "paid_cents", "added_cents"]
    return pd.DataFrame(rows, columns=columns)


def _levers(case: Case, rules: Rules, savings: Sequence[Decimal]) -> Iterator[tuple[str, str, Decimal, Case]]:
    for share in savings:
        lower = replace(case.means, observed=case.means.observed * (1 - share))
        yield "observed_eur", "spending", share, replace(case, means=lower)
    for one in case.score.indicators:
        if one.points is not None:
            better = replace(case, score=_better(case.score, one, rules))
            yield one.indicator, "indicator", decimal(one.highest - one.points), better


def _better(score: Score, one: Points, rules: Rules) -> Score:
    """The score with all the points of an indicator; the sum of points is cut at score_max, experience stays apart."""
    experience = score.experience or Decimal(0)
    points = (score.total or Decimal(0)) - experience + decimal(one.highest - (one.points or 0))
    return replace(score, total=min(rules.decimal("score_max"), points) + experience)


def _cents(case: Case, rules: Rules) -> int:
    return round_cents(due_eur(case.means, case.score, phase=case.phase, rules=rules, walk=Walk()))


def _told(value: object, topic: str) -> str:
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        return "unknown"
    if topic == "age":
        first, *rest = str(value).split("-")
        return "-".join([first.zfill(2), *rest])
    yes, no = ("female", "male") if topic == "sex" else ("yes", "no")
    return yes if value else no


def _sizes(described: pd.DataFrame) -> pd.Series:
    return described.groupby("structure_id")["patients"].sum()


def _beside_nation(rows: pd.DataFrame, on: list[str], names: dict[str, str]) -> pd.DataFrame:
    """Rows of structures with the nation's rates beside them (empty where the nation has none)."""
    nation = rows.loc[rows["structure_id"] == NATION, [*on, *names]].rename(columns=names)
    own = rows[rows["structure_id"] != NATION]
    beside = own.merge(nation, on=on, how="left", validate="many_to_one")
    return beside.sort_values(["structure_id", *on], ignore_index=True)
