"""PEPS from the datasets to the cent, on ten patients; and what is refused on the way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from features.tables import AMOUNTS, TABLES
from forfait.paying.pay import last_run
from schemes.rulebook import _read
from tests.forfait import small_france as small

FINAL = ("pay", "peps", "--year", "2024", "--all", "--by", "Cnam", "--decided-on", "2025-09-30")
PROVISIONAL = (*FINAL[:7], "--decided-on", "2023-12-31", "--kind", "provisional")


@pytest.fixture
def france(small_france: small.France) -> small.France:
    return small_france


def result(france: small.France, name: str, kind: str = "final") -> pd.DataFrame:
    folder = last_run(france.data / "payments", "peps", 2024, kind)
    assert folder is not None
    return pd.read_parquet(folder / "results" / f"{name}.parquet")


def cents(france: small.France, structure: str, kind: str = "final") -> dict[str, int]:
    """Components of a structure that move something."""
    rows = result(france, AMOUNTS.name, kind)
    mine = rows[(rows["structure_id"] == structure) & (rows["amount_cents"] != 0)]
    return dict(zip(mine["component"], mine["amount_cents"], strict=True))


def test_two_teams_to_the_cent(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """k_cal = 300 / 250 = 1.2.

    T1: 60 + 150 + 120 / 2 = 270.00; × 0.9 = 243.00; quality 5 % × 0.6 = 7.29. T2: 120 + 60 = 180.00; × 0.8 = 144.00;
    the poorest fifth adds 60 × 0.8 × 5 % = 2.40; the cap is 1.2 × the 100.00 of 2023, the same list: 120.00.
    """
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert cents(france, "T1") == {"base": 27000, "fidelisation": -2700, "quality": 729}
    assert cents(france, "T2") == {"base": 18000, "fidelisation": -3600, "local": 240, "cap": -2640}
    paid = result(france, "forfaits").groupby("structure_id")["amount_cents"].sum().to_dict()
    assert paid == {"T1": 25029, "T2": 12000}
    assert result(france, "excluded").to_dict("records") == [
        {"structure_id": "T1", "reason": "no_expectation", "patients": 1}
    ]


def test_provisional_pays_last_years_list_the_whole_year(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """T1: A1, A2 and A5 of 31 December: 60 + 150 + 30 = 240; care of 2023 gives 80 %; + 3 %: 197.76."""
    assert small.forfait(monkeypatch, france, *PROVISIONAL) == 0
    assert cents(france, "T1", "provisional") == {"base": 24000, "fidelisation": -4800, "quality": 576}
    assert cents(france, "T2", "provisional") == {"base": 18000, "local": 300, "cap": -6300}


def test_provisional_is_the_same_before_and_after_the_year(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """It needs nothing of the year's claims, and takes nothing from them: the same run."""
    assert small.forfait(monkeypatch, france, *PROVISIONAL) == 0
    after = last_run(france.data / "payments", "peps", 2024, "provisional")
    shutil.rmtree(france.data / "payments")
    for name in ("patientele", "beneficiaries", "spending", "fidelisation"):
        (france.data / name / "2024.parquet").unlink()
    assert small.forfait(monkeypatch, france, *PROVISIONAL) == 0
    assert last_run(france.data / "payments", "peps", 2024, "provisional") == after


