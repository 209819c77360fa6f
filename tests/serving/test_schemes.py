"""The scheme routes over HTTP: the numbers of the pure functions, the rules and the values that they rest on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

import pandas as pd
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemes.ipep
import schemes.ipso
import schemes.peps
from schemes.amounts import Amount
from schemes.rulebook import Rules, rules
from serving.app import build_app
from serving.schemes_examples import EXAMPLES
from serving.settings import ServiceSettings
from tests.schemes.ipep_made import like
from tests.schemes.ipso_made import FOUR, ipso_inputs
from tests.schemes.peps_made import EASY, peps_inputs
from tests.schemes.rules_made import made_rules
from tests.serving.client import Client
from tests.serving.made import rows_of
from tests.serving.schemes_made import asked, group, post, rows_of_frame, team, write_scheme_versions

JANUARY = {year: date(year, 1, 1) for year in (2023, 2024)}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Client of the app, with a version for each perimeter."""
    versions = write_scheme_versions(tmp_path_factory.mktemp("versions"))
    with start_blocking_portal() as portal:
        yield Client(build_app(ServiceSettings(versions=versions)), portal)


def answered(client: Client, path: str, request: object) -> dict[str, Any]:
    response = post(client, path, request)
    assert response.status_code == 200, response.text
    return response.json()


def running(amount: dict[str, Any]) -> list[tuple[str, int]]:
    return [(step["component"], step["running_cents"]) for step in amount["components"]]


def figures(amount: dict[str, Any]) -> dict[str, str]:
    return {name: figure["value"] for name, figure in amount["figures"].items()}


def same(answer: dict[str, Any], amounts: tuple[Amount, ...]) -> None:
    """Every cent, figure and warning of the answer is that of the pure function."""
    assert len(answer["amounts"]) == len(amounts) > 0
    for shown, amount in zip(answer["amounts"], amounts, strict=True):
        assert (shown["structure_id"], shown["total_cents"]) == (amount.structure_id, amount.total_cents)
        steps = [{k: v for k, v in step.items() if k != "label_fr"} for step in shown["components"]]
        assert steps == [
            {"component": s.name, **{k: v for k, v in asdict(s).items() if k != "name"}, "rule_keys": list(s.rule_keys)}
            for s in amount.components
        ]
        assert sum(step["amount_cents"] for step in steps) == shown["total_cents"]
        assert figures(shown) == {name: figure.value or None for name, figure in amount.figures.items()}
        assert [warned["warning"] for warned in shown["warnings"]] == list(amount.warnings)


def same_forfaits(answer: dict[str, Any], forfaits: pd.DataFrame) -> None:
    assert answer["forfaits"] == rows_of_frame(forfaits.drop(columns=["scheme", "year"]))
    assert sum(one["amount_cents"] for one in answer["forfaits"]) == sum(a["total_cents"] for a in answer["amounts"])


def test_vector_1_ipep(client: Client):
    """Spec, section 9, vector 1, under the rules of 2024: 24.504950 EUR per patient, 122,524.75 EUR for 5,000."""
    answer = answered(client, "/ipep/interessement", asked(group(), 2024, draws=0))
    (amount,) = answer["amounts"]
    assert (amount["structure_id"], amount["total_cents"], amount["currency"]) == ("G1", 122_524_75, "EUR")
    assert running(amount) == [
        ("ecart", 83_333_33), ("evolution", 245_049_50), ("sharing", 122_524_75), ("quality", 122_524_75),
    ]  # fmt: skip
    shown = figures(amount)
    assert (shown["gain_evolution_eur"], shown["gains_per_patient_eur"]) == ("48.514851", "24.504950")
    assert answer["refused"] == [] and "forfaits" not in answer and "model" not in answer


