"""Fictional hips, knees and colectomies: planted exclusions are found, and the oracle is the mean of what is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import connect
from features.episodes import EDS, build_episodes
from features.errors import InputError
from features.participations import read_participations
from features.snds.read import read_snds
from features.synth import synthesise
from features.synth.model import read_rows
from tests.synth.raw import table
from tests.synth.test_reproducible import hashes

YEARS = range(2022, 2025)
YEAR = 2023
PATIENTS, SURGERY, SEED = 5_000, 20.0, 6
KEY = ["patient_id", "programme", "entry_date"]
HIGHEST_Z = 4.0


@pytest.fixture(scope="module")
def france(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three years of much surgery, read; the episodes of the second built."""
    data = tmp_path_factory.mktemp("surgery")
    synthesise(data, patients=PATIENTS, years=YEARS, seed=SEED, surgery=SURGERY, workers=1)
    for year in YEARS:
        read_snds(connect(), data / "snds", data, year)
    build_episodes(connect(), data, [YEAR])
    return data


@pytest.fixture(scope="module")
def oracle(france: Path) -> pd.DataFrame:
    return pd.read_parquet(france / "oracle" / "episodes.parquet").astype({"entry_date": "datetime64[ns]"})


@pytest.fixture(scope="module")
def built(france: Path, oracle: pd.DataFrame) -> pd.DataFrame:
    """Episodes built, beside what was drawn and expected."""
    episodes = pd.read_parquet(france / "episodes" / f"{YEAR}.parquet").astype({"entry_date": "datetime64[ns]"})
    return episodes.merge(oracle, on=KEY, suffixes=("", "_drawn"), validate="one_to_one")


def test_each_operation_is_told_once(oracle: pd.DataFrame) -> None:
    """One row an operation, one operation at most per programme, person and year of decision; no window overlaps."""
    assert not oracle.duplicated(KEY).any()
    days = oracle.sort_values(["patient_id", "entry_date"]).groupby("patient_id").entry_date.diff().dt.days
    assert days.dropna().gt(90).all()


def test_almost_every_operation_is_found(built: pd.DataFrame, oracle: pd.DataFrame, france: Path) -> None:
    """Candidates of the year are the operations drawn, twins apart; the sector and the establishment are theirs."""
    episodes = pd.read_parquet(france / "episodes" / f"{YEAR}.parquet")
    assert len(built) >= 0.97 * len(episodes)
    assert (built.sector == built.sector_drawn).all()
    assert (built.establishment_id == built.establishment_id_drawn).all()
    assert set(built.programme) == set(EDS)


def test_planted_exclusions_raise_their_flag(built: pd.DataFrame) -> None:
    """Each planted reason is flagged whenever drawn; without one, only death, history and a prior operation exclude."""
    flags = {row["reason"]: row["flag"] for row in read_rows("synth_surgery_exclusions")}
    planted = built[built.planted != ""]
    for reason, rows in planted.groupby("planted"):
        if flags[reason]:
            assert rows[flags[reason]].all(), reason
    assert built.from_medico_social.equals(built.planted == "medico_social")
    plain = built[built.planted == ""]
    raised = {name for name in plain if name.startswith("excl_") and plain[name].any()}
    assert raised <= {"excl_death", "excl_history", "excl_similar", "excl_age", "excl_overlap", "excl_chaining"}


def test_the_oracle_is_the_mean(built: pd.DataFrame) -> None:
    """Observed in-scope euros minus expected ones have mean 0, overall, by sector and on both sides of the median."""
    final = built[built.is_final & built.is_complete]
    error = final.cost_in_scope_cents / 100 - final.expected_in_scope_eur
    high = final.expected_in_scope_eur > final.expected_in_scope_eur.median()
    joints = final.programme != "colectomie"
    for who in (joints, ~joints, joints & high, joints & ~high, final.sector == "public", final.sector == "private"):
        own = error[who]
        assert abs(own.mean()) < HIGHEST_Z * own.std() / np.sqrt(len(own))


