"""Structures of fictional France: sizes, schemes, who cares for their patients, declared bricks, biosimilars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.biosimilar_boxes import PACKS, read_packs
from features.declared_bricks import read_declared_bricks
from features.participations import HOSPITAL_SCHEMES, read_participations
from features.roster import read_roster
from features.synth.days import first_day
from features.synth.doctors import draw_contracts, draw_directory
from features.synth.model import care_model
from features.synth.population import draw_persons
from features.synth.rates import Rates
from features.synth.structures import draw_structures
from features.tables import BRICK_NAMES
from features.territories import read_territories
from tests.synth.raw import KEY, claims, table

YEARS = range(2022, 2025)
CHUNK = 20_000


@pytest.fixture(scope="module")
def lists() -> pd.Series:
    """Patients of each structure in the middle of 2024, among 50,000 persons: contracts and rosters alone."""
    patients, day = 50_000, first_day(2024) + 180
    directory = draw_directory(patients, YEARS, seed=1)
    count = np.zeros(directory.structures.count)
    for first in range(0, patients, CHUNK):
        rng = np.random.default_rng((1, first))
        places = range(first, min(first + CHUNK, patients))
        persons = draw_persons(care_model(), rng, places=places, years=YEARS, rates=Rates())
        doctor = draw_contracts(rng, directory, persons=persons, years=YEARS).doctor_on(day)
        team = np.where(doctor >= 0, directory.team[doctor], -1)
        is_there = (team >= 0) & (directory.team_from[doctor] <= day) & (day <= directory.team_to[doctor])
        count += np.bincount(team[is_there], minlength=count.size)
    return pd.Series(count, index=directory.structures.structure_id)


def test_lists_pass_or_miss_the_gates_of_their_scheme(lists: pd.Series) -> None:
    """At 50,000: an IPEP group well above 5,000, an IPSO practice of about 700, PEPS teams on both sides of 250."""
    assert 5_500 < lists["GRP001"] < 6_800
    assert 600 < lists["IPS001"] < 850
    teams = lists[lists.index.str.startswith("STR")]
    assert len(teams) == 10
    assert 1 <= (teams < 250).sum() <= 3
    assert 0.21 < lists.sum() / 50_000 < 0.26


def test_structures_grow_in_number_and_size() -> None:
    """A million: 60 PEPS teams, 6 IPEP groups of about 19,000, 3 IPSO practices; the same share of patients."""
    structures = draw_structures(1_000_000, np.random.default_rng(1))
    kinds = {kind: structures.patients[structures.places("kind", kind)] for kind in ("peps", "ipep", "ipso")}
    assert {kind: len(lists) for kind, lists in kinds.items()} == {"peps": 60, "ipep": 6, "ipso": 3}
    assert (np.abs(kinds["ipep"] - 19_700) < 1_200).all()
    assert 0.22 < structures.patients.sum() / 1_000_000 < 0.25


def test_nurses_are_on_the_roster_but_for_one_team(large: tuple[Path, pd.DataFrame]) -> None:
    """Each structure has nurses and at least four general practitioners; the eighth PEPS team has no nurse."""
    roster = read_roster(large[0] / "roster.csv")
    members = roster.groupby(["structure_id", "profession"]).size().unstack(fill_value=0)
    assert (members.mg >= 4).all()
    assert (members.ide >= 1).all()
    structures = draw_structures(50_000, np.random.default_rng(1))
    assert [structures.structure_id[place] for place in np.flatnonzero(structures.nurses == 0)] == ["STR008"]


def test_participations_name_the_structures_of_the_roster(large: tuple[Path, pd.DataFrame]) -> None:
    """The file is read strictly; teams are those of the roster, hospitals come beside them."""
    data = large[0]
    rows = read_participations(data / "participations.csv")
    teams = rows[~rows.scheme.isin(HOSPITAL_SCHEMES)]
    assert set(teams.structure_id) == set(read_roster(data / "roster.csv").structure_id)
    assert rows[rows.scheme == "ipep"][["phase_from", "carte"]].to_numpy().tolist() == [
        [pd.Timestamp("2022-01-01"), "yes"]
    ]
    prescribers = set(claims(data).ETB_PRE_FIN.dropna())
    assert set(rows[rows.scheme == "biosimilars"].structure_id) <= prescribers


def test_all_kinds_of_participation_at_50_000() -> None:
    """Three schemes of the PEPS family, three patienteles, both perimeters, phases 2 and 3 in 2024."""
    profiles = pd.DataFrame(draw_structures(50_000, np.random.default_rng(1)).profile)
    peps = profiles[profiles.kind == "peps"]
    assert set(peps.scheme) == {"peps", "peps2", "primordial"}
    assert set(peps.patientele) == {"TOT", "AGE", "DIAB"}
    assert set(peps.perimeter) == {"MG", "MG_IDE"}
    assert {"2021-01-01", "2023-01-01"} <= set(peps.phase_from)
    assert peps[peps.scheme == "primordial"].opened_on.tolist() == ["2023-01-09"]


def test_care_of_structures_stays_mostly_in_the_team(large: tuple[Path, pd.DataFrame]) -> None:
    """Acts by the team, or under its pathway codes, are 75 to 95 % and differ by team; so do nurse acts."""
    data = large[0]
    roster = read_roster(data / "roster.csv")
    rows = claims(data).query("care_year == 2024 and PRS_ACT_QTE > 0 and CPL_MAJ_TOP == 0 and BEN_CDI_NIR == '00'")
    contracts = table(data, "IR_MTT_R").query("MTT_DEB_DTE < '2024-01-01' and MTT_FIN_DTE < '1700-01-01'")
    declared = contracts.drop_duplicates(["BEN_NIR_PSA", "BEN_RNG_GEM"], keep=False)
    declared = declared.merge(roster[roster.to_date.dt.year > 2100], left_on="MTT_PFS_NUM", right_on="professional_id")
    rows = rows.merge(declared[["BEN_NIR_PSA", "BEN_RNG_GEM", "structure_id"]], on=["BEN_NIR_PSA", "BEN_RNG_GEM"])
    own = set(zip(roster.structure_id, roster.professional_id, strict=True))
    by_team = [pair in own for pair in zip(rows.structure_id, rows.PFS_EXE_NUM, strict=True)]
    rows["in_team"] = np.array(by_team) | rows.PRS_PDS_QCP.isin((1, 7))
    gp = rows[rows.PSE_SPE_COD.isin((1, 22, 23)) & ~rows.PRS_PDS_QCP.isin((5, 6, 25))]
    shares = gp.groupby("structure_id").in_team.mean()
    assert shares.between(0.74, 0.95).all()
    assert shares.max() - shares.min() > 0.02
    nurse = rows[rows.PSE_SPE_COD == 24].groupby("structure_id").in_team.mean()
    assert nurse.between(0.3, 0.95).all()


def test_pathway_codes_are_those_of_the_snds(large: tuple[Path, pd.DataFrame]) -> None:
    """IR_QPS_V: emergencies and care away from home are few; minors and persons without a doctor have their codes."""
    gp = claims(large[0]).query("PSE_SPE_COD in (1, 22, 23) and CPL_MAJ_TOP == 0 and PRS_PDS_QCP > 0")
    share = gp.PRS_PDS_QCP.value_counts(normalize=True)
    assert set(share.index) == {1, 5, 6, 7, 23, 24, 25, 33, 34}
    assert 0.01 < share[[5, 25]].sum() < 0.05
    assert 0.01 < share[6] < 0.05


def test_declared_bricks_are_of_patients_of_the_practice(large: tuple[Path, pd.DataFrame]) -> None:
    """Persons of the population, the practice's structure, known bricks, some of each common kind."""
    data = large[0]
    rows = read_declared_bricks(data / "declared_bricks.csv")
    people = table(data, "IR_BEN_R")
    contracts = table(data, "IR_MTT_R")
    roster = read_roster(data / "roster.csv")
    doctors = roster[roster.structure_id == "IPS001"].professional_id
    known = people[people.BEN_NIR_PSA.isin(contracts[contracts.MTT_PFS_NUM.isin(doctors)].BEN_NIR_PSA)].BEN_IDT_ANO
    assert set(rows.structure_id) == {"IPS001"}
    assert set(rows.patient_id) <= set(known)
    counts = rows.brick.value_counts()
    assert set(counts.index) <= set(BRICK_NAMES)
    assert (counts[["ald", "personne_agee", "sante_femme", "vulnerabilite_sociale"]] > 20).all()


