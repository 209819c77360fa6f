"""What is taken away: a forfait shared among professionals, the bricks' control, with small counts hidden."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError, MissingError
from forfait.paying import exports
from forfait.paying.exports import split_of, upcoding_of
from tests.forfait import small_france as small

FINAL = ("pay", "peps", "--year", "2024", "--all", "--by", "Cnam", "--decided-on", "2025-09-30")


@pytest.fixture
def france(small_france: small.France, monkeypatch: pytest.MonkeyPatch) -> small.France:
    assert small.forfait(monkeypatch, small_france, *FINAL) == 0
    return small_france


def team(path: Path, text: str = "professional_id;patients;acts;hours\nA;3;10;\nB;1;30;5\n") -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_forfait_is_shared_to_the_cent(france: small.France, tmp_path: Path):
    """T2's 120.00: by list 3 to 1, by acts 1 to 3; A's hours are not known; half of each pot is 60.00 each."""
    mix = {"list": "0.5", "acts": "0.5"}
    found = split_of(france.data, "peps", 2024, structure="T2", professionals=team(tmp_path / "team.csv"), mix=mix)
    assert found["list_cents"].tolist() == [9000, 3000]
    assert found["acts_cents"].tolist() == [3000, 9000]
    assert found["mixed_cents"].tolist() == [6000, 6000]
    assert found["lacking"].tolist() == ["time", ""]


def test_who_cannot_be_shared(france: small.France, tmp_path: Path):
    """An unknown structure names those that are paid; a missing file says what it holds."""
    with pytest.raises(InputError, match="choose one of T1, T2"):
        split_of(france.data, "peps", 2024, structure="T9", professionals=team(tmp_path / "team.csv"), mix={})
    with pytest.raises(MissingError, match="professional_id, patients, acts, hours"):
        split_of(france.data, "peps", 2024, structure="T2", professionals=tmp_path / "none.csv", mix={})


def test_small_counts_give_nothing_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """23 declared, 20 flagged, 20 both: 3 declared alone may not be shown, nor worked out from the others."""

    class Rules:
        def whole(self, key: str) -> int:
            return {"small_cell_min": 11}[key]

    row = {
        "structure_id": "I1", "brick": "nourrisson", "patients": 700, "declared": 23, "flagged": 20, "both": 20,
        "only_declared": 3, "only_flagged": 0, "at_stake_cents": 500, "declared_share": 0.03,
        "nation_share_at_mix": 0.03, "p_value_at_mix": 0.3,
    }  # fmt: skip
    clear = {**row, "brick": "ald", "declared": 100, "flagged": 90, "both": 70, "only_declared": 30, "only_flagged": 20}
    monkeypatch.setattr(exports, "required_run", lambda *_: tmp_path)
    monkeypatch.setattr(exports, "load", lambda _: (None, {}))
    monkeypatch.setattr(exports, "rules_of", lambda _: {"ipso": Rules()})
    monkeypatch.setattr(exports.schemes.ipso, "upcoding", lambda *_, **__: pd.DataFrame([row, clear]))
    hidden, shown = upcoding_of(tmp_path, 2024).to_dict("records")
    assert [hidden[name] for name in ("declared", "flagged")] == [23, 20]
    assert all(pd.isna(hidden[name]) for name in ("both", "only_declared", "only_flagged", "at_stake_cents"))
    assert [shown[name] for name in ("both", "only_declared", "only_flagged", "at_stake_cents")] == [70, 30, 20, 500]
