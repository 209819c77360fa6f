"""Ordinary care that the perimeter of the bundles counts: expected euros by day around an operation.

The rates are those from which ordinary care is drawn (`expectation`); what counts is read in perimeter_rules.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from features.episodes.perimeter import ANY, Rule, perimeter_rules
from features.reference_data import acts
from features.synth.expectation import MG
from features.synth.lines import HOME_SUPPLEMENT, Stage
from features.synth.model import ACE_EUR, HAD_STAY_EUR, HOME_SUPPLEMENT_CENTS, Array, CareModel, care_model, numbers
from features.synth.surgery_model import PROGRAMMES, yearly_ratio

GP = (1, 22, 23)
PARTS = ("pre", "post")
EXACT = ("poste", "specialty")
CLAIMS, DRUGS, ACUTE, HOME = ("care_lines", "procedures"), ("dispensings",), ("stays_mco",), ("stays_had",)


@dataclass(frozen=True)
class Scope:
    """Euros in the perimeter, by programme and part of the window: of a line of each stream, of a pack, of a stay.

    streams: 3 × 2 × P; packs: 3 × 2 × drugs; stays: 3 × causes, at received tariffs of each sector; home: 3 × causes.
    """

    streams: Array
    packs: Array
    public: Array
    private: Array
    fees: Array
    home: Array


def _is_in(rules: Sequence[Rule], tables: Sequence[str], programme: str, part: str, **codes: Sequence[str]) -> bool:
    """Decision of the first rule that a line or a stay with these codes meets."""
    for rule in rules:
        if rule.table != ANY and rule.table not in tables:
            continue
        if part not in rule.parts or (rule.programmes and programme not in rule.programmes):
            continue
        if rule.codes and not any(_meets(system, wanted, codes.get(system, ())) for system, wanted in rule.codes):
            continue
        return rule.is_in
    return False


def _meets(system: str, wanted: Sequence[str], given: Sequence[str]) -> bool:
    if system in EXACT:
        return any(code in wanted for code in given)
    return any(code.startswith(tuple(wanted)) for code in given if code)


@cache
def scope() -> Scope:
    """What counts of ordinary care."""
    model = care_model()
    shape = (len(PROGRAMMES), len(PARTS))
    streams, packs = np.zeros((*shape, len(model.streams))), np.zeros((*shape, len(model.drugs)))
    for k, programme in enumerate(PROGRAMMES):
        for j, part in enumerate(PARTS):
            packs[k, j] = _packs(model, programme, part)
            streams[k, j] = [_stream(model, name, programme, part, packs[k, j]) for name in model.streams]
    stays = {name: np.stack([_stays(model, programme, name) for programme in PROGRAMMES]) for name in _PRICES}
    return Scope(streams=streams, packs=packs, **stays)


def _packs(model: CareModel, programme: str, part: str) -> Array:
    rules = perimeter_rules()
    return np.array(
        [int(row["price_cents"]) / 100 * _is_in(rules, DRUGS, programme, part, atc=[row["atc"]]) for row in model.drugs]
    )


def _stream(model: CareModel, name: str, programme: str, part: str, packs: Array) -> float:
    """Euros that count of a line of a stream, its supplements apart but for home visits."""
    rules = perimeter_rules()
    if name == "pharmacy_acute":
        rows = [place for place, row in enumerate(model.drugs) if row["condition"] == "acute"]
        column = numbers([model.drugs[place] for place in rows], "share_from", "share_to")
        return float(((np.minimum(column["share_to"], 1.0) - column["share_from"]) * packs[rows]).sum())
    if name == "ace":
        return ACE_EUR * _is_in(rules, CLAIMS, programme, part, poste=["hopital_ace"])
    own = model.acts[name]
    share = np.diff(own.cumulated, prepend=0.0)
    total = 0.0
    for place in range(own.act.size):
        codes = _line_codes(int(own.act[place]), int(own.specialty[place]), own.ccam[place])
        if _is_in(rules, CLAIMS, programme, part, **codes):
            total += float(share[place] * own.unit[place] * own.quantity[place]) / 100
    if name == "gp_home" and _is_in(rules, CLAIMS, programme, part, **_line_codes(HOME_SUPPLEMENT, 1, "")):
        total += HOME_SUPPLEMENT_CENTS / 100
    return total


def _line_codes(act: int, specialty: int, ccam: str) -> dict[str, list[str]]:
    known = _postes()
    return {
        "poste": [known.get((act, specialty in GP), "inconnu")],
        "nature": [str(act)],
        "specialty": [str(specialty)],
        "ccam": [ccam],
    }


@cache
def _postes() -> dict[tuple[int, bool], str]:
    listed = acts()
    return dict(zip(zip(listed.act_code, listed.is_gp, strict=True), listed.poste, strict=True))


_PRICES = {
    "public": lambda n: (1 - n["private_share"]) * n["tariff_eur"],
    "private": lambda n: n["private_share"] * n["private_ghs_eur"],
    "fees": lambda n: n["private_share"] * n["private_fee_eur"],
    "home": lambda n: n["had_share"],
}


def _stays(model: CareModel, programme: str, price: str) -> Array:
    """Euros that count of a stay of each cause, after the exit (home: stays at home that count)."""
    rules = perimeter_rules()
    values = _PRICES[price](model.stay_number)
    counts = np.array([_counts(rules, row, programme, is_home=price == "home") for row in model.stays])
    weight = model.stay_number["weight"]
    return np.array(
        [(weight[rows] * values[rows] * counts[rows]).sum() / weight[rows].sum() for rows in model.cause_rows]
    )


def _counts(rules: Sequence[Rule], row: dict[str, str], programme: str, *, is_home: bool) -> bool:
    if is_home:
        return _is_in(rules, HOME, programme, "post", dp=[row["dp"]])
    codes = {"ghm": [row["ghm"]], "dp": [row["dp"], row["dr"]], "act": [row["ccam"]]}
    return _is_in(rules, ACUTE, programme, "post", **codes)


def daily(stage: Stage, row: Array, programme: Array, *, stays: Array) -> tuple[Array, Array]:
    """Euros a day that ordinary care adds before admission, and from it on; `stays` of each row: `Rates.stays`."""
    model, state, counted = stage.model, stage.state, scope()
    person = state.person[row]
    avoiding = stage.rates.avoiding[row]
    seeks = stage.persons.avoidance[person] >= avoiding
    frailty = np.where(seeks, stage.persons.frailty[person] / (1 - avoiding), 0.0)
    is_own = np.array([name in MG or name == "pharmacy_acute" for name in model.streams])
    weight = np.where(is_own, frailty[:, None], (frailty * stage.persons.other_frailty[person])[:, None])
    lines = stage.rates.streams[row] * weight + stays @ model.cause_follow
    packs = _chronic(stage, row)
    factor = stage.rates.factor[row]
    year = state.year
    acute = (stays * counted.public[programme]).sum(axis=1) / yearly_ratio(year, is_private=False)
    acute += (stays * counted.private[programme]).sum(axis=1) / yearly_ratio(year, is_private=True)
    acute = (acute + (stays * counted.fees[programme]).sum(axis=1)) * factor
    home = (stays * counted.home[programme]).sum(axis=1) * HAD_STAY_EUR
    found = []
    for part in range(len(PARTS)):
        town = (lines * counted.streams[programme, part]).sum(axis=1)
        found.append(town + (packs * counted.packs[programme, part]).sum(axis=1))
    return found[0] / 365, (found[1] + acute + home) / 365


def _chronic(stage: Stage, row: Array) -> Array:
    """Packs a year of each drug that the person takes for a condition that is there."""
    model, person = stage.model, stage.state.person[row]
    yearly = np.zeros((row.size, len(model.drugs)))
    for place, drug in enumerate(model.drugs):
        if drug["condition"] not in model.conditions:
            continue
        condition = model.conditions.index(drug["condition"])
        draw = stage.persons.drug_draw[person, condition]
        takes = (draw >= float(drug["share_from"])) & (draw < float(drug["share_to"]))
        yearly[:, place] = takes * (stage.state.present[row, condition] > 0) * float(drug["dispensings"])
    return yearly
