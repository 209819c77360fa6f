"""EDS from the datasets to the cent, on eleven episodes a year; and what is refused on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

import schemes.eds
from features.errors import InputError
from features.tables import AMOUNTS, EPISODE_OUTCOMES, EPISODE_PREDICTIONS, TABLES
from forfait.paying.eds import programmes_taken
from forfait.paying.eds_exports import bundles_of
from forfait.paying.estimate import estimate_year
from forfait.paying.pay import last_run
from schemes.rulebook import every_file, rules
from schemes.runs import load
from schemes.simulate import with_parameter
from tests.forfait import small_surgery as surgery
from tests.forfait.small_france import France, forfait, table, use_rules
from tests.serving.made import promote

FINAL = ("pay", "eds", "--year", "2023", "--all", "--by", "Cnam", "--decided-on", "2024-10-31")
H1, H2 = surgery.ONE[:8], surgery.TWO[:8]
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surgery")
    surgery.draw(folder)
    return folder


@pytest.fixture
def france(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> France:
    folder = Path(shutil.copytree(drawn, tmp_path / "france"))
    use_rules(monkeypatch, folder / "rules")
    return France(folder / "data", folder / "versions", folder / "rules")


@pytest.fixture
def run(france: France, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def called(*words: str) -> tuple[int, str]:
        code = forfait(monkeypatch, france, *words)
        out, err = capsys.readouterr()
        return code, " ".join((out + err).split())

    return called


def kept(france: France, year: int = 2023) -> Path:
    folder = last_run(france.data / "payments", "eds", year, "final")
    assert folder is not None
    return folder


def result(france: France, name: str, year: int = 2023) -> pd.DataFrame:
    return pd.read_parquet(kept(france, year) / "results" / f"{name}.parquet")


def test_two_hospitals_to_the_cent(run: Run, france: France):
    """Private hips cost 7,500, 8,000 and 9,000 in 2022: cut at the quantiles, 7,510, 8,000, 8,980, mean 8,163.33.

    Those of 2023, 7,520, 8,500, 9,088 once cut, mean 8,369.33: the trend measured, 2.5 %, is within its band.
    Expectations of 8,400, 8,100 and 8,300 are normalised to a mean index of 1. The forfaits of H2 are 8,369.33 × 3 ×
    8,400 / 24,800 and × 8,100 / 24,800: 8,504.32 and 8,200.60. It spent 7,500.00 and 9,100.00, counted up to the cap
    of 2022, 8,980.00: a gain of 224.92, × (1 − 0.10 × (1 − 0.5)).
    """
    assert run(*FINAL)[0] == 0
    rows = result(france, AMOUNTS.name)
    own = rows[rows["structure_id"] == H2].set_index("component")["amount_cents"].to_dict()
    moved = {name: cents for name, cents in own.items() if cents}
    assert moved == {"price": 1670492, "observed": -1660000, "cap": 12000, "quality": -1125}


def test_the_frames_are_those_that_eds_reads(run: Run, france: France):
    """The payment is that of schemes.eds on the same episodes and expectations, reference made from the year before."""
    assert run(*FINAL)[0] == 0
    book = rules("eds", on=date(2023, 1, 1))
    (before, expected), (now, predicted) = surgery.frames(2022), surgery.frames(2023)
    reference = pd.concat(
        [
            schemes.eds.reference({"episodes": before, "predictions": expected}, years=range(2020, 2023), rules=book),
            schemes.eds.reference({"episodes": now, "predictions": predicted}, years=range(2023, 2024), rules=book),
        ]
    )
    _, inputs = load(kept(france))
    by_hand = {
        "participations": inputs["participations"], "episodes": now, "predictions": predicted, "reference": reference,
        "volumes": before.groupby(["establishment_id", "programme"]).size().rename("episodes").reset_index(),
        "quality": inputs["quality"],
    }  # fmt: skip
    wanted = schemes.eds.pay(by_hand, year=2023, rules=book)
    paid = result(france, AMOUNTS.name).groupby("structure_id")["running_cents"].last().to_dict()
    assert paid == {amount.structure_id: amount.total_cents for amount in wanted.amounts}
    assert set(inputs["reference"]["year"]) == {2022, 2023}
    assert inputs["episodes"]["establishment_id"].str.len().eq(8).all()


def test_the_mean_forfait_is_the_mean_cost_of_the_reference(run: Run, france: France):
    """Before discount, trend and the normalisation of the year, in every stratum, to a thousandth (check 2 of §7b)."""
    assert run(*FINAL)[0] == 0
    _, inputs = load(kept(france))
    before, expected = surgery.frames(2022)
    shifted = before.assign(exit_date=before["exit_date"] + pd.DateOffset(years=1))
    base = inputs["reference"][inputs["reference"]["year"] == 2022]
    frames = {"episodes": shifted, "predictions": expected, "reference": base}
    made = schemes.eds.forfaits(frames, year=2023, rules=rules("eds", on=date(2023, 1, 1)))
    stratum = ["programme", "sector"]
    means = made.groupby(stratum)["forfait_cents"].mean() / 100
    costs = base.set_index(stratum)["observed_eur"] / base.set_index(stratum)["episodes"]
    assert ((means / costs - 1).abs() < 0.001).all()
    assert len(means) == 5


def test_who_is_left_out_is_counted(run: Run, france: France):
    """H2 chose hips alone; three episodes are of a hospital that does not take part."""
    code, told = run(*FINAL)
    assert code == 0
    assert result(france, "excluded").to_dict("records") == [
        {"structure_id": "*", "reason": "not_taking_part", "patients": 3},
        {"structure_id": H2, "reason": "programme_not_chosen", "patients": 1},
    ]
    assert "Patients of establishments that do not take part │ 3" in told


def test_a_window_that_ends_after_the_decision_is_open(run: Run, france: France):
    """Decided on 30 April: windows of 97 days from January entries; the second hip of H2 ends on 15 May."""
    code, _ = run(*FINAL[:-1], "2023-05-10")
    assert code == 0
    left = result(france, "excluded").set_index(["structure_id", "reason"])["patients"]
    assert left[H1, "window_open"] == 3
    _, inputs = load(kept(france))
    is_over = inputs["episodes"]["window_end"] <= pd.Timestamp("2023-05-10")
    assert inputs["episodes"]["is_complete"].tolist() == is_over.tolist()


def test_an_episode_without_an_expectation_is_counted(run: Run, france: France):
    """One complete hip of H1 has no row of predictions: left out under that reason, the others are paid."""
    rows = [surgery.prediction(row) for row in surgery.episodes_of(2023)]
    table(france.data, EPISODE_PREDICTIONS, 2023, rows[1:])
    assert run(*FINAL)[0] == 0
    left = result(france, "excluded").set_index(["structure_id", "reason"])["patients"]
    assert left[H1, "no_prediction"] == 1


def test_replay_gives_the_same_bytes(run: Run, france: France):
    """A kept payment is computed again from its inputs; rows in another order give the same run."""
    assert run(*FINAL)[0] == 0
    first = kept(france)
    code, told = run("replay", "eds", "--year", "2023")
    assert code == 0 and "identical, 2 structures" in told
    for path in sorted(france.data.glob("episode*/2023.parquet")):
        rows = pd.read_parquet(path)
        table(france.data, TABLES[path.parent.name], 2023, rows.iloc[::-1].to_dict("records"))
    assert run(*FINAL)[0] == 0
    assert kept(france) == first


def test_the_run_names_each_model_and_version(run: Run, france: France):
    """Three models; where their versions differ, each has its own."""
    assert run(*FINAL)[0] == 0
    assert [one[:2] for one in load(kept(france))[0].models] == [
        ("eds_colectomie", "1"), ("eds_ptg", "1"), ("eds_pth", "1")
    ]  # fmt: skip
    surgery.freeze_episodes(france.versions, "eds_pth", 2)
    promote(france.versions, "eds_pth", 2, start="2023-01-01", decided="2022-12-20")
    for year in (2022, 2023):
        both = [surgery.prediction(row, version) for row in surgery.episodes_of(year) for version in (1, 2)]
        table(france.data, EPISODE_PREDICTIONS, year, both)
    assert run(*FINAL)[0] == 0
    record = load(kept(france))[0]
    assert record.version == "1, 1, 2"
    assert [one[:2] for one in record.models] == [("eds_colectomie", "1"), ("eds_ptg", "1"), ("eds_pth", "2")]


def test_one_hospital_alone_is_paid_the_same(run: Run, france: France):
    """Against the same nation; those of the others are not told as left out."""
    words = [word for word in FINAL if word != "--all"]
    assert run(*FINAL)[0] == 0
    whole = result(france, AMOUNTS.name)
    code, told = run(*words, "--structure", H2)
    assert code == 0 and "do not take part" not in told and "35000001" not in told
    alone = sorted(kept(france).parent.iterdir())
    frames = [pd.read_parquet(path / "results" / "amounts.parquet") for path in alone]
    (own,) = [frame for frame in frames if set(frame["structure_id"]) == {H2}]
    same = whole[whole["structure_id"] == H2].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, same)


def test_only_the_models_of_programmes_taken_are_needed(run: Run, france: France):
    """Everyone chose hips: versions of the others may be absent."""
    (france.data / "participations.csv").write_text(surgery.HEADER + surgery.H2, encoding="utf-8")
    assert programmes_taken(france.sources, 2023) == {"pth"}
    assert run(*FINAL)[0] == 0
    assert load(kept(france))[0].model == "eds_pth"


def test_a_settlement_is_decided_and_paid(run: Run, france: France, tmp_path: Path):
    """Nothing before the year is known; the balance of the final payment is the whole of it."""
    assert run(*FINAL)[0] == 0
    code, _ = run("reconcile", "eds", "--year", "2023", "--by", "Cnam", "--decided-on", "2024-10-31", "--decide")
    assert code == 0
    due = result(france, AMOUNTS.name).groupby("structure_id")["running_cents"].last()
    bank = tmp_path / "bank.csv"
    rows = [f"{name},eds,2023,regularisation 2024-10-31,{cents},2024-11-05" for name, cents in due.items()]
    bank.write_text("\n".join(["structure_id,scheme,year,label,amount_cents,paid_on", *rows]), encoding="utf-8")
    code, told = run("paid", str(bank), "--by", "agence comptable")
    assert code == 0 and "2 payments recorded" in told


def test_rules_in_euros(run: Run, france: France):
    """What a change of the rules is worth; the book itself is shown like any other."""
    assert run(*FINAL)[0] == 0
    code, told = run("rules", "diff", "eds", "2022-01-01", "2023-01-01", "--impact", "2023")
    assert code == 0 and "no value differs" in told and "eds 2023: paid under each" in told
    code, told = run("simulate", "eds", "--year", "2023", "--all", "--parameter", "cap_quantile=none")
    assert code == 0 and "difference" in told


def test_half_the_avoidable_complications(run: Run, france: France):
    """Each forfait loses half of what complications are of the expectation: 10 % here, so 5 %."""
    for year in (2022, 2023):
        rows = surgery.episodes_of(year)
        split = [surgery.prediction(row, typical_eur=0.9 * row["expected_eur"], avoidable_eur=0.1 * row["expected_eur"])
                 for row in rows]  # type: ignore[operator]  # fmt: skip
        table(france.data, EPISODE_PREDICTIONS, year, split)
    assert run(*FINAL)[0] == 0
    _, inputs = load(kept(france))
    book = rules("eds", on=date(2023, 1, 1))
    full = schemes.eds.forfaits(inputs, year=2023, rules=book)
    half = schemes.eds.forfaits(inputs, year=2023, rules=with_parameter(book, "avoidable_allowance_share", "0.5"))
    assert "avoidable_cents" not in full
    wanted = full["forfait_cents"] * 0.95
    assert (half["forfait_cents"] - wanted).abs().max() <= 1
    parts = [name for name in half if str(name).endswith("_cents") and name not in schemes.eds.price.COUNTED]
    assert (half[parts].sum(axis=1) == half["forfait_cents"]).all()


def test_files_for_an_auditor(run: Run, france: France):
    """Prices, the forfait of every episode paid with its components, and the change from one year to the next."""
    later = [{**row, "cost_in_scope_cents": int(row["cost_in_scope_cents"])} for row in surgery.episodes_of(2023)]
    surgery.write(france.data, 2024, [moved(row) for row in later])
    assert run(*FINAL)[0] == 0
    code, told = run("bundles", "--year", "2023")
    assert code == 0 and "8 forfaits, prices.csv, forfaits.csv in" in told
    made = pd.read_csv(kept(france).with_name(f"{kept(france).name}-bundles") / "forfaits.csv", dtype=str)
    paid = result(france, AMOUNTS.name)
    price = paid[paid["component"] == "price"].set_index("structure_id")["amount_cents"].to_dict()
    summed = made.assign(cents=made["forfait_cents"].astype(int)).groupby("establishment_id")["cents"].sum()
    assert summed.to_dict() == price
    parts = made[[f"{name}_cents" for name in schemes.eds.price.PARTS]].astype(int).sum(axis=1)
    assert parts.tolist() == made["forfait_cents"].astype(int).tolist()
    assert run("pay", "eds", "--year", "2024", *FINAL[4:-1], "2025-10-31")[0] == 0
    changes = bundles_of(france.data, 2024)["price-changes"].set_index(["programme", "sector"])
    now = 24_500 / 3 / 2 + (7_500 + 9_100 + 8_500) / 3 / 2
    assert changes.loc[("pth", "private"), "before_eur"] == pytest.approx(24_500 / 3, abs=60)
    assert changes.loc[("pth", "private"), "after_eur"] == pytest.approx(now, abs=60)


def moved(row: dict[str, object]) -> dict[str, object]:
    """The same episode a year later."""
    later = {name: value + timedelta(days=365) for name, value in row.items() if isinstance(value, date)}
    return {**row, **later, "episode_id": f"{row['episode_id']}-24", "stay_id": f"{row['stay_id']}-24"}


ANSWERS = "patient_id,programme,entry_date,questionnaire,moment,score\n"


def test_answers_of_patients_count(run: Run, france: France):
    """One of the three hips of H1 answered before and after, one after; another answer is of nobody's episode."""
    first, second = surgery.episodes_of(2023)[:2]
    asked = [(first, "ohs", "before", "20"), (first, "ohs", "after", "40"), (second, "ohs", "after", "30"),
             (second, "prems", "after", "80"), (first, "eq5d", "after", "")]  # fmt: skip
    lines = [f"{row['patient_id']},pth,{row['entry_date']},{name},{when},{score}" for row, name, when, score in asked]
    text = ANSWERS + "\n".join([*lines, "nobody,pth,2023-03-03,ohs,after,12"])
    (france.data / "answers.csv").write_text(text, encoding="utf-8")
    code, told = run(*FINAL)
    assert code == 0
    assert "answers.csv: 4 answers counted, 1 of no complete episode of the year" in told
    _, inputs = load(kept(france))
    counted = inputs["quality"].set_index(["establishment_id", "indicator"])[["observed", "patients"]]
    assert counted.loc[(H1, "proms_response")].tolist() == [2.0, 6]
    assert counted.loc[(H1, "prems_score")].tolist() == [80.0, 1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("P1,pth,2023-01-10,ohs,later,3", "row 2, column moment 'later' is unknown"),
        ("P1,pth,10/01/2023,ohs,after,3", "row 2, column entry_date is not a date YYYY-MM-DD"),
        ("P1,pth,2023-01-10,ohs,after,three", "row 2, column score is not a number"),
        (",pth,2023-01-10,ohs,after,3", "row 2, column patient_id is empty"),
    ],
)
def test_answers_that_cannot_be_read(run: Run, france: France, line: str, says: str):
    """File, column and row; never what stands there where it is a patient's."""
    (france.data / "answers.csv").write_text(ANSWERS + line, encoding="utf-8")
    code, told = run(*FINAL)
    assert code == 3
    assert f"answers.csv: {says}" in told and "three" not in told and "10/01" not in told