def test_the_oracle_explains_a_part_and_no_more(built: pd.DataFrame) -> None:
    """Characteristics at admission explain some of the cost of hips and knees, far from all of it."""
    joints = built[built.is_final & (built.programme != "colectomie")]
    observed = joints.cost_in_scope_cents / 100
    share = np.corrcoef(joints.expected_in_scope_eur, observed)[0, 1] ** 2
    assert 0.08 < share < 0.40


def test_components_make_the_expectation(oracle: pd.DataFrame) -> None:
    """Expected components and ordinary care add up to the expected cost; none is negative."""
    names = [name for name in oracle if name.startswith("expected_")]
    parts = oracle[[name for name in names if name not in ("expected_in_scope_eur", "expected_avoidable_eur")]]
    assert np.allclose(parts.sum(axis=1), oracle.expected_in_scope_eur)
    assert (parts >= 0).all().all()
    assert (oracle.expected_avoidable_eur == oracle.expected_readmission_eur).all()


def test_operations_show_surgeon_and_anaesthetist(france: Path) -> None:
    """The index act is told by activities 1 and 4 on its day; implants of public stays stand in T_MCOaaDMIP."""
    acts = table(france, "T_MCO23A")
    hips = acts[acts.CDC_ACT.str.startswith("NEKA02")]
    both = hips.groupby(["ETA_NUM", "RSA_NUM"]).ACV_ACT.agg(set)
    assert (both.map(lambda found: found == {"1", "4"})).all()
    assert set(hips.ENT_DAT_DEL) <= {"000", "001", "002"}
    implants, public = table(france, "T_MCO23DMIP"), table(france, "T_MCO23STC")
    assert len(implants.merge(public, on=["ETA_NUM", "RSA_NUM"])) == len(implants) > 0


def test_chemotherapy_follows_some_weeks_after(france: Path) -> None:
    """The median delay from colectomy to chemotherapy is near six to eight weeks."""
    outcomes = pd.read_parquet(france / "episode_outcomes" / f"{YEAR}.parquet")
    episodes = pd.read_parquet(france / "episodes" / f"{YEAR}.parquet")
    rows = outcomes.merge(episodes[["episode_id", "intervention_date"]], on="episode_id").dropna(
        subset=["chemotherapy_date"]
    )
    delay = (pd.to_datetime(rows.chemotherapy_date) - pd.to_datetime(rows.intervention_date)).dt.days
    assert 35 <= delay.median() <= 65


def test_establishments_take_part(france: Path) -> None:
    """Hospitals and clinics of the bundles are read, by phase and programme."""
    rows = read_participations(france / "participations.csv")
    bundles = rows[rows.scheme == "eds"]
    assert len(bundles) == len(read_rows("synth_surgery_sites"))
    assert bundles.structure_id.str.len().eq(8).all()
    assert bundles.programmes.dropna().isin(["colectomie", "ptg, pth"]).all()


def test_report_says_what_was_aimed_at(france: Path) -> None:
    """Figures of the operations are beside their targets; most costs and shares are in their band."""
    report = pd.read_csv(france / "synth_episodes_report.csv")
    assert len(report) == 3 * len(read_rows("synth_surgery_targets"))
    assert report.is_met.mean() > 0.7
    costs = report[report.quantity.str.startswith("expected cost")]
    assert costs.ratio.between(0.85, 1.15).all()


def test_surgery_is_a_multiple(tmp_path: Path, france: Path) -> None:
    """At 1 there are few operations; the same order gives the same bytes; a wrong multiple is refused in words."""
    for workers in (1, 2):
        data = tmp_path / str(workers)
        data.mkdir()
        synthesise(data, patients=2_000, years=range(2023, 2025), seed=3, surgery=4, workers=workers)
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    once = tmp_path / "once"
    once.mkdir()
    synthesise(once, patients=2_000, years=range(2023, 2025), seed=3, workers=1)
    few, many = (len(pd.read_parquet(data / "oracle" / "episodes.parquet")) for data in (once, tmp_path / "1"))
    assert few < many / 2
    with pytest.raises(InputError, match="surgery is 99"):
        synthesise(tmp_path / "1", patients=2_000, years=range(2023, 2025), seed=3, surgery=99)