@pytest.mark.parametrize(
    ("four", "per_patient", "cents"),
    [
        ((2450, 2370, 2450 / 1.01, 2370 / 1.03), "16.171617", 80_858_09),
        ((2450, 2500, 2400, 2500 / (2440 / 2400)), "8.333333", 41_666_67),
        ((2600, 2500, 2400, 2500), "0.000000", 0),
    ],
)
def test_vector_2_ipep(client: Client, four: tuple[float, ...], per_patient: str, cents: int):
    """Spec, section 9, vector 2: each gain is floored by itself; both negative pay nothing."""
    frames = group() | {"members": like(5000, *four)}
    (amount,) = answered(client, "/ipep/interessement", asked(frames, 2024, draws=0))["amounts"]
    assert (figures(amount)["gains_per_patient_eur"], amount["total_cents"]) == (per_patient, cents)


def test_vector_3_peps(client: Client, monkeypatch: pytest.MonkeyPatch):
    """Spec, section 9, vector 3: 490.50, local 1.03, quality 0.6 of 5 %, cap at 1.20 × 420: 504.00 is payable."""
    said = {"fidelisation_level": "patient", "fidelisation_shrinkage_eur": "0", "cap_basis": "shadow"}

    def of_the_vector(scheme: str, *, on: date, known_on: date | None) -> Rules:
        return made_rules(scheme, on=on, **EASY, **said)

    monkeypatch.setattr("serving.schemes_rules.rules", of_the_vector)
    drawn = [(60.0, 90, 1.0), (150.0, 80, 1.0), (320.0, 95, 1.0), (25.0, 100, 0.5)]
    people = [
        {"patient_id": str(place), "expected_eur": eur, "present_share": exposure, "in_team_cents": rate,
         "outside_cents": 100 - rate}
        for place, (eur, rate, exposure) in enumerate(drawn)
    ]  # fmt: skip
    frames = peps_inputs(
        patients=people,
        zones=[{"observed_eur": 103.0}, {"zone_id": "75", "observed_eur": 97.0}],
        fee_for_service=[{"shadow_ffs_cents": 420_00}],
        participations=[{"quality_share": 0.6, "carte": None}],
    )
    (amount,) = answered(client, "/peps/forfait", asked(frames, 2023))["amounts"]
    assert running(amount) == [
        ("base", 542_50), ("fidelisation", 490_50), ("local", 505_22), ("quality", 520_37), ("activity", 520_37),
        ("modules", 520_37), ("cap", 504_00), ("floor", 504_00), ("phase", 504_00),
    ]  # fmt: skip
    assert amount["total_cents"] == 504_00
    assert figures(amount)["gross_eur"] == "505.215"


def test_peps_is_the_pure_function(client: Client):
    """Amounts, figures, warnings and forfaits of a team of 260, with the rules in force."""
    frames = team()
    book = {"peps": rules("peps", on=JANUARY[2023])}
    wanted = schemes.peps.pay(frames, year=2023, rules=book)
    answer = answered(client, "/peps/forfait", asked(frames, 2023, with_patients=True))
    same(answer, wanted.amounts)
    same_forfaits(answer, wanted.forfaits)


def test_ipep_is_the_pure_function_with_its_chance(client: Client):
    """The seed and the draws give the same figures of chance, to the digit."""
    frames = group()
    book = rules("ipep", on=JANUARY[2024])
    wanted = schemes.ipep.pay(frames, year=2024, rules=book, seed=3, draws=50)
    request = asked(frames, 2024, seed=3, draws=50, with_patients=True)
    answer = answered(client, "/ipep/interessement", request)
    same(answer, wanted.amounts)
    same_forfaits(answer, wanted.forfaits)
    assert (answer["seed"], answer["draws"]) == (3, 50)
    assert figures(answer["amounts"][0])["chance_mean_eur"] is not None


