"""What an episode counts: windows, perimeter, proration by day, revaluation; exact cents, each traced to its rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import connect
from features.episodes import trace
from features.episodes.perimeter import perimeter_rules
from features.episodes.proration import allotted
from features.errors import InputError, MissingError
from features.reference_data import reference
from features.tables.episodes import COMPONENTS, PERIODS
from tests.features.episodes_made import built, colon, day, draw, hip, line, lines

HOSPITAL = {"acts": [], "timed_acts": None, "principal_diagnosis": None}
PTH = "pth-A-2024-03-10"
PLAIN = {"pth": {"tariff_campaign": "2024"}, "colectomie": {"tariff_campaign": "2024"}}


def ssr(first: int, last: int, cents: int, **other: object) -> dict[str, object]:
    """A rehabilitation stay after a hip, from and to a day counted from the intervention."""
    given = {"field": "SSR", "stay_id": f"R{first}", "ghm": "0840A1", "nights": last - first, "base_cents": cents}
    return {**hip(start=day(first), nights=last - first), **HOSPITAL, "main_diagnoses": ["Z966"], **given, **other}


def back(first: int, last: int, **other: object) -> dict[str, object]:
    """A later acute stay of 2,000 EUR."""
    given = {"stay_id": f"B{first}", "ghm": "08M311", "base_cents": 200000, "nights": last - first}
    return {**hip(start=day(first), nights=last - first), **HOSPITAL, **given, **other}


def costs(row: pd.Series) -> dict[str, int]:
    """Components that are not 0, in cents."""
    found = {name: int(row[f"cost_{name}_cents"]) for name in COMPONENTS}
    return {name: cents for name, cents in found.items() if cents}


def adds_up(data: Path, rows: pd.DataFrame) -> None:
    """All care is the sum of the lines; the perimeter that of the components, and of pre, stay and periods."""
    final = rows[rows["is_final"]]
    by_episode = lines(data).groupby("episode_id")["cents"].sum()
    assert final["cost_total_allcause_cents"].tolist() == by_episode.reindex(final.index).fillna(0).tolist()
    parts = [f"cost_{name}_cents" for name in COMPONENTS]
    assert (final[parts].sum(axis=1) == final["cost_in_scope_cents"]).all()
    periods = ["cost_pre_cents", "cost_index_cents", "cost_implant_cents", *(f"cost_{name}_cents" for name in PERIODS)]
    assert (final[periods].sum(axis=1) == final["cost_in_scope_cents"]).all()


def test_a_public_episode_to_the_cent(tmp_path: Path):
    """A hip with everything around it; tariffs kept at those of 2024.

    Before: a visit (25.00) and a laboratory test (15.00) from day -45; day -46 is outside. Stay 5,654.51, implants
    1,650.00. After: rehabilitation 3,000.00, home hospitalisation 700.00, physiotherapy 16.13 twice (one with a
    contribution taken back, 5.00), a nurse 8.00, transport 60.00, a device 40.00, a follow-up visit 30.00 on day
    90; day 91 is outside. An infection stay from day 30 to day 34, 2,000.00: one day of five before day
    31. Unrelated: a cataract stay, a dentist, an oculist, a dialysis
    session, glasses.
    """
    stays = [
        hip(implant_cents=165000),
        ssr(5, 20, 300000),
        ssr(21, 25, 70000, field="HAD", stay_id="H", ghm=None),
        back(30, 34, main_diagnoses=["T845", "M161"]),
        back(50, 50, stay_id="cataract", ghm="02C05J", main_diagnoses=["H251"], base_cents=100000),
        back(52, 52, stay_id="dialysis", ghm="28Z04Z", main_diagnoses=["Z491"], nights=None, sessions=1, base_cents=5),
    ]
    care = [
        line(day(-46), 999, "generaliste"), line(day(-45), 2500, "generaliste"), line(day(-1), 1500, "biologie"),
        line(day(7), 1613, "kinesitherapeute"), line(day(7), 1613, "kinesitherapeute"),
        line(day(7), -500, "kinesitherapeute"), line(day(8), 800, "infirmier"), line(day(4), 6000, "transport"),
        line(day(4), 4000, "lpp"), line(day(90), 3000, "specialiste"), line(day(91), 3000, "specialiste"),
        line(day(40), 7000, "dentiste"), line(day(41), 2800, "specialiste", performer_specialty=15),
        line(day(42), 11000, "lpp", act_code=3502), line(day(43), 9999, "specialiste", is_in_target=False),
        line(day(5), 300000, "hopital_ssr", source="PMSI"),
    ]  # fmt: skip
    draw(tmp_path, stays=stays, care_lines=care)
    rows = built(tmp_path, overrides=PLAIN)
    row = rows.loc[PTH]
    assert costs(row) == {
        "pre": 4000, "index": 565451, "implant": 165000, "ssr": 300000, "had": 70000, "readmission": 200000,
        "kine": 2726, "ide": 800, "transport": 6000, "drugs_lpp": 4000, "other_ville": 3000,
    }  # fmt: skip
    unrelated = 100000 + 5 + 7000 + 2800 + 11000
    assert row["cost_total_allcause_cents"] == row["cost_in_scope_cents"] + unrelated
    assert [int(row[f"cost_{name}_cents"]) for name in PERIODS] == [423526, 160000, 3000, 0]
    adds_up(tmp_path, rows)
    told = trace(tmp_path, PTH)
    assert told["cents"].sum() == row["cost_total_allcause_cents"]
    kine = told[told["component"] == "kine"].iloc[0]
    assert (kine["rows"], kine["received_cents"], kine["rule"], kine["meaning"]) == (3, 2726, 220, "physiotherapy")
    assert told.loc[told["source_key"] == "cataract", ["is_in_scope", "meaning"]].values.tolist() == [
        [False, "stays of unrelated categories"]
    ]


def test_a_stay_that_ends_on_day_120_is_prorated_by_day(tmp_path: Path):
    """Rehabilitation from day 80 to day 120, both ends counted: 41 days, 11 of them in the window (days 80 to 90).

    1,000.00 EUR: 11/41 is 268.2926..., outside 731.7073...: the cent left goes to the larger remainder, outside.
    A second one, from day 50 to 69 (20 days), 100.01 EUR: 11 days to day 60, 9 after: 55.0055 and 45.0045.
    One that began before the window: day -50 to -41, 10 days, 5 inside; unrelated.
    """
    stays = [hip(), ssr(80, 120, 100000), ssr(50, 69, 10001), ssr(-50, -41, 1001, stay_id="before")]
    draw(tmp_path, stays=stays)
    rows = built(tmp_path, overrides=PLAIN)
    told = trace(tmp_path, PTH).set_index(["source_key", "period"])
    assert told.loc[("R80", "days_61_90"), "cents"] == 26829
    assert told.loc[("R80", "days_61_90"), "window_share"] == 11 / 41
    assert told.loc[[("R50", "days_31_60"), ("R50", "days_61_90")], "cents"].tolist() == [5501, 4500]
    assert told.loc[("before", "pre"), "cents"] == 501
    assert costs(rows.loc[PTH]) == {"index": 565451, "ssr": 26829 + 10001}
    adds_up(tmp_path, rows)


def test_a_private_episode(tmp_path: Path):
    """The clinic's stay, the fees of surgeon and anaesthetist, the implant: all in claims, by day and establishment.

    The clinic bills its rehabilitation on day 80 for a stay to day 120: prorated like a public one. A fee in a
    cataract stay at another clinic is unrelated, as its stay is; an excess of fees is no base of reimbursement.
    """
    private = {"sector": "private", "base_cents": None}
    stays = [
        hip(**private, establishment_id="750000001"),
        ssr(80, 120, 0, **private, establishment_id="750000009"),
        back(50, 50, ghm="02C05J", main_diagnoses=["H251"], **private, establishment_id="920000001"),
    ]
    own, other = {"establishment_id": "75000000"}, {"establishment_id": "92000000"}
    care = [
        line(day(0), 311911, "hopital_prive"), line(day(1), 45980, "specialiste", paid_cents=99900, **own),
        line(day(1), 22990, "specialiste", performer_specialty=2, performer_id="X2", **own),
        line(day(1), 165000, "lpp", act_code=3551, **own), line(day(80), 100000, "hopital_prive"),
        line(day(50), 80000, "hopital_prive", **other), line(day(50), 20000, "specialiste", **other),
    ]  # fmt: skip
    draw(tmp_path, stays=stays, care_lines=care)
    rows = built(tmp_path, overrides={"pth": {"tariff_campaign": "2024"}})
    assert costs(rows.loc[PTH]) == {"index": 311911 + 45980 + 22990, "implant": 165000, "ssr": 26829}
    assert rows.loc[PTH, "cost_total_allcause_cents"] == 545881 + 26829 + 100000
    adds_up(tmp_path, rows)


def test_fees_do_not_change_with_what_exceeds_the_base(tmp_path: Path):
    """Check 6: removing dépassements changes no cost."""
    care = [line(day(1), 45980, "specialiste", paid_cents=45980), line(day(10), 3000, "specialiste", paid_cents=3000)]
    draw(tmp_path / "a", stays=[hip()], care_lines=care)
    draw(tmp_path / "b", stays=[hip()], care_lines=[{**row, "paid_cents": 99900} for row in care])
    first, second = built(tmp_path / "a"), built(tmp_path / "b")
    pd.testing.assert_frame_equal(first, second)


def test_drugs_are_shared_by_packs(tmp_path: Path):
    """10.01 EUR on a day with two packs of the list and one chronic: 2/3 in, 6.67; a day without packs is out."""
    care = [line(day(6), 1001, "pharmacie"), line(day(9), 500, "pharmacie"), line(day(-3), 300, "pharmacie")]
    packs = [
        {"care_date": day(6), "atc": "N02BE01", "quantity": 2},
        {"care_date": day(6), "atc": "C09AA05", "quantity": 1},
        {"care_date": day(-3), "atc": "B03AC"},
    ]
    draw(tmp_path, stays=[hip()], care_lines=care, dispensings=packs)
    rows = built(tmp_path, overrides=PLAIN)
    assert costs(rows.loc[PTH]) == {"pre": 300, "index": 565451, "drugs_lpp": 667}
    told = trace(tmp_path, PTH)
    assert told.loc[told["care_date"] == pd.Timestamp(day(6)), ["source", "cents", "rule"]].values.tolist() == [
        ["care_lines", 334, 270], ["dispensings", 667, 180],
    ]  # fmt: skip
    adds_up(tmp_path, rows)


def test_fees_on_a_day_with_an_unrelated_act(tmp_path: Path):
    """A screening mammography (QEQK004) on day 20: the radiologist's fee of the day is out."""
    care = [line(day(20), 6600, "specialiste", performer_specialty=6), line(day(21), 3000, "specialiste")]
    draw(tmp_path, stays=[hip()], care_lines=care, procedures=[{"care_date": day(20), "ccam": "QEQK004"}])
    assert costs(built(tmp_path, overrides=PLAIN).loc[PTH]) == {"index": 565451, "other_ville": 3000}


