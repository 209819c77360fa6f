"""Expected euros reimbursed by compulsory insurance: the oracle of the IPEP perimeter, from the rates of `expectation`.

Each line is expected at the rate of its act; of persons in ALD, a share of the lines at 100 %. Public care is paid in
part but for persons in ALD; private stays and home hospitalisation in full. Flat contributions are taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features.synth.conditions import State
from features.synth.expectation import CHILD_AGE, MG, WITHOUT_FACTOR, Rates
from features.synth.lines import ALD_FULL_SHARE, CONTRIBUTION_CENTS, DOCTOR_ACTS, Lines, Stage
from features.synth.model import (
    ACE_EUR,
    CHILD_SUPPLEMENT_CENTS,
    HOME_SUPPLEMENT_CENTS,
    Array,
    CareModel,
    care_model,
    numbers,
)
from features.synth.pmsi import REIMBURSED_PERCENT
from features.synth.surgery_model import surgery_model
from features.synth.surgery_plan import Planned, PlannedLong

PUBLIC_SHARE = REIMBURSED_PERCENT / 100


@dataclass(frozen=True)
class StreamPrices:
    """Euros reimbursed of a line of each stream outside ALD, the whole price, and acts that bear a contribution."""

    plain: Array
    whole: Array
    contributing: Array


def is_exempt(stage: Stage) -> Array:
    """True for rows of the state in ALD on 1 January."""
    has = (stage.state.present > 0) & stage.persons.is_ald[stage.state.person]
    return np.asarray((has & (stage.model.number["ald"] > 0)).any(axis=1))


def expected_reimbursed(stage: Stage, exempt: Array, *, contribution_share: float) -> Array:
    """Euros reimbursed expected for a full year alive, surgery apart, by row of the state.

    exempt: see `is_exempt`; contribution_share: share of the acts of doctors on which the contribution is taken.
    """
    model, state, rates = stage.model, stage.state, stage.rates
    stays = rates.stays
    lines = rates.streams + stays @ model.cause_follow
    town = _town(state, lines, exempt, contribution_share=contribution_share)
    return town + _hospital(model, stays, rates, exempt) + _drugs(model, state, exempt)


def surgery_reimbursed(stage: Stage, new_eur: Array, carried: tuple[Lines, Planned, PlannedLong]) -> Array:
    """Euros reimbursed that surgery is expected to bring to a year, by row of the state.

    new_eur: euros expected of new operations, n × programmes; carried: what those of before have planned.
    """
    exempt, person = is_exempt(stage), stage.state.person
    number = surgery_model().number
    share = np.where(exempt[:, None], number["yearly_reimbursed_ald"], number["yearly_reimbursed"])
    lines, stays, long = carried

    def by_row(who: Array, eur: Array) -> Array:
        return np.bincount(np.searchsorted(person, who), weights=eur, minlength=person.size)

    base, paid = lines.base_cents / 100, lines.reimbursed_cents / 100
    full = exempt[np.searchsorted(person, lines.person)]
    found = (new_eur * share).sum(axis=1) + by_row(lines.person, _mixed(paid, base, full))
    for part, is_public, in_full in ((stays, ~(stays.is_private > 0), False), (long, True, long.is_home > 0)):
        whole = exempt[np.searchsorted(person, part.person)] | in_full
        found += by_row(part.person, is_public * part.cents / 100 * np.where(whole, 1.0, PUBLIC_SHARE))
    return found


def _mixed(plain: Array, whole: Array, exempt: Array) -> Array:
    """Euros reimbursed: in ALD most lines are paid whole."""
    return np.where(exempt, (1 - ALD_FULL_SHARE) * plain + ALD_FULL_SHARE * whole, plain)


def _town(state: State, lines: Array, exempt: Array, *, contribution_share: float) -> Array:
    model, prices, young = care_model(), _prices(), state.age < CHILD_AGE
    plain, whole = lines @ prices.plain, lines @ prices.whole
    for name, cents in (("gp_office", CHILD_SUPPLEMENT_CENTS * young), ("gp_home", HOME_SUPPLEMENT_CENTS)):
        rate, count = _gp_rates()[name], lines[:, model.streams.index(name)]
        plain, whole = plain + count * cents / 100 * rate, whole + count * cents / 100
    pays = (state.age >= 18) & (state.c2s == 0) & ~state.is_ame
    taken = contribution_share * -CONTRIBUTION_CENTS / 100 * (lines @ prices.contributing) * pays
    ace = lines[:, model.streams.index("ace")] * ACE_EUR * np.where(exempt, 1.0, PUBLIC_SHARE)
    return _mixed(plain, whole, exempt) + ace - taken


def _hospital(model: CareModel, stays: Array, rates: Rates, exempt: Array) -> Array:
    price, part = model.cause_price, np.where(exempt, 1.0, PUBLIC_SHARE)
    factor = np.where(np.isin(model.causes, WITHOUT_FACTOR), 1.0, rates.factor[:, None])
    public = (stays * price["public_eur"] * factor).sum(axis=1) + stays @ price["ssr_eur"]
    return public * part + (stays * price["private_eur"] * factor).sum(axis=1) + stays @ price["had_eur"]


def _drugs(model: CareModel, state: State, exempt: Array) -> Array:
    """Drugs of conditions, as `expectation` counts them."""
    plain, whole = np.zeros(len(model.conditions)), np.zeros(len(model.conditions))
    for row in model.drugs:
        if row["condition"] in model.conditions:
            place = model.conditions.index(row["condition"])
            packs = (min(float(row["share_to"]), 1.0) - float(row["share_from"])) * float(row["dispensings"])
            cents = int(row["price_cents"])
            whole[place] += packs * cents / 100
            plain[place] += packs * (cents * int(row["rate_pct"]) // 100) / 100
    risk = state.death_risk
    rest = ((1 - risk) / 2 + risk / 6) / (1 - risk / 2)
    need = state.present + state.onset_risk * rest[:, None]
    return _mixed(need @ plain, need @ whole, exempt)


@cache
def _prices() -> StreamPrices:
    model = care_model()
    plain, whole, contributing = (np.zeros(len(model.streams)) for _ in range(3))
    for place, name in enumerate(model.streams):
        if name == "pharmacy_acute":
            plain[place], whole[place] = _acute_pack(model), model.price_eur[place]
        elif name != "ace":
            own = model.acts[name]
            share = np.diff(own.cumulated, prepend=0.0)
            plain[place] = float(share @ (own.unit * own.quantity * own.rate // 100)) / 100
            whole[place] = model.price_eur[place]
            contributing[place] = float(share @ np.isin(own.act, DOCTOR_ACTS))
    return StreamPrices(plain, whole, contributing)


def _acute_pack(model: CareModel) -> float:
    rows = [row for row in model.drugs if row["condition"] == "acute"]
    column = numbers(rows, "share_from", "share_to", "price_cents", "rate_pct")
    share = np.minimum(column["share_to"], 1.0) - column["share_from"]
    return float(share @ (column["price_cents"] * column["rate_pct"] // 100)) / 100


@cache
def _gp_rates() -> dict[str, float]:
    """Mean rate of reimbursement of the supplements of each stream of general practice."""
    acts = care_model().acts
    return {name: float(np.diff(acts[name].cumulated, prepend=0.0) @ acts[name].rate) / 100 for name in MG}
