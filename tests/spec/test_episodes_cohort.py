"""Which index stays are episodes: twenty stays drawn by hand cover every reason (specs/eds.md §1.2, §7b check 3)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from features.episodes import load_programmes
from features.errors import RuleError
from features.tables.episodes import EXCLUSIONS
from tests.features.episodes_made import A, built, cohort, colon, day, draw, flow, hip, knee

TWENTY = {
    "P01": (hip("P01"), None),
    "P02": (hip("P02", age=17), "excl_age"),
    "P03": (hip("P03", ghm="08C471"), "excl_ghm"),
    "P04": (hip("P04", timed_acts=["NEKA020 4 0"]), "excl_act"),
    "P05": (colon("P05", principal_diagnosis="K573", main_diagnoses=["K573"]), "excl_diagnosis"),
    "P06": (hip("P06", is_linked=False), "excl_chaining"),
    "P07": (hip("P07", ghm="90Z00Z"), "excl_grouping"),
    "P08": (hip("P08", entry_mode="7"), "excl_not_from_home"),
    "P09": (hip("P09", entry_origin="5"), "excl_emergency"),
    "P10": (hip("P10", first_unit="07B"), "excl_emergency"),
    "P11": (hip("P11", entry_origin="7"), None),
    "P12": (hip("P12", exit_mode="9"), "excl_death"),
    "P13": (hip("P13", associated_diagnoses=["Z515"]), "excl_palliative"),
    "P14": (hip("P14"), "excl_similar"),
    "P15": (hip("P15", timed_acts=["NEKA020 1 0", "NEKA020 1 0"]), "excl_second_act"),
    "P16": (hip("P16", principal_diagnosis="S7200"), "excl_fracture"),
    "P17": (colon("P17", acts=["HHFA008", "HHFA021"]), "excl_total_colectomy"),
    "P18": (hip("P18", associated_diagnoses=["Z532"]), "excl_left_or_abroad"),
    "P19": (hip("P19", nights=91), "excl_long_stay"),
    "P20": (hip("P20"), "excl_history"),
}


def twenty(data: Path) -> None:
    """The twenty stays; P14 had a hip 300 days before, P20 is not known before this year."""
    before = hip("P14", A - timedelta(days=304))
    contracts = [{"patient_id": name} for name in TWENTY if name != "P20"]
    draw(data, stays=[stay for stay, _ in TWENTY.values()] + [before], declarations=contracts)


def test_each_stay_has_its_reason_and_no_other(tmp_path: Path):
    """Twenty stays: two are final, eighteen have one reason each (P07 has two: an error of grouping has no root)."""
    twenty(tmp_path)
    rows = cohort(tmp_path).reset_index().set_index("patient_id")
    reasons = {name: [reason for reason in EXCLUSIONS if rows.loc[name, reason]] for name in rows.index}
    wanted = {name: [] if reason is None else [reason] for name, (_, reason) in TWENTY.items()}
    assert reasons == {**wanted, "P07": ["excl_ghm", "excl_grouping"]}
    assert sorted(rows.index[rows["is_final"]]) == ["P01", "P11"]
    assert rows.index[rows["from_medico_social"]].tolist() == ["P11"]


def test_the_flow_chart_counts_each_reason_on_its_own(tmp_path: Path):
    """18 hips of the year and 2 colectomies: every reason counted whatever the others, and where it is alone."""
    twenty(tmp_path)
    built(tmp_path)
    assert flow(tmp_path) == {
        "candidates": (18, 0),
        "excl_age": (1, 1), "excl_ghm": (2, 1), "excl_act": (1, 1), "excl_chaining": (1, 1), "excl_grouping": (1, 0),
        "excl_not_from_home": (1, 1), "excl_emergency": (2, 2), "excl_death": (1, 1), "excl_palliative": (1, 1),
        "excl_similar": (1, 1), "excl_second_act": (1, 1), "excl_fracture": (1, 1), "excl_left_or_abroad": (1, 1),
        "excl_long_stay": (1, 1), "excl_history": (1, 1), "final": (2, 0),
    }  # fmt: skip
    assert flow(tmp_path, "colectomie") == {
        "candidates": (2, 0), "excl_diagnosis": (1, 1), "excl_total_colectomy": (1, 1),
    }  # fmt: skip


@pytest.mark.parametrize(("days", "is_final"), [(300, False), (365, False), (366, True)])
def test_a_similar_intervention_counts_for_365_days(tmp_path: Path, days: int, is_final: bool):
    """A hip whose stay ended 300 or 365 days before entry excludes; 366 days before, it does not."""
    before = hip("A", A - timedelta(days=days + 4))
    draw(tmp_path, stays=[hip(), before])
    assert cohort(tmp_path)["is_final"].tolist() == [is_final]


@pytest.mark.parametrize(
    ("act", "is_final"),
    [("NEKA003", False), ("NELA002", False), ("NEGA001", False), ("NFKA007", True), ("NFLA001", True)],
)
def test_similar_acts_follow_the_programme(tmp_path: Path, act: str, is_final: bool):
    """A change, reinsertion or removal of a hip excludes a hip whatever the side; a knee does not."""
    before = hip("A", A - timedelta(days=100), ghm="08C221", acts=[act], timed_acts=None)
    draw(tmp_path, stays=[hip(), before])
    assert cohort(tmp_path)["is_final"].tolist()[-1] == is_final


def test_the_day_of_the_act_moves_the_window(tmp_path: Path):
    """Entered on 10 March, operated two days later by the surgeon: 45 days before and 90 days after 12 March."""
    draw(tmp_path, stays=[hip(timed_acts=["NEKA020 1 2", "NEKA020 4 0"])])
    row = cohort(tmp_path).iloc[0]
    assert row["intervention_date"] == date(2024, 3, 12)
    assert (row["window_start"], row["window_end"]) == (day(2 - 45), day(2 + 90))


@pytest.mark.parametrize(("stay", "last"), [(hip(), 90), (knee(), 90), (colon(), 180)])
def test_windows_by_programme(tmp_path: Path, stay: dict[str, object], last: int):
    """45 days before; 90 days after a joint, 180 after a colectomy."""
    draw(tmp_path, stays=[stay])
    row = cohort(tmp_path).iloc[0]
    assert (row["window_start"], row["window_end"]) == (day(-45), day(last))
    assert row["is_final"] and row["is_complete"]


def test_the_anaesthetist_alone_makes_no_act(tmp_path: Path):
    """Activity 4 without activity 1."""
    draw(tmp_path, stays=[hip(timed_acts=["NEKA020 4 0"])])
    assert cohort(tmp_path)["excl_act"].tolist() == [True]


def test_a_z_code_lets_the_linked_diagnosis_speak(tmp_path: Path):
    """Main Z08 with a linked colon cancer is kept; without one it is not."""
    with_cancer = colon("A", principal_diagnosis="Z080", linked_diagnosis="C187")
    without = colon("B", principal_diagnosis="Z080", linked_diagnosis=None)
    draw(tmp_path, stays=[with_cancer, without])
    assert cohort(tmp_path)["excl_diagnosis"].tolist() == [False, True]


@pytest.mark.parametrize("second", [["NEKA014"], ["NFKA007"], ["NEGA002"], ["NFKA006"]])
def test_a_second_joint_in_the_stay(tmp_path: Path, second: list[str]):
    """Another hip act, a knee, a removal."""
    timed = ["NEKA020 1 0", *(f"{act} 1 0" for act in second)]
    draw(tmp_path, stays=[hip(acts=["NEKA020", *second], timed_acts=timed)])
    assert cohort(tmp_path).loc["pth-A-2024-03-10", "excl_second_act"]


def test_an_act_alone_is_no_second_act(tmp_path: Path):
    """A unicompartmental knee has no act of the programme: that is its one reason (HAS: among stays with the act)."""
    draw(tmp_path, stays=[knee(acts=["NFKA006"], timed_acts=["NFKA006 1 0"])])
    row = cohort(tmp_path).iloc[0]
    assert [reason for reason in EXCLUSIONS if row[reason]] == ["excl_act"]


def test_a_knee_inside_the_window_of_a_hip(tmp_path: Path):
    """A hip, a knee 60 days later: the hip is kept and ends the day before; the knee overlaps."""
    draw(tmp_path, stays=[hip(), knee("A", day(60))])
    rows = cohort(tmp_path)
    first, second = rows.loc["pth-A-2024-03-10"], rows.loc[f"ptg-A-{day(60)}"]
    assert first["is_final"] and first["is_truncated"] and first["window_end"] == day(59)
    assert not second["is_final"] and second["excl_overlap"]


def test_what_is_dropped_drops_nobody(tmp_path: Path):
    """Hip, knee at 60 days (dropped), colectomy at 120 days: inside the knee's window alone, so kept."""
    draw(tmp_path, stays=[hip(), knee("A", day(60)), colon("A", day(120))])
    rows = cohort(tmp_path)
    assert rows["is_final"].to_dict() == {
        f"colectomie-A-{day(120)}": True, "pth-A-2024-03-10": True, f"ptg-A-{day(60)}": False,
    }  # fmt: skip
    assert rows.loc[f"colectomie-A-{day(120)}", "window_start"] == day(120 - 45)


