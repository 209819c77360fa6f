"""Departments and regions by which money is shown: the code officiel géographique of Insee, 1 January 2024."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.reference_data import reference

# Departments of each region: 96 in metropolitan France since 2A and 2B, and five overseas, each a region.
DEPARTMENTS = {
    "Auvergne-Rhône-Alpes": 12, "Bourgogne-Franche-Comté": 8, "Bretagne": 4, "Centre-Val de Loire": 6, "Corse": 2,
    "Grand Est": 10, "Guadeloupe": 1, "Guyane": 1, "Hauts-de-France": 5, "Île-de-France": 8, "La Réunion": 1,
    "Martinique": 1, "Mayotte": 1, "Normandie": 5, "Nouvelle-Aquitaine": 12, "Occitanie": 13, "Pays de la Loire": 5,
    "Provence-Alpes-Côte d'Azur": 6,
}  # fmt: skip
CODES = {
    "01": "Guadeloupe", "02": "Martinique", "03": "Guyane", "04": "La Réunion", "06": "Mayotte", "11": "Île-de-France",
    "24": "Centre-Val de Loire", "27": "Bourgogne-Franche-Comté", "28": "Normandie", "32": "Hauts-de-France",
    "44": "Grand Est", "52": "Pays de la Loire", "53": "Bretagne", "75": "Nouvelle-Aquitaine", "76": "Occitanie",
    "84": "Auvergne-Rhône-Alpes", "93": "Provence-Alpes-Côte d'Azur", "94": "Corse",
}  # fmt: skip


def departments() -> pd.DataFrame:
    """The table without 20, Corsica as one, which some tables of the SNDS still use."""
    rows = reference("regions")
    assert rows.loc[rows["department"] == "20", "region"].tolist() == ["Corse"]
    return rows[rows["department"] != "20"]


def test_eighteen_regions_and_a_hundred_and_one_departments():
    """Each department once; as many of each region as the code lists."""
    rows = departments()
    assert len(rows) == rows["department"].nunique() == 101
    assert rows["region"].value_counts().to_dict() == DEPARTMENTS and len(DEPARTMENTS) == 18


def test_codes_of_the_departments():
    """01 to 95 without 20, 2A, 2B, and 971 to 974 and 976."""
    metropolitan = {f"{number:02d}" for number in range(1, 96) if number != 20} | {"2A", "2B"}
    assert set(departments()["department"]) == metropolitan | {"971", "972", "973", "974", "976"}


def test_codes_of_the_regions():
    """One code, one name."""
    pairs = departments()[["region_code", "region"]].drop_duplicates()
    assert dict(zip(pairs["region_code"], pairs["region"], strict=True)) == CODES


def test_the_table_says_where_it_comes_from():
    """Its origin and date stand in sources.yaml."""
    sources = Path("features/reference/sources.yaml").read_text(encoding="utf-8")
    told = sources.split("\nregions.csv:")[1].split("\nsnds_dictionary.csv:")[0]
    assert "Insee, code officiel géographique 2024" in told and '"2024-01-01"' in told
