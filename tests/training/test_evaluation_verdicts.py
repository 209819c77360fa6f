"""The first page: each verdict, its status and its figures, from rows written by hand."""

from __future__ import annotations

import msgspec
import pytest

from training.evaluation.record import (
    CoverageRow,
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
)
from training.evaluation.report import in_order
from training.evaluation.verdicts import (
    chance_verdicts,
    fit_verdicts,
    group_verdicts,
    incentive_verdicts,
    oracle_verdict,
    stability_verdict,
    total_verdict,
)
from training.evaluation.wording import cell_name, meaning, sentence, texts

GROUP = GroupRow(
    group="ald", level="ALD", is_seen=True, verdict="within", patients=5000, observed_eur=200.0, expected_eur=198.0,
    net_eur=-2.0, net_low=-5.0, net_high=1.0, net_total_eur=-10_000.0, ratio=0.99, low=0.98, high=1.01, raw_ratio=0.99,
)  # fmt: skip
SIZE = SizeRow(size=250, low=0.6, high=1.4, detectable=0.5, credibility=0.1, chance_eur_per_patient=10.0)
COVERED = CoverageRow(group="all", level="all", patients=900, coverage=0.95, low=0.94, high=0.96, width_eur=400.0)


def rate(value: float, low: float, high: float, name: str = "r2") -> Figure:
    return Figure(name=name, value=value, low=low, high=high)


def figures(verdict: Verdict) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in verdict.figures}


@pytest.mark.parametrize(
    ("value", "low", "high", "status"),
    [
        (0.97, 0.95, 0.98, "good"),
        (1.03, 1.02, 1.05, "good"),
        (0.96, 0.94, 0.98, "doubt"),
        (0.96, 0.95, 0.969, "bad"),
        (1.10, 1.02, 1.20, "doubt"),
        (1.10, 1.04, 1.20, "bad"),
    ],
)
def test_the_envelope_must_be_right(value: float, low: float, high: float, status: str):
    """Within 0.97 to 1.03; outside, a doubt as long as the interval reaches the band."""
    assert total_verdict(rate(value, low, high, "total_ratio")).status == status


WITHIN = msgspec.structs.replace(GROUP, ratio=1.01)
UNCERTAIN = msgspec.structs.replace(GROUP, verdict="uncertain", ratio=1.04, low=1.01, high=1.07)
BARELY = msgspec.structs.replace(GROUP, verdict="outside", ratio=1.08, low=1.035, high=1.125)
SURELY = msgspec.structs.replace(GROUP, verdict="outside", ratio=1.10, low=1.08, high=1.12)


@pytest.mark.parametrize(
    ("first", "seen", "status"),
    [
        (WITHIN, True, "good"),
        (UNCERTAIN, True, "doubt"),
        (BARELY, True, "doubt"),
        (SURELY, True, "bad"),
        (SURELY, False, "doubt"),
        (UNCERTAIN, False, "doubt"),
        (WITHIN, False, "good"),
    ],
)
def test_groups_seen_must_be_right_and_unseen_are_told(first: GroupRow, seen: bool, status: str):
    """One group surely outside the band fails the model where it sees the group; it is a doubt where it may not.

    Of two groups an interval is 2.241 / 1.960 = 1.144 times as wide: 1.08 − 1.144 × 0.045 = 1.029, in the band, and
    1.10 − 1.144 × 0.02 = 1.077, out: as the gate of a retraining judges.
    """
    rows = [msgspec.structs.replace(row, is_seen=seen) for row in (first, WITHIN)]
    (found,) = group_verdicts(rows)
    assert (found.name, found.status) == ("seen_groups" if seen else "unseen_groups", status)
    counts = {name: float(first.verdict == name) for name in ("outside", "uncertain")}
    surely = {"surely": float(first is SURELY)} if seen else {}
    assert figures(found) == {"groups": 2.0, **counts, **surely, "net": -2.0, "ratio": first.ratio}
    assert dict(found.words) == {"group": "ald", "level": "ALD"}


def test_small_groups_get_no_verdict():
    """Under 1,000 patients nothing is judged: the furthest group whose whole interval leaves the band is told."""
    near = msgspec.structs.replace(GROUP, patients=800, verdict="small", net_eur=90.0, low=0.9, high=1.2, ratio=1.1)
    far = msgspec.structs.replace(GROUP, patients=20, verdict="small", net_eur=-40.0, low=0.5, high=0.9, ratio=0.7)
    masked = GroupRow(group="ame", level="AME", is_seen=True, verdict="masked")
    (found,) = group_verdicts([near, far, masked])
    assert (found.name, found.status, figures(found)) == ("small_groups", "told", {"net": -40.0, "ratio": 0.7})
    assert group_verdicts([near, masked]) == (Verdict(name="no_group", status="told"),)


