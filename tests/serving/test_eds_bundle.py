"""POST /eds/bundle: forfaits at admission to the cent, their components and explanations, what is refused and why."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemes.eds
from features.episodes import check_at_admission
from features.errors import InputError
from features.versions import CardFeature, read_version
from schemes.rulebook import Rules, rules
from serving.app import build_app
from serving.settings import ServiceSettings
from tests.schemes.eds_made import eds_rules, reference, weights, with_grid
from tests.serving.client import Client
from tests.serving.eds_made import (
    FEATURES,
    bundles,
    episode,
    features_of,
    freeze_episodes,
    strata,
    three_years,
    write_episode_versions,
)
from tests.serving.made import promote, write_versions
from tests.serving.schemes_made import fault, post

PATH = "/eds/bundle"
STEPS = ("reference", "risk", "normalisation", "trend", "discount", "coordination")
SECRET = "185057800608436"
ROW = features_of(1)[0]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions of episodes, beside those of full years."""
    root = write_episode_versions(write_versions(tmp_path_factory.mktemp("versions")))
    level = CardFeature("ghm_level", "Niveau", "Level", "comorbidity", "number", "", 0.0, 40.0)
    freeze_episodes(root, "eds_planted", 1, perimeter="pth", features=(*FEATURES[:3], level, FEATURES[4]))
    freeze_episodes(root, "eds_by_year", 1, perimeter="pth", unit="EUR per year")
    freeze_episodes(
        root, "eds_pth_avoidable", 1, perimeter="pth", balance_factor=0.1, parameters={"part_of": "eds_pth"}
    )
    digest = read_version(root, "eds_pth_avoidable", 1)[2]
    named = {"avoidable_model": "eds_pth_avoidable", "avoidable_version": 1, "avoidable_hash": digest}
    freeze_episodes(root, "eds_pth", 4, parameters=named)
    freeze_episodes(root, "eds_colectomie", 1, balance_factor=0.0)
    promote(root, "eds_colectomie", 1, start="2023-01-01", decided="2022-12-01")
    return root


@pytest.fixture(scope="module")
def client(versions: Path) -> Iterator[Client]:
    """Client of the app."""
    app = build_app(ServiceSettings(versions=versions, max_rows_schemes=2000, max_rows_explained=1200))
    with start_blocking_portal() as portal:
        yield Client(app, portal)


@pytest.fixture
def under(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rules], None]:
    """Answers under other rules than those in force."""

    def put(book: Rules) -> None:
        monkeypatch.setattr("serving.schemes_rules.rules", lambda scheme, *, on, known_on: book)

    return put


def answered(client: Client, request: object) -> dict[str, Any]:
    response = post(client, PATH, request)
    assert response.status_code == 200, response.text
    return response.json()


def cents(one: dict[str, Any]) -> dict[str, int]:
    return {step["component"]: step["amount_cents"] for step in one["components"]}


def vector_rules() -> Rules:
    """Weights .17, .33, .50 (oldest first), trend 0.98, discount 2 %: vectors T1 and T2."""
    made = eds_rules({"pth": {"trend_ratio": "0.98", "discount_share": "0.02", "coordination_eur": "0"}})
    return with_grid(made, "year_weights", weights("0.17", "0.33", "0.50"))


def test_vectors_1_and_2_are_priced_to_the_cent(client: Client, under: Callable[[Rules], None]):
    """Spec 5.8: 9,800 × .17 + 9,600 × .33 + 9,400 × .50 = 9,534.00; × 0.98 × 0.98 = 9,156.4536 for an index of 1.

    Indices .80, 1.00, 1.45 (8,000; 10,000; 14,500 over 10,000): 7,325.16; 9,156.45; 13,276.86 before the year.
    """
    under(vector_rules())
    rows = [episode(str(eur), expected_eur=eur) for eur in (8_000, 10_000, 14_500.0)]
    answer = answered(client, bundles(rows, three_years()))
    assert [cents(one) for one in answer["episodes"]] == [
        dict(zip(STEPS, (9_534_00, -1_906_80, 0, -152_54, -149_50, 0), strict=True)),
        dict(zip(STEPS, (9_534_00, 0, 0, -190_68, -186_87, 0), strict=True)),
        dict(zip(STEPS, (9_534_00, 4_290_30, 0, -276_49, -270_95, 0), strict=True)),
    ]
    assert [one["forfait_cents"] for one in answer["episodes"]] == [7_325_16, 9_156_45, 13_276_86]
    assert [one["risk_index"] for one in answer["episodes"]] == [0.8, 1.0, 1.45]
    assert answer["prices"] == [
        {"programme": "pth", "sector": "public", "pathway": "all", "reference_episodes": 3000,
         "reference_eur": "9534.000000", "mean_expected_eur": "10000.000000", "mean_index": "1.000000",
         "trend_ratio": "0.980000", "discount_share": "0.020000", "coordination_eur": "0.000000",
         "provisional_eur": "9156.453600", "cap_eur": "22000.00", "warnings": []}
    ]  # fmt: skip
    assert (answer["currency"], answer["scheme"], answer["models"]) == ("EUR", "eds", [])
    assert "explanation" not in answer["episodes"][0] and "risk" not in answer["episodes"][0]


