"""What happened to each final episode: events, screenings, first chemotherapy; and who was at risk of the events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ibis
from ibis.expr.types import BooleanValue

from features.episodes.catalogue import LOOKBACK_DAYS
from features.episodes.codes import any_starts, starts
from features.episodes.outcome_rules import Codes, Sign
from features.episodes.perimeter import Rule, decided, with_decision
from features.episodes.sources import Sources

FACTORS = {
    "obesity_35": "obesity_35", "obesity": "obesity", "bone_infection": "bone_infection", "ckd": "ckd",
    "tumour": "tumour", "diabetes": "diabetes", "inflammatory_arthritis": "inflammatory_arthritis",
    "prior_prolonged_stay": "prior_long_stay", "immunodeficiency_cirrhosis": "immunodeficiency_cirrhosis",
    "malnutrition": "malnutrition", "precariousness": "precarity_z59", "cerebrovascular": "cerebrovascular",
    "coagulopathy": "coagulopathy", "heart_failure": "heart_failure", "copd": "copd", "prior_vte": "prior_vte",
    "chronic_respiratory_failure": "chronic_respiratory_failure", "paralysis": "paralysis",
}  # fmt: skip
"""Factor of the published odds ratios -> characteristic at admission that tells it."""

STAY_TABLES = ("stays_mco", "stays_ssr", "stays_had")
HOME = "8"
LONGEST_FOLLOW_UP = 365
BEFORE, INDEX, AFTER, RETURN = "before", "index", "after", "return"
Matcher = Callable[[ibis.Table, Sequence[str]], BooleanValue]
MATCHERS: dict[str, Matcher] = {
    "dp": lambda t, codes: any_starts(t.diagnoses, codes),
    "das": lambda t, codes: any_starts(t.associated_diagnoses, codes),
    "any": lambda t, codes: any_starts(t.diagnoses.concat(t.associated_diagnoses), codes),
    "act": lambda t, codes: any_starts(t.acts, codes),
    "ghm": lambda t, codes: starts(t.ghm, codes),
    "component": lambda t, codes: t.component.isin(codes) & (t.start_date <= t.window_end),
}


def episode_outcomes(
    sources: Sources, episodes: ibis.Table, *, known: ibis.Table, rules: Sequence[Rule], signs: Sequence[Sign]
) -> ibis.Table:
    """Rows of EPISODE_OUTCOMES with one boolean for each factor of the published odds ratios, for final episodes.

    An outcome is true where any of its signs is met; a `_date` is the first day of the stays that meet one. Screenings
    that only analyses tell are null where the analyses of the days before entry were not read.
    """
    own = episodes.select(
        "episode_id", "patient_id", "programme", "establishment_id", "stay_id", "entry_date", "exit_date",
        "intervention_date", "window_start", "window_end",
    )  # fmt: skip
    risks = known.select(
        "episode_id",
        male=known.is_woman == 0,
        **{factor: known[name] > 0 for factor, name in FACTORS.items()},
        **{_known_name(sign): known[sign.known] > 0 for sign in signs if sign.place == "known"},
    )
    joined = own
    for part in (_of_stays(sources, own, rules, signs), _of_tests(sources, own, signs), risks):
        joined = joined.left_join(part, "episode_id").drop("episode_id_right")
    told = {name: _told(joined, name, sources, signs) for name in _outcomes(signs)}
    return joined.select(
        "episode_id", "patient_id", "programme", "establishment_id", **told,
        **{name: joined[name].fill_null(False) for name in ("male", *FACTORS)},
    )  # fmt: skip


def _outcomes(signs: Sequence[Sign]) -> list[str]:
    return list(dict.fromkeys(sign.outcome for sign in signs))


def _known_name(sign: Sign) -> str:
    return f"known_{sign.outcome}"


def _told(rows: ibis.Table, name: str, sources: Sources, signs: Sequence[Sign]) -> ibis.Value:
    """The outcome from stays, characteristics and tests; null where only tests that were not read could tell."""
    if name.endswith("_date"):
        return rows[f"stays_{name}"]
    own = [sign for sign in signs if sign.outcome == name]
    places = {sign.place for sign in own}
    parts = [rows[f"stays_{name}"].fill_null(False)] if places - {"tests", "known"} else []
    parts += [rows[_known_name(sign)].fill_null(False) for sign in own if sign.place == "known"]
    if "tests" in places:
        read = sources.years["analyses"]
        is_read = rows.window_start.year().isin(read) & rows.entry_date.year().isin(read)
        found = rows[f"tests_{name}"].fill_null(False)
        parts.append(ibis.ifelse(found, True, ibis.ifelse(is_read, ibis.literal(False), ibis.null("boolean"))))
    return ibis.or_(*parts)


def _of_stays(sources: Sources, own: ibis.Table, rules: Sequence[Rule], signs: Sequence[Sign]) -> ibis.Table:
    """stays_<outcome> by episode, from one pass over the stays of its patient."""
    pairs = _placed(sources, own, rules)
    columns: dict[str, ibis.Value] = {}
    for name in _outcomes(signs):
        tests = [_meets(pairs, s) for s in signs if s.outcome == name and s.place not in ("tests", "known")]
        if not tests:
            continue
        is_met = ibis.or_(*tests)
        is_date = name.endswith("_date")
        columns[f"stays_{name}"] = pairs.start_date.min(where=is_met) if is_date else is_met.any()
    return pairs.group_by("episode_id").aggregate(**columns)


def _placed(sources: Sources, own: ibis.Table, rules: Sequence[Rule]) -> ibis.Table:
    """Stays of the patient of an episode, a year back and forth, with their place and their component of the cost."""
    stays = sources.stays.filter(sources.stays.is_linked)
    index = own.rename(index_stay="stay_id", clinic="establishment_id")
    pairs = index.inner_join(stays, "patient_id")
    since = (pairs.entry_date - ibis.interval(days=LOOKBACK_DAYS)).cast("date")
    until = (pairs.entry_date + ibis.interval(days=LONGEST_FOLLOW_UP)).cast("date")
    pairs = pairs.filter(pairs.end_date >= since, pairs.start_date <= until)
    is_index = pairs.stay_id == pairs.index_stay
    is_prior = pairs.end_date < pairs.entry_date
    place = ibis.cases((is_index, INDEX), (is_prior, BEFORE), (pairs.start_date >= pairs.entry_date, AFTER), else_="")
    is_back = (pairs.start_date > pairs.exit_date) | (
        (pairs.start_date == pairs.exit_date) & (pairs.entry_mode == HOME).fill_null(False)
    )
    rows = pairs.mutate(
        place=place, is_back=is_back,
        table=ibis.literal("stays_") + pairs.field.lower(),
        window_part=ibis.cases((is_index, INDEX), (pairs.start_date < pairs.entry_date, "pre"), else_="post"),
        poste=ibis.null("string"), nature=ibis.null("string"), is_implant=ibis.literal(False),
        diagnoses=ibis.ifelse(
            pairs.principal_diagnosis.notnull(),
            ibis.array([pairs.principal_diagnosis, pairs.linked_diagnosis.fill_null("")]),
            pairs.main_diagnoses,
        ),
    )  # fmt: skip
    return with_decision(decided(rows, rules, STAY_TABLES), rules)


def _meets(pairs: ibis.Table, sign: Sign) -> ibis.BooleanValue:
    place = AFTER if sign.place == RETURN else sign.place
    tests = [pairs.place == place, _any_of(pairs, sign.codes)]
    if sign.and_codes:
        tests.append(_any_of(pairs, sign.and_codes))
    if sign.place == RETURN:
        tests.append(pairs.is_back)
    if sign.programmes:
        tests.append(pairs.programme.isin(sign.programmes))
    if sign.last_day is not None:
        tests.append(pairs.start_date.delta(pairs[f"{sign.since}_date"], unit="day") <= sign.last_day)
    elif place == AFTER:
        tests.append(pairs.start_date <= pairs.window_end)
    return ibis.and_(*tests).fill_null(False)


def _any_of(pairs: ibis.Table, codes: Codes) -> ibis.BooleanValue:
    return ibis.or_(*(MATCHERS[system](pairs, wanted) for system, wanted in codes))


def _of_tests(sources: Sources, own: ibis.Table, signs: Sequence[Sign]) -> ibis.Table:
    """tests_<outcome> by episode: an analysis from the first day of the window to the day before entry."""
    wanted = {sign.outcome: sign for sign in signs if sign.place == "tests"}
    every = sorted({code for sign in wanted.values() for _, codes in sign.codes for code in codes})
    found = sources.analyses.filter(sources.analyses.nabm.isin(every)).select("patient_id", "care_date", "nabm")
    rows = own.select("episode_id", "patient_id", "window_start", "entry_date").inner_join(found, "patient_id")
    rows = rows.filter(rows.care_date >= rows.window_start, rows.care_date < rows.entry_date)
    columns = {
        f"tests_{name}": rows.nabm.isin([code for _, codes in sign.codes for code in codes]).any()
        for name, sign in wanted.items()
    }
    return rows.group_by("episode_id").aggregate(**columns)
