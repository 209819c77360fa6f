"""The model card from a version made by hand: every figure that it shows, and what it says where there is none."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import training.cards
from features.errors import InputError
from features.parts import Part
from features.versions import EPISODE_UNIT, Card, CardFeature, Entry
from training.cards import Known, Trained, card_html, card_markdown
from training.cards.known import periods_of
from training.cards.page import card_sections
from training.cards.read import latest_evaluation
from training.evaluation.record import (
    CodeRow,
    Curve,
    Diagrams,
    Evaluation,
    Facts,
    Figure,
    GroupRow,
    Incentives,
    MonotoneRow,
    OracleRow,
    PoolRow,
    RivalRow,
    SelectionRow,
    SizeRow,
    Stability,
    Verdict,
    encode_evaluation,
)
from training.evaluation.wording import between
from training.twin.record import BeatsGrid, Fidelity, Scorecard, Twin, TwinRow

FOLDER = Path(training.cards.__file__).parent
HASH = "ab" * 32


def feature(name: str, family: str, kind: str = "flag", monotone: int = 0) -> CardFeature:
    return CardFeature(name=name, label_fr=f"{name} fr", label_en=f"{name} en", family=family, kind=kind,
                       monotone=monotone)  # fmt: skip


CARD = Card(
    model="peps_mg", version=3, perimeter="MG", objective="blend", link="parts", balance_factor=1.002345,
    floor_eur=0.0, cap_quantile=0.995, cap_eur=636.0,
    features=(feature("age", "age_sex", "number"), feature("ald_count", "ald", "number", 1), feature("ald_08", "ald")),
    training_years=(2022, 2023), test_year=2024, parts=(Part("identity", 70), Part("log", 12)),
    population={"training_patients": 55873.0, "training_rows": 110478.0, "training_patient_years": 109954.27,
                "training_mean_eur": 104.48, "training_spent_eur": 11487954.0, "training_zero_share": 0.169,
                "test_patients": 55633.0, "test_mean_eur": 105.88},
    metrics={"test_r2": 0.36367, "test_r2_capped": 0.36549, "folds_r2": 0.3554, "test_mae_eur": 64.765},
    data_hashes={"spending/2022": "cd" * 32},
    parameters={"trees": 82, "balance_on": "age, ald_count", "learning_rate": 0.05},
    seed=7, model_sha256="ef" * 32,
)  # fmt: skip


def figure(name: str, value: float, unit: str = "1") -> Figure:
    return Figure(name=name, value=value, low=value - 0.01, high=value + 0.01, unit=unit)


def group(level: str, ratio: float, net: float, verdict: str, patients: int = 2000) -> GroupRow:
    return GroupRow(
        group="c2s", level=level, is_seen=True, verdict=verdict, patients=patients, observed_eur=200.0,
        expected_eur=200 + net, net_eur=net, net_low=net - 3, net_high=net + 3, net_total_eur=net * patients,
        ratio=ratio, low=ratio - 0.02, high=ratio + 0.02, raw_ratio=ratio,
    )  # fmt: skip


EVALUATION = Evaluation(
    facts=Facts(
        model="peps_mg", version=3, title_fr="PEPS", title_en="PEPS", year=2024, patients=55633, weight=55355.0,
        observed_eur=105.88, expected_eur=106.28, normalisation=0.99616, cap_eur=636.0, cap_quantile=0.995, draws=200,
        seed=0, not_measured=("sector",),
    ),
    verdicts=(
        Verdict(name="total", status="good", figures=(figure("total_ratio", 1.004, "ratio"),)),
        Verdict(name="past", status="bad", figures=(Figure(name="back", value=0.02, unit="EUR"),)),
    ),
    fit=(figure("r2", 0.364), figure("r2_capped", 0.365), figure("mae_eur", 64.77, "EUR")),
    rivals=(
        RivalRow(model="peps_mg", raw_ratio=1.004, r2=0.364, r2_capped=0.366, cpm=0.205, mae_eur=64.70),
        RivalRow(model="grid", raw_ratio=1.002, r2=0.296, r2_capped=0.3, cpm=0.167, mae_eur=67.82,
                 r2_gain=figure("r2", 0.067), cpm_gain=figure("cpm", 0.038)),
    ),
    diagrams=Diagrams(reliability=Curve(name="peps_mg", x=(), y=()), murphy=(), miscalibration=0, discrimination=0,
                      uncertainty=0),
    groups=(group("C2S", 0.91, -18.0, "outside"), group("no C2S", 1.01, 2.0, "within"),
            group("tiny", 0.5, -100.0, "small", 20)),
    sizes=(SizeRow(size=250, low=0.889, high=1.101, detectable=0.14, credibility=0.442, chance_eur_per_patient=1.16,
                   coverage=0.95, simulated=200),),
    structures=(), between_sd=0.05, is_between_assumed=True, coverage=(),
    incentives=Incentives(
        codes=(CodeRow(code="ald_08", label_fr="ALD 8", label_en="ALD 8", prevalence=0.05, eur_per_code=85.1,
                       lowering_share=0.02),),
        pools=(PoolRow(pool="targeted", codes=10, share=0.1, eur_per_code=85.1, growth=0.0801),),
        selection=(SelectionRow(kept=0.5, gain_eur=12.0, low=9.0, high=15.0, share_of_spending=0.113),),
        monotone=(MonotoneRow(feature="ald_count", label_fr="ald_count fr", label_en="ald_count en", direction=1,
                              trees=9, pairs=1234, broken=0, worst_eur=0.0),),
    ),
    stability=Stability(against="peps_mg, version 2", rank_correlation=0.991, mean_absolute_change=0.031,
                        structure_rank_correlation=None, structure_mean_absolute_change=None, moved_share=0.004,
                        normalisation_before=1.0, normalisation_after=1.0),
    oracle=OracleRow(patients=50000, model_r2=0.364, oracle_r2=0.37, share=0.98),
)  # fmt: skip


def entry(version: int, start: date, decided: date, why: str = "yearly refit") -> Entry:
    return Entry(model="peps_mg", version=version, version_hash=HASH, from_date=start, decided_on=decided,
                 by="Cnam, DEPP", why=why)  # fmt: skip


REGISTER = (
    entry(2, date(2024, 1, 1), date(2023, 12, 1)),
    entry(3, date(2025, 1, 1), date(2024, 12, 1)),
    entry(4, date(2026, 1, 1), date(2025, 12, 1)),
)
COUNTS = pd.DataFrame(
    {"year": [2022, 2022, 2022, 2023, 2023, 2023], "control": ["no_declared_doctor", "no_exposure", "kept"] * 2,
     "patients": [16364, 4, 55138, 16463, 0, 55340]}
)  # fmt: skip
KNOWN = Known(CARD, HASH, "PEPS, médecine générale", "PEPS, general practice", evaluation=EVALUATION,
              register=REGISTER, counts=COUNTS, no_counts="",
              software={"python": "3.11.9", "lightgbm": "4.7.0"})  # fmt: skip


def section(known: Known, name: str, language: str = "en") -> str:
    """The words of a section: paragraphs, and rows joined by " | "."""
    own = next(one for one in card_sections(known, language) if one.name == name)
    rows = [" | ".join(row.cells) for _, table in own.tables for row in table.rows]
    return "\n".join([*own.paragraphs, *rows])


def test_figures_of_the_evaluation():
    """R² with its interval and the cap beside it; rivals with what is gained; sizes; incentives; stability."""
    fit = section(KNOWN, "fit")
    assert "R² | 0.364 | 0.354 to 0.374" in fit and "Cap of the capped R²: 636 EUR." in fit
    assert "R² | 0.364 | 0.355" in fit and "Mean absolute error | 64.77 EUR | –" in fit
    assert "PEPS-like grid | 0.296 | 0.300 | 0.167 | 67.82 EUR | +0.067 (0.057 to 0.077)" in section(KNOWN, "rivals")
    assert "0.889 to 1.101 | 14.0% | 44.2% | 1.16 EUR | 95.0%" in section(KNOWN, "totals")
    assert "beyond chance: 5.0% (assumed)" in section(KNOWN, "totals")
    incentives, nine_to_15 = section(KNOWN, "incentives"), between(9.0, 15.0, "EUR", "en")
    assert "A euro spent last year brings back 0 EUR" in incentives
    assert "+85.10 EUR | +8.0%" in incentives and f"50.0% | +12.00 EUR | {nine_to_15} | 11.3%" in incentives
    assert "ald_count en | 1,234 | 0" in section(KNOWN, "monotone")
    stability = section(KNOWN, "stability")
    assert all(text in stability for text in ("peps_mg, version 2", "0.991", "3.1%", "0.4%"))


def test_the_model_is_set_beside_the_grid():
    """Surely above in R² and CPM (0.067 and 0.038, both intervals above 0): said in words; without a grid, nothing."""
    assert "The model does better than the grid" in section(KNOWN, "rivals")
    lost = msgspec.structs.replace(EVALUATION.rivals[1], r2_gain=figure("r2", 0.001), cpm_gain=figure("cpm", -0.02))
    found = msgspec.structs.replace(EVALUATION, rivals=(EVALUATION.rivals[0], lost))
    assert "The grid does as well as the model" in section(Known(CARD, HASH, "P", "P", evaluation=found), "rivals")
    alone = msgspec.structs.replace(EVALUATION, rivals=EVALUATION.rivals[:1])
    assert "grid" not in section(Known(CARD, HASH, "P", "P", evaluation=alone), "rivals")


def test_the_twin_is_told_or_asked_for():
    """33 figures, R² 0.949 with the model, 64.9 % within 10 %, 4.7 % moved, R² 0.341 of spending; or the command."""
    assert "forfait twin peps_mg --version 3" in section(KNOWN, "twin")
    near = Fidelity(r2=0.949, rank_correlation=0.97, within_5=0.3, within_10=0.649, within_20=0.87, moved_share=0.047,
                    mean_gap_eur=10.0, raw_ratio=1.0)  # fmt: skip
    row = TwinRow(kind="scorecard", figures=33, fidelity=near, groups=(), structures=(), band_model_eur=(),
                  band_low_eur=(), band_mean_eur=(), band_high_eur=())  # fmt: skip
    scored = msgspec.structs.replace(EVALUATION.rivals[1], model="scorecard", r2=0.341)
    twin = Twin(
        model="peps_mg", version=3, version_hash=HASH, title_fr="P", title_en="P", unit="EUR per year", year=2024,
        training_years=(2022,), patients=1, observed_eur=1, model_eur=1, cap_eur=None, draws=1, seed=0, labels={},
        kinds={}, families={}, scorecard=Scorecard(base_cents=0), path_r2=(), twins=(row,),
        rivals=(EVALUATION.rivals[0], scored), examples=(),
        beats_grid=BeatsGrid(verdict="ships", against=(), r2_gain=figure("r2", 0), cpm_gain=figure("cpm", 0)),
    )  # fmt: skip
    told = section(Known(CARD, HASH, "P", "P", twin=twin), "twin")
    assert "judged on 2024" in told and "the model’s: 0.364" in told
    assert "Scorecard of points | 33 | 0.949 | 64.9% | 4.7% | 0.341" in told


def test_worst_groups_first_and_small_ones_unjudged():
    """C2S is paid 18 too little of 200; 20 patients give no verdict."""
    groups = section(KNOWN, "groups")
    assert groups.index("C2S | outside | 2,000 | 200 EUR | 182 EUR | −18.00 EUR") < groups.index("no C2S | within")
    assert "tiny" not in groups


def test_limits_are_those_found():
    """Cap, code that lowers, fictional data, what was not measured, and each verdict that is not kept."""
    limits = section(KNOWN, "limits")
    for text in ("Above 636 EUR", "up to 2.0% of additions for: ALD 8", "fictional France", "hospital sector",
                 "To decide: One euro spent last year, or one act more, pays up to 0.02 EUR this year."):  # fmt: skip
        assert text in limits
    assert "The envelope" not in limits and "One training year only" not in limits
    alone = msgspec.structs.replace(CARD, training_years=(2023,))
    assert "One training year only (2023)" in section(Known(alone, HASH, "P", "P"), "limits")


def test_who_decided_and_until_when():
    """In force for 2025, until the day before version 4."""
    assert "2025-01-01 | 2025-12-31 | Cnam, DEPP | yearly refit | 2024-12-01" in section(KNOWN, "status")
    last = Known(msgspec.structs.replace(CARD, version=4), HASH, "P", "P", register=REGISTER)
    assert "2026-01-01 | no end decided" in section(last, "status")
    never = Known(msgspec.structs.replace(CARD, version=5), HASH, "P", "P", register=REGISTER)
    assert "forfait promote peps_mg --version 5 --from DATE" in section(never, "status")


def test_periods_follow_the_register():
    """Version 3 replaced on its own first day was never in force; promoted again later, it holds from then."""
    replaced = (*REGISTER[:2], entry(4, date(2025, 1, 1), date(2024, 12, 20)))
    assert periods_of(replaced, "peps_mg", 3) == []
    assert "replaced before it was in force" in section(Known(CARD, HASH, "P", "P", register=replaced), "status")
    back = (*replaced, entry(3, date(2025, 7, 1), date(2025, 6, 1), "error found in version 4"))
    (period,) = periods_of(back, "peps_mg", 3)
    assert (period.first, period.last, period.entry.why) == (date(2025, 7, 1), None, "error found in version 4")
    assert [(p.first, p.last) for p in periods_of(back, "peps_mg", 2)] == [(date(2024, 1, 1), date(2024, 12, 31))]
    assert periods_of((), "peps_mg", 3) == []


def test_population_by_reason_with_small_counts_hidden():
    """4 people are "< 11"; none is 0; the figures of the frozen version stand above."""
    data = section(KNOWN, "data")
    assert "without a declared doctor | 16,364 | 16,463" in data and "without exposure | < 11 | 0" in data
    assert "People | 55,873 | 55,633" in data and "Mean | 104 EUR | 106 EUR" in data
    assert "Without spending | 16.9% | –" in data
    assert "spending/2022 | " + "cd" * 32 in data


def test_target_features_and_method():
    """Cap, factor, direction, parts and seed."""
    target = section(KNOWN, "target")
    assert "636 EUR per person and year (quantile 0.995)" in target and "1.002345" in target
    assert "general-practice acts" in target
    features = section(KNOWN, "features")
    assert "3 characteristics" in features and "2 | ald_count en ↑; ald_08 en" in features
    method = section(KNOWN, "method")
    assert "2 parts are added: identity (70 trees); log (12 trees)." in method and "seed 7" in method
    assert "forfait train peps_mg --year 2024 --seed 7" in section(KNOWN, "reproduce")
    software = section(KNOWN, "software")
    assert HASH in software and "ef" * 32 in software and "lightgbm | 4.7.0" in software


def test_what_is_left_out_and_what_is_read_of_the_past():
    """A payment reads no past use; a forecast pays nothing; episodes say which earlier care they read."""
    assert "no characteristic of past use" in section(KNOWN, "exclusions")
    past = feature("prior_stays", "past_use", "number", 1)
    forecast = Known(msgspec.structs.replace(CARD, features=(*CARD.features, past)), HASH, "P", "P")
    assert "it must set no payment" in section(forecast, "purpose")
    assert "reads past use (1 characteristics): this is why it pays nothing" in section(forecast, "exclusions")
    card = msgspec.structs.replace(forecast.card, model="eds_pth", unit=EPISODE_UNIT, perimeter="pth", cap_eur=None,
                                   cap_quantile=None, metrics={"factor_public": 1.1139, "test_r2": 0.124})  # fmt: skip
    episode = Known(card, HASH, "P", "P")
    assert "expected cost of an episode" in section(episode, "purpose")
    assert "Read here: prior_stays en." in section(episode, "exclusions")
    assert "1st and 99th percentile" in section(episode, "target") and "public 1.1139" in section(episode, "method")
    assert "hip replacement" in section(episode, "target") and "Episodes" in section(episode, "data")


@pytest.mark.parametrize("name", ["fit", "rivals", "groups", "totals", "incentives", "monotone", "stability", "limits"])
def test_without_evaluation_each_section_says_what_makes_it(name):
    """Nothing is blank: the command that measures stands in each section that lacks its figures."""
    alone = Known(CARD, HASH, "PEPS", "PEPS")
    assert "forfait evaluate peps_mg --version 3" in section(alone, name)
    assert "forfait train peps_mg --year 2024 --seed 7" in section(alone, "data")


def test_a_record_of_another_version_of_that_number_is_not_its_own(tmp_path):
    """The newest year of this very version; a folder begun anew holds the figures of another one."""
    facts = msgspec.structs.replace(EVALUATION.facts, version_hash=HASH)
    own, other = (msgspec.structs.replace(EVALUATION, facts=msgspec.structs.replace(facts, version_hash=digest))
                  for digest in (HASH, "0" * 64))  # fmt: skip
    folder = tmp_path / "evaluations" / CARD.model / str(CARD.version)
    folder.mkdir(parents=True)
    (folder / f"{CARD.test_year}.json").write_bytes(encode_evaluation(other))
    assert latest_evaluation(tmp_path, CARD, HASH) is None
    (folder / "2031.json").write_bytes(encode_evaluation(own))
    assert latest_evaluation(tmp_path, CARD, HASH) == own
    assert latest_evaluation(tmp_path, CARD, "0" * 64) == other


def test_the_training_run_fills_what_it_measured():
    """Baselines, differences, groups of 11 or more and importance, before any evaluation."""
    fit = pd.DataFrame({"model": ["lightgbm", "ols"], "r2": [0.36, 0.33], "r2_capped": [0.37, 0.34],
                        "cpm": [0.2, 0.18], "mae_eur": [64.7, 66.0], "total_ratio": [1.0, 1.0]})  # fmt: skip
    more = pd.DataFrame({"baseline": ["ols"], "r2_difference": [0.03], "low": [0.02], "high": [0.04]})
    ratios = pd.DataFrame({"group": ["ald", "ald"], "level": ["ALD", "no ALD"], "patients": [900, 10],
                           "observed_eur": [200.0, 50.0], "expected_eur": [190.0, 51.0], "ratio": [0.95, 1.02],
                           "low": [0.93, 1.0], "high": [0.97, 1.04]})  # fmt: skip
    importance = pd.DataFrame({"feature": ["ald_count"], "mean_absolute_eur": [31.25]})
    known = Known(CARD, HASH, "P", "P", trained=Trained(fit, more, ratios, importance))
    assert "Least squares | 0.330 | 0.340 | 0.180 | 66.00 EUR | 1.000" in section(known, "rivals")
    assert "Least squares | +0.030 | 0.020 to 0.040" in section(known, "rivals")
    groups = section(known, "groups")
    assert "ALD | ALD | 900 | 200 EUR | 190 EUR | 0.950 | 0.930 to 0.970" in groups and "no ALD" not in groups
    assert "ald_count en | 31.25 EUR" in section(known, "important")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_page_and_markdown_say_the_same(language):
    """Every section in both; no script, nothing fetched; no name of a text left, no brace to fill."""
    page, markdown = card_html(KNOWN, language), card_markdown(KNOWN, language)
    assert page == card_html(KNOWN, language)
    assert "<script" not in page and "src=" not in page and "http-equiv" not in page
    for one in card_sections(KNOWN, language):
        assert f'id="{one.name}"' in page and f"## {one.title}\n" in markdown
    assert HASH in page and HASH in markdown
    assert "{" not in markdown and "x_past" not in markdown and "count_" not in markdown.replace("ald_count", "")


def test_another_language_is_refused():
    """The message says which there are."""
    with pytest.raises(InputError, match="choose one of fr, en"):
        card_markdown(KNOWN, "de")


def test_every_text_has_both_languages_and_is_there():
    """Each row has two texts with the same figures to fill; each name that the code asks for exists."""
    rows = list(csv.DictReader((FOLDER / "texts.csv").read_text(encoding="utf-8").splitlines()))
    names = {row["name"] for row in rows}
    assert len(names) == len(rows) and all(row["fr"].strip() and row["en"].strip() for row in rows)
    assert all(set(re.findall(r"\{\w+\}", row["fr"])) == set(re.findall(r"\{\w+\}", row["en"])) for row in rows)
    asked = set()
    for path in FOLDER.glob("*.py"):
        asked |= set(re.findall(r'words\["(\w+)"\]', path.read_text(encoding="utf-8")))
    assert asked <= names