def test_components_add_up_and_are_those_of_the_pure_function(client: Client):
    """Every stratum under the rules in force: the cents of `schemes.eds.bundle`, labelled, step after step."""
    book = rules("eds", on=date(2024, 1, 1))
    keys = [(p, s) for p in ("pth", "ptg") for s in ("public", "private")]
    rows = [
        episode(f"{p}-{s}-{eur}", programme=p, sector=s, expected_eur=eur)
        for p, s in keys
        for eur in (900.5, 12_345.67)
    ]
    answer = answered(client, bundles(rows))
    for given_, one in zip(rows, answer["episodes"], strict=True):
        wanted = schemes.eds.bundle(
            {"reference": strata()}, given_["expected_eur"],
            stratum=(given_["programme"], given_["sector"], "all"), year=2024, rules=book,
        )  # fmt: skip
        assert cents(one) | {"forfait": one["forfait_cents"]} == wanted
        assert one["components"][-1]["running_cents"] == sum(cents(one).values()) == one["forfait_cents"]
        assert [step["label_fr"] for step in one["components"]][:2] == [
            "Prix de référence",
            "Risque du patient à l'admission",
        ]
        assert [one["episode_id"], one["pathway"]] == [given_["episode_id"], "all"]
    assert [(one["programme"], one["sector"]) for one in answer["prices"]] == sorted(keys)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.floats(1, 200_000), min_size=2, max_size=6))
def test_a_dearer_expectation_is_never_paid_less(client: Client, costs: list[float]):
    """Components add up for any cost, the index stays within the bounds, and the forfait follows the expectation."""
    rows = [episode(str(place), expected_eur=eur) for place, eur in enumerate(sorted(costs))]
    found = answered(client, bundles(rows))["episodes"]
    assert all(sum(cents(one).values()) == one["forfait_cents"] for one in found)
    assert [one["forfait_cents"] for one in found] == sorted(one["forfait_cents"] for one in found)
    assert all(0.5 / 1.001 - 1e-9 <= one["risk_index"] <= 3 / 1.001 + 1e-9 for one in found)


def mixed(count: int = 40) -> list[dict[str, object]]:
    """Hips and knees of both sectors with features, one in five with an expectation."""
    rows = [
        episode(f"E{place:04d}", programme=("pth", "ptg")[place % 2], sector=("public", "private")[place % 3 == 0])
        for place in range(count)
    ]
    features = features_of(count, seed=5)
    return [
        row | ({"expected_eur": 9_000.0 + place} if place % 5 == 4 else {"features": features[place]})
        for place, row in enumerate(rows)
    ]


def test_features_are_scored_by_the_version_in_force_of_each_programme(client: Client):
    """As /predict, then price: the same forfaits; versions of 1 January 2024, and of the day asked."""
    rows = mixed()
    answer = answered(client, bundles(rows))
    used = {one["model"]: one for one in answer["models"]}
    assert {name: (one["version"], one["perimeter"], one["unit"], one["rows"]) for name, one in used.items()} == {
        "eds_pth": (2, "pth", "EUR per episode", 16), "eds_ptg": (1, "ptg", "EUR per episode", 16),
    }  # fmt: skip
    plain = copy.deepcopy(rows)
    for row in plain:
        if "features" in row:
            asked = {"model": f"eds_{row['programme']}", "on": "2024-01-01", "rows": [row.pop("features")]}
            predicted = post(client, "/predict", asked).json()
            assert (predicted["unit"], predicted["hash"]) == ("EUR per episode", used[asked["model"]]["hash"])
            row["expected_eur"] = predicted["expected_eur"][0]
    told = ("episode_id", "expected_eur", "risk_index", "forfait_cents", "components")
    in_two_steps = answered(client, bundles(plain))["episodes"]
    assert [[one[name] for name in told] for one in answer["episodes"]] == [
        [one[name] for name in told] for one in in_two_steps
    ]
    before = answered(client, bundles(rows, on="2023-06-01"))["models"]
    assert [(one["model"], one["version"]) for one in before] == [("eds_pth", 1), ("eds_ptg", 1)]
    known = answered(client, bundles(rows, known_on="2023-11-30"))["models"]
    assert known == before
    named = answered(client, bundles(rows, versions={"eds_pth": 3}))["models"]
    assert [(one["model"], one["version"]) for one in named] == [("eds_pth", 3), ("eds_ptg", 1)]


