"""`forfait episodes`: what it prints and writes, the euros of one episode, a sensitivity run, mistakes."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from typer.testing import CliRunner

from features.episodes import trace
from features.errors import InputError, MissingError, RuleError
from features.store import read_dataset
from features.tables import EPISODE_OUTCOMES, EPISODES
from features.tables.episodes import COMPONENTS, EXCLUSIONS
from forfait.cli import app
from forfait.console import out
from forfait.documents.flow_chart import flow_chart_figure, flow_chart_png, flow_chart_svg, shown
from forfait.episodes_view import change_table, cost_table, episode_row, episodes_of, flow_table, totals_table
from tests.features.episodes_made import YEAR, built, colon, day, draw, hip, knee, line

PTH = "pth-A-2024-03-10"


def world(data: Path) -> Path:
    """A hip with rehabilitation, drugs and physiotherapy; a private knee; a colectomy; a hip that is transferred in."""
    own = {"field": "SSR", "acts": [], "timed_acts": None, "principal_diagnosis": None, "main_diagnoses": []}
    clinic = {"sector": "private", "base_cents": None, "establishment_id": "750000001"}
    draw(
        data,
        stays=[hip(implant_cents=165000), knee("B", **clinic), colon("C"), hip("D", entry_mode="7"),
               hip("A", day(80), stay_id="R", nights=20, ghm="0840A1", **{**own, "base_cents": 100001})],
        care_lines=[line(day(0), 311911, "hopital_prive", patient_id="B"), line(day(5), 1001, "pharmacie"),
                    line(day(7), 1613, "kinesitherapeute"), line(day(-10), 2650, "generaliste")],
        dispensings=[{"care_date": day(5), "atc": atc} for atc in ("N02BE01", "C09AA05", "M01AE01")],
    )  # fmt: skip
    return data


def run(*words: str) -> str:
    """What the command prints; its mistakes are raised."""
    with patch.object(out, "_width", 200):
        done = CliRunner().invoke(app, ["episodes", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose episodes of 2024 are built by the command."""
    folder = world(tmp_path_factory.mktemp("world"))
    (folder / "told.txt").write_text(run("--years", "2024", "--data", str(folder)), encoding="utf-8")
    return folder


def test_the_command_tells_who_is_in_and_what_was_spent(data: Path):
    """Flow chart of each programme, each reason with its meaning; mean costs by component and sector; pictures."""
    told = (data / "told.txt").read_text(encoding="utf-8")
    assert "pth 2024: stays, each reason counted on its own" in told
    assert "│ excl_not_from_home │ 1 │ 1 │ E2: not admitted from home. │" in told
    assert "│ index │ 5,665 │ │ 5,665 │" in told
    assert "3 episodes in" in told
    for name in ("pth", "ptg", "colectomie"):
        for kind, head in (("svg", b"<?xml"), ("png", b"\x89PNG")):
            assert (data / "flow_charts" / f"{name}-2024.{kind}").read_bytes().startswith(head)
    assert len(read_dataset(None, EPISODE_OUTCOMES, data, YEAR)) == 3


def test_every_euro_of_an_episode(data: Path, tmp_path: Path):
    """Source row, received, revalued, share of the window, counted, rule in words with its source; sums to the cent."""
    told = run("trace", PTH, "--data", str(data), "--csv", str(tmp_path / "lines.csv"))
    assert "│ 110 │ in │ rehabilitation after a hip or a knee │ eds.md 1.4, principle" in told
    assert (
        "│ 270 │ out │ drugs outside the list: chronic treatments │ project default [A] (eds.md 1.4) │ 1 │ 3.34 │"
        in told
    )
    row = episode_row(data, PTH)
    kept = pd.read_csv(tmp_path / "lines.csv")
    assert kept["cents"].sum() == row["cost_total_allcause_cents"]
    for name in COMPONENTS:
        assert kept.loc[kept["component"] == name, "cents"].sum() == row[f"cost_{name}_cents"]
    rehabilitation = kept[kept["source_key"] == "R"]
    assert rehabilitation["window_share"].sum() == pytest.approx(11 / 21)  # days 80 to 90 of 21
    assert rehabilitation["cents"].sum() == 52381  # 1,000.01 × 11/21
    assert f"│ all care │ {row['cost_total_allcause_cents'] / 100:,.2f} │" in told
    assert {"decision", "meaning", "rule_source"} <= set(kept)


