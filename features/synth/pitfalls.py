"""Traps planted in ER_PRS_F: each planted row hits exactly one control, so that the counts are exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.synth.claims import CERTIFICATIONS, CONTROLS, HEALTH_CENTRE_CATEGORY, LAST_LOAD, Claims, join_claims
from features.synth.days import NEVER
from features.synth.identities import Identities
from features.synth.lines import ORDINARY, Lines, Stage, make_lines
from features.synth.model import Array
from features.synth.rates import Rates

UNKNOWN_ACT = 3160
PAYMENTS = (1145, 1173, 1178, 1180, 1195, 1196, 1992)
CASH = (6111, 6112)
PUBLIC_CATEGORIES = (101, 355, 131, 106, 122, 365, 128, 129)
LATEST_LOAD = 24


def plant(stage: Stage, claims: Claims, *, rates: Rates) -> Claims:
    """The claims with every trap: copies that must be dropped, reversals that must be netted, payments, benefits."""
    rng, identities = stage.rng, stage.identities
    claims = _in_health_centres(claims, rng, share=rates.line_health_centre)
    lines = claims.lines
    plain = np.flatnonzero(
        (lines.kind == ORDINARY) & (lines.clinic < 0) & (lines.act != UNKNOWN_ACT) & (claims.taa < 0)
    )
    copied = {
        "information_only": rates.line_information_only,
        "hospital_in_pmsi": rates.line_hospital_in_pmsi,
        "outside_flux_window": rates.line_late_flux,
        "fictitious_identifier": rates.line_fictitious,
        "unknown_person": rates.line_unknown_person,
        "full": rates.line_reversal_full,
        "partial": rates.line_reversal_partial,
    }
    counts = [int(rng.binomial(plain.size, rate)) for rate in copied.values()]
    chosen = rng.permutation(plain)[: sum(counts)]
    places = dict(zip(copied, np.split(chosen, np.cumsum(counts)[:-1]), strict=True))
    parts = [
        _for_information(claims, places["information_only"], rng=rng),
        _in_pmsi(claims, places["hospital_in_pmsi"], rng=rng),
        _loaded_late(claims, places["outside_flux_window"], rng=rng),
        _fictitious(claims, places["fictitious_identifier"], identities=identities, rng=rng),
        _of_nobody(claims, places["unknown_person"], identities=identities, rng=rng),
        _payments(stage, claims, count=int(rng.binomial(lines.size, rates.line_payment_without_act))),
        _cash(stage, claims, count=int(rng.binomial(lines.size, rates.line_cash_benefit))),
    ]
    claims, reversals = _reversed(stage, claims, full=places["full"], partial=places["partial"])
    return join_claims([claims, *parts, *reversals])


def _control(name: str) -> int:
    return CONTROLS.index(name)


def _in_health_centres(claims: Claims, rng: np.random.Generator, *, share: float) -> Claims:
    """Some doctors' acts are given in health centres: town care that the reader must keep."""
    is_act = np.isin(claims.lines.act, (1110, 1112)) & (claims.lines.kind == ORDINARY)
    there = is_act & (rng.random(is_act.size) < share)
    return replace(
        claims,
        taa=np.where(there, 0, claims.taa),
        category=np.where(there, HEALTH_CENTRE_CATEGORY, claims.category),
        sector=np.where(there, 1, claims.sector),
    )


def _for_information(claims: Claims, places: Array, *, rng: np.random.Generator) -> Claims:
    kind = rng.integers(0, 3, places.size)
    return claims.take(
        places,
        control=_control("information_only"),
        dpn=np.select([kind == 0, kind == 1], [71, 72], 0),
        dpn_place=np.where(kind == 2, 71, 0),
    )


def _in_pmsi(claims: Claims, places: Array, *, rng: np.random.Generator) -> Claims:
    """Public hospital lines: under activity-based payment, or outside it in a public establishment."""
    taa = (rng.random(places.size) < 0.7).astype(np.int64)
    category = np.array(PUBLIC_CATEGORIES)[rng.integers(0, len(PUBLIC_CATEGORIES), places.size)]
    return claims.take(places, control=_control("hospital_in_pmsi"), taa=taa, category=category, sector=1)


def _loaded_late(claims: Claims, places: Array, *, rng: np.random.Generator) -> Claims:
    load = LAST_LOAD + 1 + rng.integers(0, LATEST_LOAD - LAST_LOAD, places.size)
    return claims.take(places, control=_control("outside_flux_window"), load=load)


def _fictitious(claims: Claims, places: Array, *, identities: Identities, rng: np.random.Generator) -> Claims:
    owner = identities.fictitious[rng.integers(0, identities.fictitious.size, places.size)]
    certification = rng.integers(2, len(CERTIFICATIONS), places.size)
    return claims.take(
        places, control=_control("fictitious_identifier"), pseudonym=owner, rank=1, certification=certification
    )


def _of_nobody(claims: Claims, places: Array, *, identities: Identities, rng: np.random.Generator) -> Claims:
    owner = identities.unknown[rng.integers(0, identities.unknown.size, places.size)]
    return claims.take(places, control=_control("unknown_person"), pseudonym=owner, rank=1, certification=0)