@pytest.mark.parametrize("version", [2, 3])
def test_the_explanation_adds_up_and_carries_into_the_risk_component(client: Client, version: int):
    """base + Σ contributions = expected; × ratio, less the reference, with bounds and rounding = the risk, to 1e-6.

    Version 2 has a log link, version 3 adds euros; the last two patients are expected above and under the bounds.
    """
    rows = [episode(str(place), features=values) for place, values in enumerate(features_of(20, seed=8))]
    rows += [episode(f"{p}", programme="pth", sector="private", features=ROW) for p in ("low", "high")]
    frame = pd.concat(
        [
            strata(),
            reference(
                2_000.0, sector="private", year=2023, expected_eur=2e6, pathway="all", index_sum=1000.0, raw_eur=2e6
            ),
        ]
    )
    frame = frame.drop_duplicates(["programme", "sector"], keep="last")
    request = bundles(rows, frame, versions={"eds_pth": version})
    found = answered(client, request)["episodes"]
    explained = post(
        client, "/explain", {"model": "eds_pth", "version": version, "rows": [row["features"] for row in rows]}
    ).json()
    for one, alone in zip(found, explained["explanations"], strict=True):
        assert one["explanation"]["contributions"] == alone["contributions"]
        assert one["explanation"]["base_eur"] == alone["base_eur"]
        parts = sum(part["contribution_eur"] for part in one["explanation"]["contributions"])
        assert one["explanation"]["base_eur"] + parts == pytest.approx(one["expected_eur"], abs=1e-6)
        risk = one["risk"]
        ends = risk["base_eur"] + risk["floor_eur"] + risk["bounds_eur"] + risk["rounding_eur"]
        for name in ("contributions", "families"):
            total = ends + sum(part["risk_eur"] for part in risk[name])
            assert total == pytest.approx(cents(one)["risk"] / 100, abs=1e-6)
        for part, euros in zip(risk["contributions"], one["explanation"]["contributions"], strict=True):
            assert part["risk_eur"] == pytest.approx(risk["ratio"] * euros["contribution_eur"], abs=1e-9)
        assert abs(risk["rounding_eur"]) <= 0.01
    assert {one["risk"]["bounds_eur"] for one in found[:20]} == {0.0}
    assert found[0]["risk"]["ratio"] == pytest.approx(10_000 / (10_000 * 1.001))
    assert found[-1]["risk_index"] == 3.0
    assert found[-1]["risk"]["bounds_eur"] == pytest.approx(6_000 - found[-1]["expected_eur"])


def test_a_batch_is_its_episodes_one_by_one(client: Client):
    """Each forfait depends on its episode and on the reference, not on the others; neither does the order of rows."""
    rows = mixed(24)
    together = answered(client, bundles(rows))["episodes"]
    turned = answered(client, bundles(rows[::-1]))["episodes"][::-1]
    alone = [answered(client, bundles([row]))["episodes"][0] for row in rows]
    for one, other, last in zip(together, alone, turned, strict=True):
        for name in ("episode_id", "forfait_cents", "components", "expected_eur", "risk_index"):
            assert one[name] == other[name] == last[name]
        assert ("explanation" in one) == ("explanation" in other)
        if "explanation" in one:
            for name in ("contributions", "families"):
                assert [part["contribution_eur"] for part in one["explanation"][name]] == pytest.approx(
                    [part["contribution_eur"] for part in other["explanation"][name]], abs=1e-9
                )


