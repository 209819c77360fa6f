"""Which structure takes part in which scheme, from when to when: the file that the payer keeps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.payer_files import days, figures, or_none, read_rows, refuse, refuse_empty, refuse_unknown
from features.roster import OPEN_END

COLUMNS = ("structure_id", "structure_name", "scheme", "from_date", "to_date")
OPTIONAL = (
    "patientele", "perimeter", "phase_from", "quality_share", "carte", "experience_points", "opened_on", "legal_form",
    "phase", "programmes",
)  # fmt: skip
EDS_ONLY = ("phase", "programmes")
PEPS_FAMILY = ("peps", "peps2", "primordial", "capitation")
EDS = "eds"
HOSPITAL_SCHEMES = ("biosimilars", "biosimilars_caqes", EDS)
SCHEMES = (*PEPS_FAMILY, "ipep", "ipso", *HOSPITAL_SCHEMES)
PATIENTELES = ("DIAB", "AGE", "TOT")
PERIMETERS = ("MG", "MG_IDE")
PROGRAMMES = Path(__file__).parent / "episodes" / "programmes"
FINESS_LENGTHS = (8, 9)
MOST_EXPERIENCE_POINTS = 20


def read_participations(path: Path) -> pd.DataFrame:
    """Rows of the participations, one structure in one scheme over a period, in the order of the file.

    Columns: structure_id (hospitals: the first 8 characters of the FINESS, as in claims), structure_name, scheme,
    from_date, to_date (`OPEN_END` where empty), patientele and perimeter (PEPS family), phase_from (first day of
    phase 1; from_date where empty), quality_share (0 to 1; NaN: not known), carte (yes or no), experience_points
    (0 to 20; NaN: not measured), opened_on (day a centre created from scratch opened; NaT), legal_form, and for EDS
    phase (empty: that of the year of participation) and programmes (a list a, b; empty: all). Text that is not given
    is None.
    A column that no structure needs may be absent; `,` or `;` between columns, dates as YYYY-MM-DD.
    Errors: MissingError for no file; InputError naming the file, the column and the row (1 is the header).
    """
    rows = read_rows(path, COLUMNS, optional=OPTIONAL, holds="one structure in one scheme")
    _check_text(path, rows)
    from_date = days(path, rows, "from_date")
    is_hospital = rows["scheme"].isin(HOSPITAL_SCHEMES)
    typed = rows.assign(
        structure_id=rows["structure_id"].mask(is_hospital, rows["structure_id"].str[:8]),
        patientele=or_none(rows["patientele"]),
        perimeter=or_none(rows["perimeter"]),
        from_date=from_date,
        to_date=days(path, rows, "to_date").fillna(OPEN_END),
        phase_from=days(path, rows, "phase_from").fillna(from_date),
        quality_share=figures(path, rows, "quality_share", low=0, high=1),
        carte=or_none(rows["carte"]),
        experience_points=figures(path, rows, "experience_points", low=0, high=MOST_EXPERIENCE_POINTS),
        opened_on=days(path, rows, "opened_on"),
        legal_form=or_none(rows["legal_form"]),
        phase=or_none(rows["phase"]),
        programmes=or_none(rows["programmes"].map(_listed)),
    )
    _check_days(path, typed)
    return typed


def _check_text(path: Path, rows: pd.DataFrame) -> None:
    refuse_empty(path, rows, ("structure_id", "scheme", "from_date"))
    for name, known in (
        ("scheme", SCHEMES),
        ("patientele", PATIENTELES),
        ("perimeter", PERIMETERS),
        ("carte", ("yes", "no")),
    ):
        refuse_unknown(path, rows, name, known)
    is_peps = rows["scheme"].isin(PEPS_FAMILY)
    for name, known in (("patientele", PATIENTELES), ("perimeter", PERIMETERS)):
        refuse(path, name, is_peps & (rows[name] == ""), f"is empty; a PEPS team needs {', '.join(known)}")
    is_hospital = rows["scheme"].isin(HOSPITAL_SCHEMES)
    bad = is_hospital & ~rows["structure_id"].str.len().isin(FINESS_LENGTHS)
    refuse(path, "structure_id", bad, "is not a FINESS of 8 or 9 characters", rows["structure_id"])
    for name in EDS_ONLY:
        refuse(path, name, (rows["scheme"] != EDS) & (rows[name] != ""), f"is for {EDS} alone; leave it empty")
    built = sorted({file.stem.rsplit("_", 1)[0] for file in PROGRAMMES.glob("*.yaml")})
    bad = ~rows["programmes"].map(lambda text: not text or set(_parts(text)) <= set(built))
    refuse(path, "programmes", bad, f"should be a list of {', '.join(built)}", rows["programmes"])


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _listed(text: str) -> str:
    """A list with its names once each, in order, so that two ways of writing it are the same input."""
    return ", ".join(sorted(set(_parts(text))))


def _check_days(path: Path, rows: pd.DataFrame) -> None:
    refuse(path, "to_date", rows["to_date"] < rows["from_date"], "is before from_date; swap or correct them")
    late = rows["opened_on"] > rows["from_date"]
    refuse(path, "opened_on", late, "is after from_date: a centre takes part once it is open")
    one = ["structure_id", "scheme"]
    ordered = rows.sort_values([*one, "from_date", "to_date"], kind="stable")
    busy_until = ordered.groupby(one)["to_date"].transform(lambda ends: ends.cummax().shift())
    overlaps = (busy_until >= ordered["from_date"]).reindex(rows.index)
    refuse(path, "structure_id", overlaps, "is in the same scheme twice over the same days", rows["structure_id"])