def _payments(stage: Stage, claims: Claims, *, count: int) -> Claims:
    """ROSP, list and structure fees, on-call pay, Article 51 payments: on fictitious identifiers and on persons."""
    rng, identities = stage.rng, stage.identities
    paid = claims.take(rng.integers(0, claims.lines.size, count))
    lines = make_lines(
        paid.lines.person,
        paid.lines.day,
        act=np.array(PAYMENTS)[rng.integers(0, len(PAYMENTS), count)],
        specialty=1,
        unit=rng.integers(500, 150_000, count),
        rate=100,
        performer=rng.integers(0, stage.doctors.directory.gp_count, count),
    )
    is_fictitious = rng.random(count) < 0.5
    owner = identities.fictitious[rng.integers(0, identities.fictitious.size, count)]
    return paid.take(
        np.arange(count),
        lines=lines,
        control=_control("payment_without_act"),
        pseudonym=np.where(is_fictitious, owner, paid.pseudonym),
        rank=np.where(is_fictitious, 1, paid.rank),
        certification=np.where(is_fictitious, 3, paid.certification),
        taa=-1,
    )


def _cash(stage: Stage, claims: Claims, *, count: int) -> Claims:
    """Sick-leave benefits of persons of working age: kept, and out of the target."""
    rng, state = stage.rng, stage.state
    workers = np.flatnonzero((state.age >= 18) & (state.age < 64) & ~state.is_ame)
    if workers.size == 0:
        return claims.take(np.empty(0, dtype=np.int64))
    row = workers[rng.integers(0, workers.size, count)]
    person, day = state.person[row], stage.days(row)
    lines = make_lines(
        person,
        day,
        act=np.where(rng.random(count) < 0.8, CASH[0], CASH[1]),
        unit=rng.integers(2000, 5500, count),
        quantity=rng.integers(1, 30, count),
        rate=100,
    )
    return claims.take(
        rng.integers(0, claims.lines.size, count),
        lines=lines,
        pseudonym=stage.identities.on(person, day),
        rank=stage.identities.rank[person],
        certification=0,
        taa=-1,
        load=_load(stage, day),
    )


def _reversed(stage: Stage, claims: Claims, *, full: Array, partial: Array) -> tuple[Claims, list[Claims]]:
    """Lines cancelled in full (a line billed in excess, and its reversal) or in part (too many units, then fewer).

    Their person, act and day are theirs alone, so that no other line joins the group that is netted.
    """
    lines = claims.lines
    keys = np.sort(_key(lines))
    excess = _cancelled(stage, claims, places=full, keys=keys)
    key = _key(lines.take(partial))
    is_alone = np.searchsorted(keys, key, "right") - np.searchsorted(keys, key, "left") == 1
    partial = partial[is_alone & (lines.quantity[partial] >= 2)]
    back = 1 + (stage.rng.random(partial.size) * (lines.quantity[partial] - 1)).astype(np.int32)
    quantity = lines.quantity.copy()
    quantity[partial] += back
    returned = claims.take(
        partial,
        lines=replace(lines.take(partial), quantity=back),
        control=_control("reversal_netted"),
        sign=-1,
        load=_after(claims.load[partial], stage.rng),
    )
    return replace(claims, lines=replace(lines, quantity=quantity)), [*excess, returned]


def _cancelled(stage: Stage, claims: Claims, *, places: Array, keys: Array) -> list[Claims]:
    """Copies of lines on another day, and their reversals."""
    lines = claims.lines.take(places)
    day = stage.days(stage.row_of[lines.person]).astype(np.int32)
    lines = replace(lines, day=day, last_day=day)
    key = _key(lines)
    is_alone = np.searchsorted(keys, key, "left") == np.searchsorted(keys, key, "right")
    is_first = np.zeros(key.size, dtype=bool)
    is_first[np.unique(key, return_index=True)[1]] = True
    chosen = np.flatnonzero(is_alone & is_first)
    lines = lines.take(chosen)
    load = _load(stage, lines.day)
    billed = claims.take(
        places[chosen],
        lines=lines,
        control=_control("reversal_netted"),
        pseudonym=stage.identities.on(lines.person, lines.day),
        load=load,
    )
    return [billed, replace(billed, sign=np.full(chosen.size, -1), load=_after(load, stage.rng))]


def _load(stage: Stage, day: Array) -> Array:
    """Load of a line billed in the month of care or the next."""
    return np.minimum((day - stage.year_start) // 31 + 2, LAST_LOAD - 1)


def _after(load: Array, rng: np.random.Generator) -> Array:
    return np.minimum(load + rng.integers(1, 4, load.size), LAST_LOAD)


def _key(lines: Lines) -> Array:
    """Person, day and act in one number."""
    return (lines.person.astype(np.int64) * NEVER + lines.day) * 10_000 + lines.act


def claim_counts(claims: Claims) -> dict[str, tuple[int, int, int]]:
    """Rows and cents of ER_PRS_F by control; a netted row has given its cents to the row kept, or to its reversal."""
    base, reimbursed, lines = claims.base_cents, claims.reimbursed_cents, claims.lines
    kept = claims.control == _control("kept")
    masks = {name: claims.control == place for place, name in enumerate(CONTROLS) if place}
    masks["unknown_act_code"] = kept & (lines.act == UNKNOWN_ACT)
    masks["cash_benefit"] = kept & np.isin(lines.act, CASH)
    masks["supplement_not_counted"] = kept & (lines.kind != ORDINARY)
    masks["rows_in"] = np.ones(kept.size, dtype=bool)
    counts = {name: (int(hit.sum()), int(base[hit].sum()), int(reimbursed[hit].sum())) for name, hit in masks.items()}
    return {**counts, "reversal_netted": (counts["reversal_netted"][0], 0, 0)}
