"""Boxes of reference drugs and biosimilars delivered in town on the prescriptions of each hospital."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
from ibis.backends import BaseBackend

from features.engine import dataset_path
from features.payer_files import figures, read_rows, refuse, refuse_empty, refuse_unknown
from features.provenance import Provenance
from features.reference_data import FOLDER
from features.store import read_dataset, write_dataset
from features.tables import BIOSIMILAR_BOXES, DISPENSINGS

PACKS = FOLDER / "biosimilars.csv"
COLUMNS = ("cip13", "molecule", "kind", "dose_weight")
REFERENCE, BIOSIMILAR = "reference", "biosimilar"
CIP_LENGTH, MOST_WEIGHT = 13, 100.0


def count_boxes(
    con: BaseBackend,
    data: Path,
    year: int,
    *,
    packs: Path = PACKS,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """The dataset `biosimilar_boxes` of a year, written: hospital, molecule, boxes, of them biosimilars, patients.

    V = sum over packs delivered in the year, reversals deducted, of quantity × dose weight, the prescriber being of
    the hospital; biosimilar_boxes counts those of a biosimilar alone. A pack prescribed elsewhere, or not listed in
    `packs` (CSV: cip13, molecule, kind, dose_weight), counts nowhere; the provenance record says how many boxes of
    listed packs no establishment prescribed.
    Rule: specs of other Article 51 models, biosimilars. Errors: as `read_packs`; MissingError
    where the year was not read.
    """
    say = progress or (lambda step: None)
    say("counting boxes of biosimilars and references")
    listed = read_packs(packs)
    codes = ibis.memtable(listed[["cip13", "molecule"]])
    dispensed = read_dataset(con, DISPENSINGS, data, year).inner_join(codes, "cip13")
    dispensed = dispensed.mutate(establishment_id=dispensed.prescriber_establishment_id)
    counted = dispensed.group_by("establishment_id", "cip13").aggregate(packs=dispensed.quantity.sum())
    patients = dispensed.group_by("establishment_id", "molecule").aggregate(patients=dispensed.patient_id.nunique())
    boxes = counted.to_pandas().merge(listed, on="cip13", validate="many_to_one")
    boxes["weighted"] = boxes["packs"].astype("float64") * boxes["dose_weight"]
    elsewhere = math.fsum(boxes.loc[boxes["establishment_id"].isna(), "weighted"])
    rows = _by_hospital(boxes.dropna(subset=["establishment_id"]))
    rows = rows.merge(patients.to_pandas(), on=["establishment_id", "molecule"], validate="one_to_one")
    provenance = Provenance(
        f"count --year {year}",
        inputs=(dataset_path(data, DISPENSINGS.name, year), packs),
        parameters={"boxes_without_establishment": elsewhere},
    )
    rows = rows.assign(year=year)[BIOSIMILAR_BOXES.column_names]
    write_dataset(BIOSIMILAR_BOXES, data, rows, year, provenance=provenance)
    return read_dataset(None, BIOSIMILAR_BOXES, data, year)


def _by_hospital(boxes: pd.DataFrame) -> pd.DataFrame:
    """Boxes of each hospital and molecule, in order; sums do not depend on the order of the rows."""
    weighted = boxes.assign(biosimilar=boxes["weighted"].where(boxes["kind"] == BIOSIMILAR, 0.0))
    sums = weighted.groupby(["establishment_id", "molecule"]).agg(
        boxes=("weighted", math.fsum), biosimilar_boxes=("biosimilar", math.fsum)
    )
    return sums.astype("float64").reset_index()


def read_packs(path: Path) -> pd.DataFrame:
    """Packs: cip13, molecule, kind (reference or biosimilar), dose_weight (boxes that one pack counts for).

    Errors: MissingError for no file; InputError for an empty value, a code that is not a CIP13 or comes twice, an
    unknown kind, a weight that is not above 0, a molecule without both kinds.
    """
    rows = read_rows(path, COLUMNS, holds="one pack")
    refuse_empty(path, rows, COLUMNS)
    is_cip = rows["cip13"].str.fullmatch(rf"\d{{{CIP_LENGTH}}}")
    refuse(path, "cip13", ~is_cip, f"is not a code of {CIP_LENGTH} digits", rows["cip13"])
    refuse(path, "cip13", rows.duplicated("cip13"), "stands in a row above; keep one", rows["cip13"])
    refuse_unknown(path, rows, "kind", (REFERENCE, BIOSIMILAR))
    weights = figures(path, rows, "dose_weight", low=0, high=MOST_WEIGHT)
    refuse(path, "dose_weight", weights == 0, "is not above 0")
    kinds = rows.groupby("molecule")["kind"].transform("nunique")
    refuse(
        path, "molecule", kinds < 2, "has packs of one kind only; list its reference and biosimilars", rows["molecule"]
    )
    return rows.assign(dose_weight=weights)
