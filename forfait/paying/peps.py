"""The inputs of a PEPS payment, from the datasets of a year (final) or of the year before (provisional)."""

from __future__ import annotations

import math

import ibis
import pandas as pd

from features.attribution import AGE_ALD, AGE_MIN, AGE_MIN_WITH_ALD, DIAB_ALD
from features.codes import ald_flag
from features.roster import read_roster
from features.spending import PERIMETERS
from features.tables import BENEFICIARIES, FEATURE_TABLE, FIDELISATION, PATIENTELE, SPENDING
from forfait.paying.sources import (
    CARE,
    KEY,
    Priced,
    Sources,
    care_of,
    first_days,
    has_c2s,
    list_of,
    members,
    participants,
    predicted,
    reference,
    rows,
    spent,
    with_care,
)
from schemes.peps import FAMILY

MODELS = {"MG": "peps_mg", "MG_IDE": "peps_mg_ide"}
FLAGS = {"DIAB": "is_diab", "AGE": "is_age", "TOT": "is_tot"}


def peps_inputs(
    sources: Sources, year: int, *, priced_by: dict[str, Priced], provisional: bool
) -> dict[str, pd.DataFrame]:
    """Frames of `schemes.peps.pay` for a year.

    Final: the list, presence and care of the year. Provisional: the list on 31 December before, present the whole
    year, with the care of the year before. `priced_by` gives the version for each perimeter. The balance of the
    model by patientele and zone is measured on the national reference of the year before. A structure with two
    participations in the year, which `pay` refuses, is gathered under the first.
    Errors: MissingError naming the command to run.
    """
    listed = participants(sources, FAMILY, year)
    teams = listed.drop_duplicates("structure_id")
    care_year = year - 1 if provisional else year
    parts = [
        _perimeter(sources, year, teams[teams["perimeter"] == perimeter], priced_by[perimeter], care_year=care_year)
        for perimeter in sorted(teams["perimeter"].unique())
    ]
    joined = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
    return {"participations": listed, "teams": _professionals(sources, teams, year), **joined}


def _perimeter(
    sources: Sources, year: int, teams: pd.DataFrame, priced_by: Priced, *, care_year: int
) -> dict[str, pd.DataFrame]:
    perimeter = str(teams["perimeter"].iloc[0])
    columns = [*KEY, "first_day", "last_day", "present_share", *FLAGS.values()]
    listed = list_of(sources, teams, year, provisional=care_year < year)[columns]
    people = _people(sources, year, listed, priced_by, home_year=care_year)
    care = care_of(sources, teams["structure_id"], care_year, perimeter=perimeter)
    patients = with_care(listed.merge(people, on="patient_id", how="left", validate="m:1"), care)
    patients = patients.astype({"zone_id": "string"})
    national = _national(sources, year - 1, priced_by, perimeter)
    balance = _by_patientele(national)
    return {
        "patients": patients,
        "reference": balance.assign(perimeter=perimeter),
        "zones": _by_zone(national).assign(perimeter=perimeter),
        "fee_for_service": _fee_for_service(
            sources, teams, priced_by, care=care, patients=patients, acts_per_eur=_acts_per_eur(national, perimeter)
        ).pipe(_balanced, teams, balance),
    }


def _people(sources: Sources, year: int, listed: pd.DataFrame, priced_by: Priced, *, home_year: int) -> pd.DataFrame:
    """Expectation and circumstances of the patients of a list; someone without prediction keeps an empty one."""
    wanted = ibis.memtable(listed[["patient_id"]].drop_duplicates())
    known = sources.table(FEATURE_TABLE, year)
    homes = sources.table(BENEFICIARIES, home_year)
    described = wanted.left_join(
        known.select(
            "patient_id",
            c2s=has_c2s(known),
            ame=known.ame > 0,
        ),
        "patient_id",
    ).drop("patient_id_right")
    at_home = homes.select("patient_id", zone_id="department", fdep_quintile="fdep_quintile")
    described = described.left_join(at_home, "patient_id").drop("patient_id_right")
    frame = rows(described.left_join(predicted(sources, year, priced_by), "patient_id").drop("patient_id_right"))
    return frame.astype({"c2s": "boolean", "ame": "boolean"}).fillna({"c2s": False, "ame": False})


def _national(sources: Sources, year: int, priced_by: Priced, perimeter: str) -> pd.DataFrame:
    """The reference of a year: exposure, observed and expected euros, acts, patienteles and zone, a patient a row."""
    known = reference(sources, year)
    ald = {number: known[ald_flag(number)] > 0 for number in (*DIAB_ALD, *AGE_ALD)}
    in_age_ald = ibis.or_(*(ald[number] for number in AGE_ALD))
    flags = known.select(
        "patient_id",
        is_diab=ibis.or_(*(ald[number] for number in DIAB_ALD)),
        is_age=(known.age >= AGE_MIN) | ((known.age >= AGE_MIN_WITH_ALD) & in_age_ald),
        is_tot=ibis.literal(True),
    )
    acts = sources.table(SPENDING, year).select("patient_id", "gp_acts")
    homes = sources.table(BENEFICIARIES, year).select("patient_id", zone_id="department")
    joined = flags.inner_join(spent(sources, year, PERIMETERS[perimeter]), "patient_id")
    for part in (acts, homes, predicted(sources, year, priced_by)):
        joined = joined.inner_join(part, "patient_id")
    return rows(joined.order_by("patient_id")).assign(expected=lambda t: t["expected_eur"] * t["exposure_share"])


