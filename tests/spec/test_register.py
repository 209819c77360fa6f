"""What was in force on a day: the dated register of promotions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from features.errors import RuleError
from features.versions import Entry, append_entry, in_force, read_register


def promote(root: Path, version: int, from_date: str, decided_on: str, *, model: str = "peps_mg") -> Entry:
    entry = Entry(
        model=model,
        version=version,
        version_hash=f"{version:064d}",
        from_date=date.fromisoformat(from_date),
        decided_on=date.fromisoformat(decided_on),
        by="Cnam",
        why="yearly refit",
    )
    return append_entry(root, entry)


def version_on(root: Path, day: str, *, known_on: str | None = None) -> int:
    known = date.fromisoformat(known_on) if known_on else None
    return in_force(root, "peps_mg", date.fromisoformat(day), known_on=known).version


def test_a_version_is_in_force_from_its_first_day_until_the_next(tmp_path):
    """Version 1 from 2023, version 2 from 2024: each answers for its own days, ends included."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    promote(tmp_path, 2, "2024-01-01", "2023-12-15")
    assert version_on(tmp_path, "2023-01-01") == 1
    assert version_on(tmp_path, "2023-12-31") == 1
    assert version_on(tmp_path, "2024-01-01") == 2
    assert version_on(tmp_path, "2030-06-01") == 2


def test_a_promotion_in_the_past_changes_the_past_only_for_who_knows_it(tmp_path):
    """Decided in March 2024 for January 2024: January answers 2, but as known in February it answered 1."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    promote(tmp_path, 2, "2024-01-01", "2024-03-10")
    assert version_on(tmp_path, "2024-01-20") == 2
    assert version_on(tmp_path, "2024-01-20", known_on="2024-02-01") == 1
    assert version_on(tmp_path, "2024-01-20", known_on="2024-03-10") == 2


def test_a_promotion_into_an_earlier_period_does_not_end_a_later_one(tmp_path):
    """Version 3 replaces version 1 from June 2023; from 2024 on, version 2 still holds."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    promote(tmp_path, 2, "2024-01-01", "2023-12-15")
    promote(tmp_path, 3, "2023-06-01", "2024-02-01")
    assert version_on(tmp_path, "2023-05-31") == 1
    assert version_on(tmp_path, "2023-12-31") == 3
    assert version_on(tmp_path, "2024-01-01") == 2


def test_of_two_decisions_on_one_day_the_later_line_holds(tmp_path):
    """Two promotions decided the same day for the same first day: the second corrects the first."""
    promote(tmp_path, 1, "2024-01-01", "2023-12-15")
    promote(tmp_path, 2, "2024-01-01", "2023-12-15")
    assert version_on(tmp_path, "2024-01-01") == 2
    assert [entry.version for entry in read_register(tmp_path)] == [1, 2]


def test_before_the_first_day_nothing_is_in_force(tmp_path):
    """Never the nearest version: an error that says what to do."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    with pytest.raises(RuleError, match="no version of peps_mg was in force on 2022-12-31"):
        version_on(tmp_path, "2022-12-31")


def test_models_do_not_share_their_decisions(tmp_path):
    """A promotion of another model leaves this one as it was."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    promote(tmp_path, 9, "2023-02-01", "2023-01-15", model="total")
    assert version_on(tmp_path, "2023-03-01") == 1


def test_decisions_only_follow_each_other(tmp_path):
    """A decision dated before the last one is refused, and leaves the register as it was."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    with pytest.raises(RuleError, match="the register only grows forwards"):
        promote(tmp_path, 2, "2024-01-01", "2022-12-14")
    assert len(read_register(tmp_path)) == 1


@pytest.mark.parametrize(("line", "old", "new"), [(1, b'"version":1', b'"version":7'), (2, b"2024", b"2025")])
def test_an_altered_register_is_refused(tmp_path, line, old, new):
    """Each line carries the hash of the one before it: a change in any but the last is seen on the next."""
    for version, year in ((1, 2023), (2, 2024), (3, 2025)):
        promote(tmp_path, version, f"{year}-01-01", f"{year - 1}-12-15")
    path = tmp_path / "register.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(old, new)
    path.write_bytes(b"".join(lines))
    with pytest.raises(RuleError, match=f"line {line + 1}: the register was altered"):
        version_on(tmp_path, "2024-06-01")


def test_a_removed_line_is_refused(tmp_path):
    """Taking the first promotion away breaks the chain."""
    promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    promote(tmp_path, 2, "2024-01-01", "2023-12-15")
    path = tmp_path / "register.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(RuleError, match="line 1: the register was altered"):
        version_on(tmp_path, "2024-06-01")


def test_a_decision_says_who_and_why(tmp_path):
    """An empty reason is refused."""
    entry = promote(tmp_path, 1, "2023-01-01", "2022-12-15")
    with pytest.raises(RuleError, match="who decides and why"):
        append_entry(tmp_path, Entry(**{name: getattr(entry, name) for name in entry.__struct_fields__} | {"why": " "}))