def test_a_colectomy(tmp_path: Path):
    """180 days; chemotherapy and the closure of the stoma are out, a leak is in, digestive rehabilitation is in."""
    stays = [
        colon(),
        back(60, 60, stay_id="chemo", ghm="28Z07Z", main_diagnoses=["Z511"], nights=None, sessions=1),
        back(120, 125, stay_id="stoma", ghm="06C101", acts=["HHMA003"], main_diagnoses=["Z432"]),
        back(10, 14, stay_id="leak", ghm="06C051", acts=["HHMA002"], main_diagnoses=["K650"]),
        ssr(15, 30, 300000, ghm="0603A1"),
        ssr(180, 189, 10000, ghm="0603A1"),
    ]
    draw(tmp_path, stays=stays)
    rows = built(tmp_path, overrides=PLAIN)
    row = rows.loc["colectomie-A-2024-03-10"]
    assert costs(row) == {"index": 565451, "ssr": 301000, "readmission": 200000}
    assert row["cost_days_91_up_cents"] == 1000
    assert row["cost_total_allcause_cents"] == row["cost_in_scope_cents"] + 400000
    adds_up(tmp_path, rows)


def test_a_window_cut_short(tmp_path: Path):
    """Dead on day 30: rehabilitation from day 21 to day 40 counts 10 days of 20; what comes after does not count."""
    draw(tmp_path, stays=[hip(), ssr(21, 40, 20001)], care_lines=[line(day(31), 500, "infirmier")],
         beneficiaries=[{"patient_id": "A", "death_date": day(30)}])  # fmt: skip
    rows = built(tmp_path, overrides=PLAIN)
    assert costs(rows.loc[PTH]) == {"index": 565451, "ssr": 10001}


