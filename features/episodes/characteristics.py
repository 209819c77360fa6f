"""The characteristics of each final episode, as known the day before admission."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import pandas as pd

from features.codes import index_codes, index_flag, listed, matches
from features.episodes.catalogue import CONDITIONS, EPISODE_CATALOGUE, LOOKBACK_DAYS, PROGRAMME_ALD, RIGHTS
from features.episodes.sources import Sources
from features.errors import InputError
from features.morbidity import score_weights
from features.payment import AGE_MAX

POLICIES = ("lookback_only", "whitelist")
DEFAULT_POLICY = "whitelist"
LONG_STAY_NIGHTS = 4
ATC_CLASS_LENGTH = 4
BEFORE, INDEX = "before", "index"


def episode_features(sources: Sources, episodes: ibis.Table, *, index_dx_policy: str = DEFAULT_POLICY) -> ibis.Table:
    """Rows of EPISODE_FEATURES with the columns of EPISODE_CATALOGUE, for final episodes.

    index_dx_policy: `lookback_only` reads no diagnosis of the index stay; `whitelist` those of the conditions that
    cannot arise in it (episode_conditions.csv). Errors: InputError for another policy.
    """
    check_policy(index_dx_policy)
    own = episodes.select(
        "episode_id", "patient_id", "programme", "entry_date", "window_start", "stay_id", "from_medico_social"
    )
    parts = (
        _personal(sources, own),
        _rights(sources, own),
        _ald(sources, own),
        _conditions(sources, own, index_dx_policy),
        *_use(sources, own),
    )
    joined = own.mutate(lives_in_ems=own.from_medico_social.cast("int8"))
    for part in parts:
        joined = joined.left_join(part, "episode_id")
        joined = joined.drop([name for name in joined.columns if name.endswith("_right")])
    joined = joined.mutate(charlson_score=_score(joined))
    return joined.select(
        "episode_id", "patient_id", "programme", "entry_date", index_dx_policy=ibis.literal(index_dx_policy),
        **{known.name: _filled(joined, known.name, is_null=known.nullable) for known in EPISODE_CATALOGUE},
    )  # fmt: skip


def check_policy(index_dx_policy: str) -> None:
    """None where the policy has one of the known names. Errors: InputError."""
    if index_dx_policy not in POLICIES:
        raise InputError(f"index_dx_policy is {index_dx_policy!r}; it should be one of {', '.join(POLICIES)}")


def _filled(rows: ibis.Table, name: str, *, is_null: bool) -> ibis.Value:
    column = rows[name]
    if name == "fdep_quintile":
        return column.fill_null("missing")
    number = column.cast("float64")
    return number if is_null else number.fill_null(0.0)


def _personal(sources: Sources, own: ibis.Table) -> ibis.Table:
    people = sources.beneficiaries.select("patient_id", "birth_date", "sex", "fdep_quintile")
    rows = own.inner_join(people, "patient_id")
    months = (rows.entry_date.year() - rows.birth_date.year()) * 12
    months = months + rows.entry_date.month() - rows.birth_date.month()
    return rows.select(
        "episode_id",
        age=(months // 12).cast("int64").clip(lower=0, upper=AGE_MAX),
        is_woman=(rows.sex == 2).cast("int8"),
        fdep_quintile=rows.fdep_quintile.cast("string"),
    )


def _since(rows: ibis.Table) -> ibis.DateValue:
    return (rows.entry_date - ibis.interval(days=LOOKBACK_DAYS)).cast("date")


def _rights(sources: Sources, own: ibis.Table) -> ibis.Table:
    """A right in force at some time of the days before entry."""
    rows = own.inner_join(sources.coverages, "patient_id")
    lived = rows.filter(rows.start_date < rows.entry_date, rows.end_date.isnull() | (rows.end_date >= _since(rows)))
    return lived.group_by("episode_id").aggregate(**{name: (lived.right == name).max().cast("int8") for name in RIGHTS})


def _in_force(sources: Sources, own: ibis.Table) -> ibis.Table:
    rows = own.inner_join(sources.ald_periods, "patient_id")
    return rows.filter(rows.start_date < rows.entry_date, rows.end_date.isnull() | (rows.end_date >= rows.entry_date))


def _ald(sources: Sources, own: ibis.Table) -> ibis.Table:
    rows = _in_force(sources, own)
    counted = rows.filter(rows.ald_number != PROGRAMME_ALD)
    return counted.group_by("episode_id").aggregate(ald_count=counted.ald_number.nunique())


def _prior_stays(sources: Sources, own: ibis.Table) -> ibis.Table:
    """Stays of the patient that ended in the days before entry."""
    stays = sources.stays.filter(sources.stays.is_linked).drop("stay_id")
    rows = own.inner_join(stays, "patient_id")
    return rows.filter(rows.end_date < rows.entry_date, rows.end_date >= _since(rows))


def _conditions(sources: Sources, own: ibis.Table, policy: str) -> ibis.Table:
    """One column per condition and Charlson comorbidity: 1 where a code of the patient, is of its list."""
    prior = _prior_stays(sources, own)
    index = own.inner_join(sources.stays.select("stay_id", "main_diagnoses", "associated_diagnoses"), "stay_id")
    ald = _in_force(sources, own).filter(ibis._.icd10.notnull())
    parts = [
        _codes(prior, BEFORE),
        ald.select("episode_id", place=ibis.literal(BEFORE), code=ald.icd10),
        *([_codes(index, INDEX)] if policy == "whitelist" else []),
    ]
    found = ibis.union(*parts, distinct=True)
    listed_codes = found.select("code").distinct().to_pyarrow()["code"].to_pylist()
    raised = found.inner_join(ibis.memtable(_matched(listed_codes)), "code")
    raised = raised.filter((raised.place == BEFORE) | raised.is_of_index)
    return raised.group_by("episode_id").aggregate(
        **{name: (raised.condition == name).max().cast("int8") for name, *_ in _lists()}
    )


def _codes(rows: ibis.Table, place: str) -> ibis.Table:
    every = rows.select("episode_id", code=rows.main_diagnoses.concat(rows.associated_diagnoses))
    return every.select("episode_id", place=ibis.literal(place), code=every.code.unnest())


def _lists() -> list[tuple[str, tuple[str, ...], tuple[str, ...], bool]]:
    """Name, prefixes, prefixes left out, and whether a diagnosis of the index stay may tell it."""
    own = [
        (row["name"], tuple(row["icd10"].split()), tuple(row["without"].split()), row["index_stay"] == "1")
        for row in listed(CONDITIONS)
    ]
    charlson = [(index_flag("charlson", name), codes, (), False) for name, codes in index_codes("charlson").items()]
    return [*own, *charlson]


def _matched(codes: Iterable[str]) -> pd.DataFrame:
    rows = [
        (code, name, is_of_index)
        for code in codes
        for name, prefixes, without, is_of_index in _lists()
        if matches(code, prefixes, without)
    ]
    frame = pd.DataFrame(rows, columns=["code", "condition", "is_of_index"])
    return frame.astype({"code": "object", "condition": "object", "is_of_index": "bool"})


def _score(rows: ibis.Table) -> ibis.IntegerValue:
    """Charlson score, severe forms hiding mild ones."""
    total: ibis.IntegerValue = ibis.literal(0)
    for flag, (points, hidden_by) in score_weights("charlson_score").items():
        is_there = rows[flag].fill_null(0) == 1
        for other in hidden_by:
            is_there = is_there & (rows[other].fill_null(0) == 0)
        total = total + is_there.cast("int64") * points
    return total


def _use(sources: Sources, own: ibis.Table) -> tuple[ibis.Table, ...]:
    stays = _prior_stays(sources, own)
    is_acute = stays.field == "MCO"
    is_long = (is_acute & (stays.nights.fill_null(0) >= LONG_STAY_NIGHTS)) | ~is_acute
    used = stays.group_by("episode_id").aggregate(
        prior_long_stay=is_long.max().cast("int8"),
        prior_ssr=(stays.field == "SSR").max().cast("int8"),
        prior_had=(stays.field == "HAD").max().cast("int8"),
        prior_stays=(is_acute & (stays.sessions == 0)).cast("int64").sum(),
    )
    drugs = own.inner_join(sources.dispensings, "patient_id")
    drugs = drugs.filter(drugs.care_date < drugs.entry_date, drugs.care_date >= _since(drugs))
    classes = drugs.group_by("episode_id").aggregate(prior_atc_classes=drugs.atc.substr(0, ATC_CLASS_LENGTH).nunique())
    return used, classes, _spent(sources, own)


def _spent(sources: Sources, own: ibis.Table) -> ibis.Table:
    """Euros of claims and public stays (by day of entry) in the days before entry, up to the day before the window."""
    claims = sources.care_lines.select("patient_id", "base_cents", day=sources.care_lines.care_date)
    stays = sources.stays.filter(sources.stays.is_linked, sources.stays.base_cents.notnull())
    every = claims.union(stays.select("patient_id", "base_cents", day=stays.start_date))
    rows = own.inner_join(every, "patient_id")
    rows = rows.filter(rows.day < rows.window_start, rows.day >= _since(rows))
    return rows.group_by("episode_id").aggregate(prior_spent_eur=(rows.base_cents.sum() / 100).cast("float64"))