def test_totals_that_differ_are_an_error(data: Path):
    """Lines of one build and episodes of another are never shown as one."""
    lines, row = trace(data, PTH), episode_row(data, PTH)
    shown_rows = dict(totals_table(lines, row).itertuples(index=False))
    assert shown_rows["ssr"] == "523.81"
    with pytest.raises(InputError, match="episode_lines and episodes differ for ssr, in scope, all care: run forfait"):
        totals_table(lines[lines["source_key"] != "R"], row)


def test_a_sensitivity_run_leaves_the_episodes_as_they_are(data: Path):
    """75 days rather than 90: rehabilitation from day 80 falls out; results lie beside, with what changes."""
    before = read_dataset(None, EPISODES, data, YEAR)
    told = run("--years", "2024", "--data", str(data), "--set", "pth.post_days=75", "--programmes", "pth")
    folder = data / "sensitivity" / "pth.post_days-75"
    pd.testing.assert_frame_equal(read_dataset(None, EPISODES, data, YEAR), before)
    assert episode_row(folder, PTH)["cost_ssr_cents"] == 0
    old, new = (frame[frame["episode_id"] == PTH]["cost_in_scope_cents"].iloc[0] for frame in (
        before, read_dataset(None, EPISODES, folder, YEAR)))  # fmt: skip
    assert old - new == 52381
    assert f"│ pth │ public │ 1 │ {old / 100:,.2f} │ 1 │ {new / 100:,.2f} │" in told


def test_a_fourth_programme_is_a_name(data: Path, tmp_path: Path):
    """Bariatric surgery: a file and its code lists, no code."""
    sleeve = hip("E", ghm="10C131", acts=["HFFC018"], timed_acts=["HFFC018 1 0"], principal_diagnosis="E6606",
                 main_diagnoses=["E6606"])  # fmt: skip
    draw(tmp_path, stays=[hip(), sleeve])
    run("--years", "2024", "--data", str(tmp_path), "--programmes", "bariatrique")
    rows = read_dataset(None, EPISODES, tmp_path, YEAR)
    assert list(rows.loc[rows["is_final"], "programme"]) == ["bariatrique"]
    assert (tmp_path / "flow_charts" / "bariatrique-2024.svg").exists()


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([], InputError, "give the years"),
        (["trace"], InputError, "or: forfait episodes trace EPISODE"),
        (["trace", "pth-nobody"], InputError, "not final, spent nothing, or is unknown"),
        (["--years", "2024", "--set", "pth.post_days"], InputError, "write programme.parameter=value"),
        (["--years", "2024", "--set", "rachis.post_days=9"], InputError, "rachis is not in --programmes"),
        (["--years", "2024", "--set", "pth.days=9"], RuleError, "unknown days"),
        (["--years", "2024", "--programmes", "rachis"], RuleError, "no file for rachis; programmes are bariatrique"),
        (["--years", "2024", "--index-dx-policy", "all"], InputError, "it should be one of lookback_only, whitelist"),
        (["--years", "2024", "--language", "de"], InputError, "give fr or en"),
        (["--years", "2031"], MissingError, "run forfait read --year 2031"),
    ],
)
def test_mistakes_say_what_to_do(data: Path, words: list[str], error: type[Exception], message: str):
    """Before anything is computed."""
    with pytest.raises(error, match=message):
        run(*words, "--data", str(data))


