"""Spending of 2023 by perimeter and poste, exposure and cap, on lines drawn by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import connect, dataset_path
from features.errors import InputError, MissingError
from features.postes import POSTES
from features.provenance import provenance_path
from features.reference_data import postes
from features.spending import cap_of, measure_spending, spending_columns
from tests.features.world import Row, read_year

MAY = date(2023, 5, 2)


def measured(data: Path, year: int = 2023, **rows: list[Row]) -> pd.DataFrame:
    read_year(data, year, **rows)
    spending = measure_spending(connect("duckdb", threads=1), data, year)
    return spending.to_pandas().set_index("patient_id").sort_index()


def test_perimeters_postes_and_acts(tmp_path: Path):
    """Two visits, their supplement (no act), a nurse and a pharmacy line; what is outside the target is left out."""
    lines = [
        {"care_date": MAY, "base_cents": 2650, "reimbursed_cents": 1855},
        {"care_date": MAY, "base_cents": 2650, "reimbursed_cents": 1755},
        {"care_date": MAY, "act_code": 1125, "base_cents": 500, "reimbursed_cents": 350},
        {"care_date": MAY, "act_code": 3111, "perimeter": "ide", "poste": "infirmier", "base_cents": 315},
        {
            "care_date": MAY,
            "act_code": 3303,
            "perimeter": "autre",
            "poste": "pharmacie",
            "base_cents": 1,
            "quantity": 4,
        },
        {"care_date": MAY, "is_in_target": False, "base_cents": 500_00, "poste": "prestations_especes"},
    ]
    row = measured(tmp_path, care_lines=lines).loc["A"]
    assert (row["spent_mg_eur"], row["spent_mg_ide_eur"], row["spent_total_eur"]) == (58.0, 61.15, 61.16)
    assert row["reimbursed_total_eur"] == 74.6
    assert row["gp_acts"] == 2
    spent = {name: euros for name, euros in row.items() if str(name).startswith("poste_") and euros}
    assert spent == {"poste_generaliste_eur": 58.0, "poste_infirmier_eur": 3.15, "poste_pharmacie_eur": 0.01}


def test_zero_spenders_are_in_the_universe(tmp_path: Path):
    """B had no care: a row of zeros, and the record of the dataset says so."""
    rows = measured(tmp_path, beneficiaries=[{}, {"patient_id": "B"}], care_lines=[{"care_date": MAY}])
    assert rows.loc["B"].drop("year").to_dict() == {
        name: float(name == "exposure_share") for name in rows.columns if name != "year"
    }
    record = json.loads(provenance_path(dataset_path(tmp_path, "spending", 2023)).read_text(encoding="utf-8"))
    assert "without any care count for 0 EUR" in record["parameters"]["universe"]


def test_exposure_of_births_and_deaths(tmp_path: Path):
    """Days from birth to death, both included, over 365; who died before the year or is born after it has no row."""
    people = {
        "all year": {},
        "died 1 January": {"death_date": date(2023, 1, 1)},
        "died 10 March": {"death_date": date(2023, 3, 10)},
        "born in December": {"birth_date": date(2023, 12, 1)},
        "dies later": {"death_date": date(2024, 2, 1)},
        "born and died": {"birth_date": date(2023, 2, 1), "death_date": date(2023, 2, 3)},
        "unknown birth": {"birth_date": None},
        "dead before": {"death_date": date(2022, 12, 31)},
        "born after": {"birth_date": date(2024, 1, 1)},
    }
    rows = measured(tmp_path, beneficiaries=[{"patient_id": who, **row} for who, row in people.items()])
    assert (rows["exposure_share"] * 365).round(9).to_dict() == {
        "all year": 365,
        "died 1 January": 1,
        "died 10 March": 69,
        "born in December": 31,
        "dies later": 365,
        "born and died": 3,
        "unknown birth": 365,
    }


def test_exposure_in_a_leap_year(tmp_path: Path):
    """2024 has 366 days: a death on 29 February leaves 60."""
    rows = measured(tmp_path, 2024, beneficiaries=[{"death_date": date(2024, 2, 29)}])
    assert rows.loc["A", "exposure_share"] == 60 / 366


def test_lines_of_persons_outside_the_universe_are_counted(tmp_path: Path):
    """A line of someone dead before the year, or unknown, has no row; its euros are in the record."""
    people = [{}, {"patient_id": "D", "death_date": date(2022, 12, 1)}]
    lines = [{"care_date": MAY}, {"care_date": MAY, "patient_id": "D"}, {"care_date": MAY, "patient_id": "Z"}]
    assert measured(tmp_path, beneficiaries=people, care_lines=lines)["spent_total_eur"].tolist() == [25.0]
    record = json.loads(provenance_path(dataset_path(tmp_path, "spending", 2023)).read_text(encoding="utf-8"))
    assert record["parameters"]["outside_universe"] == {"patients": 2, "euros": 50.0}


def test_cap_is_the_weighted_quantile_of_annual_spending():
    """1,000 patients from 1 to 1,000 EUR: P99.5 is 995, P99 is 990. Half a year at 500 EUR is 1,000 EUR a year."""
    euros = np.arange(1, 1001, dtype=float)
    spending = pd.DataFrame(
        {"exposure_share": 1.0, "spent_mg_eur": euros, "spent_mg_ide_eur": euros, "spent_total_eur": euros}
    )
    assert cap_of(spending, "MG") == (0.995, 995.0)
    assert cap_of(spending, "MG_IDE") == (0.99, 990.0)
    halved = spending.assign(exposure_share=0.5, spent_total_eur=euros / 2)
    assert cap_of(halved, "TOTAL") == (0.99, 990.0)


def test_cap_weighs_by_exposure():
    """98 full years at 10 EUR, and 4 quarters (one patient-year) at 100 EUR a year: P99 of the 99 years is 100."""
    full = pd.DataFrame({"exposure_share": 1.0, "spent_total_eur": 10.0}, index=range(98))
    quarters = pd.DataFrame({"exposure_share": 0.25, "spent_total_eur": 25.0}, index=range(4))
    assert cap_of(pd.concat([full, quarters]), "TOTAL") == (0.99, 100.0)
    assert cap_of(pd.concat([full, full, quarters]), "TOTAL") == (0.99, 10.0)


def test_cap_of_an_unknown_perimeter_or_of_nobody():
    """Errors that name the perimeters, or what is missing."""
    with pytest.raises(InputError, match="choose one of MG, MG_IDE, TOTAL"):
        cap_of(pd.DataFrame({"exposure_share": [1.0]}), "IDE")
    with pytest.raises(InputError, match="no patient with exposure"):
        cap_of(pd.DataFrame({"exposure_share": [], "spent_mg_eur": []}), "MG")


def test_an_unknown_poste_is_an_error(tmp_path: Path):
    """Euros under a poste without a column would vanish from the sum of postes: refused, with the amount."""
    with pytest.raises(InputError, match=r"25\.00 EUR lie under a poste that poste_labels\.csv"):
        measured(tmp_path, care_lines=[{"care_date": MAY, "poste": "voyante"}])


def test_every_poste_of_care_has_a_column():
    """The postes of the reader, cash benefits left out (they are never in the target)."""
    assert set(POSTES) == set(postes()) - {"prestations_especes"}
    assert [column.name for column in spending_columns()] == [f"poste_{poste}_eur" for poste in POSTES]


def test_a_year_that_was_not_read(tmp_path: Path):
    """The error names the command."""
    with pytest.raises(MissingError, match="run forfait read --year 2023"):
        measure_spending(connect("duckdb", threads=1), tmp_path, 2023)
