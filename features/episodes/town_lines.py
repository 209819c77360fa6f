"""Claims outside private stays: by poste, nature and specialty; drugs by the packs of the day; fees by its acts."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from features.episodes.codes import starts
from features.episodes.perimeter import Rule, decided
from features.episodes.proration import allotted
from features.episodes.sources import Sources

PHARMACY = "pharmacie"
FEES = ("specialiste", "hopital_prive", "hopital_ace")
NO_RULE = -1


def town_lines(claims: ibis.Table, episodes: ibis.Table, *, attached: ibis.Table) -> ibis.Table:
    """Claims of the window that belong to no private stay, with their part of the window, by their day."""
    own = episodes.select("episode_id", "patient_id", "programme", "entry_date", "exit_date", "window_start")
    rows = claims.anti_join(attached, ["episode_id", "source_key"])
    rows = rows.inner_join(own, "episode_id")
    rows = rows.filter(rows.care_date >= rows.window_start)
    return rows.mutate(window_part=_part(rows), end_date=rows.care_date, tariff_scope=ibis.literal("town"))


def _part(rows: ibis.Table) -> ibis.StringValue:
    return ibis.cases(
        (rows.care_date < rows.entry_date, "pre"), (rows.care_date <= rows.exit_date, "index"), else_="post"
    )


def decided_claims(rows: ibis.Table, sources: Sources, rules: Sequence[Rule]) -> ibis.Table:
    """Town claims with their rule; those on a day with an act that a rule of procedures names, with that rule."""
    tested = [rule for rule in rules if rule.table == "procedures"]
    if not tested:
        return decided(rows, rules, ["care_lines"]).mutate(day_acts=ibis.null("array<string>"))
    wanted = sorted({code for rule in tested for _, codes in rule.codes for code in codes})
    acts = sources.procedures
    acts = acts.filter(starts(acts.ccam, wanted))
    days = acts.group_by("patient_id", "care_date").aggregate(found=acts.ccam.collect())
    joined = rows.left_join(days, ["patient_id", "care_date"])
    joined = joined.drop([name for name in joined.columns if name.endswith("_right")])
    is_fee = joined.poste.isin(FEES)
    joined = joined.mutate(day_acts=ibis.ifelse(is_fee, joined.found, ibis.null("array<string>"))).drop("found")
    return decided(joined, rules, ["care_lines", "procedures"])


def drug_parts(rows: ibis.Table, sources: Sources, episodes: ibis.Table, rules: Sequence[Rule]) -> ibis.Table:
    """Pharmacy claims split by the packs dispensed on their day: each rule of dispensings that a pack meets takes its
    share of packs [A: claims carry no amount by pack]; the rest keeps `rule`.

    Adds source, whole_cents, weight, total_weight and cents; a line without packs of its day stays whole.
    """
    own = episodes.select(
        "episode_id", "patient_id", "programme", "entry_date", "exit_date", "window_start", "window_end"
    )
    packs = own.inner_join(sources.dispensings, "patient_id")
    packs = packs.filter(packs.care_date.between(packs.window_start, packs.window_end))
    of_drugs = [rule for rule in rules if rule.table == "dispensings"]
    packs = decided(packs.mutate(window_part=_part(packs)), of_drugs, ["dispensings"])
    packs = packs.mutate(drug_rule=packs.rule.fill_null(NO_RULE))
    counted = packs.group_by("episode_id", "care_date", "drug_rule").aggregate(
        weight=packs.quantity.sum().cast("int64")
    )
    whole = counted.group_by("episode_id", "care_date").aggregate(total_weight=counted.weight.sum().cast("int64"))
    counted = counted.inner_join(whole, ["episode_id", "care_date"])
    joined = rows.left_join(counted, ["episode_id", "care_date"])
    joined = joined.drop([name for name in joined.columns if name.endswith("_right")])
    joined = joined.mutate(
        drug_rule=joined.drug_rule.fill_null(NO_RULE),
        weight=joined.weight.fill_null(1),
        total_weight=joined.total_weight.fill_null(1),
        whole_cents=joined.revalued_cents,
    )
    split = allotted(joined, by=["episode_id", "source_key"], order="drug_rule")
    is_drug = split.drug_rule != NO_RULE
    return split.mutate(
        rule=ibis.ifelse(is_drug, split.drug_rule, split.rule),
        source=ibis.ifelse(is_drug, ibis.literal("dispensings"), "care_lines"),
    )