def test_quality_of_the_nation(run: Run, france: France):
    """Every hospital, participant or not; analyses that were not read count for nobody."""
    rows = surgery.episodes_of(2023)
    table(france.data, EPISODE_OUTCOMES, 2023, [
        surgery.outcome(row, has_rehospitalisation=place in (0, 5), has_infection=place == 0,
                        has_anaemia_screening=None if place == 1 else place != 0)
        for place, row in enumerate(rows)
    ])  # fmt: skip
    assert run(*FINAL)[0] == 0
    _, inputs = load(kept(france))
    counted = inputs["quality"].set_index(["establishment_id", "indicator"])
    assert counted.loc[(H1, "anaemia_screening"), ["observed", "patients"]].tolist() == [4.0, 5]
    assert counted.loc[(H1, "rehospitalisation"), "observed"] == 1.0
    assert counted.loc[(H1, "rehospitalisation"), "expected"] == pytest.approx(3 * 2 / 8), "2 of the 8 hips"
    assert counted.loc[(H1, "infection"), ["observed", "patients"]].tolist() == [1.0, 5], "no odds ratio of the colon"
    assert counted.loc[(H1, "chemotherapy_in_time"), ["observed", "patients"]].tolist() == [1.0, 1]
    assert "malnutrition_screening" not in counted.index.get_level_values(1)