def test_a_large_batch_is_written_whole(client: Client):
    """Over a thousand episodes are written by parts: valid JSON, in order; explanations can be left out."""
    rows = [episode(f"{place:04d}", features=values) for place, values in enumerate(features_of(1201))]
    assert fault(post(client, PATH, bundles(rows))) == (413, "with_explanations", None)
    found = answered(client, bundles(rows, with_explanations=False))
    assert [one["episode_id"] for one in found["episodes"]] == [row["episode_id"] for row in rows]
    assert found["models"][0]["rows"] == 1201 and "explanation" not in found["episodes"][7]
    some = answered(client, bundles(rows[:1100], versions={"eds_pth": 3}))["episodes"]
    assert len(some) == 1100 and all("risk" in one for one in some)


def test_the_answer_names_its_rules_and_what_is_not_official(client: Client):
    """File, hash, and every value read that is not read in the text: weights, bounds, trim, cap, pathway."""
    answer = answered(client, bundles([episode("1", expected_eur=9_000)]))
    book = rules("eds", on=date(2024, 1, 1))
    assert [(one["file"], one["sha256"]) for one in answer["rules"]] == [("eds/2019-07-17.yaml", book.sha256)]
    assert {one["key"] for one in answer["assumed"]} == {
        "avoidable_allowance_share", "cap_quantile", "price_by_pathway", "programmes", "risk_index_max",
        "risk_index_min", "trim_high_quantile", "trim_low_quantile", "year_weights",
    }  # fmt: skip
    keys = {step["component"]: step["rule_keys"] for step in answer["episodes"][0]["components"]}
    assert keys["risk"] == ["risk_index_min", "risk_index_max"]


def test_pathways_are_priced_apart_where_the_rules_say_so(client: Client, under: Callable[[Rules], None]):
    """With the option, a return home and a stay of rehabilitation have a reference each."""
    under(eds_rules(price_by_pathway="yes"))
    frame = pd.concat([reference(8_000.0, pathway="home"), reference(12_000.0, pathway="ssr_had")])
    rows = [episode(name, expected_eur=10_000, pathway=name) for name in ("home", "ssr_had")]
    answer = answered(client, bundles(rows, frame))
    assert [one["forfait_cents"] for one in answer["episodes"]] == [8_000_00, 12_000_00]
    assert [one["pathway"] for one in answer["prices"]] == ["home", "ssr_had"]
    for row in rows:
        del row["pathway"]
    assert fault(post(client, PATH, bundles(rows, frame))) == (422, "episodes.pathway", 0)


def test_avoidable_complications_are_paid_in_part_where_the_rules_say_so(
    client: Client, under: Callable[[Rules], None]
):
    """Half of an avoidable tenth is not paid: 10,000 × (1 − 0.5 × 0.1) = 9,500; the part must be told."""
    under(eds_rules(avoidable_allowance_share="0.5"))
    row = episode("1", expected_eur=10_000.0)
    answer = answered(client, bundles([row | {"avoidable_eur": 1_000.0}]))
    assert cents(answer["episodes"][0])["avoidable"] == -499_50  # the index is 1 / 1.001
    assert sum(cents(answer["episodes"][0]).values()) == answer["episodes"][0]["forfait_cents"] == 9_490_51
    assert fault(post(client, PATH, bundles([row]))) == (422, "episodes.avoidable_eur", 0)
    more = [row | {"avoidable_eur": 0.0}, row | {"episode_id": "2", "avoidable_eur": 10_001.0}]
    assert fault(post(client, PATH, bundles(more))) == (422, "episodes.avoidable_eur", 1)


def test_the_avoidable_part_is_scored_by_the_version_that_names_it(
    client: Client, versions: Path, under: Callable[[Rules], None]
):
    """The part frozen with the version tells it; a version without one, or the part in its place, is refused."""
    under(eds_rules(avoidable_allowance_share="0.5"))
    rows = [episode(str(place), features=values) for place, values in enumerate(features_of(12, seed=3))]
    found = answered(client, bundles(rows, versions={"eds_pth": 4}))["episodes"]
    part = {"model": "eds_pth_avoidable", "version": 1, "rows": [row["features"] for row in rows]}
    parts = post(client, "/predict", part).json()["expected_eur"]
    plain = [
        episode(str(place), expected_eur=one["expected_eur"], avoidable_eur=min(max(part, 0.0), one["expected_eur"]))
        for place, (one, part) in enumerate(zip(found, parts, strict=True))
    ]
    in_two_steps = answered(client, bundles(plain))["episodes"]
    assert [one["components"] for one in found] == [one["components"] for one in in_two_steps]
    assert all(cents(one)["avoidable"] < 0 for one in found)
    for named in ({"eds_pth": 3}, {"eds_pth_avoidable": 1}):
        assert fault(post(client, PATH, bundles(rows, versions=named))) == (422, "versions", None)