def test_every_year_at_the_tariffs_of_one(tmp_path: Path):
    """A stay at 5,643.98 (campaign 2024) is worth 5,654.51 at the tariffs of 2025; claims in town keep their value.

    Until the end of February, the campaign is that of the year before: 5,476.75 becomes 5,654.51.
    """
    stays = [
        hip(base_cents=564398),
        hip("B", day(-30), base_cents=547675),
        hip("C", base_cents=None, sector="private"),
    ]
    care = [line(day(9), 1613, "kinesitherapeute"), line(day(0), 311282, "hopital_prive", patient_id="C")]
    draw(tmp_path, stays=stays, care_lines=care)
    rows = built(tmp_path)
    assert [costs(row) for _, row in rows.iterrows()] == [
        {"index": 565451, "kine": 1613}, {"index": 565451}, {"index": 311911},
    ]  # fmt: skip
    assert sorted(lines(tmp_path)["received_cents"]) == [1613, 311282, 547675, 564398]
    with pytest.raises(InputError, match="campaign 2030 of pth is not listed"):
        built(tmp_path, overrides={"pth": {"tariff_campaign": "2030"}})


def test_an_excluded_stay_has_no_cost(tmp_path: Path):
    """Null, not 0."""
    draw(tmp_path, stays=[hip(exit_mode="9"), hip("B")])
    assert built(tmp_path)["cost_in_scope_cents"].isna().tolist() == [True, False]


