"""Models of episodes on a fictional France already built: R² of LightGBM, GLM, mean and oracle; forfait over cost.

    python -m benchmarks.episodes_models --data data/demo/episodes [--year 2023]

Bounded: the years of episodes that lie in --data, versions and predictions written to a temporary folder. Prints, by
programme, R² within strata with paired intervals, and the mean forfait over the mean cut cost of each stratum, before
trend and discount. Fails where LightGBM is below the gamma GLM by more than 0.01, above the oracle, or a mean forfait
is off by more than 0.1 %.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from features.store import read_dataset
from features.tables import EPISODE_FEATURES, EPISODES
from schemes.eds import forfaits, reference
from schemes.rulebook import Rules, rules
from training.episodes import EPISODE_RECIPES, EpisodeResult, train_episodes
from training.oracle import ORACLE, episode_oracle

BELOW_GLM, FORFAIT_OFF = 0.01, 0.001
STRATUM = ["programme", "sector", "pathway"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--year", type=int, default=2023)
    asked = parser.parse_args()
    failed = []
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        for name in (EPISODES.name, EPISODE_FEATURES.name, "oracle"):
            shutil.copytree(asked.data / name, data / name)
        for model in EPISODE_RECIPES:
            result = train_episodes(data, model, asked.year, root=Path(folder) / "mlruns" / "versions")
            failed += compared(data, model, result) + priced(data, result)
    print("\n".join(failed) or "holds")
    sys.exit(bool(failed))


def compared(data: Path, model: str, result: EpisodeResult) -> list[str]:
    """What fails of the R² of one model, printed."""
    fit, differences = episode_oracle(data, result)
    print(f"\n## {model}: {len(result.trained)} episodes train, {len(result.tested)} test ({result.card.objective})\n")
    print(
        "| model | R² within strata | 95 % | raw costs | pooled | slope | share of oracle |\n"
        "|---|---:|---|---:|---:|---:|---:|"
    )
    for row in fit.itertuples():
        print(
            f"| {row.model} | {row.r2:.4f} | {row.low:.4f} to {row.high:.4f} | {row.r2_raw:.4f} | {row.r2_pooled:.4f} "
            f"| {row.calibration_slope:.3f} | {row.share:.2f} |"
        )
    by_other = differences.set_index("baseline")
    for name, row in by_other.iterrows():
        print(f"LightGBM − {name}: {row['r2_difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})")
    gaps, found = by_other["r2_difference"], []
    if gaps["glm_gamma"] < -BELOW_GLM:
        found.append(f"{model}: below the GLM by {-gaps['glm_gamma']:.4f}")
    if gaps[ORACLE] > 0:
        found.append(f"{model}: above the oracle by {gaps[ORACLE]:.4f}")
    return found


def priced(data: Path, result: EpisodeResult) -> list[str]:
    """What fails of the mean forfait of each stratum over its mean cut cost, on the reference years, printed."""
    card = result.card
    year = card.training_years[-1]
    known: Rules = rules("eds", on=date(year + 1, 1, 1))
    episodes = read_dataset(None, EPISODES, data, year)
    own = episodes[episodes["episode_id"].isin(result.predictions["episode_id"])]
    expected = result.predictions.loc[result.predictions["episode_id"].isin(own["episode_id"])]
    inputs = {"episodes": own, "predictions": expected[["episode_id", "expected_eur"]]}
    table = reference(inputs, years=range(year, year + 1), rules=known)
    # priced as the year that follows, on the very episodes of the reference: the budget must be neutral
    paid = forfaits({**inputs, "reference": table.assign(year=year - 1)}, year=year, rules=known)
    before_discount = paid[["reference_cents", "risk_cents", "normalisation_cents"]].sum(axis=1)
    means = before_discount.groupby([paid[name] for name in STRATUM]).mean() / 100
    wanted = table.set_index(STRATUM).pipe(lambda rows: rows["observed_eur"] / rows["episodes"])
    ratio = pd.DataFrame({"forfait": means, "cost": wanted}).assign(ratio=means / wanted)
    for names, row in ratio.iterrows():
        print(
            f"{' × '.join(names)}: mean forfait {row['forfait']:,.2f}, mean cost {row['cost']:,.2f}, {row['ratio']:.6f}"
        )
    off = ratio[(ratio["ratio"] - 1).abs() > FORFAIT_OFF]
    return [f"{' × '.join(names)}: mean forfait / mean cost {row['ratio']:.4f}" for names, row in off.iterrows()]


if __name__ == "__main__":
    main()