def test_one_negative_amount_fails():
    """A share of negative amounts of anything but 0."""
    zero, some = (Figure(name="negative_share", value=share, unit="share") for share in (0.0, 1e-6))
    assert [fit_verdicts([one], ())[0].status for one in (zero, some)] == ["good", "bad"]


@pytest.mark.parametrize(
    ("r2", "cpm", "status", "better", "uncertain"),
    [
        ((0.01, 0.02), (0.01, 0.02), "good", 0, 0),
        ((-0.01, 0.02), (0.01, 0.02), "doubt", 0, 1),
        ((0.01, 0.02), (-0.02, -0.01), "bad", 1, 0),
    ],
)
def test_a_rival_that_surely_wins_fails(
    r2: tuple[float, float], cpm: tuple[float, float], status: str, better: int, uncertain: int
):
    """Paired intervals of R² and of CPM: one below 0 loses, one that holds 0 cannot be told."""
    ours = RivalRow(model="ours", raw_ratio=1.0, r2=0.3, r2_capped=0.3, cpm=0.2, mae_eur=60.0)
    other = msgspec.structs.replace(ours, model="ols", r2_gain=rate(0.0, *r2), cpm_gain=rate(0.0, *cpm))
    negative = Figure(name="negative_share", value=0.0, unit="share")
    found = fit_verdicts([negative], (ours, other))[1]
    assert (found.status, figures(found)) == (status, {"rivals": 1.0, "better": better, "uncertain": uncertain})


@pytest.mark.parametrize(("inside", "status"), [(0.95, "good"), (0.93, "good"), (0.91, "doubt"), (0.88, "bad")])
def test_structures_must_be_covered(inside: float, status: str):
    """95 ± 2 %; of 200 structures, 1.96 × √(0.95 × 0.05 / 200) = 3.0 points more are a doubt, not a fault."""
    rows = [msgspec.structs.replace(SIZE, coverage=share, simulated=200, size=size)
            for share, size in ((0.95, 250), (inside, 5000))]  # fmt: skip
    (found,) = chance_verdicts([*rows, SIZE], ())
    assert (found.name, found.status) == ("structure_coverage", status)
    assert figures(found) == {"coverage": inside, "size": 250 if inside == 0.95 else 5000}


@pytest.mark.parametrize(
    ("coverage", "high", "level", "status"),
    [
        (0.94, 0.96, "ALD", "good"),
        (0.92, 0.94, "ALD", "doubt"),
        (0.90, 0.92, "ALD", "bad"),
        (0.5, 0.6, "deceased", "good"),
    ],
)
def test_patients_must_be_covered(coverage: float, high: float, level: str, status: str):
    """93 % in every group known on the index date; what is known afterwards alone is no promise."""
    group = msgspec.structs.replace(COVERED, group="g", level=level, coverage=coverage, low=0.4, high=high)
    (found,) = chance_verdicts([], (COVERED, group))
    assert (found.name, found.status) == ("patient_coverage", status)


@pytest.mark.parametrize(
    ("back", "is_payment", "status", "name"),
    [(0.0, True, "good", "past"), (0.001, True, "bad", "past"), (0.3, False, "told", "past_forecast")],
)
def test_past_spending_pays_nothing(back: float, is_payment: bool, status: str, name: str):
    """Of a payment model; a forecast tells what it counts."""
    past = (Figure(name="past_spent_eur", value=-back, unit="EUR"),) if back else ()
    found = incentive_verdicts(Incentives(past=past), is_payment=is_payment)
    assert [(one.name, one.status, figures(one)) for one in found] == [(name, status, {"back": back})]