def test_rules_may_be_replaced(tmp_path: Path):
    """The same episode with rehabilitation out: perimeter_rules.csv is a table, not code."""
    rules = reference("perimeter_rules").copy()
    rules.loc[rules["priority"] == "110", ["decision", "component"]] = ["out", ""]
    draw(tmp_path, stays=[hip(), ssr(5, 20, 300000)])
    row = built(tmp_path, overrides=PLAIN, rules=rules).loc[PTH]
    assert costs(row) == {"index": 565451} and row["cost_total_allcause_cents"] == 865451


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"priority": "20"}, "same priority"),
        ({"table": "er_prs_f"}, "row 2: table"),
        ({"code_pattern": "atc:N02"}, "not one of stays_mco"),
        ({"code_pattern": "ghm:@nothing"}, "no list 'nothing'"),
        ({"component": ""}, "needs a component"),
        ({"component": "pre"}, "pre goes with"),
        ({"window_part": "later"}, "row 2"),
    ],
)
def test_rules_are_checked(change: dict[str, str], words: str):
    """A message names the row and what would be right."""
    rules = reference("perimeter_rules").copy()
    rules.loc[0, list(change)] = list(change.values())
    with pytest.raises(InputError, match=words):
        perimeter_rules(rules)


def test_a_last_rule_decides_everything():
    """Without it a euro could be lost."""
    with pytest.raises(InputError, match="the last rule must decide everything"):
        perimeter_rules(reference("perimeter_rules").iloc[:-1])


def test_a_trace_of_nothing(tmp_path: Path):
    """No episode built; no such episode."""
    with pytest.raises(MissingError, match="run forfait episodes"):
        trace(tmp_path, PTH)
    draw(tmp_path, stays=[hip()])
    built(tmp_path)
    with pytest.raises(InputError, match="no line of that episode"):
        trace(tmp_path, "pth-unknown")


@settings(max_examples=30, deadline=None)
@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
)
def test_parts_add_up(cents: int, weights: list[int]):
    """Whatever the amount and the days, the parts add up to it and none is a cent off its exact share."""
    total = sum(weights)
    frame = pd.DataFrame({"key": "a", "place": range(len(weights)), "weight": weights})
    rows = ibis.memtable(frame.assign(whole_cents=cents, total_weight=total))
    con = connect("duckdb", threads=1)
    found = con.to_pandas(allotted(rows, by=["key"], order="place"))
    assert found["cents"].sum() == cents
    assert ((found["cents"] * total - cents * found["weight"]).abs() < total).all()


def test_the_days_of_the_windows_are_both_ends(tmp_path: Path):
    """A visit on day -45 and one on day 90 count; the days beside them do not."""
    days = (-46, -45, 90, 91)
    draw(tmp_path, stays=[hip()], care_lines=[line(day(n), 100 + n, "generaliste") for n in days])
    built(tmp_path, overrides=PLAIN)
    counted = lines(tmp_path)
    town = counted[counted["source"] == "care_lines"].sort_values("care_date")
    assert [d.date() for d in town["care_date"]] == [day(-45), day(90)]
    assert day(90) - day(-45) == timedelta(days=135)
