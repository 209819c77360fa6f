"""A rule file that has paid is never edited."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from features.errors import RuleError
from schemes.rule_lock import broken_locks, check_paid, lock_line, paid_files
from schemes.rulebook import RULES, rules
from tests.schemes.rule_folder import PRICES, write_scheme
from tests.schemes.rule_folder import RULES as TEXT

ON = date(2022, 6, 1)


def paid(root: Path, scheme: str = "toll") -> Path:
    """The root, its file of 2022 listed as having paid."""
    (root / "paid.csv").write_text(f"file,sha256\n{lock_line(rules(scheme, on=ON, root=root))}\n", encoding="utf-8")
    return root


def test_files_that_have_paid_are_as_they_were():
    """Fails when a listed file is edited or gone: put it back, and write an amended file."""
    assert broken_locks() == []


def test_files_of_the_demo_are_listed():
    """`forfait demo` pays a PEPS team, an IPEP group and an IPSO practice for 2024."""
    listed = {file.split("/")[0] for file in paid_files()}
    assert {"peps", "ipep", "ipso"} <= listed


def test_an_untouched_file_passes(tmp_path: Path):
    """Listed and unchanged, or not listed."""
    root = paid(write_scheme(tmp_path))
    check_paid(rules("toll", on=ON, root=root), root)
    assert broken_locks(root) == []
    (root / "paid.csv").write_text("file,sha256\n", encoding="utf-8")
    check_paid(rules("toll", on=ON, root=root), root)


@pytest.mark.parametrize(
    ("text", "prices"),
    [(TEXT.replace('"0.25"', '"0.26"'), PRICES), (TEXT + "\n", PRICES), (TEXT, PRICES.replace("2.50", "2.51"))],
)
def test_an_edited_file_is_refused(tmp_path: Path, text: str, prices: str):
    """A value, a blank line or a price of its grid: the message says what to write instead."""
    listed = paid(write_scheme(tmp_path / "before"))
    root = write_scheme(tmp_path / "after", {"2022-01-01.yaml": text}, prices=prices)
    shutil.copy(listed / "paid.csv", root)
    message = (
        "toll/2022-01-01.yaml was [0-9a-f]{12} when it paid and is [0-9a-f]{12}; a file that has paid is not edited: "
        "put it back, and write the change as toll/2022-01-01.amended-<day of publication>.yaml"
    )
    with pytest.raises(RuleError, match=message):
        check_paid(rules("toll", on=ON, root=root), root)
    (found,) = broken_locks(root)
    assert "write the change as toll/2022-01-01.amended-<day of publication>.yaml" in found


def test_a_file_that_is_gone_is_found(tmp_path: Path):
    """Removing or renaming a file that has paid breaks the lock."""
    root = paid(write_scheme(tmp_path / "before"))
    other = write_scheme(tmp_path / "after", {"2023-01-01.yaml": TEXT.replace("2022-", "2023-")})
    shutil.copy(root / "paid.csv", other)
    (found,) = broken_locks(other)
    assert "toll/2022-01-01.yaml was" in found
    assert "and is gone" in found


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.yaml,\n", "paid.csv: row 2 should fill file, sha256"),
        ("a.yaml,0\na.yaml,1\n", "paid.csv: a file is listed twice; keep the row of its first payment"),
    ],
)
def test_the_list_is_read_strictly(tmp_path: Path, rows: str, message: str):
    """No row without a hash, no file twice."""
    (tmp_path / "paid.csv").write_text("file,sha256\n" + rows, encoding="utf-8")
    with pytest.raises(RuleError, match=message):
        paid_files(tmp_path)


def test_the_list_stands_beside_the_rules():
    """One list for all schemes."""
    assert (RULES / "paid.csv").read_text(encoding="utf-8").startswith("file,sha256\n")