def test_proof_upcoding_and_selection():
    """One feature broken fails; the targeted pool and the better half are shown, a certain gain is a doubt."""
    proof = MonotoneRow(
        feature="ald_count", label_fr="a", label_en="a", direction=1, trees=2, pairs=5, broken=0, worst_eur=0.0
    )
    pools = tuple(
        PoolRow(pool=name, codes=3, share=0.1, eur_per_code=euros, growth=euros / 1000)
        for name, euros in (("prevalence", 20.0), ("targeted", 50.0))
    )
    selection = tuple(
        SelectionRow(kept=kept, gain_eur=gain, low=low, high=gain + 5, share_of_spending=gain / 100)
        for kept, gain, low in ((0.9, 1.0, -1.0), (0.5, 7.0, 2.0))
    )
    given = Incentives(pools=pools, selection=selection, selection_features=4, monotone=(proof, proof))
    found = {one.name: one for one in incentive_verdicts(given, is_payment=True)}
    assert {name: one.status for name, one in found.items()} == {
        "past": "good", "monotone": "good", "upcoding": "told", "selection": "doubt",
    }  # fmt: skip
    assert figures(found["monotone"]) == {"features": 2.0, "pairs": 10.0, "broken": 0.0}
    assert figures(found["upcoding"]) == {"eur_per_code": 50.0, "share": 0.1, "growth": 0.05}
    assert figures(found["selection"]) == {"gain": 7.0, "share": 0.07}
    broken = msgspec.structs.replace(given, monotone=(proof, msgspec.structs.replace(proof, broken=1)))
    assert {one.name: one.status for one in incentive_verdicts(broken, is_payment=True)}["monotone"] == "bad"
    sure = msgspec.structs.replace(selection[1], low=-2.0)
    unsure = msgspec.structs.replace(given, selection=(sure,))
    assert {one.name: one.status for one in incentive_verdicts(unsure, is_payment=True)}["selection"] == "good"


@pytest.mark.parametrize(("share", "status"), [(0.95, "good"), (0.949, "bad")])
def test_the_oracle_asks_ninety_five_per_cent(share: float, status: str):
    """Share of the oracle's R²."""
    found = oracle_verdict(OracleRow(patients=100, model_r2=share * 0.4, oracle_r2=0.4, share=share))
    assert (found.status, figures(found)) == (
        status,
        {"share": share, "model_r2": pytest.approx(share * 0.4), "oracle_r2": 0.4},
    )


def test_stability_is_told():
    """What moves is for the one who approves."""
    given = Stability(
        against="m, version 1", rank_correlation=0.99, mean_absolute_change=0.05, structure_rank_correlation=None,
        structure_mean_absolute_change=None, moved_share=0.01, normalisation_before=1.0, normalisation_after=1.0,
    )  # fmt: skip
    found = stability_verdict(given)
    assert (found.status, figures(found)) == ("told", {"ranks": 0.99, "change": 0.05, "moved": 0.01})
    assert "m, version 1" in sentence(found, "fr")


def test_what_fails_comes_first():
    """Bad, doubt, good, told; in each, the order of the record."""
    given = [
        Verdict(name=name, status=status)
        for name, status in zip("abcde", ("good", "bad", "told", "doubt", "bad"), strict=True)
    ]
    assert "".join(one.name for one in in_order(given)) == "bedac"


@pytest.mark.parametrize("voice", ["fr", "en", "fr episode", "en episode"])
def test_every_sentence_is_written_in_both_languages(voice: str):
    """Each verdict has a sentence and a meaning; an episode's has no year in it."""
    worst = msgspec.structs.replace(GROUP, verdict="outside")
    (seen,) = group_verdicts([worst])
    text = sentence(seen, voice)
    assert "−2.00 EUR" in text or "−2,00" in text
    assert ("épisode" in text or "episode" in text) is ("episode" in voice)
    words = texts(voice)
    assert {name[2:] for name in words if name.startswith("v_")} - {"masked"} == {
        name[2:] for name in words if name[:2] == "m_"
    }
    assert meaning(seen, voice) == words["m_seen_groups"]


def test_cells_in_words():
    """The level alone where it says its group; else the group before it."""
    assert cell_name("ald_c2s_old", "ALD × C2S × 80+", "fr") == "ALD × C2S × 80+"
    assert cell_name("age_sex", "80+ women", "fr") == "80 ans et plus, femmes"
    assert cell_name("decile", "03", "fr") == "Décile de dépense attendue\u202f: 3"
    assert cell_name("charlson", "1 to 2", "fr episode") == "Score de Charlson\u202f: 1 à 2"
    assert cell_name("condition", "obesity", "en episode") == "Obesity"
    assert cell_name("sector", "private", "en episode") == "Sector: private"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_words_of_episodes_replace_words_of_years(language: str):
    """Each text of an episode has the name of one of a year, but for what a year never lacks."""
    assert set(texts(f"{language} episode")) - set(texts(language)) == {"missing_hidden"}