def test_target_is_the_pure_function(client: Client):
    """No spending is asked for, and a group below the gate has a target all the same."""
    frames = {name: frame for name, frame in group(40).items() if name != "indicators"}
    members = frames["members"]
    frames["members"] = members[members["year"] == 2024].drop(columns="observed_eur")
    frames["nation"] = frames["nation"][frames["nation"]["year"] == 2024]
    wanted = schemes.ipep.targets(frames, year=2024, rules=rules("ipep", on=JANUARY[2024]), seed=5, draws=60)
    answer = answered(client, "/ipep/target", asked(frames, 2024, seed=5, draws=60))
    (target,) = answer["targets"]
    assert figures(target) == dict(zip(wanted.figures["figure"], wanted.figures["value"], strict=True))
    assert target["figures"]["expected_eur"] == {
        "value": "2500.000000", "unit": "EUR per year lived", "label_fr": "Dépense attendue",
    }  # fmt: skip
    assert {one["key"] for one in answer["assumed"]} == {"scope_excluded_postes", "winsor_quantile"}


def test_ipso_is_the_pure_function(client: Client):
    """A practice with a declared brick, priced on the reference of four; the rules of the FMT are read too."""
    frames = ipso_inputs([{}, {"patient_id": "B", "ald": True}], reference=FOUR, declared=[{"patient_id": "B"}])
    book = {name: rules(name, on=JANUARY[2024]) for name in ("ipso", "forfait_medecin_traitant")}
    wanted = schemes.ipso.pay(frames, year=2024, rules=book)
    answer = answered(client, "/ipso/forfait", asked(frames, 2024, with_patients=True))
    same(answer, wanted.amounts)
    same_forfaits(answer, wanted.forfaits)
    assert [used["scheme"] for used in answer["rules"]] == ["forfait_medecin_traitant", "ipso"]


def test_refused_and_excluded_are_told(client: Client):
    """A small team is refused with its reason, its patients are counted, and nothing is lost."""
    answer = answered(client, "/peps/forfait", asked(team(20), 2023))
    assert answer["amounts"] == []
    assert [(one["reason"], one["label_fr"], one["detail"]) for one in answer["refused"]] == [
        ("too_few_patients", "Trop peu de patients", "20; at least 250 wanted")
    ]
    assert [(one["reason"], one["patients"]) for one in answer["excluded"]] == [("structure_refused", 20)]


def test_the_answer_names_its_rules_and_what_is_not_official(client: Client):
    """File, hash and dates of the rules; every value read whose grade is not `text`, and no other."""
    answer = answered(client, "/peps/forfait", asked(team(), 2023))
    book = rules("peps", on=JANUARY[2023])
    assert answer["rules"] == [
        {"scheme": "peps", "file": "peps/2022-11-27.yaml", "sha256": book.sha256, "published": "2022-11-26",
         "first_day": "2022-11-27", "last_day": "2024-12-31"}
    ]  # fmt: skip
    told = {one["key"]: one for one in answer["assumed"]}
    named = {key for amount in answer["amounts"] for step in amount["components"] for key in step["rule_keys"]}
    assert {key for key in named if book.parameters[key].grade != "text"} <= told.keys()
    assert {"min_patients", "legal_forms"} <= told.keys()
    assert "instalments_per_year" not in told
    for key, one in told.items():
        parameter = book.parameters[key]
        assert one == {"scheme": "peps", "key": key, "value": parameter.value, "unit": parameter.unit,
                       "grade": parameter.grade, "source": parameter.source}  # fmt: skip
        assert one["grade"] != "text"


def test_day_and_knowledge_choose_the_rules(client: Client):
    """The cap of 27 November 2022 is unknown the day before its publication; the rules then published have none."""
    frames = team()
    day = {"on": "2022-12-31"}
    after = answered(client, "/peps/forfait", asked(frames, 2022, **day))
    before = answered(client, "/peps/forfait", asked(frames, 2022, **day, known_on="2022-11-25"))
    assert (after["rules"][0]["file"], before["rules"][0]["file"]) == ("peps/2022-11-27.yaml", "peps/2021-01-01.yaml")
    assert (before["on"], before["known_on"]) == ("2022-12-31", "2022-11-25")
    capped, free = (
        {step["component"]: step["amount_cents"] for step in one["amounts"][0]["components"]} for one in (after, before)
    )
    assert capped["cap"] < 0 == free["cap"]