def test_the_later_may_be_kept(tmp_path: Path):
    """overlap keep_later: the hip goes, the knee stays."""
    draw(tmp_path, stays=[hip(), knee("A", day(60))])
    keep = {name: {"overlap": "keep_later"} for name in ("pth", "ptg")}
    assert cohort(tmp_path, overrides=keep)["is_final"].to_dict() == {
        f"ptg-A-{day(60)}": True, "pth-A-2024-03-10": False,
    }  # fmt: skip


def test_windows_of_one_patient_share_no_day(tmp_path: Path):
    """A hip, a knee 100 days later: the knee's window begins on day 91, after the hip's."""
    draw(tmp_path, stays=[hip(), knee("A", day(100))])
    rows = cohort(tmp_path)
    assert rows["is_final"].tolist() == [True, True]
    assert rows.loc[f"ptg-A-{day(100)}", "window_start"] == day(91)


def test_a_second_hip_ends_the_window_of_the_first(tmp_path: Path):
    """The second hip is excluded as similar; the first ends the day before it."""
    draw(tmp_path, stays=[hip(), hip("A", day(40))])
    rows = cohort(tmp_path)
    assert rows["excl_similar"].tolist() == [False, True]
    assert rows["window_end"].iloc[0] == day(39)


@pytest.mark.parametrize(("policy", "is_final", "end"), [("truncate", True, 30), ("exclude", False, 30)])
def test_death_after_discharge(tmp_path: Path, policy: str, is_final: bool, end: int):
    """Dead on day 30, at home: the window ends there, and the episode is kept unless the programme says otherwise."""
    draw(tmp_path, stays=[hip()], beneficiaries=[{"patient_id": "A", "death_date": day(30)}])
    row = cohort(tmp_path, overrides={"pth": {"post_discharge_death": policy}}).iloc[0]
    assert (row["is_final"], row["died_in_window"], row["window_end"]) == (is_final, True, day(end))