def test_territories_hold_every_commune(large: tuple[Path, pd.DataFrame]) -> None:
    """About forty territories; every commune of residence belongs to one."""
    data = large[0]
    listed = read_territories(data / "territories.csv")
    assert listed.territory_id.nunique() == 40
    people = table(data, "IR_BEN_R")
    overseas = people.BEN_RES_DPT.str.startswith("97")
    codes = np.where(
        overseas, people.BEN_RES_DPT + people.BEN_RES_COM.str[1:], people.BEN_RES_DPT.str[1:] + people.BEN_RES_COM
    )
    assert set(codes) <= set(listed.commune)


def test_biosimilars_are_dispensed_and_partly_prescribed_by_hospitals(large: tuple[Path, pd.DataFrame]) -> None:
    """One person in 350 to 800 has etanercept or adalimumab; most of it comes from hospitals; both kinds are there."""
    data = large[0]
    packs = read_packs(PACKS)
    names = table(data, "IR_PHA_R")
    assert set(packs.cip13) <= set(names.PHA_CIP_C13.astype(str))
    assert not names.duplicated("PHA_CIP_C13").any()
    details = table(data, "ER_PHA_F")[[*KEY, "PHA_PRS_C13"]]
    details["cip13"] = details.PHA_PRS_C13.astype(str)
    rows = claims(data)[[*KEY, "BEN_NIR_PSA", "BEN_CDI_NIR", "ETB_PRE_FIN"]].query("BEN_CDI_NIR == '00'")
    rows = details.merge(packs, on="cip13").merge(rows, on=KEY)
    assert set(rows.kind) == {"reference", "biosimilar"}
    biologic = rows[rows.molecule.isin(("etanercept", "adalimumab"))]
    assert 350 < len(table(data, "IR_BEN_R")) / biologic.BEN_NIR_PSA.nunique() < 800
    assert biologic.ETB_PRE_FIN.notna().mean() == pytest.approx(0.7, abs=0.2)
    assert rows[rows.molecule == "glargine"].ETB_PRE_FIN.notna().mean() == pytest.approx(0.25, abs=0.12)