def test_a_programme_in_preparation_is_priced_with_a_warning(client: Client):
    """Bariatric surgery is simulated, not paid."""
    rows = [episode("1", programme="bariatrique", expected_eur=6_500)]
    frame = reference(6_500.0, programme="bariatrique", expected_eur=6_500_000.0)
    answer = answered(client, bundles(rows, frame))
    assert answer["episodes"][0]["forfait_cents"] == 6_500_00
    assert [one["warning"] for one in answer["prices"][0]["warnings"]] == ["programme_in_preparation"]


FORBIDDEN = ("ghm_level", "los", "length_of_stay", "exit_mode", "destination", "approach", "provider_id", "finess")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_not_known_at_admission_is_refused_with_its_reason(client: Client, name: str):
    """The field, the row and the reason, as the catalogue gives it; no value."""
    with pytest.raises(InputError) as error:
        check_at_admission([name])
    rows = [episode("1", features=ROW), episode("2", features=ROW | {name: SECRET})]
    response = post(client, PATH, bundles(rows))
    assert fault(response) == (422, f"episodes.features.{name}", 1)
    message = response.json()["error"]["message"]
    assert str(error.value) in message and "row 1" in message
    assert SECRET not in response.text


def test_cards_of_these_tests_hold_what_is_known_at_admission():
    """The features of the versions made here are those of the catalogue of episodes."""
    check_at_admission(feature.name for feature in FEATURES)


GOOD = bundles([episode("1", expected_eur=9_000.0), episode("2", features=ROW)])
del GOOD["inputs"]["episodes"][0]["expected_eur"]
GOOD["inputs"]["episodes"][0]["features"] = ROW
Change = Callable[[dict[str, Any]], object]


def at(row: int, frame: str = "episodes", **values: object) -> Change:
    return lambda request: request["inputs"][frame][row].update(values)


def scored(row: int, **values: object) -> Change:
    return lambda request: request["inputs"]["episodes"][row].update(features=ROW | values)


def without(row: int, column: str, frame: str = "episodes") -> Change:
    return lambda request: request["inputs"][frame][row].pop(column)


def top(**values: object) -> Change:
    return lambda request: request.update(values)


def frames(**values: object) -> Change:
    return lambda request: request["inputs"].update(values)