@pytest.mark.parametrize(
    ("missing", "words", "code", "message"),
    [
        ("", (*FINAL, "--kind", "provisional"), 3, "eds is paid once the year is known"),
        ("", (*FINAL[:4], *FINAL[5:], "--structure", "T9"), 3, "choose one of 35000001, 35000002"),
        ("", (*FINAL, "--version", "7"), 4, "forfait train eds_"),
        ("", ("pay", "eds", "--year", "2022", *FINAL[4:], "--version", "1"), 4, "episodes --years 2021..2022"),
        ("episodes/2023", FINAL, 4, "run forfait episodes --years 2022..2023"),
        ("episodes/2022", FINAL, 4, "run forfait episodes --years 2022..2023"),
        ("episode_predictions/2023", FINAL, 4, "run forfait predict eds_colectomie --year 2023 --version 1"),
        ("episode_outcomes/2023", FINAL, 4, "run forfait episodes"),
        ("episode_features/2023", FINAL, 4, "run forfait episodes"),
    ],
)
def test_what_cannot_be_paid_names_what_to_do(
    run: Run, france: France, missing: str, words: tuple[str, ...], code: int, message: str
):
    """An option that is wrong, or a step that was not run: one line, the command to run, no run kept."""
    if missing:
        (france.data / f"{missing}.parquet").unlink()
    found, told = run(*words)
    assert (found, message in told) == (code, True), told
    assert not (france.data / "payments" / "runs.jsonl").exists()


