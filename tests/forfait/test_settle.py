"""A year from its instalments to its balance: decided, paid, computed again, reconciled, replayed, to the cent."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from features.errors import RuleError
from forfait.paying.pay import last_run, line_in_force
from schemes.ledger import DECIDED, PAID, read_ledger
from schemes.runs import load
from tests.forfait import small_france as small
from tests.forfait.test_pay_peps import FINAL, PROVISIONAL

RECONCILE = ("reconcile", "peps", "--year", "2024", "--by", "Cnam", "--decided-on", "2025-10-01")
HEADER = "structure_id,scheme,year,label,amount_cents,paid_on\n"
REASONS = {
    "T1": {"paid": 17798, "withheld": 1978, "patients_out": -850, "patients_in": 4713, "late_claims": 1390},
    "T2": {"paid": 10800, "withheld": 1200},
}


@pytest.fixture(scope="module")
def decided(drawn: small.France, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the provisional payment writes, computed once."""
    france = replace(drawn, data=Path(shutil.copytree(drawn.data, tmp_path_factory.mktemp("decided") / "data")))
    with pytest.MonkeyPatch.context() as patch:
        small.use_rules(patch, drawn.rules)
        assert small.forfait(patch, france, *PROVISIONAL) == 0
    return france.data / "payments"


@pytest.fixture
def france(small_france: small.France, decided: Path) -> small.France:
    """A France whose provisional payment is decided."""
    shutil.copytree(decided, small_france.data / "payments")
    return small_france


def bank(france: small.France, text: str | None = None) -> str:
    """A statement of the bank: every instalment on its day, or the text given."""
    rows = [
        f"{e.structure_id},{e.scheme},{e.year},{e.label},{e.amount_cents},{e.due_on}\n"
        for e in read_ledger(france.data / "payments" / "ledger.jsonl")
    ]
    path = france.data / "bank.csv"
    path.write_text(HEADER + ("".join(rows) if text is None else text), encoding="utf-8")
    return str(path)


def moves(france: small.France) -> dict[str, dict[str, int]]:
    frame = pd.read_parquet(france.data / "reconciliation" / "peps" / "2024" / "reconciliation.parquet")
    frame = frame[frame["amount_cents"] != 0]
    return {str(s): dict(zip(r["reason"], r["amount_cents"], strict=True)) for s, r in frame.groupby("structure_id")}


def amounts(france: small.France, kind: str) -> list[tuple[str, str, int, str]]:
    entries = read_ledger(france.data / "payments" / "ledger.jsonl")
    return [(e.structure_id, e.label, e.amount_cents, str(e.due_on)) for e in entries if e.kind == kind]


def test_instalments_are_nine_tenths_in_four_quarters(france: small.France):
    """197.76 × 0.9 = 177.98; 120.00 × 0.9 = 108.00."""
    ends = ["2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31"]
    assert amounts(france, DECIDED) == [
        *[("T1", f"2024-Q{q}", cents, ends[q - 1]) for q, cents in enumerate((4450, 4450, 4449, 4449), 1)],
        *[("T2", f"2024-Q{q}", 2700, ends[q - 1]) for q in (1, 2, 3, 4)],
    ]


