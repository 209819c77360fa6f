"""The groups of a yearly model: those it sees and those it does not, from the datasets of the year and the one before.

A grouping whose dataset is not there is left out, and its name is returned, so that the report can say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.codes import ALD_NUMBERS, ald_flag
from features.reference_data import reference
from features.store import read_dataset, years_written
from features.tables import BENEFICIARIES, FEATURE_TABLE, SPENDING, STAYS
from training.evaluate import groups_of
from training.evaluation.money import OUTSIDE, Grouping, in_all

UNKNOWN = "unknown"
OLD = 80
SOURCES_OF = {"age_sex": ("age", "is_woman"), "ald": ("ald_count",), "c2s": ("c2s_free", "c2s_participative")}
SECTORS = {(True, True): "public and private", (True, False): "public", (False, True): "private"}


@dataclass(frozen=True)
class People:
    """Who is grouped: patients of the rows, their features of the year (a frame in the same order), what was expected
    of them, their weight, and the names of the features that the model reads."""

    patients: np.ndarray
    known: pd.DataFrame
    expected_eur: np.ndarray
    exposure: np.ndarray
    seen: Sequence[str]


def yearly_groupings(data: Path, year: int, people: People) -> tuple[tuple[Grouping, ...], tuple[str, ...]]:
    """Groupings of the rows, and the names of those that could not be made for want of a dataset.

    Seen or not: decile of expectation, age × sex, ALD yes/no and each ALD, C2S, AME, FDep quintile, ALD × C2S × 80
    or over. Never seen by a payment model: region, department, sector of last year's hospital stays, deceased in the
    year, new (no row of spending the year before), without care and quintile of spending the year before.
    """
    made, missing = list(of_features(people)), []
    makers: dict[str, tuple[bool, Callable[[], list[Grouping]]]] = {
        "department": (_has(BENEFICIARIES, data, year), lambda: _of_persons(data, year, people)),
        "no_care": (_has(SPENDING, data, year - 1), lambda: _of_last_year(data, year - 1, people)),
        "sector": (_has(STAYS, data, year - 1), lambda: _of_stays(data, year - 1, people)),
    }
    for name, (is_there, make) in makers.items():
        if is_there:
            made += make()
        else:
            missing.append(name)
    return tuple(made), tuple(missing)


def known_of(data: Path, year: int, patients: np.ndarray) -> pd.DataFrame:
    """Every feature of `feature_table` for the patients, in their order."""
    table = read_dataset(None, FEATURE_TABLE, data, year).set_index("patient_id")
    return table.loc[patients].reset_index()


def _has(table: object, data: Path, year: int) -> bool:
    return year in years_written(table, data)  # type: ignore[arg-type]


def of_features(people: People) -> list[Grouping]:
    """Decile, and the groupings that the features of the rows allow."""
    found = groups_of(people.known, people.expected_eur, people.exposure)
    made = [Grouping("decile", found.pop("decile"), True)]
    made += [Grouping(name, as_texts(labels), _sees(people, *SOURCES_OF[name])) for name, labels in found.items()]
    for number in ALD_NUMBERS:
        flag = ald_flag(number)
        if flag in people.known:
            made.append(Grouping("ald_group", flagged(people.known[flag] == 1, f"{number:02d}"), _sees(people, flag)))
    if "ame" in people.known:
        made.append(Grouping("ame", flagged(people.known["ame"] == 1, "AME", "no AME"), _sees(people, "ame")))
    if "fdep_quintile" in people.known:
        made.append(Grouping("fdep", as_texts(people.known["fdep_quintile"]), _sees(people, "fdep_quintile")))
    if {"ald", "c2s"} <= found.keys() and "age" in people.known:
        old = flagged(people.known["age"] >= OLD, "80+", "under 80")
        sees = _sees(people, "ald_count", "c2s_free", "age")
        made.append(Grouping("ald_c2s_old", in_all([as_texts(found["ald"]), as_texts(found["c2s"]), old]), sees))
    return made


def _of_persons(data: Path, year: int, people: People) -> list[Grouping]:
    persons = read_dataset(None, BENEFICIARIES, data, year).set_index("patient_id").reindex(people.patients)
    regions = reference("regions").set_index("department")["region"]
    dead = pd.to_datetime(persons["death_date"]).dt.year == year
    return [
        Grouping("region", as_texts(persons["department"].map(regions)), False),
        Grouping("department", as_texts(persons["department"]), False),
        Grouping("deceased", flagged(dead, "deceased", "alive"), False),
    ]


def _of_last_year(data: Path, before: int, people: People) -> list[Grouping]:
    rows = read_dataset(None, SPENDING, data, before).set_index("patient_id").reindex(people.patients)
    spent, is_new = rows["spent_total_eur"], rows["exposure_share"].isna() | (rows["exposure_share"] == 0)
    no_care = np.where(is_new, OUTSIDE, np.where(spent == 0, "no care", "some care"))
    annual = (spent / rows["exposure_share"]).where(~is_new)
    rank = annual.rank(pct=True, method="average").to_numpy(float)
    quintile = np.char.mod("%.0f", np.clip(np.ceil(5 * rank), 1, 5))
    return [
        Grouping("new", flagged(is_new, "new", "known before"), False),
        Grouping("no_care", no_care.astype(object), False),
        Grouping("past_quintile", np.where(is_new, OUTSIDE, quintile).astype(object), False),
    ]


def _of_stays(data: Path, before: int, people: People) -> list[Grouping]:
    stays = read_dataset(None, STAYS, data, before)
    public, private = (
        pd.Index(people.patients).isin(stays.loc[stays["sector"] == one, "patient_id"]) for one in ("public", "private")
    )
    labels = [SECTORS.get((bool(one), bool(other)), "no stay") for one, other in zip(public, private, strict=True)]
    return [Grouping("sector", np.array(labels, dtype=object), False)]


def _sees(people: People, *names: str) -> bool:
    return set(names) <= set(people.seen)


def flagged(condition: object, yes: str, no: str = OUTSIDE) -> np.ndarray:
    """One level where the condition holds, another (or none) where it does not."""
    return np.where(np.asarray(condition, dtype=bool), yes, no).astype(object)


def as_texts(labels: object) -> np.ndarray:
    """Labels as texts, "unknown" where there is none."""
    return pd.Series(np.asarray(labels, dtype=object)).fillna(UNKNOWN).astype(str).to_numpy(object)
