"""A small rule folder on disk: one made-up scheme, `toll`, with every kind of value, to break at will."""

from __future__ import annotations

from pathlib import Path

KEYS = """
parameters:
  rate: {unit: share, meaning: part of the toll kept}
  cap: {unit: EUR, meaning: highest toll, none: no cap}
  lanes: {unit: patients, meaning: lanes}
  codes: {unit: list of ALD, meaning: codes that pass free, none: nobody passes free}
  opened: {unit: day, meaning: day of opening, none: not opened}
  open: {unit: yes or no, meaning: whether the bridge is open}
  side: {unit: "one of left, right", meaning: side of the booth}
grids:
  prices: {columns: {vehicle: text, amount_eur: EUR}, meaning: toll by vehicle}
"""

RULES = """scheme: toll
in_force: {from: 2022-01-01, to: 2022-12-31}
published: 2021-12-20
dates: "made up"
sources:
  decree: {title: "Decree of the bridge", url: "https://example.org/decree"}
parameters:
  rate: {value: "0.25", unit: "share", grade: "text", source: "decree, article 1"}
  cap: {value: "none", unit: "EUR", grade: "assumed", source: "no cap is published"}
  lanes: {value: "4", unit: "patients", grade: "reported", source: "decree, article 2"}
  codes: {value: "5, 6, 25", unit: "list of ALD", grade: "derived", source: "decree, article 3"}
  opened: {value: "2020-02-29", unit: "day", grade: "text", source: "decree, article 4"}
  open: {value: "yes", unit: "yes or no", grade: "text", source: "decree, article 5"}
  side: {value: "left", unit: "one of left, right", grade: "text", source: "decree, article 6"}
grids:
  prices: {file: "prices.csv", grade: "text", source: "decree, annex"}
"""

PRICES = "vehicle,amount_eur\ncar,2.50\nlorry,7.00\n"


def write_scheme(root: Path, files: dict[str, str] | None = None, *, keys: str = KEYS, prices: str = PRICES) -> Path:
    """`root`, holding the scheme toll with its keys, its grid, and the rule files given (default: 2022)."""
    folder = root / "toll"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keys.yaml").write_text(keys, encoding="utf-8")
    (folder / "prices.csv").write_text(prices, encoding="utf-8")
    for name, text in ({"2022-01-01.yaml": RULES} if files is None else files).items():
        (folder / name).write_text(text, encoding="utf-8")
    return root


def period(first_day: str, last_day: str, published: str, *, rate: str = "0.25") -> str:
    """The text of a rule file of another period, day of publication and rate."""
    text = RULES.replace("from: 2022-01-01, to: 2022-12-31", f"from: {first_day}, to: {last_day}")
    return text.replace("published: 2021-12-20", f"published: {published}").replace('"0.25"', f'"{rate}"')