def flow(**counts: tuple[int, int]) -> pd.DataFrame:
    """EPISODE_FLOW of hips; a step that is not given concerns no stay."""
    steps = ["candidates", *EXCLUSIONS, "final"]
    rows = [("pth", place, step, *counts.get(step, (0, 0))) for place, step in enumerate(steps)]
    return pd.DataFrame(rows, columns=["programme", "order", "step", "stays", "only_reason"])


def test_the_picture_hides_small_counts():
    """Under 11: a reason loses its count, a part alone or its rest too; so does the rest of a total that tells it."""
    made = flow(candidates=(1000, 0), final=(700, 0), excl_age=(10, 10), excl_ghm=(200, 150), excl_act=(40, 5),
                excl_death=(60, 55), excl_fracture=(11, 11))  # fmt: skip
    told = shown(made, "pth", minimum=11)
    assert (told.candidates, told.excluded, told.final) == (1000, 300, 700)
    assert told.reasons == (
        ("excl_ghm", 200, 150), ("excl_act", 40, None), ("excl_death", 60, None), ("excl_fracture", 11, 11),
    )  # fmt: skip
    assert told.few[:2] == ("excl_age", "excl_diagnosis")
    few = shown(flow(candidates=(1000, 0), final=(995, 0), excl_age=(5, 5)), "pth", minimum=11)
    assert (few.candidates, few.excluded, few.final) == (1000, None, None)


def test_the_picture_is_the_same_each_time():
    """French by default, the same bytes, words of every reason in both languages."""
    made = flow(candidates=(1000, 0), final=(700, 0), **dict.fromkeys(EXCLUSIONS, (30, 15)))
    for language in ("fr", "en"):
        figure = flow_chart_figure(made, "pth", title="PTH", years="2024", minimum=11, language=language)
        assert flow_chart_svg(figure) == flow_chart_svg(figure)
        assert flow_chart_png(figure)[:4] == b"\x89PNG"
        words = {text.get_text() for text in figure.axes[0].texts}
        kept = {"fr": "Épisodes retenus\u202f: 700", "en": "Episodes kept: 700"}[language]
        assert any(kept.replace("\u202f", " ") in text.replace("\u202f", " ").replace("\u00a0", " ") for text in words)


def test_tables_of_hand_made_episodes():
    """Means of complete final episodes, by sector; an open window is left out."""
    costs = {f"cost_{name}_cents": 0 for name in COMPONENTS} | {"programme": "pth", "is_complete": True}
    rows = pd.DataFrame([
        {**costs, "sector": "public", "cost_index_cents": 100000, "cost_in_scope_cents": 100000,
         "cost_total_allcause_cents": 120000},
        {**costs, "sector": "public", "cost_index_cents": 300000, "cost_in_scope_cents": 300000,
         "cost_total_allcause_cents": 300000},
        {**costs, "sector": "private", "is_complete": False, "cost_in_scope_cents": 1, "cost_total_allcause_cents": 1},
    ])  # fmt: skip
    table = cost_table(rows, "pth").set_index("component")
    assert table.loc["episodes"].tolist() == ["2", "0", "2"]
    assert table.loc["index"].tolist() == ["2,000", "", "2,000"]
    assert table.loc["all care"].tolist() == ["2,100", "", "2,100"]
    change = change_table(rows, rows.assign(cost_in_scope_cents=rows["cost_in_scope_cents"] // 2))
    assert change.iloc[0].tolist() == ["pth", "public", "2", "2,000", "2", "1,000", "-50.0%"]
    chart = flow_table(flow(candidates=(5, 0), final=(4, 0), excl_age=(1, 1)), "pth")
    assert chart["step"].tolist() == ["candidates", "excl_age", "final"]
    assert chart["alone"].tolist() == ["", "1", ""]


def test_episodes_of_reads_final_ones(tmp_path: Path):
    """Only final episodes, of all the years asked for."""
    draw(tmp_path, stays=[hip(), hip("B", entry_mode="7")])
    built(tmp_path)
    assert episodes_of(tmp_path, [YEAR])["patient_id"].tolist() == ["A"]