def test_the_order_of_rows_is_the_same_run(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """Files written in another order give the same run, to its name."""
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    first = last_run(france.data / "payments", "peps", 2024, "final")
    for path in sorted(france.data.glob("*/202?.parquet")):
        rows = pd.read_parquet(path)
        small.table(france.data, TABLES[path.parent.name], int(path.stem), rows.iloc[::-1].to_dict("records"))
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert last_run(france.data / "payments", "peps", 2024, "final") == first


def test_one_structure_alone_leaves_the_payment_of_all_in_force(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """A structure computed alone is paid the same, and does not hide the others."""
    words = [word for word in FINAL if word != "--all"]
    assert small.forfait(monkeypatch, france, *words, "--structure", "T1") == 0
    assert cents(france, "T1") == {"base": 27000, "fidelisation": -2700, "quality": 729}
    assert cents(france, "T2") == {}
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert small.forfait(monkeypatch, france, *words, "--structure", "T1") == 0
    assert sum(cents(france, "T2").values()) == 12000


def test_a_structure_that_cannot_be_paid_does_not_stop_the_others(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Two participations in the year, of two perimeters; no roster and nobody on the list: refused, with reasons."""
    (france.data / "participations.csv").write_text(
        small.TEAMS.replace("T1,One,peps,TOT,MG,2021-01-01,,", "T1,One,peps,TOT,MG,2021-01-01,2024-06-30,")
        + "T1,One,peps2,TOT,MG_IDE,2024-07-04,,,\nT3,Three,peps,AGE,MG,2021-01-01,,,\n"
    )
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    refused = result(france, "refused")
    assert list(zip(refused["structure_id"], refused["reason"], strict=True)) == [
        ("T1", "two_participations"),
        ("T3", "empty_patientele"),
        ("T3", "no_roster"),
    ]
    assert result(france, "excluded").to_dict("records") == [
        {"structure_id": "T1", "reason": "structure_refused", "patients": 4}
    ]
    assert sum(cents(france, "T2").values()) == 12000
    assert "No professional on a roster" in " ".join(capsys.readouterr().out.split())


def test_nobody_paid_is_told(france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Where every structure is refused there is still a run, and its reasons."""
    (france.data / "participations.csv").write_text(small.COLUMNS + "T3,Three,peps,TOT,MG,2021-01-01,,,\n")
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert "peps 2024, final: 0.00 EUR" in " ".join(capsys.readouterr().out.split())
    assert len(result(france, "refused")) == 2


def test_an_unknown_department_is_paid_at_the_national_level(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """A zone that the reference does not have, and none at all: warned, not dropped."""
    homes = {"A1": {"department": "99"}, "A2": {"department": None}}
    people = [small.person(one, 2024, **homes.get(one, {})) for one in (*small.EXPECTED, "A4")]
    small.table(france.data, small.BENEFICIARIES, 2024, people)
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert cents(france, "T1") == {"base": 27000, "fidelisation": -2700, "quality": 729}
    warned = result(france, "warnings")
    assert "zone_unknown" in set(warned.loc[warned["structure_id"] == "T1", "warning"])


def test_the_former_year_is_that_before_the_first_entry_in_the_family(
    france: small.France, monkeypatch: pytest.MonkeyPatch
):
    """A team that goes from one scheme of the family to another was not on fee-for-service the year before."""
    earlier = "T2,Two,peps,TOT,MG,2021-01-01,2023-12-31,2021-01-01,\n"
    (france.data / "participations.csv").write_text(small.TEAMS + earlier)
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert cents(france, "T2") == {"base": 18000, "fidelisation": -3600, "local": 240}


@pytest.mark.parametrize(
    ("missing", "words", "code", "message"),
    [
        ("", ("pay", "pips", *FINAL[2:]), 3, "choose one of peps, ipep, ipso, biosimilars"),
        ("", (*FINAL, "--kind", "monthly"), 3, "choose provisional or final"),
        ("", ("pay", "ipep", *PROVISIONAL[2:]), 3, "ipep is paid once the year is known"),
        ("", (*FINAL[:4], *FINAL[5:], "--structure", "T9"), 3, "structure T9 takes no part"),
        ("", (*FINAL, "--structure", "T1"), 3, "say who is paid: --structure ID, or --all"),
        ("", (*FINAL[:7], "--decided-on", "2999-01-01"), 3, "--decided-on 2999-01-01 is to come"),
        ("", ("pay", "peps", "--year", "2019", *FINAL[4:]), 4, "no structure is in peps"),
        ("", (*FINAL, "--version", "7"), 4, "forfait train peps_mg"),
        ("patientele/2024", FINAL, 4, "run forfait attribute --year 2024"),
        ("fidelisation/2024", FINAL, 4, "run forfait count --year 2024"),
        ("predictions/2024", FINAL, 4, "run forfait predict --year 2024"),
        ("spending/2023", FINAL, 4, "run forfait spending --year 2023"),
        ("feature_table/2024", FINAL, 4, "run forfait features --year 2024"),
    ],
)
def test_what_cannot_be_paid_names_what_to_do(
    france: small.France,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
    words: tuple[str, ...],
    code: int,
    message: str,
):
    """An option that is wrong, or a step that was not run: one line, the command to run, no run kept."""
    if missing:
        (france.data / f"{missing}.parquet").unlink()
    assert small.forfait(monkeypatch, france, *words) == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (france.data / "payments" / "runs.jsonl").exists()


def test_predictions_of_another_version(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The file is there, the version in force is not in it."""
    rows = [{**row, "version": 2} for row in small.predictions("peps_mg", 2024, small.EXPECTED)]
    small.table(france.data, small.PREDICTIONS, 2024, rows)
    assert small.forfait(monkeypatch, france, *FINAL) == 4
    assert "run forfait predict peps_mg --year 2024 --version 1" in " ".join(capsys.readouterr().err.split())


def test_a_participation_that_ends_before_it_starts(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Named with its file and row."""
    (france.data / "participations.csv").write_text(small.COLUMNS + "T1,One,peps,TOT,MG,2024-01-01,2023-01-01,,\n")
    assert small.forfait(monkeypatch, france, *FINAL) == 3
    assert "participations.csv: row 2, column to_date is before from_date" in " ".join(capsys.readouterr().err.split())


def test_a_rule_file_that_has_paid_and_was_edited(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """The same file with another value: neither paid under again, nor replayed under."""
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    edited = small.copy_rules(tmp_path / "edited", advance_share="0.80", locked=True)
    _read.cache_clear()
    small.use_rules(monkeypatch, edited)
    assert small.forfait(monkeypatch, france, *FINAL) == 5
    assert "a file that has paid is not edited" in " ".join(capsys.readouterr().err.split())
    assert small.forfait(monkeypatch, france, "replay", "peps", "--year", "2024") == 5
    assert "has changed since run" in " ".join(capsys.readouterr().err.split())
