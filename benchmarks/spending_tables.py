"""Made-up spending tables of many shapes: some to develop the estimator against, others kept for the final check.

Each maker takes (rows, generator) and returns characteristics and euros.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd

Made = tuple[pd.DataFrame, np.ndarray]
Maker = Callable[[int, np.random.Generator], Made]


def yearly(rows: int, draw: np.random.Generator) -> Made:
    """Annual spending of a survey: two parts, conditions, self-rated health, income, region, lognormal tail."""
    age, woman = draw.integers(0, 90, rows), draw.integers(0, 2, rows)
    frailty = draw.normal(size=rows)
    conditions = {
        f"condition_{k}": (draw.random(rows) < _sigmoid(-4.2 + 0.03 * age + 0.6 * frailty + shift)).astype(int)
        for k, shift in enumerate(draw.normal(0, 1, 14))
    }
    table = pd.DataFrame({"age": age, "woman": woman, **conditions})
    count = table.iloc[:, 2:].sum(axis=1).to_numpy()
    table["health"] = np.clip(np.round(2 + 0.5 * frailty + 0.3 * count + draw.normal(0, 0.6, rows)), 1, 5)
    table["income"] = draw.lognormal(10, 0.8, rows)
    table["region"] = draw.choice(["north", "south", "east", "west"], rows)
    table["insurance"] = draw.choice(["private", "public", "none"], rows, p=[0.6, 0.3, 0.1])
    table["schooling"] = draw.integers(0, 18, rows).astype(float)
    table.loc[draw.random(rows) < 0.1, "schooling"] = np.nan
    score = 0.012 * age + 0.22 * count + 0.25 * table["health"].to_numpy() + 0.25 * woman * (age > 15) * (age < 50)
    score = score - 0.5 * (table["insurance"] == "none").to_numpy() + 0.3 * frailty
    any_care = draw.random(rows) < _sigmoid(0.3 + 1.2 * score)
    return table, any_care * np.exp(6.0 + 1.1 * score + draw.normal(0, 1.25, rows))


def visits(rows: int, draw: np.random.Generator) -> Made:
    """Few characteristics, 30 % zeros, a very heavy tail: an insurance experiment."""
    coinsurance = draw.choice([0, 25, 50, 95], rows)
    table = pd.DataFrame({"coinsurance": coinsurance, "age": draw.uniform(0, 64, rows)})
    table["black"], table["female"] = draw.integers(0, 2, rows), draw.integers(0, 2, rows)
    table["log_income"], table["chronic"] = draw.normal(8.7, 1.2, rows), draw.gamma(1.5, 7, rows)
    table["child"], table["family"] = (table["age"] < 18).astype(int), draw.integers(1, 9, rows)
    score = -0.005 * coinsurance + 0.012 * table["age"] + 0.2 * table["female"] + 0.02 * table["chronic"]
    score = (score - 0.5 * table["black"]).to_numpy()
    return table, (draw.random(rows) < _sigmoid(0.4 + score)) * np.exp(4 + score + draw.normal(0, 1.5, rows))


def stays(rows: int, draw: np.random.Generator) -> Made:
    """Hospital stays: diagnosis group, hospital and diagnosis with many levels, length of stay, gamma noise."""
    groups, hospitals, diagnoses = _zipf(250, rows, draw), _zipf(180, rows, draw), _zipf(900, rows, draw)
    weight, price = draw.normal(0, 0.8, 250), draw.normal(0, 0.25, 180)
    severity = draw.choice([1, 2, 3, 4], rows, p=[0.4, 0.35, 0.18, 0.07])
    age = np.clip(draw.normal(60, 20, rows), 0, 100)
    days = 1 + draw.poisson(np.exp(0.6 + 0.5 * weight[groups] + 0.3 * severity))
    mean = np.exp(7 + 0.6 * weight[groups] + price[hospitals] + 0.25 * severity) * days**0.75
    mean = mean * np.exp(draw.normal(0, 0.1, 900)[diagnoses])
    table = pd.DataFrame(
        {
            "group": _named("G", groups),
            "hospital": _named("H", hospitals),
            "diagnosis": _named("D", diagnoses),
            "severity": severity,
            "age": age,
            "days": days,
            "emergency": draw.integers(0, 2, rows),
        }
    )
    return table, draw.gamma(2.5, mean / 2.5)


def additive(rows: int, draw: np.random.Generator) -> Made:
    """Additive euros of 80 rare flags and age × sex bands; noise grows with the mean, heavy tail."""
    flags = (draw.random((rows, 80)) < draw.uniform(0.002, 0.08, 80)).astype(float)
    age, woman = draw.integers(0, 95, rows), draw.integers(0, 2, rows)
    mean = 400 + 15 * age + 150 * woman * (age > 20) + flags @ draw.gamma(1.2, 2500, 80)
    table = pd.DataFrame(flags, columns=[f"hcc_{k}" for k in range(80)]).assign(age=age, woman=woman)
    return table, mean * np.exp(draw.normal(-0.72, 1.2, rows)) * (draw.random(rows) < 0.85) / 0.85


def noisy(rows: int, draw: np.random.Generator) -> Made:
    """200 numbers, twelve of which matter, linearly on the log scale; few rows for as many columns."""
    matrix = draw.normal(size=(rows, 200))
    mean = np.exp(6 + matrix[:, :12] @ draw.normal(0, 0.2, 12))
    return pd.DataFrame(matrix, columns=[f"x{k}" for k in range(200)]), draw.gamma(0.6, mean / 0.6)


def two_columns(rows: int, draw: np.random.Generator) -> Made:
    """Age and sex only: a curve, and a bump for young women."""
    age, woman = draw.uniform(0, 95, rows), draw.integers(0, 2, rows)
    mean = 300 + 900 * np.exp(-age) + 0.3 * age**2 + 900 * woman * np.exp(-(((age - 30) / 6) ** 2))
    return pd.DataFrame({"age": age, "woman": woman}), draw.gamma(0.35, mean / 0.35)


def small(rows: int, draw: np.random.Generator) -> Made:
    """Few rows, fifteen correlated numbers and scores, linear with a heavy tail and a past-spending column."""
    latent = draw.normal(size=(rows, 4))
    matrix = latent @ draw.normal(0, 1, (4, 14)) + draw.normal(0, 1, (rows, 14))
    past = np.exp(6 + 0.8 * latent[:, 0] + draw.normal(0, 1, rows))
    mean = np.maximum(500 + 0.4 * past + 250 * latent[:, 0] + 200 * latent[:, 1], 50)
    table = pd.DataFrame(matrix, columns=[f"score_{k}" for k in range(14)]).assign(past_eur=past)
    return table, mean * np.exp(draw.normal(-0.5, 1.0, rows))


def interactions(rows: int, draw: np.random.Generator) -> Made:
    """Pairs of flags cost far more than their sum; thresholds of age and of a score."""
    flags = draw.integers(0, 2, (rows, 12)) * (draw.random((rows, 12)) < 0.6)
    age, score = draw.integers(18, 95, rows), draw.normal(size=rows)
    mean = 300 + 200 * flags.sum(axis=1) + 2500 * flags[:, 0] * flags[:, 1] + 1800 * flags[:, 2] * (age > 70)
    mean = mean + 1500 * (score > 1) * flags[:, 3]
    table = pd.DataFrame(flags, columns=[f"flag_{k}" for k in range(12)]).assign(age=age, score=score)
    return table, draw.gamma(0.8, mean / 0.8)


def zeros(rows: int, draw: np.random.Generator) -> Made:
    """60 % zeros with a probability of its own, then gamma amounts that depend on other columns."""
    matrix = draw.normal(size=(rows, 10))
    sector = draw.choice(list("abcdefgh"), rows)
    used = draw.random(rows) < _sigmoid(-0.5 + 0.9 * matrix[:, 0] - 0.6 * matrix[:, 1] + 0.5 * (sector == "c"))
    mean = np.exp(6 + 0.5 * matrix[:, 2] + 0.4 * np.abs(matrix[:, 3]) - 0.4 * (sector == "f"))
    table = pd.DataFrame(matrix, columns=[f"v{k}" for k in range(10)]).assign(sector=sector)
    return table, used * draw.gamma(0.9, mean / 0.9)


def claims(rows: int, draw: np.random.Generator) -> Made:
    """Prospective spending: past spending by kind (skewed, many zeros), drugs, age; mixed additive and log effects."""
    need = draw.gamma(0.7, 1.4, rows)
    age = np.clip(30 + 18 * draw.normal(size=rows) + 9 * np.log1p(need) * 2, 0, 99).round()
    kinds = ("gp", "drugs", "hospital", "nurse", "dental", "imaging")
    past = {
        f"past_{kind}_eur": (draw.random(rows) < np.clip(chance + 0.15 * need, 0, 0.98))
        * np.exp(draw.normal(level, 0.9, rows))
        * (0.4 + need)
        for kind, chance, level in zip(kinds, (0.7, 0.6, 0.05, 0.08, 0.3, 0.2), (4, 4.5, 7.5, 5.5, 5, 4.5), strict=True)
    }
    table = pd.DataFrame({"age": age, "woman": draw.integers(0, 2, rows), **past})
    for k in range(25):
        table[f"drug_{k}"] = (draw.random(rows) < np.clip(0.01 + 0.03 * need * (k % 5 + 1) / 5, 0, 0.9)).astype(int)
    table["department"] = draw.choice([f"{k:02d}" for k in range(1, 96)], rows)
    mean = 150 + 8 * age + 900 * need + 0.15 * past["past_drugs_eur"] + 3000 * table["drug_4"] * (need > 1)
    return table, mean.to_numpy() * np.exp(draw.normal(-0.85, 1.3, rows)) * (draw.random(rows) < 0.92)


DEVELOPMENT: dict[str, tuple[Maker, int]] = {
    "yearly": (yearly, 12_000),
    "visits": (visits, 20_000),
    "stays": (stays, 15_000),
    "additive": (additive, 30_000),
    "noisy": (noisy, 5_000),
    "two_columns": (two_columns, 10_000),
    "small": (small, 2_500),
    "interactions": (interactions, 8_000),
    "zeros": (zeros, 8_000),
    "claims": (claims, 10_000),
}


def threshold(rows: int, draw: np.random.Generator) -> Made:
    """Steps of age, income and a chronic score, Weibull noise with a heavy tail, 45 % zeros by age."""
    age, income, chronic = draw.uniform(0, 90, rows), draw.gamma(2, 15_000, rows), draw.poisson(0.8, rows)
    mean = 200 * (1 + 3 * (age > 65) + 4 * (chronic > 2) + 2 * ((income < 12_000) & (age > 40)))
    used = draw.random(rows) < 0.35 + 0.5 * (age > 50)
    table = pd.DataFrame({"age": age, "income": income, "chronic": chronic, "noise": draw.normal(size=rows)})
    return table, used * mean * draw.weibull(0.6, rows)


def wards(rows: int, draw: np.random.Generator) -> Made:
    """Stays by ward, physician and act, many levels; additive prices times length, Student noise."""
    ward, physician, act = (draw.integers(0, levels, rows) for levels in (60, 400, 350))
    price, tariff = draw.gamma(3, 120, 60), draw.gamma(1, 1500, 350)
    days = 1 + draw.geometric(0.2, rows)
    mean = price[ward] * days + tariff[act] + 40 * draw.normal(size=400)[physician]
    names = {"ward": _named("W", ward), "physician": _named("P", physician), "act": _named("A", act)}
    euros = np.maximum(mean * (1 + 0.25 * draw.standard_t(3, rows)), 0)
    return pd.DataFrame({**names, "days": days, "old": draw.integers(0, 2, rows)}), euros


def sparse(rows: int, draw: np.random.Generator) -> Made:
    """150 flags and a risk score, Pareto tail, no zeros."""
    flags = (draw.random((rows, 150)) < draw.beta(0.5, 12, 150)).astype(float)
    risk = draw.normal(size=rows)
    mean = 500 + flags @ (draw.gamma(0.4, 3000, 150)) + 600 * np.maximum(risk, 0) ** 2
    table = pd.DataFrame(flags, columns=[f"f{k}" for k in range(150)]).assign(risk=risk)
    return table, mean * (0.4 + 0.6 * draw.pareto(2.6, rows) * 1.6)


def mixture(rows: int, draw: np.random.Generator) -> Made:
    """Two hidden kinds of people, past spending of three years, missing values, 20 % zeros."""
    ill = draw.random(rows) < 0.15
    level = np.where(ill, 8.0, 5.5) + draw.normal(0, 0.5, rows)
    years = {f"past_{k}": np.exp(level + draw.normal(0, 0.9, rows)) * (draw.random(rows) < 0.8) for k in range(3)}
    table = pd.DataFrame({"age": draw.integers(0, 95, rows).astype(float), **years})
    table["sex"], table["plan"] = draw.choice(["f", "m"], rows), draw.choice(list("abcdef"), rows)
    table.loc[draw.random(rows) < 0.15, "past_2"] = np.nan
    return table, np.exp(level + draw.normal(0, 1.0, rows)) * (draw.random(rows) < 0.8)


FINAL: dict[str, tuple[Maker, int]] = {
    "threshold": (threshold, 8_000),
    "wards": (wards, 15_000),
    "sparse": (sparse, 10_000),
    "mixture": (mixture, 6_000),
}


def made(name: str, rows: int, maker: Maker, *, seed: int) -> Made:
    """A table of a maker; the same seed gives the same table."""
    return maker(rows, np.random.default_rng([seed, zlib.crc32(name.encode())]))


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))


def _zipf(levels: int, rows: int, draw: np.random.Generator) -> np.ndarray:
    share = 1 / (np.arange(levels) + 3.0)
    return draw.choice(levels, rows, p=share / share.sum())


def _named(prefix: str, codes: np.ndarray) -> list[str]:
    return [f"{prefix}{code:04d}" for code in codes]