REFUSED: dict[str, tuple[Change, tuple[int, str | None, int | None]]] = {
    "a programme that the rules do not have": (at(1, programme="rachis"), (422, "episodes.programme", 1)),
    "a programme that is no text": (at(1, programme=[]), (422, "episodes.programme", 1)),
    "no programme": (without(1, "programme"), (422, "episodes.programme", 1)),
    "an unknown sector": (at(1, sector="ex_dgf"), (422, "episodes.sector", 1)),
    "a pathway under rules with one price": (lambda r: [at(0, pathway="home")(r), at(1, pathway="home")(r)],
                                             (422, "episodes.pathway", 0)),
    "an episode twice": (at(1, episode_id="1"), (422, "episodes.episode_id", 1)),
    "an unknown column": (at(1, ghm="08C481"), (422, "episodes.ghm", 1)),
    "an expectation of 0": (lambda r: [without(1, "features")(r), at(1, expected_eur=0)(r)],
                            (422, "episodes.expected_eur", 1)),
    "features beside an expectation": (at(1, expected_eur=1.0), (422, "episodes.expected_eur", 1)),
    "neither features nor expectation": (without(1, "features"), (422, "episodes.expected_eur", 1)),
    "features that are a list": (at(1, features=[1]), (422, "episodes.features", 1)),
    "an unknown feature": (scored(1, shoe_size=SECRET), (422, "episodes.features.shoe_size", 1)),
    "a forbidden feature whose name is not one": (scored(1, **{f"los {SECRET}": 1}), (422, "episodes.features", 1)),
    "a missing feature": (at(1, features={"age": 70}), (422, "episodes.features.is_woman", 1)),
    "a feature out of range": (scored(1, age=18505), (422, "episodes.features.age", 1)),
    "a stratum without reference": (at(1, programme="colectomie"), (422, "episodes.features", 1)),
    "a sector without reference": (lambda r: [at(1, sector="private")(r), frames(
        reference=[row for row in r["inputs"]["reference"] if row["sector"] == "public"])(r)],
        (422, "episodes.programme", 1)),
    "a reference of the year only": (lambda r: [row.update(year=2024) for row in r["inputs"]["reference"]],
                                     (422, "reference", None)),
    "a reference of no episode": (at(0, "reference", episodes=0), (422, "reference", None)),
    "a reference twice": (lambda r: r["inputs"]["reference"].append(r["inputs"]["reference"][1]),
                          (422, "reference.year", 4)),
    "a reference without cap": (lambda r: [row.update(cap_eur=None) for row in r["inputs"]["reference"]],
                                (422, "reference", None)),
    "a negative cost": (at(2, "reference", observed_eur=-1), (422, "reference.observed_eur", 2)),
    "half an episode": (at(2, "reference", episodes=0.5), (422, "reference.episodes", 2)),
    "no reference": (frames(reference=[]), (422, "reference", None)),
    "no episode": (frames(episodes=[]), (422, "episodes", None)),
    "an unknown frame": (frames(participations=[]), (422, "participations", None)),
    "before the experiment": (top(year=2019), (404, "on", None)),
    "no version in force": (top(on="2022-06-01"), (404, "versions", 0)),
    "no model of the programme": (lambda r: [at(0, programme="bariatrique")(r)], (404, "versions", 0)),
    "an unknown model": (top(versions={"eds_hip": 1}), (404, "versions", None)),
    "an unknown version": (top(versions={"eds_pth": 9}), (404, "versions", None)),
    "version 0": (top(versions={"eds_pth": 0}), (422, "versions", None)),
    "a version of no programme asked": (top(versions={"eds_ptg": 1}), (422, "versions", None)),
    "a model of full years": (top(versions={"peps_mg": 2}), (422, "versions", None)),
    "a programme model of full years": (top(versions={"eds_by_year": 1}), (422, "versions", None)),
    "two versions of a programme": (top(versions={"eds_pth": 1, "eds_by_year": 1}), (422, "versions", None)),
    "a version that knows what comes after": (top(versions={"eds_planted": 1}), (503, None, None)),
    "one model for all": (top(model="eds_pth"), (422, "model", None)),
    "a seed": (top(seed=1), (422, "seed", None)),
}  # fmt: skip


@pytest.mark.parametrize(("change", "wanted"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_request_is_refused_by_its_place(
    client: Client, change: Change, wanted: tuple[int, str | None, int | None]
):
    """Status, field and row of each mistake; a message that says what is right and repeats no value."""
    request = copy.deepcopy(dict(GOOD))
    assert post(client, PATH, request).status_code == 200
    change(request)
    response = post(client, PATH, request)
    assert fault(response) == wanted, response.text
    assert len(response.json()["error"]["message"]) >= 15
    assert SECRET not in response.text


def test_a_field_given_twice_is_refused(client: Client):
    """Also inside versions, the object that the other routes do not have."""
    text = msgspec.json.encode(dict(GOOD) | {"versions": {"eds_pth": 1}}).replace(
        b'"eds_pth":1', b'"eds_pth":1,"eds_pth":2'
    )
    response = post(client, PATH, text)
    assert response.status_code == 400 and "given twice" in response.text


def test_rows_scored_are_counted_by_version(client: Client):
    """Metrics by route and version."""
    answered(client, dict(GOOD))
    text = client.get("/metrics").text
    assert 'forfait_rows_total{model="eds_pth",operation="eds/bundle",version="2"}' in text
    assert f'forfait_requests_total{{route="{PATH}",status="200"}}' in text


def test_pages_and_answers_speak_of_episodes(client: Client):
    """Card and explanation of an episode model: euros of an episode, not of a year."""
    html = {"accept": "text/html"}
    card = client.get("/models/eds_pth/versions/2", headers=html).text
    assert "euros pour un épisode de soins" in card and "pour une année entière" not in card
    asked = {"model": "eds_pth", "version": 2, "rows": [ROW]}
    page = client.post(
        "/explain", content=msgspec.json.encode(asked), headers=html | {"content-type": "application/json"}
    )
    assert "par épisode" in page.text and "pour une année" not in page.text and "par an<" not in page.text
    assert client.get("/models/peps_mg/versions/2", headers=html).text.count("pour une année entière") == 1
    assert "pour un épisode de soins" in client.get("/").text
    assert client.get("/models/eds_pth/in-force?on=2024-06-01").json()["version"] == 2
