"""Made-up tables with the shape of public ones: a household survey, hospital discharges, insurers' yearly claims.

Codes as numbers, negative codes for "does not apply", categories of many levels, events beside a skewed body. Made
up from what is published of such files, with no row of any: they stand in for real tables, they do not replace them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Made = tuple[pd.DataFrame, np.ndarray]
ILLNESSES = 14
BODY_SPREAD, EVENT_SPREAD = 1.2, 0.9


def survey(rows: int, draw: np.random.Generator) -> Made:
    """A household survey of one year: 60 columns, body and hospital events, 15 % zeros, codes below zero."""
    age, woman = np.minimum(draw.gamma(4, 10.5, rows), 85).round(), draw.integers(0, 2, rows)
    need = draw.normal(size=rows)
    ill = _illnesses(age, need, draw)
    table = pd.DataFrame({"age": age, "sex": woman + 1, **{f"dx_{k}": ill[:, k] for k in range(ILLNESSES)}})
    pain = need + 0.35 * ill.sum(axis=1) + 0.01 * age
    table["health"] = np.clip(np.round(1.8 + 0.5 * pain + draw.normal(0, 0.7, rows)), 1, 5)
    table["mood"] = np.clip(np.round(1.8 + 0.3 * pain + draw.normal(0, 0.8, rows)), 1, 5)
    table["physical"] = np.where(age < 18, -1, 52 - 5 * pain + draw.normal(0, 6, rows)).round(1)
    table["limits"] = np.where(draw.random(rows) < _chance(pain - 3), 1, 2)
    table["income"] = np.maximum(draw.lognormal(10.2, 1.0, rows) - 2000, -500).round()
    table["insured"] = draw.choice(["private", "public only", "uninsured"], rows, p=[0.62, 0.3, 0.08])
    table["race"] = draw.choice(["A", "B", "C", "D", "E"], rows, p=[0.5, 0.2, 0.18, 0.08, 0.04])
    table["region"] = draw.choice([1, 2, 3, 4], rows)
    table["schooling"] = np.where(age < 5, -1, draw.integers(0, 18, rows))
    table["bmi"] = np.where(draw.random(rows) < 0.12, np.nan, 24 + 2 * pain + draw.gamma(3, 2, rows))
    for k in range(30):
        table[f"answer_{k}"] = draw.choice([-8, -1, 1, 2, 3], rows, p=[0.02, 0.3, 0.3, 0.28, 0.1])
    score = 0.16 * (table["health"] - 2) + 0.25 * ill @ np.linspace(0.3, 1.6, ILLNESSES) + 0.008 * age
    score = (score + 0.3 * woman * (age > 15) + 0.2 * need - 0.6 * (table["insured"] == "uninsured")).to_numpy()
    any_care = draw.random(rows) < _chance(0.9 + 1.3 * score)
    body = np.exp(6.0 + 1.0 * score + draw.normal(0, BODY_SPREAD, rows))
    event = draw.random(rows) < _chance(-4.6 + 0.9 * score + 0.5 * (table["limits"] == 1).to_numpy())
    return table, (any_care * (body + event * np.exp(9.5 + draw.normal(0, EVENT_SPREAD, rows)))).round(2)


def discharges(rows: int, draw: np.random.Generator) -> Made:
    """Hospital discharges: texts of many levels, codes as numbers, length of stay, cost by group and hospital."""
    group, hospital, diagnosis, act = (_zipf(levels, rows, draw) for levels in (310, 190, 260, 220))
    diagnosis = np.where(draw.random(rows) < 0.7, (group * 5) % 260, diagnosis)
    severity = draw.choice(4, rows, p=[0.34, 0.38, 0.21, 0.07])
    level, price = draw.normal(0, 0.65, 310), draw.normal(0, 0.3, 190)
    act_cost = draw.exponential(0.35, 220) * (draw.random(220) < 0.5)
    days = 1 + draw.poisson(np.exp(0.55 + 0.35 * level[group] + 0.38 * severity) * draw.gamma(1.5, 1 / 1.5, rows))
    days = np.minimum(days, 120)
    mean = np.exp(7.6 + 0.45 * level[group] + price[hospital] + 0.12 * severity + act_cost[act]) * days**0.8
    mean = mean + 2500 * (act < 12) * (severity > 1)
    table = pd.DataFrame(
        {
            "hospital": [f"H{code:04d}" for code in hospital],
            "age_group": draw.choice(["0 to 17", "18 to 29", "30 to 49", "50 to 69", "70 or older"], rows),
            "zip3": draw.choice([f"{code}" for code in range(100, 150)], rows),
            "gender": draw.choice(["F", "M"], rows),
            "admission": draw.choice(["Emergency", "Elective", "Urgent", "Newborn"], rows, p=[0.63, 0.2, 0.07, 0.1]),
            "diagnosis": [f"diagnosis {code}" for code in diagnosis],
            "act": [f"act {code}" if code else None for code in act],
            "group_code": 1 + draw.permutation(310)[group],
            "severity": np.array(["Minor", "Moderate", "Major", "Extreme"])[severity],
            "payer": draw.choice(["Medicare", "Medicaid", "Private", "Self", "Other"], rows),
            "days": days,
        }
    )
    noise = np.exp(draw.normal(-0.08, 0.4, rows)) * np.where(draw.random(rows) < 0.01, draw.gamma(2, 2, rows), 1)
    return table, (mean * noise).round(2)


def insured(rows: int, draw: np.random.Generator) -> Made:
    """Yearly claims of the old: chronic flags, last year's amounts by kind, counties, 25 % zeros, a heavy tail."""
    age = np.clip(draw.normal(73, 11, rows), 25, 100).round()
    need = draw.gamma(1.2, 0.8, rows)
    chronic = (draw.random((rows, 11)) < _chance(-2.2 + 0.9 * need[:, None] + np.linspace(-1, 1, 11))).astype(int)
    table = pd.DataFrame({f"sp_{k}": 2 - chronic[:, k] for k in range(11)})
    table["age"], table["sex"] = age, draw.integers(1, 3, rows)
    table["state"], table["county"] = draw.integers(1, 53, rows), draw.integers(1, 900, rows)
    for kind, chance, level in (("inpatient", -3.2, 9.0), ("outpatient", -0.4, 6.0), ("carrier", 0.8, 6.5)):
        spent = (draw.random(rows) < _chance(chance + 0.8 * need)) * draw.lognormal(level + 0.3 * need, 1.0)
        table[f"{kind}_eur"] = spent.round(-1)
    table["months"] = np.where(draw.random(rows) < 0.9, 12, draw.integers(0, 12, rows))
    mean = 400 + 500 * chronic.sum(axis=1) + 2300 * need + 10 * np.maximum(age - 65, 0)
    mean = mean + 0.08 * table["inpatient_eur"].to_numpy() + 2500 * chronic[:, 3] * chronic[:, 7]
    used = draw.random(rows) < _chance(0.2 + 0.9 * need)
    heavy = draw.lognormal(-0.9, 1.35, rows)
    return table, (used * mean * heavy).round(-1)


