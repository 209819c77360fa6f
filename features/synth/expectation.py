"""Expected care given the state on 1 January: the same rates from which the lines are drawn, and their euros.

Frailty has mean 1 and is independent of the state, so that it leaves these expectations unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.conditions import State
from features.synth.model import CHILD_SUPPLEMENT_CENTS, HOME_SUPPLEMENT_CENTS, Array, CareModel

LOAD_CEILING = 1.6
CHILD_AGE = 6
CHEMO_SHARE = 0.45
MG, IDE = ("gp_office", "gp_home"), ("nurse_acts", "nurse_bsi")
WITHOUT_FACTOR = ("chemo", "dialysis", "newborn", "delivery")
QUINTILES = ("overseas", "q1", "q2", "q3", "q4", "q5")


@dataclass(frozen=True)
class Rates:
    """Yearly rates of a full year alive, n × P streams and n × Q causes of stay.

    streams: lines drawn with frailty. annual: stays drawn with hospital frailty. sessions: drawn without.
    terminal: stays expected before death, for a person who dies in the year. factor: cost of a stay against its mean.
    avoiding: part of the persons of this state who seek no usual care; the others seek as much more.
    stays: stays expected in all, n × Q: usual, sessions, onsets, last stays, birth, readmissions.
    """

    streams: Array
    annual: Array
    sessions: Array
    terminal: Array
    factor: Array
    avoiding: Array
    stays: Array


@dataclass(frozen=True)
class Expected:
    """Expected euros, base of reimbursement, of a full year alive: the oracle's three perimeters."""

    mg: Array
    mg_ide: Array
    total: Array


def care_rates(model: CareModel, state: State) -> Rates:
    """Rates of care of each person of the state."""
    extra = _extra_need(model, state)
    annual, sessions = _annual_stays(model, state, extra=extra), _sessions(model, state)
    terminal = np.interp(state.age, (0, 40, 65, 80, 95), (1.9, 1.9, 1.6, 1.2, 0.7))
    return Rates(
        streams=_stream_rates(model, state, extra=extra),
        annual=annual,
        sessions=sessions,
        terminal=terminal,
        factor=np.clip(0.86 + 0.0028 * state.age + 0.10 * np.minimum(extra, 1.5), 0.85, 1.4),
        avoiding=_avoiding(state),
        stays=_expected_stays(model, state, usual=annual + sessions, terminal=terminal),
    )


def _avoiding(state: State) -> Array:
    """Part of the persons who see nobody: mostly young adults without a condition."""
    is_well = state.present.sum(axis=1) == 0
    is_young = (state.age >= 6) & (state.age < 60)
    return np.where(is_well & is_young, np.where(state.sex == 1, 0.13, 0.075), np.where(is_well, 0.04, 0.01))


def _extra_need(model: CareModel, state: State) -> Array:
    """Need added by conditions together: less than the sum of each, and felt more before old age."""
    load = state.present @ model.number["load"].astype(np.float32)
    saturated = LOAD_CEILING * (1 - np.exp(-load / LOAD_CEILING))
    return saturated * (1.35 - 0.7 * np.clip((state.age - 40) / 45, 0, 1))


def _stream_rates(model: CareModel, state: State, *, extra: Array) -> Array:
    number = {name: values[: len(model.streams)] for name, values in model.stream_number.items()}
    usual = model.stream_curves[:, state.sex - 1, state.age].T * (1 + extra[:, None] * number["load_effect"])
    programme = state.present @ model.programmes.astype(np.float32)
    scale = np.where(number["overlap_scale"] > 0, number["overlap_scale"], 1e9)
    planned = scale * -np.expm1(-programme / scale)
    rates = (usual * _social(state, number) + planned) * _territory(state, number)
    return _with_interactions(model, state, rates=rates)


def _social(state: State, number: dict[str, Array]) -> Array:
    """Factor of C2S, State medical aid and minimum income on usual care, n × P."""
    by_right = np.stack([np.ones_like(number["ame"]), number["c2s_free"], number["c2s_participative"]])
    factor = by_right[state.c2s]
    factor = factor * np.where(state.is_ame[:, None], number["ame"], 1.0)
    return factor * np.where(state.has_minimum[:, None], number["minimum"], 1.0)


def _territory(state: State, number: dict[str, Array]) -> Array:
    return np.stack([number[name] for name in QUINTILES])[state.quintile]


def _with_interactions(model: CareModel, state: State, *, rates: Array) -> Array:
    """Pairs of characteristics that weigh more together than apart."""
    has = {name: state.present[:, place] > 0 for place, name in enumerate(model.conditions)}
    mood = has["depression"] | has["mood_severe"] | has["anxiety"]
    diabetic = has["diabetes"] | has["diabetes_complicated"]
    frail = has["heart_failure"] | has["respiratory_failure"]
    pairs = (
        ("gp_office", mood & (state.c2s > 0), 1.25),
        ("gp_office", diabetic & has["hypertension"], 0.90),
        ("nurse_acts", diabetic & frail, 1.35),
        ("nurse_acts", has["dementia"] & diabetic, 1.60),
        ("gp_home", has["dementia"] & (state.age >= 85), 1.25),
        ("gp_home", frail & (state.age >= 80), 1.30),
        ("specialist", (state.quintile >= 4) & (state.age >= 75), 0.85),
    )
    for stream, both, factor in pairs:
        rates[:, model.stream(stream)] *= np.where(both, factor, 1.0)
    return rates


