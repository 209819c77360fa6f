"""Risk of the operated: what stands at admission, its effect, and the chances of each part of an episode.

The effects of synth_surgery_factors.csv multiply; their sum of logs, around the mean of the operated, is the `risk`
that moves GHM levels, rehabilitation, home hospitalisation, readmissions and the number of town acts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.synth.conditions import State
from features.synth.days import uniform
from features.synth.model import Array, CareModel
from features.synth.population import Persons
from features.synth.surgery_model import COLON, LEVELS, SurgeryModel, expected_act

POINTS = {
    "coronary": 1, "heart_failure": 1, "arterial": 1, "stroke": 1, "dementia": 1, "respiratory": 1, "rheumatoid": 1,
    "vasculitis": 1, "liver": 2, "diabetes": 1, "diabetes_complicated": 2, "paraplegia": 2, "kidney_disease": 2,
    "dialysis": 2, "breast_cancer": 2, "prostate_cancer": 2, "lung_cancer": 2, "blood_cancer": 2, "other_cancer": 2,
    "hiv": 6,
}  # fmt: skip
USUAL_SPEND_EUR = 1500.0
OLD = 80
ALONE_AND_OLD, ALONE, DIABETES_AND_OBESITY = 0.9, 0.25, 0.8
MOST_USE = 0.95
PROGRAMME_ALD = 30


@dataclass(frozen=True)
class Past:
    """What was spent before the window, and whether a long stay, SSR or HAD ended in the year before admission."""

    spend_eur: Array
    has_long_stay: Array


@dataclass(frozen=True)
class Chances:
    """Of each operation: shares of the GHM levels (n × 4), probabilities, means in euros, and factor of town acts.

    rehabilitation: in an establishment of usual practice; death: mean part of what follows that a death takes away.
    """

    levels: Array
    rehabilitation: Array
    home: Array
    back: Array
    back_eur: Array
    counts: Array
    kept: Array


def factors(
    model: CareModel, persons: Persons, state: State, *, row: Array, programme: Array, past: Past
) -> dict[str, Array]:
    """True factors of the operated, by the names of synth_surgery_factors.csv, and their age."""
    present = {name: state.present[row, place] > 0 for place, name in enumerate(model.conditions)}
    age = state.age[row]
    charlson = np.asarray(sum(score * present[name] for name, score in POINTS.items()))
    demented = present["dementia"] | present["parkinson"]
    diabetes = present["diabetes"] | present["diabetes_complicated"]
    who = state.person[row] + persons.first_place
    shown = {"age": age, "sex": state.sex[row], "charlson": charlson, "demented": demented, "diabetes": diabetes}
    hidden = _drawn(who, programme, shown=shown)
    in_ald = (state.present[row] > 0) & persons.is_ald[state.person[row]] & (model.number["ald"] > 0)
    in_ald &= model.number["ald"] != PROGRAMME_ALD
    logs = np.clip(np.log((past.spend_eur + 100) / USUAL_SPEND_EUR), -2.5, 3.0)
    values = {
        "age_decades": np.maximum((age - 70) / 10, -1.5),
        "woman": state.sex[row] == 2,
        "charlson_1": (charlson >= 1) & (charlson <= 2),
        "charlson_3": (charlson >= 3) & (charlson <= 4),
        "charlson_5": charlson >= 5,
        "diabetes": diabetes,
        "heart_failure": present["heart_failure"],
        "ckd": present["kidney_disease"] | present["dialysis"],
        "dementia_parkinson": demented,
        **hidden,
        "deprivation": np.maximum(state.quintile[row] - 1, 0) / 4,
        "poor_cover": (state.c2s[row] > 0) | state.is_ame[row],
        "ald": in_ald.any(axis=1),
        "prior_spend_log": logs,
        "prior_spend_square": logs**2,
        "prior_long_stay": past.has_long_stay,
        "inflammatory_arthritis": present["rheumatoid"] | present["spondylarthritis"],
        "frailty_charlson": hidden["frailty"] & (charlson >= 3),
        "age": age,
    }
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def _drawn(who: Array, programme: Array, *, shown: dict[str, Array]) -> dict[str, Array]:
    """Factors that the state does not hold, drawn for the person once and for ever, in the published shares."""
    draw = {name: uniform(who, salt=100 + place) for place, name in enumerate(_DRAWN)}
    age, is_colon = shown["age"], programme == COLON
    obese = np.select([programme == 0, programme == 1], [0.24, 0.38], 0.18) * np.where(shown["diabetes"], 1.6, 0.93)
    is_obese = draw["obesity"] < obese * np.where(age >= OLD, 0.6, 1.05)
    is_severe = draw["severe_obesity"] < np.select([programme == 0, programme == 1], [0.16, 0.21], 0.17)
    frail = 0.012 + 0.02 * (age >= 75) + 0.04 * (age >= 85) + 0.03 * np.minimum(shown["charlson"], 5)
    is_frail = draw["frailty"] < (frail + 0.25 * shown["demented"]) * np.where(is_colon, 1.3, 0.7)
    alone = np.where(age >= OLD, 0.46, 0.29) * np.where(shown["sex"] == 2, 1.15, 0.8)
    return {
        "obesity": is_obese & ~is_severe,
        "severe_obesity": is_obese & is_severe,
        "frailty": is_frail,
        "malnutrition": draw["malnutrition"] < np.where(is_colon, 0.12, 0.008) * np.where(is_frail, 3.0, 0.9),
        "anaemia": draw["anaemia"] < np.where(is_colon, 0.33, 0.045) * np.where(age >= 75, 1.3, 0.9),
        "lives_alone": draw["lives_alone"] < alone,
        "metastasis": is_colon & (draw["metastasis"] < 0.14),
    }


_DRAWN = ("obesity", "severe_obesity", "frailty", "malnutrition", "anaemia", "lives_alone", "metastasis")


def risk_of(model: SurgeryModel, known: dict[str, Array], programme: Array) -> Array:
    """Sum of the log effects of the factors, around the mean of the operated of each programme."""
    total = sum(effect[programme] * known[name] for name, effect in model.effect.items())
    return np.asarray(total - model.of("centre", programme))


def chances(model: SurgeryModel, known: dict[str, Array], programme: Array, *, risk: Array, is_private: Array,
            death_risk: Array) -> Chances:  # fmt: skip
    """Chances of each part of the episode, given the state at admission and the sector."""

    def of(key: str) -> Array:
        return model.of(key, programme)

    shift = of("level_slope") * risk + is_private * of("level_private")
    above = [np.ones(risk.size), *[_logistic(of(f"level_{level}") + shift) for level in LEVELS[1:]]]
    above = [np.minimum.reduce(above[: place + 1]) for place in range(len(LEVELS))]
    alone = known["lives_alone"] * np.where(known["age"] >= OLD, ALONE_AND_OLD, ALONE)
    obese = (known["obesity"] + known["severe_obesity"]) * known["diabetes"] * DIABETES_AND_OBESITY
    hazard = -np.log1p(-np.minimum(death_risk, 0.9)) / 365
    return Chances(
        levels=-np.diff(np.stack([*above, np.zeros(risk.size)], axis=1), axis=1),
        rehabilitation=np.minimum(_logistic(_logit(of("ssr_share")) + of("ssr_slope") * risk + alone), 0.9),
        home=_logistic(_logit(of("had_share")) + of("had_slope") * risk),
        back=_logistic(_logit(of("return_share")) + of("return_slope") * risk + obese),
        back_eur=of("return_eur") * np.exp(np.clip(of("return_eur_slope") * risk, -1.0, 1.0)),
        counts=np.exp(np.clip(of("count_slope") * risk, -1.0, 1.2)),
        kept=np.exp(-hazard * of("death_days")),
    )


def _logistic(value: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-value)))


def _logit(share: Array) -> Array:
    return np.asarray(np.log(share / (1 - share)))


def practised(model: SurgeryModel, usual: Array, *, is_private: Array, place: Array) -> Array:
    """Probability of rehabilitation in the establishment of each operation."""
    public, private = model.public.rehabilitation, model.private.rehabilitation
    practice = np.where(is_private, private[np.where(is_private, place, 0)], public[np.where(is_private, 0, place)])
    return np.minimum(usual * practice, MOST_USE)


def over_places(model: SurgeryModel, usual: Array, *, is_private: Array) -> Array:
    """Mean of `practised` over the establishments of the sector."""
    means = []
    for sites in (model.public, model.private):
        share = np.diff(sites.cumulated, prepend=0.0)
        values, place = np.unique(np.round(sites.rehabilitation, 9), return_inverse=True)
        weight = np.bincount(place, weights=share)
        means.append(sum(w * np.minimum(usual * v, MOST_USE) for v, w in zip(values, weight, strict=True)))
    return np.where(is_private, means[1], means[0])


def expected_parts(model: SurgeryModel, chance: Chances, programme: Array, *, is_private: Array) -> dict[str, Array]:
    """Expected euros, at the reference campaign, of what surgery brings to the perimeter, by component."""

    def of(key: str) -> Array:
        return model.of(key, programme)

    tariff = np.stack([np.where(is_private, of(f"private_{level}"), of(f"public_{level}")) for level in LEVELS], axis=1)
    stay = (chance.levels * tariff).sum(axis=1) * (1 + of("supplement_share") * of("supplement_part"))
    acts = sum(expected_act(model, name)[programme] for name in ("surgeon_eur", "anaesthetist_eur"))
    fees = is_private * (acts + of("other_fees_eur"))
    mix = 1 - is_private * of("return_private") * (1 - of("return_private_ghs") - of("return_private_fee"))
    ssr = over_places(model, chance.rehabilitation, is_private=is_private)
    return {
        "index": stay + fees,
        "implant": of("implant_eur"),
        "ssr": ssr * of("ssr_eur") * chance.kept,
        "had": chance.home * of("had_eur") * chance.kept,
        "readmission": chance.back * chance.back_eur * mix * chance.kept,
    }