def test_a_year_settled(france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """T1, list left: (60 + 150) × 70 / 80 × 1.03 = 189.26; list come: 270 × 85 / 100 × 1.03 = 236.39; due 250.29."""
    assert small.forfait(monkeypatch, france, "paid", bank(france), "--by", "bank") == 0
    assert "8 payments recorded, 285.98 EUR" in capsys.readouterr().out
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert small.forfait(monkeypatch, france, *RECONCILE, "--decide") == 0
    assert moves(france) == REASONS
    balances = [("T1", "regularisation 2025-10-01", 7231, "2025-10-01")]
    balances += [("T2", "regularisation 2025-10-01", 1200, "2025-10-01")]
    assert amounts(france, DECIDED)[8:] == balances
    assert len(amounts(france, PAID)) == 8
    assert small.forfait(monkeypatch, france, *RECONCILE, "--decide") == 0
    assert len(amounts(france, DECIDED)) == 10, "a balance decided leaves nothing to decide"
    for kind in ("provisional", "final"):
        assert small.forfait(monkeypatch, france, "replay", "peps", "--year", "2024", "--kind", kind) == 0
        assert "identical, 2 structures" in " ".join(capsys.readouterr().out.split())


def test_a_team_withdrawn_gives_its_instalments_back(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """Its row is gone from the participations: nothing is due, what was decided is recovered."""
    (france.data / "participations.csv").write_text(small.COLUMNS + small.T1)
    assert small.forfait(monkeypatch, france, *FINAL) == 0
    assert small.forfait(monkeypatch, france, *RECONCILE, "--decide") == 0
    assert moves(france)["T2"] == {"decided_not_paid": 10800, "withheld": 1200, "patients_out": -12000}
    assert ("T2", "regularisation 2025-10-01", -10800, "2025-10-01") in amounts(france, DECIDED)


def test_one_structure_reconciled_alone(france: small.France, monkeypatch: pytest.MonkeyPatch):
    """Where only one was paid finally, the others are left as they are."""
    words = [word for word in FINAL if word != "--all"]
    assert small.forfait(monkeypatch, france, *words, "--structure", "T1") == 0
    assert small.forfait(monkeypatch, france, *RECONCILE, "--decide") == 0
    assert [one[0] for one in amounts(france, DECIDED)[8:]] == ["T1"]


def test_a_payment_decided_twice_does_not_hold(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The ledger refuses it, and the first stays the provisional payment of the year."""
    payments = france.data / "payments"
    first = last_run(payments, "peps", 2024, "provisional")
    rows = small.predictions("peps_mg", 2024, {**small.EXPECTED, "A1": 60.0})
    small.table(france.data, small.PREDICTIONS, 2024, rows)
    assert small.forfait(monkeypatch, france, *PROVISIONAL) == 5
    assert "2024-Q1 of T1 was decided in entry 1" in " ".join(capsys.readouterr().err.split())
    assert last_run(payments, "peps", 2024, "provisional") == first
    assert len(amounts(france, DECIDED)) == 8


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ("T1,peps,2024,2024-Q1,4450,2999-01-01\n", 3, "row 2: paid_on 2999-01-01 is to come"),
        ("T1,peps,2024,2024-Q1,44.50,2024-03-31\n", 3, "row 2: year and amount_cents are whole"),
        ("T1,peps,2024,2024-Q1,4449,2024-03-31\n", 5, "row 2: 4449 cents paid where 4450 were decided"),
        ("T1,peps,2024,2024-Q5,4450,2024-03-31\n", 5, "row 2: 2024-Q5 of T1 is not decided, or already paid"),
        ("T1,peps,2024,2024-Q1,4450,2024-03-31\n" * 2, 5, "entry 1 is already paid"),
    ],
)
def test_what_the_bank_cannot_have_paid(
    france: small.France,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    row: str,
    code: int,
    message: str,
):
    """Nothing of the file is recorded, and the row is named."""
    assert small.forfait(monkeypatch, france, "paid", bank(france, row), "--by", "bank") == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert amounts(france, PAID) == []


def test_a_bank_file_with_semicolons_and_no_such_file(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Spreadsheets write semicolons; a file that is not there is told."""
    path = bank(france, "T1,peps,2024,2024-Q1,4450,2024-03-31\n")
    Path(path).write_text(Path(path).read_text().replace(",", ";"))
    assert small.forfait(monkeypatch, france, "paid", path, "--by", "bank") == 0
    assert len(amounts(france, PAID)) == 1
    assert small.forfait(monkeypatch, france, "paid", "none.csv", "--by", "bank") == 4
    assert "none.csv is missing" in capsys.readouterr().err


def test_the_ledger_is_read_whole_or_refused(france: small.France):
    """An amount changed by hand breaks the chain."""
    path = france.data / "payments" / "ledger.jsonl"
    path.write_text(path.read_text().replace('"amount_cents":4450', '"amount_cents":5450', 1))
    with pytest.raises(RuleError, match="line 2: the ledger was altered"):
        read_ledger(path)


@pytest.mark.parametrize("old", ['"seed": 0', '"known_on": "2023-12-31"'])
def test_a_run_whose_terms_were_altered(france: small.France, old: str):
    """run.json says what went in; a folder's name is its hash."""
    folder = last_run(france.data / "payments", "peps", 2024, "provisional")
    assert folder is not None
    text = (folder / "run.json").read_text()
    new = old.replace("0", "1", 1) if "seed" in old else old.replace("2023", "2024")
    assert old in text
    (folder / "run.json").write_text(text.replace(old, new))
    with pytest.raises(RuleError, match=r"run\.json was altered"):
        load(folder)
    (folder / "run.json").write_text(text[:20])
    with pytest.raises(RuleError, match="restore it from its backup"):
        load(folder)


def test_reconcile_wants_a_final_payment(
    france: small.France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The command to run is named; the index knows no line of that kind."""
    assert small.forfait(monkeypatch, france, *RECONCILE) == 4
    assert "run forfait pay peps --year 2024 --kind final" in " ".join(capsys.readouterr().err.split())
    assert line_in_force(france.data / "payments", "peps", 2024, "final") is None
