"""The pages of hospitals under EDS from the command line: statement, quality, one episode, open episodes on a day."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.tables import EPISODE_EXPLANATIONS, EPISODE_LINES
from forfait.paying.eds_pages import explained
from forfait.paying.pay import last_run
from forfait.paying.statements import read_kept
from forfait.paying.watch import as_known, watch_on, watch_table
from tests.forfait import small_surgery as surgery
from tests.forfait.small_france import France, forfait, table, use_rules

PAY = ("pay", "eds", "--year", "2023", "--all", "--by", "Cnam", "--decided-on", "2024-10-31")
H1, H2 = surgery.ONE[:8], surgery.TWO[:8]
ON = date(2023, 4, 15)
Run = Callable[..., tuple[int, str]]


def lines(year: int) -> list[dict[str, object]]:
    """Two lines an episode: the index stay, and 500 € of physiotherapy over days 10 to 19 after the intervention."""
    found: list[dict[str, object]] = []
    for row in surgery.episodes_of(year):
        start: date = row["intervention_date"]  # type: ignore[assignment]
        index = int(row["cost_index_cents"])  # type: ignore[call-overload]
        stay = (row["entry_date"], row["exit_date"], "index", "index", index)
        physio = (start + timedelta(days=10), start + timedelta(days=19), "days_0_30", "kine", 50_000)
        found += [_line(row, *of) for of in (stay, physio)]
    return found


def _line(
    episode: dict[str, object], first: object, last: object, period: str, component: str, cents: int
) -> dict[str, object]:
    return {
        "episode_id": episode["episode_id"], "patient_id": episode["patient_id"], "source": "care_lines",
        "source_key": f"{episode['episode_id']}|{component}", "stay_id": None, "care_date": first, "end_date": last,
        "rows": 1, "received_cents": cents, "tariff_year": 2023, "revalued_cents": cents, "period": period,
        "window_share": 1.0, "cents": cents, "rule": 1, "is_in_scope": True, "component": component,
    }  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surgery")
    made = surgery.draw(folder)
    for year in (2022, 2023):
        table(made.data, EPISODE_LINES, year, lines(year))
    return folder


@pytest.fixture
def france(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> France:
    folder = Path(shutil.copytree(drawn, tmp_path / "france"))
    use_rules(monkeypatch, folder / "rules")
    return France(folder / "data", folder / "versions", folder / "rules")


@pytest.fixture
def run(france: France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def called(*words: str) -> tuple[int, str]:
        more = ["--versions", str(france.versions)] if words[0] == "watch" else []
        code = forfait(monkeypatch, france, *words, *more)
        out, err = capsys.readouterr()
        return code, " ".join((out + err).split())

    return called


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_hospital_has_its_statement_and_its_quality(run: Run, france: France):
    """Too few episodes for a mean to be shown: no benchmark."""
    assert run(*PAY)[0] == 0
    assert run("statement", "eds", "--year", "2023", "--structure", H1)[0] == 0
    found = names(france.data / "statements" / "eds" / "2023")
    assert {f"{H1}-statement-fr.html", f"{H1}-statement-fr.pdf", f"{H1}-statement-fr-strata.csv"} <= found
    assert {f"{H1}-quality-fr.html", f"{H1}-quality-fr-ratios.csv"} <= found
    assert not [name for name in found if "benchmark" in name]


def test_the_episode_of_an_auditor(run: Run, france: France):
    """The page of one forfait, with its explanation under the version that priced it."""
    assert run(*PAY)[0] == 0
    episode = next(row for row in surgery.episodes_of(2023) if row["establishment_id"] == surgery.ONE)
    name, expected = str(episode["episode_id"]), float(episode["expected_eur"])  # type: ignore[arg-type]
    euros = {"base_eur": ("base", expected - 100.0), "age": ("age_sex", 100.0)}
    table(
        france.data,
        EPISODE_EXPLANATIONS,
        2023,
        [
            {"episode_id": name, "model": "eds_pth", "version": version, "feature": feature, "label_fr": feature,
             "family": family, "contribution_eur": value}
            for version in (1, 2)
            for feature, (family, value) in euros.items()
        ],
    )  # fmt: skip
    kept = read_kept(last_run(france.data / "payments", "eds", 2023, "final") or Path())
    found = explained(france.data, name, kept.run, "fr")
    assert found is not None and len(found.rows) == 2
    code, _ = run("statement", "eds", "--year", "2023", "--episode", name)
    assert code == 0
    written = (france.data / "statements" / "eds" / "2023" / f"episode-{name}-fr.html").read_text(encoding="utf-8")
    assert "Âge et sexe" in written


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("statement", "eds", "--year", "2023", "--episode", "unknown"), "not among those reconciled"),
        (("statement", "peps", "--year", "2023", "--episode", "unknown"), "peps has no episodes"),
        (("statement", "eds", "--year", "2023", "--all", "--episode", "x"), "leave --structure and --all out"),
        (("watch", "--on", "2023-04-15", "--structure", "nobody"), "nobody takes no part in eds 2023"),
        (("watch", "--on", "2023-04-15", "--language", "de"), "choose fr or en"),
    ],
)
def test_what_cannot_be_told_names_what_to_do(run: Run, words: tuple[str, ...], says: str):
    assert run(*PAY)[0] == 0
    code, told = run(*words)
    assert code != 0
    assert says in told


def test_what_was_spent_by_a_day(france: France):
    """Physiotherapy from day 10 to 19: on its fifth day 250 € of 500 are spent, and the whole index stay."""
    rows, _ = surgery.frames()
    one = rows[rows["episode_id"] == rows["episode_id"].iloc[0]]
    start = one["intervention_date"].iloc[0].date()
    known = as_known(france.sources, one, start + timedelta(days=14))
    assert int(known["cost_kine_cents"].iloc[0]) == int(known["cost_days_0_30_cents"].iloc[0]) == 25_000
    assert int(known["cost_in_scope_cents"].iloc[0]) == int(one["cost_index_cents"].iloc[0]) + 25_000


def test_what_was_spent_before_discharge_and_after_the_window(france: France):
    """An episode not discharged is not there; one whose window is over costs what it costs."""
    rows, _ = surgery.frames()
    one = rows.iloc[[0]]
    day = one["exit_date"].iloc[0].date()
    assert as_known(france.sources, one, day - timedelta(days=1)).empty
    over = as_known(france.sources, one, one["window_end"].iloc[0].date())
    assert int(over["cost_in_scope_cents"].iloc[0]) == int(one["cost_in_scope_cents"].iloc[0])


def test_open_episodes_on_a_day(france: France):
    """Those discharged by the day whose window is not over, each once, under its hospital."""
    rows, _ = surgery.frames()
    day = pd.Timestamp(ON)
    is_open = (rows["exit_date"] <= day) & (rows["window_end"] > day)
    wanted = rows[is_open & rows["establishment_id"].isin([H1, H2])]
    watch = watch_on(france.sources, ON)
    assert sorted(watch.rows["episode_id"]) == sorted(wanted["episode_id"])
    told = watch_table(watch).set_index("structure_id")
    assert told["open"].to_dict() == wanted.groupby("establishment_id").size().to_dict()
    assert int(told.loc[H1, "spent_cents"]) == int(watch.of(H1).rows["spent_cents"].sum())


def test_only_programmes_chosen_are_watched(france: France):
    """The second hospital takes part for hips alone; its knee, open on 12 May, is not on its list."""
    rows, _ = surgery.frames()
    day = date(2023, 5, 12)
    at = pd.Timestamp(day)
    is_open = (rows["exit_date"] <= at) & (rows["window_end"] > at) & (rows["establishment_id"] == H2)
    assert set(rows.loc[is_open, "programme"]) == {"pth", "ptg"}
    assert set(watch_on(france.sources, day).of(H2).rows["programme"]) == {"pth"}


def test_the_watch_writes_a_page_and_a_list(run: Run, france: France):
    """The page is without a patient; the list has a row per open episode."""
    code, told = run("watch", "--on", str(ON))
    assert code == 0
    folder = france.data / "statements" / "eds" / f"watch-{ON}"
    listed = (folder / f"{H1}-watch-fr-list.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(listed) == 1 + len(watch_on(france.sources, ON).of(H1).rows)
    page = (folder / f"{H1}-watch-fr.html").read_text(encoding="utf-8")
    assert "2023P" not in page
    assert "2023P" in listed[1]
    assert "Open episodes on 2023-04-15" in told