def with_features(rows: list[dict[str, Any]], features: list[dict[str, object]], *dropped: str) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in row.items() if name not in ("expected_eur", *dropped)} for row in rows]
    return [row | {"features": values} for row, values in zip(kept, features, strict=True)]


def predicted(client: Client, model: str, features: list[dict[str, object]], day: str) -> dict[str, Any]:
    return answered(client, "/predict", {"model": model, "on": day, "rows": features})


def test_characteristics_of_peps_are_scored_as_predict_does(client: Client):
    """Features in place of expected_eur: as /predict, then pay, to the byte; the version is that of 1 January."""
    request, features = asked(team(), 2023, with_patients=True), rows_of(260)
    scored = predicted(client, "peps_mg", features, "2023-01-01")
    in_two_steps, in_one = copy.deepcopy(request), copy.deepcopy(request)
    patients = in_two_steps["inputs"]["patients"]
    for row, expected in zip(patients, scored["expected_eur"], strict=True):
        row["expected_eur"] = expected
    in_one["inputs"]["patients"] = with_features(request["inputs"]["patients"], features)
    answer = answered(client, "/peps/forfait", in_one | {"model": "peps_mg"})
    assert answer.pop("model") == {
        "model": "peps_mg", "version": scored["version"], "hash": scored["hash"], "perimeter": "MG",
        "unit": "EUR per year", "rows": 260,
    }  # fmt: skip
    assert scored["version"] == 1
    assert answer == answered(client, "/peps/forfait", in_two_steps)
    named = answered(client, "/peps/forfait", in_one | {"model": "peps_mg", "version": 2})
    assert named["model"]["version"] == 2 and named["amounts"] != answer["amounts"]


def test_some_rows_may_carry_characteristics(client: Client):
    """Row by row: half the patients with features, half with an expectation."""
    request, features = asked(team(), 2023), rows_of(130)
    scored = predicted(client, "peps_mg", features, "2023-01-01")["expected_eur"]
    rows = request["inputs"]["patients"]
    mixed = with_features(rows[:130], features) + rows[130:]
    for row, expected in zip(rows[:130], scored, strict=True):
        row["expected_eur"] = expected
    in_one = {**request, "inputs": {**request["inputs"], "patients": mixed}, "model": "peps_mg"}
    answer = answered(client, "/peps/forfait", in_one)
    assert answer["amounts"] == answered(client, "/peps/forfait", request)["amounts"]
    assert answer["model"]["rows"] == 130


def test_characteristics_of_ipep_and_ipso(client: Client):
    """Members of both years under one version, whose name and hash the service writes; patients of IPSO."""
    members = group(30)
    request = asked({name: frame for name, frame in members.items() if name != "indicators"}, 2024, draws=40)
    features = rows_of(60)
    scored = predicted(client, "ipep", features, "2024-01-01")
    plain = with_features(request["inputs"]["members"], features, "model", "version", "version_hash")
    in_one = {**request, "inputs": {**request["inputs"], "members": plain}, "model": "ipep"}
    for row, expected in zip(request["inputs"]["members"], scored["expected_eur"], strict=True):
        row |= {"expected_eur": expected, "version": 1, "version_hash": scored["hash"]}
    answer = answered(client, "/ipep/target", in_one)
    assert answer["targets"] == answered(client, "/ipep/target", request)["targets"]
    practice = asked(ipso_inputs([{}, {"patient_id": "B"}], reference=FOUR), 2024, with_patients=True)
    scored = predicted(client, "peps_mg", rows_of(2), "2024-01-01")
    plain = with_features(practice["inputs"]["patients"], rows_of(2))
    in_one = {**practice, "inputs": {**practice["inputs"], "patients": plain}, "model": "peps_mg"}
    forfaits = answered(client, "/ipso/forfait", in_one)["forfaits"]
    assert [one["expected_eur"] for one in forfaits] == scored["expected_eur"]


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_example_of_the_document_works(client: Client, path: str):
    """The example in /openapi.json is answered; two patients make a target and an IPSO forfait, not a PEPS team."""
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    answer = answered(client, path, content["example"])
    refused = {one["reason"] for one in answer.get("refused", ())}
    if path == "/eds/bundle":
        assert [one["forfait_cents"] for one in answer["episodes"]] == [7_680_00, 13_920_00]
    elif path == "/ipep/target":
        assert [figures(one)["patients"] for one in answer["targets"]] == ["2"]
    elif path == "/ipso/forfait":
        assert len(answer["amounts"]) == 1 and len(answer["forfaits"]) == 1
    else:
        assert refused == {"/peps/forfait": {"too_few_patients"}, "/ipep/interessement": {"below_min_patients"}}[path]