def test_a_year_of_training_is_predicted_by_its_training(run: Run, france: France):
    """The expectations of 2022 under a version trained on it are cross-fitted: training writes them, not predict."""
    for model in surgery.MODELS:
        surgery.freeze_episodes(france.versions, model, 2)
    code, told = run(*FINAL, "--version", "2")
    assert code == 4
    assert "run forfait train eds_colectomie --year 2023, which writes those of its years of training" in told


def test_a_phase_is_one_of_the_rules(run: Run, france: France):
    """Named with its file and row."""
    third = "350000033;Three;eds;2020-01-01;;bold;;\n"
    (france.data / "participations.csv").write_text(surgery.TEAMS + third, encoding="utf-8")
    code, told = run(*FINAL)
    assert code == 3
    assert "participations.csv: row 4, column phase 'bold' is unknown; it should be one of simulation, upside" in told


def test_eds_is_not_estimated_by_the_month(france: France):
    """Its open episodes are watched instead."""
    with pytest.raises(InputError, match="forfait watch"):
        estimate_year(france.data, "eds", 2023, as_of=date(2023, 10, 1))


def test_rules_give_no_instalment():
    """Retrospective: a file with instalments would need a provisional payment, which EDS refuses."""
    assert [file.whole("instalments_per_year") for file in every_file("eds")] == [0]
