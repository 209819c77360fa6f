"""What a code is worth: euros for one more, added alone or to a share of the patients; euros back for past spending.

A code is added with what the catalogue derives from it: its group of the cartographie, the count of diseases or of
ALD, the scores of comorbidity with their hierarchy. Hierarchies between flags are not replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from features.codes import listed
from features.morbidity import SCORES, score_weights
from features.versions import CardFeature
from training.evaluation.record import CodeRow, Figure, PoolRow

SAMPLE = 2_000
ADDED_SHARE = 0.1
TARGETED = 10
PAST_STEP_EUR = 100.0
POOLS = ("prevalence", "chronic", "index_stay", "targeted")
# Charlson's flag that the commonest code of a condition of the episodes raises with it.
CHARLSON_OF = {
    "cerebrovascular": "cevd", "ckd": "rend", "copd": "cpd", "dementia_parkinson": "dementia", "diabetes": "diab",
    "heart_failure": "chf", "inflammatory_arthritis": "rheumd", "metastasis": "metacanc", "paralysis": "hp",
    "tumour": "canc",
}  # fmt: skip

Predict = Callable[[np.ndarray], np.ndarray]
Known = Sequence[CardFeature]


@dataclass(frozen=True)
class Added:
    """Euros that each code (column) adds to each patient (row): NaN where the patient has it; and its prevalence."""

    codes: tuple[str, ...]
    euros: np.ndarray
    weight: np.ndarray
    prevalence: np.ndarray


def added_codes(predict: Predict, matrix: np.ndarray, features: Known, weight: np.ndarray, *, seed: int = 0) -> Added:
    """What each code adds, on at most 2,000 patients drawn by the seed; prevalence over all of them."""
    names = [known.name for known in features]
    codes = tuple(known.name for known in features if is_code(known.name, known.kind))
    rows = np.sort(np.random.default_rng(seed).permutation(len(matrix))[:SAMPLE])
    some, before = matrix[rows], predict(matrix[rows])
    euros = np.full((len(rows), len(codes)), np.nan)
    for number, code in enumerate(codes):
        lacking = some[:, names.index(code)] == 0
        if lacking.any():
            euros[lacking, number] = predict(with_code(some[lacking], names, code)) - before[lacking]
    places = [names.index(code) for code in codes]
    prevalence = np.average(matrix[:, places] == 1, axis=0, weights=weight) if codes else np.zeros(0)
    return Added(codes, euros, weight[rows], prevalence)


def is_code(name: str, kind: str) -> bool:
    """Whether a feature is one code that may be declared: an ALD, a disease, a condition (no group, no count)."""
    groups = {f"carto_{row['name']}" for row in listed("carto_groups") if row["level"] == "group"}
    is_named = name.startswith(("ald_", "carto_", "charlson_", "elixhauser_")) or name in _conditions()
    return kind == "flag" and is_named and name not in groups


def with_code(matrix: np.ndarray, names: Sequence[str], code: str) -> np.ndarray:
    """The patients with one more code, and with what follows from it."""
    place = {name: number for number, name in enumerate(names)}
    changed = matrix.copy()
    gained = changed[:, place[code]] == 0
    changed[:, place[code]] = 1
    followers = _followers().get(code, ())
    raised = {code, *(other for other, is_count in followers if not is_count)}
    for other, is_count in followers:
        if other in place:
            changed[:, place[other]] = changed[:, place[other]] + gained if is_count else 1
    for score in SCORES:
        weights = score_weights(score)
        if score in place and raised & weights.keys() and weights.keys() <= place.keys():
            changed[:, place[score]] = _score(changed, place, weights)
    return changed


def code_rows(added: Added, features: Known) -> tuple[CodeRow, ...]:
    """One row per code, the most paying first: mean euros for who lacks it, share of additions that lower it."""
    labels = {known.name: (known.label_fr, known.label_en) for known in features}
    rows = []
    for number, code in enumerate(added.codes):
        lacking = ~np.isnan(added.euros[:, number])
        if not lacking.any():
            continue
        euros, weight = added.euros[lacking, number], added.weight[lacking]
        rows.append(
            CodeRow(
                code=code,
                label_fr=labels[code][0],
                label_en=labels[code][1],
                prevalence=float(added.prevalence[number]),
                eur_per_code=float(np.average(euros, weights=weight)),
                lowering_share=float(np.average(euros < -0.005, weights=weight)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.eur_per_code, row.code)))


def pool_rows(added: Added, total_eur_per_patient: float) -> tuple[PoolRow, ...]:
    """One code more for a tenth of the patients, drawn from a pool: euros per code, growth of the total.

    prevalence: any code, as often as it is seen; chronic: ALD only, as often as seen; index_stay: diagnoses that the
    establishment itself codes at the index stay of an episode; targeted: for each patient the best paying of the ten
    codes that pay most on average (who codes for the money).
    """
    if not added.codes:
        return ()
    chronic = np.array([code.startswith("ald_") for code in added.codes])
    own = np.array([_conditions().get(code, False) for code in added.codes])
    pools = {
        "prevalence": _mean_of(added, added.prevalence),
        "chronic": _mean_of(added, added.prevalence * chronic),
        "index_stay": _mean_of(added, added.prevalence * own),
        "targeted": _targeted(added),
    }
    sizes = {
        "prevalence": int((added.prevalence > 0).sum()),
        "chronic": int((chronic & (added.prevalence > 0)).sum()),
        "index_stay": int((own & (added.prevalence > 0)).sum()),
        "targeted": min(TARGETED, len(added.codes)),
    }
    return tuple(
        PoolRow(
            pool=pool,
            codes=sizes[pool],
            share=ADDED_SHARE,
            eur_per_code=pools[pool],
            growth=ADDED_SHARE * pools[pool] / total_eur_per_patient,
        )
        for pool in POOLS
        if sizes[pool]
    )


def past_returns(
    predict: Predict, matrix: np.ndarray, features: Known, families: Mapping[str, str], weight: np.ndarray
) -> tuple[Figure, ...]:
    """Euros expected per euro more of past spending, or act or stay more, one figure per feature that the model reads.

    Each patient's past euros are raised by 100, counts by 1. Empty for a model that reads none: its return is then 0.
    """
    before = predict(matrix)
    found = []
    for place, known in enumerate(features):
        if families.get(known.name) != "past_use" or known.kind != "number":
            continue
        moved, step = matrix.copy(), PAST_STEP_EUR if known.unit == "EUR" else 1.0
        moved[:, place] += step
        back = float(np.average(predict(moved) - before, weights=weight)) / step
        found.append(Figure(name=known.name, value=back, unit="EUR"))
    return tuple(sorted(found, key=lambda figure: -abs(figure.value or 0.0)))


@cache
def _followers() -> dict[str, tuple[tuple[str, bool], ...]]:
    """What each flag moves: (feature, whether it counts one more)."""
    groups = {row["group_no"]: f"carto_{row['name']}" for row in listed("carto_groups") if row["level"] == "group"}
    moved: dict[str, tuple[tuple[str, bool], ...]] = {}
    for row in listed("carto_groups"):
        if row["level"] == "top":
            counted = (("carto_count", True),) if row["is_disease"] == "1" else ()
            shared = ((groups[row["group_no"]], False),) if row["group_no"] in groups else ()
            moved[f"carto_{row['name']}"] = (*counted, *shared)
    for row in listed("ald_codes"):
        moved[f"ald_{int(row['ald_code']):02d}"] = (("ald_count", True),)
    moved |= {name: ((f"charlson_{flag}", False),) for name, flag in CHARLSON_OF.items()}
    moved["obesity_35"] = (("obesity", False),)
    moved["severe_obesity"] = (("obesity", False), ("obesity_35", False))
    return moved


@cache
def _conditions() -> dict[str, bool]:
    """Conditions of the episodes, and whether a diagnosis of the index stay is enough."""
    return {row["name"]: row["index_stay"] == "1" for row in listed("episode_conditions")}


def _score(
    matrix: np.ndarray, place: Mapping[str, int], weights: Mapping[str, tuple[int, tuple[str, ...]]]
) -> np.ndarray:
    points = np.zeros(len(matrix))
    for flag, (weight, severe) in weights.items():
        hidden = np.zeros(len(matrix), dtype=bool)
        for other in severe:
            hidden |= matrix[:, place[other]] == 1
        points += weight * ((matrix[:, place[flag]] == 1) & ~hidden)
    return points


def _mean_of(added: Added, odds: np.ndarray) -> float:
    """Mean euros of one code per patient, drawn among those that the patient lacks with these odds."""
    lacking = ~np.isnan(added.euros)
    chances = lacking * odds
    mass = chances.sum(axis=1)
    some = mass > 0
    if not some.any():
        return 0.0
    euros = (np.nan_to_num(added.euros) * chances).sum(axis=1)[some] / mass[some]
    return float(np.average(euros, weights=added.weight[some]))


def _targeted(added: Added) -> float:
    known = ~np.isnan(added.euros)
    mass = (known * added.weight[:, None]).sum(axis=0)
    means = (np.nan_to_num(added.euros) * added.weight[:, None]).sum(axis=0) / np.maximum(mass, 1e-12)
    best = np.argsort(-means, kind="stable")[:TARGETED]
    gains = np.where(known[:, best], added.euros[:, best], 0.0).max(axis=1)
    return float(np.average(gains, weights=added.weight))