def test_the_document_says_what_is_read(client: Client):
    """Frames, columns, kinds and limits of the four routes, from the code that reads them."""
    paths = client.get("/openapi.json").json()["paths"]
    schemas = {
        path: paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for path in EXAMPLES
    }
    for path, example in EXAMPLES.items():
        frames = schemas[path]["inputs"]["properties"]
        for name, rows in example["inputs"].items():
            row = frames[name]["items"]
            assert all(set(row["required"]) <= set(one) <= set(row["properties"]) for one in rows)
            assert row["additionalProperties"] is False
    patients = schemas["/peps/forfait"]["inputs"]["properties"]["patients"]["items"]
    assert patients["properties"]["expected_eur"] == {"type": ["number", "null"], "minimum": 0.0, "maximum": 1e12}
    assert "expected_eur" not in patients["required"] and "features" in patients["properties"]
    assert schemas["/ipep/target"]["draws"]["maximum"] == 5000
    assert "POST /peps/forfait" in client.get("/docs").text


def test_permuted_rows_are_paid_alike(client: Client):
    """The order of rows and of columns changes nothing."""
    request = asked(team(), 2023, with_patients=True)
    turned = copy.deepcopy(request)
    turned["inputs"] = {
        name: [dict(reversed(row.items())) for row in reversed(rows)] for name, rows in turned["inputs"].items()
    }
    assert answered(client, "/peps/forfait", turned) == answered(client, "/peps/forfait", request)


def test_rows_scored_are_counted(client: Client):
    """Metrics by route and version, without any value."""
    request = asked(ipso_inputs(reference=FOUR), 2024, model="peps_mg", version=2)
    request["inputs"]["patients"] = with_features(request["inputs"]["patients"], rows_of(1))
    line = 'forfait_rows_total{model="peps_mg",operation="ipso/forfait",version="2"}'
    answered(client, "/ipso/forfait", request)
    assert line in client.get("/metrics").text
    assert 'forfait_requests_total{route="/ipso/forfait",status="200"}' in client.get("/metrics").text


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.sampled_from([0, 1, -1, 1e12, 1e-300, 0.5, "2024-02-30", "2199-12-31", "1900-01-01", "ipep", [], {}, 2**70]),
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_value_makes_the_service_fail(client: Client, data: st.DataObject):
    """A good request with a few values replaced by anything: an answer, or a refusal that says where."""
    path = data.draw(st.sampled_from(sorted(EXAMPLES)))
    request = copy.deepcopy(EXAMPLES[path])
    request |= {"draws": 5} if "draws" in request else {}
    for _ in range(data.draw(st.integers(1, 3))):
        frame = data.draw(st.sampled_from(sorted(request["inputs"])))
        rows = request["inputs"][frame]
        row = rows[data.draw(st.integers(0, len(rows) - 1))]
        row[data.draw(st.sampled_from([*row, "features", "first_day"]))] = data.draw(VALUES)
    response = post(client, path, request)
    assert response.status_code in (200, 404, 413, 422), response.text
    if response.status_code == 422:
        assert response.json()["error"]["field"] and response.json()["error"]["message"]