def test_medico_social_housing_may_be_excluded(tmp_path: Path):
    """Kept and flagged by default."""
    draw(tmp_path, stays=[hip(entry_origin="7")])
    assert cohort(tmp_path, overrides={"pth": {"medico_social": "exclude"}})["excl_medico_social"].tolist() == [True]


def test_palliative_care_of_the_year_before(tmp_path: Path):
    """An option, as HAS does: a palliative stay 200 days before."""
    before = hip("A", A - timedelta(days=200), ghm="23Z02Z", acts=[], timed_acts=[], main_diagnoses=["Z515"])
    draw(tmp_path, stays=[hip(), before])
    assert cohort(tmp_path)["excl_palliative"].tolist() == [False]
    assert cohort(tmp_path, overrides={"pth": {"palliative": "year"}})["excl_palliative"].tolist() == [True]


@pytest.mark.parametrize("code", ["99101", "99352", "99517", "99999"])
def test_residents_abroad(tmp_path: Path, code: str):
    """Geographic codes of foreign countries; 75001 is Paris."""
    draw(tmp_path, stays=[hip(residence_code=code), hip("B", residence_code="75001")])
    assert cohort(tmp_path)["excl_left_or_abroad"].tolist() == [True, False]


def test_a_stay_without_the_columns_of_the_reader(tmp_path: Path):
    """Readings without acts' days, origins or residences: the act counts on the day of entry, the rest is unknown."""
    bare = dict.fromkeys(("timed_acts", "principal_diagnosis", "entry_origin", "first_unit", "age"))
    draw(tmp_path, stays=[hip(**bare)])
    row = cohort(tmp_path).iloc[0]
    assert row["is_final"] and row["intervention_date"] == A


def test_windows_that_run_past_the_years_read(tmp_path: Path):
    """With lines known before 1 May, a window that ends in June is not complete."""
    draw(tmp_path, stays=[hip(known_date=date(2024, 4, 1))])
    assert cohort(tmp_path, known_before=date(2024, 5, 1))["is_complete"].tolist() == [False]


def test_a_fourth_programme_is_a_file(tmp_path: Path):
    """Bariatric surgery: its parameters and code lists; no code."""
    sleeve = {"ghm": "10C131", "acts": ["HFFC018"], "timed_acts": ["HFFC018 1 0"], "principal_diagnosis": "E6607"}
    draw(tmp_path, stays=[hip("A", **sleeve, main_diagnoses=["E6607"])])
    row = cohort(tmp_path, programmes=["bariatrique"]).iloc[0]
    assert (row["programme"], row["is_final"], row["window_end"]) == ("bariatrique", True, day(180))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"pth": {"anchor": "birth"}}, "anchor is 'birth'"),
        ({"pth": {"post_days": "three months"}}, "whole number"),
        ({"pth": {"window": "90"}}, "unknown window"),
        ({"pth": {"index_acts": ""}}, "may not be empty"),
    ],
)
def test_parameters_are_checked(overrides: dict[str, dict[str, str]], words: str):
    """A message names the file and what would be right."""
    with pytest.raises(RuleError, match=words):
        load_programmes(overrides=overrides)


def test_a_programme_without_a_file():
    """It is named."""
    with pytest.raises(RuleError, match="no file for rachis"):
        load_programmes(["rachis"])
