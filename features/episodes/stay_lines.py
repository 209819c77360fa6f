"""Hospital stays of a window and their euros: public ones are valued in the PMSI, private ones paid in claims."""

from __future__ import annotations

import ibis

from features.episodes.sources import Sources

FINESS_SHARED = 8  # claims carry 8 of the 9 characters
LONGEST_STAY_DAYS = 365
PRIVATE_CARE = "hopital_prive"
ROW = ("care_date", "known_date", "act_code", "poste", "performer_specialty", "performer_id", "establishment_id")
LINE_COLUMNS = (
    "episode_id", "programme", "table", "window_part", "source", "source_key", "stay_id", "care_date", "end_date",
    "rows", "received_cents", "tariff_scope", "ghm", "diagnoses", "acts", "poste", "nature", "is_implant", "is_span",
)  # fmt: skip


def near_stays(sources: Sources, episodes: ibis.Table) -> ibis.Table:
    """Stays with a day in the window of an episode of their patient, with their part of the window and their codes."""
    stays = sources.stays.filter(sources.stays.is_linked)
    own = episodes.select(
        "episode_id", "patient_id", "programme", "entry_date", "window_start", "window_end", index_stay=episodes.stay_id
    )
    pairs = own.inner_join(stays, "patient_id")
    pairs = pairs.filter(pairs.start_date <= pairs.window_end, pairs.end_date >= pairs.window_start)
    is_before = pairs.start_date < pairs.entry_date
    part = ibis.cases((pairs.stay_id == pairs.index_stay, "index"), (is_before, "pre"), else_="post")
    return pairs.select(
        "episode_id", "patient_id", "programme", "stay_id", "start_date", "end_date", "ghm", "acts", "sector",
        "base_cents", "implant_cents", "establishment_id",
        table=ibis.literal("stays_") + pairs.field.lower(),
        field=pairs.field.lower(),
        window_part=part,
        diagnoses=ibis.ifelse(
            pairs.principal_diagnosis.notnull(),
            ibis.array([pairs.principal_diagnosis, pairs.linked_diagnosis.fill_null("")]),
            pairs.main_diagnoses,
        ),
    )  # fmt: skip


def public_lines(near: ibis.Table) -> ibis.Table:
    """One line per valued stay, and one per stay with implants paid besides it."""
    parts = []
    for is_implant, cents, suffix in ((False, "base_cents", ""), (True, "implant_cents", "|implants")):
        rows = near.filter(near[cents].notnull())
        parts.append(
            rows.mutate(
                source=ibis.literal("stays"), source_key=rows.stay_id + suffix, care_date=rows.start_date,
                rows=ibis.literal(1, "int64"), received_cents=rows[cents], tariff_scope=_scope(rows, is_implant),
                poste=ibis.null("string"), nature=ibis.null("string"), is_implant=ibis.literal(is_implant),
                is_span=ibis.literal(not is_implant),
            ).select(*LINE_COLUMNS)
        )  # fmt: skip
    return ibis.union(*parts, distinct=False)


def _scope(rows: ibis.Table, is_implant: bool) -> ibis.StringValue:
    return ibis.literal("town") if is_implant else ibis.literal("stays_") + rows.sector + "_" + rows.field


def claim_rows(sources: Sources, episodes: ibis.Table) -> ibis.Table:
    """Claims of the window, identical ones summed (refunds net): source_key, care_date, rows, received_cents, codes.

    Clinics' own lines are taken up to a year before the window: the stay that they pay may reach into it.
    """
    lines = sources.care_lines.filter(sources.care_lines.base_cents != 0)
    own = episodes.select("episode_id", "patient_id", "window_start", "window_end")
    pairs = own.inner_join(lines, "patient_id")
    is_clinic = pairs.poste == PRIVATE_CARE
    earliest = (pairs.window_start - ibis.interval(days=LONGEST_STAY_DAYS)).cast("date")
    first = ibis.ifelse(is_clinic, earliest, pairs.window_start)
    inside = pairs.filter(pairs.care_date <= pairs.window_end, pairs.care_date >= first)
    summed = inside.group_by("episode_id", *ROW).aggregate(
        rows=inside.count(), received_cents=inside.base_cents.sum().cast("int64")
    )
    key = ibis.literal("|").join([summed[name].cast("string").fill_null("") for name in ROW])
    return summed.mutate(
        source_key=key, nature=summed.act_code.cast("string"), specialty=summed.performer_specialty.cast("string")
    )


def private_lines(claims: ibis.Table, near: ibis.Table) -> ibis.Table:
    """Claims that belong to a private stay: the clinic's own, and those of the same establishment during the stay.

    Of several stays on the day, the one of the same establishment, then the one begun last. A clinic's own line
    follows the days of its stay; a fee keeps its day.
    """
    stays = near.filter(near.sector == "private").select(
        "episode_id", "programme", "table", "window_part", "stay_id", "start_date", "ghm", "acts", "diagnoses",
        stay_end=near.end_date, field=near.field, clinic=near.establishment_id.substr(0, FINESS_SHARED),
    )  # fmt: skip
    marked = claims.filter((claims.poste == PRIVATE_CARE) | claims.establishment_id.notnull())
    pairs = marked.inner_join(stays, "episode_id")
    is_same = (pairs.establishment_id.substr(0, FINESS_SHARED) == pairs.clinic).fill_null(False)
    pairs = pairs.mutate(is_same=is_same.cast("int8"), is_span=pairs.poste == PRIVATE_CARE)
    pairs = pairs.filter(
        pairs.care_date.between(pairs.start_date, pairs.stay_end), pairs.is_span | (pairs.is_same == 1)
    )
    best = ibis.window(
        group_by=["episode_id", "source_key"],
        order_by=[ibis.desc("is_same"), ibis.desc("start_date"), ibis.asc("stay_id")],
    )
    chosen = pairs.mutate(place=ibis.row_number().over(best))
    chosen = chosen.filter(chosen.place == 0)
    return chosen.mutate(
        source=ibis.literal("care_lines"),
        end_date=ibis.ifelse(chosen.is_span, chosen.stay_end, chosen.care_date),
        care_date=ibis.ifelse(chosen.is_span, chosen.start_date, chosen.care_date),
        tariff_scope=ibis.ifelse(chosen.is_span, ibis.literal("stays_private_") + chosen.field, "town"),
        is_implant=ibis.literal(False),
    ).select(*LINE_COLUMNS)