def experiment(rows: int, draw: np.random.Generator) -> Made:
    """An insurance experiment: few columns, most of them discrete, 22 % zeros, one row in sixty with a stay."""
    plan = draw.choice([0, 25, 50, 95, 100], rows, p=[0.45, 0.2, 0.08, 0.17, 0.1])
    age, diseases = draw.uniform(0, 65, rows), np.maximum(draw.gamma(2.2, 5, rows), 0).round(1)
    table = pd.DataFrame({"coinsurance": np.log1p(plan), "deductible": (plan == 95).astype(int), "age": age})
    table["limits"], table["diseases"] = (draw.random(rows) < 0.12).astype(int), diseases
    for name, chance in (("good", 0.36), ("fair", 0.08), ("poor", 0.015)):
        table[name] = (draw.random(rows) < chance).astype(int)
    table["income"], table["family"] = draw.normal(8.7, 1.2, rows), draw.integers(1, 12, rows)
    table["female"], table["child"] = draw.integers(0, 2, rows), (age < 18).astype(int)
    score = 0.02 * diseases + 0.4 * table["limits"] + 0.3 * table["poor"] + 0.2 * table["fair"] - 0.003 * plan
    score = (score + 0.012 * age + 0.25 * table["female"] * (1 - table["child"])).to_numpy()
    used = draw.random(rows) < _chance(0.6 + 0.9 * score + 0.1 * (table["income"].to_numpy() - 8.7))
    stay = draw.random(rows) < _chance(-5.2 + 1.1 * score)
    return table, used * np.exp(3.7 + 0.8 * score + draw.normal(0, 1.1, rows)) + stay * draw.lognormal(7.4, 0.9, rows)


SURVEYS: dict[str, tuple[Callable[[int, np.random.Generator], Made], int]] = {
    "survey": (survey, 12_000),
    "discharges": (discharges, 20_000),
    "insured": (insured, 15_000),
    "experiment": (experiment, 14_000),
}


def _illnesses(age: np.ndarray, need: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    shift = draw.normal(0, 1.0, ILLNESSES) - 4.3
    score = shift + 0.035 * age[:, None] + 0.5 * need[:, None]
    return (draw.random((len(age), ILLNESSES)) < _chance(score)).astype(int)


def _chance(score: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-score)))


def _zipf(levels: int, rows: int, draw: np.random.Generator) -> np.ndarray:
    share = 1 / (np.arange(levels) + 3.0)
    return draw.choice(levels, rows, p=share / share.sum())
