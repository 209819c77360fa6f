"""Surgery of two years drawn episode by episode: three hospitals, two of them in EDS, and three versions in force."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pandas as pd

from features.tables import EPISODE_FEATURES, EPISODE_OUTCOMES, EPISODE_PREDICTIONS, EPISODES
from features.tables.episodes import COMPONENTS, EXCLUSIONS, PERIODS
from features.versions import read_version, write_version
from schemes.rulebook import RULES, rules
from tests.forfait.small_france import France, table
from tests.serving.made import freeze, promote

MODELS = ("eds_colectomie", "eds_pth", "eds_ptg")
HEADER = "structure_id;structure_name;scheme;from_date;to_date;phase;programmes;quality_share\n"
H1 = "350000011;One;eds;2019-09-01;;two_sided;;\n"
H2 = "350000022;Two;eds;2020-01-01;;upside;pth;0.5\n"
TEAMS = HEADER + H1 + H2
ONE, TWO, OUT = "350000011", "350000022", "350000033"
FACTORS = sorted({row["factor"] for row in rules("eds", on=date(2023, 1, 1)).grid("odds_ratios")})
Row = Mapping[str, object]

# hospital, programme, sector, and by year the costs in euros with their expectations
CARE: tuple[tuple[str, str, str, dict[int, tuple[tuple[float, float], ...]]], ...] = (
    (ONE, "pth", "public", {2022: ((9_000, 9_500), (11_000, 10_000), (12_000, 11_000)),
                            2023: ((8_500, 9_000), (9_500, 10_500), (10_000, 11_500))}),
    (TWO, "pth", "private", {2022: ((8_000, 7_800), (9_000, 8_200)), 2023: ((7_500, 8_400), (9_100, 8_100))}),
    (OUT, "pth", "public", {2022: ((10_000, 9_000), (8_000, 10_500)), 2023: ((10_500, 9_800), (11_000, 10_100))}),
    (OUT, "pth", "private", {2022: ((7_500, 8_000),), 2023: ((8_500, 8_300),)}),
    (ONE, "ptg", "public", {2022: ((12_000, 11_500), (10_000, 10_500)), 2023: ((12_500, 12_000), (9_000, 11_000))}),
    (TWO, "ptg", "private", {2022: ((9_000, 9_100),), 2023: ((9_500, 9_300),)}),
    (ONE, "colectomie", "public", {2022: ((15_000, 14_000), (13_000, 14_500)), 2023: ((13_500, 14_200),)}),
)  # fmt: skip


def episodes_of(year: int) -> list[dict[str, object]]:
    """Final and complete episodes of a year, ten days apart, with the expectation of each beside it."""
    found: list[dict[str, object]] = []
    for hospital, programme, sector, care in CARE:
        for cost, expected in care[year]:
            found.append(one(len(found), year, hospital, (programme, sector), cost, expected))
    return found


def one(place: int, year: int, hospital: str, cell: tuple[str, str], cost: float, expected: float) -> dict[str, object]:
    programme, sector = cell
    entry = date(year, 1, 10) + timedelta(days=10 * place)
    cents = round(cost * 100)
    parts = dict.fromkeys((*COMPONENTS, *PERIODS), 0) | {"index": cents - 50_000, "kine": 50_000, "days_0_30": 50_000}
    return {
        "episode_id": f"{programme}-{year}-{place:02d}", "patient_id": f"{year}P{place:02d}",
        "stay_id": f"{year}S{place}", "programme": programme, "sector": sector, "establishment_id": hospital,
        "ghm": None, "entry_date": entry,
        "intervention_date": entry + timedelta(days=1), "exit_date": entry + timedelta(days=5),
        "window_start": entry - timedelta(days=44), "window_end": entry + timedelta(days=91),
        **dict.fromkeys(EXCLUSIONS, False), "from_medico_social": False, "is_final": True, "is_truncated": False,
        "died_in_window": False, "is_complete": True, "cost_total_allcause_cents": cents + 10_000,
        "cost_in_scope_cents": cents, **{f"cost_{name}_cents": value for name, value in parts.items()},
        "expected_eur": expected,
    }  # fmt: skip


def prediction(episode: Row, version: int = 1, **given: object) -> dict[str, object]:
    kept = ("episode_id", "patient_id", "programme", "sector", "expected_eur")
    return {**{name: episode[name] for name in kept}, "model": f"eds_{episode['programme']}", "version": version,
            "fold": None, "typical_eur": None, "avoidable_eur": None, **given}  # fmt: skip


def outcome(episode: Row, **given: object) -> dict[str, object]:
    """Nothing happened; a blood count was done; chemotherapy 40 days after a colectomy."""
    kept = ("episode_id", "patient_id", "programme", "establishment_id")
    days = episode["intervention_date"] + timedelta(days=40)  # type: ignore[operator]
    chemotherapy = days if episode["programme"] == "colectomie" else None
    events = dict.fromkeys(("has_rehospitalisation", "has_rehospitalisation_30", "has_infection", "has_thrombo_embolic",
                            "has_ssr", *FACTORS), False)  # fmt: skip
    screened = {"has_anaemia_screening": True, "has_malnutrition_screening": None}
    return {**{name: episode[name] for name in kept}, **events, **screened, "chemotherapy_date": chemotherapy, **given}


def characteristics(episode: Row) -> dict[str, object]:
    kept = ("episode_id", "patient_id", "programme", "entry_date")
    return {**{name: episode[name] for name in kept}, "index_dx_policy": "whitelist", "age": 70.0,
            "charlson_score": 1.0}  # fmt: skip


def write(data: Path, year: int, rows: Sequence[dict[str, object]]) -> None:
    """The datasets of a year from its episodes."""
    bare = [{name: value for name, value in row.items() if name != "expected_eur"} for row in rows]
    table(data, EPISODES, year, bare)
    table(data, EPISODE_PREDICTIONS, year, [prediction(row) for row in rows if row["is_complete"]])
    table(data, EPISODE_OUTCOMES, year, [outcome(row) for row in rows])
    table(data, EPISODE_FEATURES, year, [characteristics(row) for row in rows])


def draw(folder: Path) -> France:
    """2022 makes the price of 2023; version 1 of each model is in force from 2023."""
    france = France(folder / "data", folder / "versions", folder / "rules")
    for year in (2022, 2023):
        write(france.data, year, episodes_of(year))
    (france.data / "participations.csv").write_text(TEAMS, encoding="utf-8")
    (france.data / "roster.csv").write_text("", encoding="utf-8")
    for model in MODELS:
        freeze_episodes(france.versions, model)
        promote(france.versions, model, 1, start="2023-01-01", decided="2022-12-10")
    shutil.copytree(RULES, france.rules)
    return france


def freeze_episodes(versions: Path, model: str, version: int = 1) -> None:
    """A version trained on 2022 and tested on 2023."""
    with TemporaryDirectory() as scratch:
        freeze(Path(scratch), model, version)
        card, text, _ = read_version(Path(scratch), model, version)
    years = {"training_years": (2022,), "test_year": 2023, "unit": "EUR per episode"}
    write_version(versions, msgspec.structs.replace(card, perimeter=model.removeprefix("eds_"), **years), text)


def frames(year: int = 2023) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Episodes and predictions of a year as schemes.eds reads them: establishments by eight characters."""
    rows = pd.DataFrame(episodes_of(year))
    rows = rows.assign(establishment_id=rows["establishment_id"].str[:8])
    for name in ("entry_date", "intervention_date", "exit_date", "window_end"):
        rows[name] = pd.to_datetime(rows[name])
    return rows.drop(columns="expected_eur"), rows[["episode_id", "expected_eur"]]
