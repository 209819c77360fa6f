"""Index stays of a programme, with one column per reason that excludes them."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from features.episodes.codes import any_starts, starts
from features.episodes.programmes import Programme
from features.episodes.sources import Sources
from features.payment import AGE_MAX

FIRST_ABROAD, LAST_ABROAD, UNKNOWN_ABROAD = "99101", "99517", "99999"
SURGEON = ("1", "")
MEDICAL_Z = "Z"


def candidates(sources: Sources, programmes: Sequence[Programme]) -> ibis.Table:
    """Stays of the index years with the GHM root or an act of a programme, flagged, all programmes together.

    Flags that need other stays or other episodes are added by features.episodes.cohort.
    """
    parts = [_of_programme(sources, programme) for programme in programmes]
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)


def _of_programme(sources: Sources, programme: Programme) -> ibis.Table:
    stays = sources.stays
    stays = stays.filter(
        stays.field == "MCO",
        stays.end_date.year().isin(sources.index_years),
        stays.start_date.between(programme.first_day, programme.last_day),
    )
    stays = stays.mutate(
        has_root=starts(stays.ghm, programme.codes("ghm_roots")),
        has_act_code=any_starts(stays.acts, programme.codes("index_acts")),
    )
    stays = _with_acts(stays.filter(stays.has_root | stays.has_act_code), programme)
    people = sources.beneficiaries.select("patient_id", "birth_date", "death_date")
    stays = stays.left_join(people, "patient_id").drop("patient_id_right")
    return _windows(stays, programme).mutate(**_flags(stays, programme)).select(_columns())


def _with_acts(stays: ibis.Table, programme: Programme) -> ibis.Table:
    """Adds act_count (executions of index acts by the surgeon) and delay_days of the first; without `timed_acts`,
    acts are counted once each, on the day of entry.
    """
    codes = programme.codes("index_acts")
    own = stays.timed_acts.filter(lambda act: starts(act, codes) & act.split(" ")[1].isin(SURGEON))
    days = own.map(lambda act: act.split(" ")[2].nullif("").cast("int64"))
    plain = stays.acts.filter(lambda act: starts(act, codes))
    is_timed = stays.timed_acts.notnull()
    return stays.mutate(
        act_count=ibis.ifelse(is_timed, own.length(), plain.length()).fill_null(0),
        delay_days=ibis.ifelse(is_timed, days.mins(), ibis.null("int64")).fill_null(0),
    )


def _windows(stays: ibis.Table, programme: Programme) -> ibis.Table:
    intervention = _plus(stays.start_date, stays.delay_days)
    anchor = {"intervention": intervention, "admission": stays.start_date, "discharge": stays.end_date}
    day = anchor[programme.text("anchor")]
    before = day - ibis.interval(days=programme.number("pre_days"))
    return stays.mutate(
        episode_id=ibis.literal(f"{programme.name}-") + stays.stay_id,
        programme=ibis.literal(programme.name),
        entry_date=stays.start_date,
        intervention_date=intervention,
        exit_date=stays.end_date,
        window_start=ibis.least(before.cast("date"), stays.start_date),
        window_end=(day + ibis.interval(days=programme.number("post_days"))).cast("date"),
    )


def _plus(day: ibis.DateValue, days: ibis.IntegerValue) -> ibis.DateValue:
    return (day + days.as_interval("D")).cast("date")


def _flags(stays: ibis.Table, programme: Programme) -> dict[str, ibis.Value]:
    every = stays.main_diagnoses.concat(stays.associated_diagnoses)
    nights = stays.nights.fill_null(stays.end_date.delta(stays.start_date, unit="day").cast("int64"))
    units = programme.codes("emergency_units")
    origins = programme.codes("emergency_origins")
    from_housing = stays.entry_origin.isin(programme.codes("medico_social_origins")).fill_null(False)
    emergency = [
        column.isin(codes).fill_null(False)
        for column, codes in ((stays.entry_origin, origins), (stays.emergency_passage, origins),
                              (stays.first_unit, units))
    ]  # fmt: skip
    code = stays.residence_code
    abroad = (code.between(FIRST_ABROAD, LAST_ABROAD) | (code == UNKNOWN_ABROAD)).fill_null(False)
    left = any_starts(every, programme.codes("against_advice_diagnoses"))
    return {
        "excl_age": (_age(stays) < programme.number("min_age")).fill_null(True),
        "excl_ghm": ~stays.has_root,
        "excl_act": stays.act_count == 0,
        "excl_diagnosis": _is_other_diagnosis(stays, programme.codes("diagnoses")),
        "excl_chaining": ~stays.is_linked,
        "excl_grouping": starts(stays.ghm, programme.codes("grouping_errors")) | stays.ghm.isnull(),
        "excl_not_from_home": ~stays.entry_mode.isin(programme.codes("home_entry_modes")).fill_null(False),
        "excl_emergency": ibis.or_(*emergency),
        "excl_medico_social": from_housing & (programme.text("medico_social") == "exclude"),
        "excl_death": stays.exit_mode.isin(programme.codes("death_exit_modes")).fill_null(False),
        "excl_palliative": any_starts(every, programme.codes("palliative_diagnoses")),
        "excl_second_act": (stays.act_count > 1)
        | ((stays.act_count == 1) & any_starts(stays.acts, _seconds(programme))),
        "excl_fracture": _is_main(stays, programme.codes("fracture_diagnoses")),
        "excl_total_colectomy": any_starts(stays.acts, programme.codes("total_acts")),
        "excl_left_or_abroad": left | abroad,
        "excl_long_stay": nights > programme.number("max_index_nights"),
        "from_medico_social": from_housing,
    }


def _seconds(programme: Programme) -> tuple[str, ...]:
    """Acts that make a second intervention in the stay; an index act of the programme is counted instead."""
    own = programme.codes("index_acts")
    return tuple(code for code in programme.codes("second_acts") if code not in own)


def _age(stays: ibis.Table) -> ibis.IntegerValue:
    """Age at entry as received, else completed years since the first day of the month of birth."""
    months = (stays.start_date.year() - stays.birth_date.year()) * 12
    months = months + stays.start_date.month() - stays.birth_date.month()
    return stays.age.fill_null((months // 12).cast("int64").clip(lower=0, upper=AGE_MAX))


def _is_other_diagnosis(stays: ibis.Table, codes: Sequence[str]) -> ibis.BooleanValue:
    """Main diagnosis outside the list; the linked one counts where the main is a Z code."""
    if not codes:
        return ibis.literal(False)
    main = stays.principal_diagnosis
    told = ibis.ifelse(main.startswith(MEDICAL_Z) & stays.linked_diagnosis.notnull(), stays.linked_diagnosis, main)
    return ~ibis.ifelse(main.notnull(), starts(told, codes), any_starts(stays.main_diagnoses, codes))


def _is_main(stays: ibis.Table, codes: Sequence[str]) -> ibis.BooleanValue:
    if not codes:
        return ibis.literal(False)
    main = stays.principal_diagnosis
    return ibis.ifelse(main.notnull(), starts(main, codes), any_starts(stays.main_diagnoses, codes))


def _columns() -> list[str]:
    own = (
        "excl_age", "excl_ghm", "excl_act", "excl_diagnosis", "excl_chaining", "excl_grouping",
           "excl_not_from_home", "excl_emergency", "excl_medico_social", "excl_death", "excl_palliative",
           "excl_second_act", "excl_fracture", "excl_total_colectomy", "excl_left_or_abroad", "excl_long_stay",
    )  # fmt: skip
    return [
        "episode_id", "patient_id", "stay_id", "programme", "sector", "establishment_id", "ghm", "entry_date",
        "intervention_date", "exit_date", "window_start", "window_end", "death_date", *own, "from_medico_social",
    ]  # fmt: skip
