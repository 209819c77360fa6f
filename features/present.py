"""The days on which a patient is with a structure, spell by spell: what is counted for a structure falls on them."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.contracts import governing_contracts, presence
from features.errors import InputError
from features.roster import read_roster, without_overlap
from features.spending import days_in
from features.store import read_dataset
from features.tables import DECLARATIONS, PATIENTELE

PAIR = ["patient_id", "structure_id"]


def present_spells(con: BaseBackend, data: Path, year: int, *, roster: Path | None) -> pd.DataFrame:
    """Spells of the patientele of a year: patient_id, structure_id, first, last (days included), none overlapping.

    Most patients have one, from first_day to last_day. Those who left and came back have fewer days than that;
    their spells are found again from contracts and roster, as attribution found them, so that a day belongs to
    one structure. Without a roster they count from first to last day.
    Errors: MissingError where the year was not attributed; InputError where roster and contracts no longer give
    the days that patientele holds.
    """
    rows = read_dataset(None, PATIENTELE, data, year)
    rows = rows.rename(columns={"first_day": "first", "last_day": "last"})
    rows["days"] = (rows["present_share"] * days_in(year)).round().astype("int64")
    has_gaps = _days(rows) != rows["days"]
    whole = rows.loc[~has_gaps, [*PAIR, "first", "last"]]
    if roster is None or not has_gaps.any():
        return rows[whole.columns] if roster is None else whole
    broken = rows[has_gaps]
    spells = _spells_again(con, data, year, broken=broken, roster=roster)
    found = spells.assign(found=_days(spells)).groupby(PAIR, as_index=False)["found"].sum()
    checked = broken.merge(found, on=PAIR, how="left", validate="1:1")
    differ = int((checked["found"] != checked["days"]).sum())
    if differ:
        raise InputError(
            f"patientele {year}: the days present of {differ} patients do not follow from declarations and "
            f"{roster.name}; run forfait attribute --year {year} with this roster"
        )
    return pd.concat([whole, spells[whole.columns]], ignore_index=True)


def _spells_again(con: BaseBackend, data: Path, year: int, *, broken: pd.DataFrame, roster: Path) -> pd.DataFrame:
    wanted = ibis.memtable(broken[["patient_id"]].drop_duplicates())
    declared = read_dataset(con, DECLARATIONS, data, year).semi_join(wanted, "patient_id")
    contracts = declared.select(*DECLARATIONS.column_names[:4]).to_pyarrow().to_pandas(date_as_object=False)
    spells = presence(governing_contracts(contracts), without_overlap(read_roster(roster)))
    both = spells[[*PAIR, "first", "last"]].merge(broken, on=PAIR, suffixes=("", "_hull"), validate="m:1")
    clipped = both.assign(first=both[["first", "first_hull"]].max(axis=1), last=both[["last", "last_hull"]].min(axis=1))
    return clipped.loc[clipped["first"] <= clipped["last"], [*PAIR, "first", "last"]]


def _days(spells: pd.DataFrame) -> pd.Series:
    return (spells["last"] - spells["first"]).dt.days + 1


def while_present(lines: ibis.Table, spells: pd.DataFrame) -> ibis.Table:
    """Lines of care given on a day of a spell, with the spell's structure_id."""
    days = ibis.memtable(spells)
    days = days.select(*PAIR, first=days["first"].cast("date"), last=days["last"].cast("date"))
    there = [lines.patient_id == days.patient_id, lines.care_date >= days["first"], lines.care_date <= days["last"]]
    return lines.join(days, there).select(*[lines[name] for name in lines.columns], days.structure_id)
