"""Calibration of a fictional France: what was drawn against published figures, before any trap is planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.synth.model import Array, read_rows

MOST_ROWS = 1_000_000
MG_CAP, TOTAL_CAP = 0.995, 0.99


def calibration_report(drawn: Path, *, care_years: int) -> pd.DataFrame:
    """One row per published figure: quantity, group, unit, target, obtained, ratio, low, high, is_met, source.

    `drawn` is data/oracle/drawn.parquet; at most about a million patient-years of it are read, evenly spread,
    so that memory does not grow with the number of patients.
    """
    rows = sampled(drawn, together=care_years).drop_columns(["patient_id"]).to_pandas()
    rows = rows[rows.exposure_share > 0]
    obtained = {**_people(rows), **_use(rows), **_spending(rows), **_oracle(rows)}
    report = pd.DataFrame(read_rows("synth_targets"))
    for name in ("target", "low", "high"):
        report[name] = report[name].astype(float)
    report["obtained"] = report["key"].map(obtained).astype(float)
    report["ratio"] = report.obtained / report.target
    report["is_met"] = report.obtained.between(report.low, report.high)
    names = ["quantity", "group", "unit", "target", "obtained", "ratio", "low", "high", "is_met", "source"]
    return report[names]


def write_report(
    report: pd.DataFrame, data: Path, *, name: str = "synth_report", title: str = "Fictional France: calibration"
) -> None:
    """synth_report.csv and synth_report.md beside the data, or another name."""
    report.to_csv(data / f"{name}.csv", index=False, lineterminator="\n", float_format="%.6g")
    missed = int((~report.is_met).sum())
    lines = [
        f"# {title}",
        "",
        f"{len(report) - missed} of {len(report)} figures lie within their band; {missed} do not.",
        "",
        "| quantity | group | target | obtained | ratio | band | met | source |",
        "|---|---|---:|---:|---:|---|---|---|",
    ]
    for row in report.itertuples():
        band = f"{row.low:g} to {row.high:g}"
        met = "yes" if row.is_met else "**no**"
        figures = f"{row.target:g} | {row.obtained:.4g} | {row.ratio:.2f} | {band} | {met}"
        lines.append(f"| {row.quantity} | {row.group} ({row.unit}) | {figures} | {row.source} |")
    (data / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def sampled(path: Path, *, together: int = 1) -> pa.Table:
    """About a million rows of a file at most: row groups evenly spread, so many that follow each other `together`.

    Row groups of a chunk's care years follow each other: taken together, no year is left out.
    """
    with pq.ParquetFile(path) as file:
        step = max(-(-file.metadata.num_rows // MOST_ROWS), 1)
        places = [place for place in range(file.num_row_groups) if place // together % step == 0]
        return pa.concat_tables([file.read_row_group(place) for place in places])


def _people(rows: pd.DataFrame) -> dict[str, float]:
    """Age, sex, ALD, C2S and deaths; ages on the first 1 January."""
    first = rows[(rows.year == rows.year.min()) & (rows.exposure_share > 0)]
    in_ald = rows.ald_count > 0
    of_75 = rows.age.between(75, 79)
    return {
        "age_0_19": (first.age < 20).mean(),
        "age_20_64": first.age.between(20, 64).mean(),
        "age_65": (first.age >= 65).mean(),
        "men": (first.sex == 1).mean(),
        "ald": in_ald.mean(),
        "ald_per_person": rows.ald_count[in_ald].mean(),
        "ald_men_75": in_ald[of_75 & (rows.sex == 1)].mean(),
        "ald_women_75": in_ald[of_75 & (rows.sex == 2)].mean(),
        "ald_86": in_ald[rows.age >= 86].mean(),
        "diabetes": rows.has_diabetes.mean(),
        "c2s": (rows.c2s > 0).mean(),
        "deaths": rows.dies.mean(),
    }


def _use(rows: pd.DataFrame) -> dict[str, float]:
    """General practice and nurses."""
    nurse = rows.spent_mg_ide_eur - rows.spent_mg_eur
    return {
        "mg_mean": rows.spent_mg_eur.mean(),
        "mg_zero": (rows.spent_mg_eur == 0).mean(),
        "gp_acts": rows.gp_acts[rows.gp_acts > 0].mean(),
        "nurse_mean": nurse.mean(),
        "nurse_under_60": (nurse > 0)[rows.age < 60].mean(),
        "nurse_80": (nurse > 0)[rows.age >= 80].mean(),
        "lines": rows.lines.mean(),
    }


def _spending(rows: pd.DataFrame) -> dict[str, float]:
    """Level, spread and concentration of reimbursed spending; shares of the base by category."""
    paid = rows.reimbursed_total_eur
    total = rows.spent_total_eur.sum()
    ordered = np.sort(paid.to_numpy())[::-1]
    by_age = {"6_10": (6, 10), "41_45": (41, 45), "66_70": (66, 70), "86": (86, 120)}
    shares = {name: rows[f"{name}_eur"].sum() / total for name in ("hospital", "medicines", "devices")}
    return {
        "total_mean": paid.mean(),
        "total_sd": paid.std(),
        "total_p25": paid.quantile(0.25),
        "total_median": paid.median(),
        "total_p75": paid.quantile(0.75),
        "total_zero": (rows.spent_total_eur == 0).mean(),
        "top_10": ordered[: ordered.size // 10].sum() / ordered.sum(),
        "top_1": ordered[: ordered.size // 100].sum() / ordered.sum(),
        "ald_spending": paid[rows.ald_count > 0].sum() / paid.sum(),
        "hospital": shares["hospital"],
        "medicines": shares["medicines"],
        "ambulatory": 1 - sum(shares.values()),
        **{f"mean_{name}": paid[rows.age.between(*ages)].mean() for name, ages in by_age.items()},
    }


def _oracle(rows: pd.DataFrame) -> dict[str, float]:
    """Fit of the oracle over all years, and its balance."""
    weight = rows.exposure_share.to_numpy()
    found = {}
    for name in ("mg", "mg_ide", "total"):
        expected = rows[f"expected_{name}_eur"].to_numpy()
        spent = rows[f"spent_{name}_eur"].to_numpy()
        found[f"balance_{name}"] = spent.sum() / (expected * weight).sum()
        cap = MG_CAP if name == "mg" else TOTAL_CAP
        found[f"oracle_{name}"] = capped_r2(spent / weight, expected, weight=weight, share=cap)
    return found


def capped_r2(yearly: Array, expected: Array, *, weight: Array, share: float) -> float:
    """R² of expected euros against yearly euros, both capped at the percentile `share` of the latter.

    The expectation is that of uncapped euros: it is capped too, and brought back to the mean.
    """
    order = np.argsort(yearly)
    reached = np.searchsorted(np.cumsum(weight[order]), share * weight.sum())
    cap = yearly[order][min(reached, yearly.size - 1)]
    capped, bounded = np.minimum(yearly, cap), np.minimum(expected, cap)
    mean = np.average(capped, weights=weight)
    bounded = bounded * mean / np.average(bounded, weights=weight)
    error = np.average((capped - bounded) ** 2, weights=weight)
    return float(1 - error / np.average((capped - mean) ** 2, weights=weight))
