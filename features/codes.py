"""Code lists as rules: which bit of evidence a diagnosis, an ALD, a drug or a GHM raises.

A rule holds conditions on one row (code, place in the stay, years before) and names a `Clause`, whose
conditions on the person (sex, drug treatment) are applied once all rows are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from features.reference_data import reference

ALD_NUMBERS = tuple(range(1, 33))
INDEX_YEARS_BACK = 0  # Charlson and Elixhauser read the stays of one year
DRUG_DATES, DRUG_DATES_LARGE_PACK = 3, 2


@dataclass(frozen=True)
class Clause:
    """A reason to raise a flag: the flag, the sex it is limited to (1, 2 or None), the drug list it needs."""

    flag: str
    sex: int | None = None
    drug: str = ""


@dataclass(frozen=True)
class Rule:
    """Rows that raise a clause: route, prefixes, prefixes left out, years back, and a condition on the stay.

    Routes: ald (by ICD-10, in year n), ald_recent (begun in years n or n-1), ald_earlier, ald_number, ald_other
    (linked to no other flag), ald_in_force (by number, on the index date); main, associated (diagnoses of stays);
    drug; sessions; ghm. `stay` is "", "with <codes>" or "unless <codes>".
    """

    clause: Clause
    route: str
    codes: tuple[str, ...]
    without: tuple[str, ...] = ()
    years_back: int = 0
    stay: str = ""
    at_least: int = 1


def listed(name: str) -> list[dict[str, str]]:
    """Rows of features/reference/NAME.csv, every cell text ("" where empty)."""
    return [{str(column): str(cell) for column, cell in row.items()} for row in reference(name).to_dict("records")]


def prefixes(cells: str) -> tuple[str, ...]:
    """Code prefixes of a cell: separated by spaces, `I21-I24` standing for I21, I22, I23, I24."""
    found: list[str] = []
    for cell in cells.split():
        first, _, last = cell.partition("-")
        if last:
            found += [f"{first[0]}{number:02d}" for number in range(int(first[1:]), int(last[1:]) + 1)]
        else:
            found.append(first)
    return tuple(found)


@cache
def carto_rules() -> tuple[Rule, ...]:
    """Rules of the cartographie des pathologies (features/reference/carto_routes.csv)."""
    rules = []
    for row in listed("carto_routes"):
        word, _, value = row["needs"].partition(" ")
        sex = int(row["sex"]) if row["sex"] else None
        clause = Clause(f"carto_{row['name']}", sex, value if word == "drug" else "")
        stay = row["needs"] if word in ("with", "unless") else ""
        at_least = int(value.rsplit(" ", 1)[1]) if word == "at" else 1
        codes, without = prefixes(row["codes"]), prefixes(row["without"])
        rules.append(Rule(clause, row["route"], codes, without, int(row["years_back"]), stay, at_least))
    return tuple(rules)


@cache
def index_rules(index: str) -> tuple[Rule, ...]:
    """Rules of "charlson" or "elixhauser": any diagnosis of a stay of year n, or an ALD of year n."""
    return tuple(
        Rule(Clause(index_flag(index, condition)), route, codes, years_back=years_back)
        for condition, codes in index_codes(index).items()
        for route, years_back in (("main", INDEX_YEARS_BACK), ("associated", INDEX_YEARS_BACK), ("ald", 0))
    )


def index_codes(index: str) -> dict[str, tuple[str, ...]]:
    """ICD-10 prefixes of each condition of "charlson" or "elixhauser"."""
    codes: dict[str, tuple[str, ...]] = {}
    for row in listed(f"{index}_icd10"):
        codes[row["condition"]] = (*codes.get(row["condition"], ()), row["icd10_prefix"])
    return codes


def index_flag(index: str, condition: str) -> str:
    """Name of a flag of an index: charlson_mi, elixhauser_chf."""
    return f"{index}_{condition}"


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of a payment feature, those of the ALD groups and of the drug lists that a clause needs included."""
    needed = sorted({rule.clause.drug for rule in carto_rules() if rule.clause.drug})
    return (
        *(Rule(Clause(ald_flag(number)), "ald_in_force", (str(number),)) for number in ALD_NUMBERS),
        *carto_rules(),
        *index_rules("charlson"),
        *index_rules("elixhauser"),
        *(Rule(needed_drug(drug), "drug", (drug,)) for drug in needed),
    )


def ald_flag(number: int) -> str:
    """Name of the flag of an ALD: ald_08."""
    return f"ald_{number:02d}"


def needed_drug(drug: str) -> Clause:
    """Clause that says that the treatment asked for by another clause was dispensed in year n."""
    return Clause(f"drug {drug}")


def drug_list(rule: Rule) -> str:
    """Name of the drug list of a rule: its group, and what it leaves out of the group."""
    return " without ".join([rule.codes[0], *(["+".join(rule.without)] if rule.without else [])])


@cache
def drug_lists() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """ATC prefixes (in, left out) of every drug list that a rule uses, by name."""
    wanted = {drug_list(rule): (rule.codes[0], rule.without) for rule in all_rules() if rule.route == "drug"}
    found = {}
    for name, (group, without) in wanted.items():
        rows = [row for row in listed("drug_groups_atc") if row["group"] == group]
        taken = tuple(row["atc_prefix"] for row in rows if row["action"] == "include")
        left = tuple(row["atc_prefix"] for row in rows if row["action"] == "exclude")
        found[name] = (taken, (*left, *without))
    return found


def matches(code: str, codes: tuple[str, ...], without: tuple[str, ...] = ()) -> bool:
    """Whether a code starts with one of `codes` and with none of `without`."""
    return code.startswith(codes) and not (without and code.startswith(without))


def plain(code: object) -> str:
    """An ICD-10 code as the lists write it: upper case, without dot, plus sign or space; "" for a null."""
    return code.upper().replace(".", "").replace("+", "").strip() if isinstance(code, str) else ""