def _by_patientele(national: pd.DataFrame) -> pd.DataFrame:
    """Sums of each patientele that the nation has; `pay` asks for the row of a team's own."""
    found = pd.DataFrame(
        [
            (patientele, inside["observed_eur"].sum(), inside["expected"].sum(), len(inside))
            for patientele, flag in FLAGS.items()
            for inside in [national[national[flag].fillna(False).astype(bool)]]
        ],
        columns=["patientele", "observed_eur", "expected_eur", "patients"],
    )
    return found[found["expected_eur"] > 0]


def _by_zone(national: pd.DataFrame) -> pd.DataFrame:
    zones = national.groupby("zone_id", as_index=False).agg(
        observed_eur=("observed_eur", "sum"), expected_eur=("expected", "sum"), patients=("patient_id", "size")
    )
    return zones[zones["expected_eur"] > 0].astype({"zone_id": "string"})


def _acts_per_eur(national: pd.DataFrame, perimeter: str) -> float:
    """General-practice acts per euro expected in the reference; not known where nurse acts are in the perimeter."""
    expected = float(national["expected"].sum())
    return float(national["gp_acts"].sum()) / expected if perimeter == "MG" and expected else math.nan


def _fee_for_service(
    sources: Sources,
    teams: pd.DataFrame,
    priced_by: Priced,
    *,
    care: pd.DataFrame,
    patients: pd.DataFrame,
    acts_per_eur: float,
) -> pd.DataFrame:
    """What fee-for-service paid each team before the forfait, and what this year's acts would have been paid."""
    patients = _targeted(patients, teams)
    care = care.merge(patients[KEY], on=KEY, how="inner", validate="1:1")
    shadow = care.groupby("structure_id").agg(
        shadow_ffs_cents=("in_team_cents", "sum"), acts_observed=("in_team_acts", "sum")
    )
    weighted = (patients["expected_eur"] * patients["present_share"]).groupby(patients["structure_id"]).sum()
    money = patients.groupby("structure_id")[CARE].sum()
    kept = money["in_team_cents"] / (money["in_team_cents"] + money["outside_cents"])
    frame = pd.DataFrame(index=pd.Index(teams["structure_id"])).join(shadow)
    frame["acts_expected"] = (weighted * kept * acts_per_eur).reindex(frame.index)
    frame["reference_year"] = first_days(sources, FAMILY).reindex(frame.index).dt.year - 1
    entered = teams["structure_id"].map(frame["reference_year"])
    past = [_before(sources, teams[entered == y], int(y), priced_by) for y in sorted(entered.unique())]
    return frame.join(pd.concat(past)).reset_index()


def _balanced(former: pd.DataFrame, teams: pd.DataFrame, balance: pd.DataFrame) -> pd.DataFrame:
    """The former base brought to observed spending, as the base of the year is: times k_cal of the patientele."""
    k_cal = balance.set_index("patientele").pipe(lambda b: b["observed_eur"] / b["expected_eur"])
    target = teams.set_index("structure_id")["patientele"]
    return former.assign(
        reference_base_eur=former["reference_base_eur"] * former["structure_id"].map(target).map(k_cal)
    )


def _targeted(listed: pd.DataFrame, teams: pd.DataFrame) -> pd.DataFrame:
    """Rows of a list that are in the patientele of their team and present with it."""
    target = listed["structure_id"].map(teams.set_index("structure_id")["patientele"])
    is_in = pd.Series(data=False, index=listed.index)
    for patientele, flag in FLAGS.items():
        is_in |= (target == patientele) & listed[flag].astype(bool)
    return listed[is_in & (listed["present_share"] > 0)]


def _before(sources: Sources, entered: pd.DataFrame, year: int, priced_by: Priced) -> pd.DataFrame:
    """reference_ffs_cents and reference_base_eur of the teams that entered PEPS the year after; empty where unknown."""
    columns = ["reference_ffs_cents", "reference_base_eur"]
    if not (sources.has(FIDELISATION, year) and sources.has(PATIENTELE, year)):
        return pd.DataFrame(index=pd.Index(entered["structure_id"].unique()), columns=columns, dtype="float64")
    inside = _targeted(members(sources, entered["structure_id"], year), entered)
    base = _people(sources, year, inside, priced_by, home_year=year)[["patient_id", "expected_eur"]]
    priced_list = inside.merge(base, on="patient_id", how="left", validate="m:1")
    weighted = priced_list["expected_eur"] * priced_list["present_share"]
    care = care_of(sources, entered["structure_id"], year, perimeter=str(entered["perimeter"].iloc[0]))
    care = care.merge(inside[KEY], on=KEY, how="inner", validate="1:1")
    return pd.DataFrame(
        {
            "reference_ffs_cents": care.groupby("structure_id")["in_team_cents"].sum(),
            "reference_base_eur": weighted.groupby(priced_list["structure_id"]).sum(),
        },
        columns=columns,
    )


def _professionals(sources: Sources, teams: pd.DataFrame, year: int) -> pd.DataFrame:
    """structure_id, profession, members: professionals on the roster on some day of the year."""
    roster = read_roster(sources.roster)
    here = (roster["from_date"] <= f"{year}-12-31") & (roster["to_date"] >= f"{year}-01-01")
    mine = roster[here & roster["structure_id"].isin(set(teams["structure_id"]))]
    counted = mine.groupby(["structure_id", "profession"]).agg(members=("professional_id", "nunique"))
    return counted.reset_index()