def _annual_stays(model: CareModel, state: State, *, extra: Array) -> Array:
    """Stays of a usual year by cause: age group, maternity, and each condition's own; surgery has its own model."""
    rates = np.zeros((state.age.size, len(model.causes)))
    number = {name: values[-1:] for name, values in model.stream_number.items()}
    context = _social(state, number)[:, 0] * _territory(state, number)[:, 0]
    general = model.curves["stays_general"][state.sex - 1, state.age]
    general = general * (1 + number["load_effect"][0] * extra) * context
    group = np.searchsorted((15, 60), state.age, side="right")
    causes = np.array([model.cause(name) for name in ("child", "adult", "senior")])
    rates[np.arange(group.size), causes[group]] = general
    rates[:, model.cause("delivery")] = model.curves["delivery"][state.sex - 1, state.age]
    together = 1 + 0.08 * np.clip(state.present.sum(axis=1) - 2, 0, 5)
    own = state.present * (model.number["stays"] * (0.9 + 0.2 * (state.age[:, None] >= 75)))
    own = own * (context * together)[:, None]
    for condition, cause in enumerate(condition_causes(model)):
        rates[:, cause] += own[:, condition]
    return rates


def condition_causes(model: CareModel) -> Array:
    """Cause of the usual stays of each condition."""
    named = {"dialysis": "dialysis_stay"}
    names = [named.get(name, name) for name in model.conditions]
    return np.array([model.cause(name if name in model.causes else "senior") for name in names])


def onset_causes(model: CareModel) -> Array:
    """Cause of the stays by which each condition begins."""
    usual = condition_causes(model)
    names = [name.replace("_cancer", "_onset") for name in model.conditions]
    return np.array([model.cause(n) if n in model.causes else usual[place] for place, n in enumerate(names)])


def _sessions(model: CareModel, state: State) -> Array:
    rates = np.zeros((state.age.size, len(model.causes)))
    rates[:, model.cause("chemo")] = state.present @ model.number["chemo"]
    rates[:, model.cause("dialysis")] = state.present @ model.number["dialysis_months"]
    return rates


def _expected_stays(model: CareModel, state: State, *, usual: Array, terminal: Array) -> Array:
    stays = usual.copy()
    onset = state.onset_risk * model.number["onset_stays"]
    for condition, cause in enumerate(onset_causes(model)):
        stays[:, cause] += onset[:, condition]
    alive = 1 - state.death_risk / 2
    stays[:, model.cause("terminal")] += state.death_risk * terminal / alive
    stays[:, model.cause("newborn")] += np.where(state.is_newborn, 2 * 365 / 366, 0.0)
    stays[:, model.cause("readmission")] += stays @ model.cause_price["readmission"]
    return stays


def expected_euros(model: CareModel, state: State, *, rates: Rates) -> Expected:
    """Euros expected for a full year alive: what a perfect payment model could know."""
    stays = rates.stays
    lines = rates.streams + stays @ model.cause_follow
    euros = lines * model.price_eur
    office, home = (model.stream(name) for name in MG)
    euros[:, office] += lines[:, office] * np.where(state.age < CHILD_AGE, CHILD_SUPPLEMENT_CENTS / 100, 0.0)
    euros[:, home] += lines[:, home] * HOME_SUPPLEMENT_CENTS / 100
    mg = euros[:, [office, home]].sum(axis=1)
    nurse = euros[:, [model.stream(name) for name in IDE]].sum(axis=1)
    price = model.cause_price
    is_fixed = np.isin(model.causes, WITHOUT_FACTOR)
    factor = np.where(is_fixed, 1.0, rates.factor[:, None])
    hospital = (
        stays * ((price["public_eur"] + price["private_eur"]) * factor + price["ssr_eur"] + price["had_eur"])
    ).sum(axis=1)
    return Expected(mg=mg, mg_ide=mg + nurse, total=euros.sum(axis=1) + hospital + _expected_drugs(model, state))


def _expected_drugs(model: CareModel, state: State) -> Array:
    """Euros of the drugs of conditions present, and of those that begin in the year (from their onset to its end)."""
    yearly = np.zeros(len(model.conditions))
    for row in model.drugs:
        if row["condition"] in model.conditions:
            share = min(float(row["share_to"]), 1.0) - float(row["share_from"])
            packs = float(row["dispensings"]) * float(row["price_cents"]) / 100
            yearly[model.conditions.index(row["condition"])] += share * packs
    risk = state.death_risk
    rest = ((1 - risk) / 2 + risk / 6) / (1 - risk / 2)
    return state.present @ yearly + (state.onset_risk @ yearly) * rest
