"""What the scheme routes refuse: frame, column and row (from 0) are named, never a value, and never a 500."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from features.errors import RuleError
from schemes.rulebook import Rules
from serving.app import build_app
from serving.schemes_examples import EXAMPLES
from serving.settings import ServiceSettings
from tests.schemes.rules_made import made_rules
from tests.serving.client import Client
from tests.serving.made import ROW
from tests.serving.schemes_made import fault, post, write_scheme_versions

Request = dict[str, Any]
Change = Callable[[Request], None]
SECRET = "185057800608436"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Client of an app with small limits."""
    versions = write_scheme_versions(tmp_path_factory.mktemp("versions"))
    app = build_app(ServiceSettings(versions=versions, max_rows_schemes=50, max_draws=300))
    with start_blocking_portal() as portal:
        yield Client(app, portal)


def changed(path: str, change: Change) -> Request:
    request = copy.deepcopy(EXAMPLES[path])
    change(request)
    return request


def at(frame: str, row: int, **values: object) -> Change:
    """Values put in a row."""
    return lambda request: request["inputs"][frame][row].update(values)


def without(frame: str, row: int, column: str) -> Change:
    """A column taken out of a row."""
    return lambda request: request["inputs"][frame][row].pop(column)


def top(**values: object) -> Change:
    """Fields put beside the frames."""
    return lambda request: request.update(values)


def added(frame: str, row: int, **values: object) -> Change:
    """A copy of a row, with other values, put last."""
    return lambda request: request["inputs"][frame].append(request["inputs"][frame][row] | values)


def scored(frame: str, row: int, **features: object) -> Change:
    """Features in place of the expectation, scored by peps_mg 2."""

    def change(request: Request) -> None:
        del request["inputs"][frame][row]["expected_eur"]
        request["inputs"][frame][row]["features"] = ROW | features
        request |= {"model": "peps_mg", "version": 2}

    return change


def frames(**given: object) -> Change:
    """Frames put in place of others."""
    return lambda request: request["inputs"].update(given)


def lacking(frame: str) -> Change:
    """A frame left out."""
    return lambda request: request["inputs"].pop(frame)


PEPS, TARGET, IPEP, IPSO = "/peps/forfait", "/ipep/target", "/ipep/interessement", "/ipso/forfait"
REFUSED: dict[str, tuple[str, Change, tuple[int, str | None, int | None]]] = {
    "unknown scheme": (PEPS, added("participations", 0, scheme="pepz"), (422, "participations.scheme", 1)),
    "another scheme's row": (IPEP, at("participations", 0, scheme="peps"), (422, "participations.scheme", 0)),
    "missing frame": (PEPS, lacking("zones"), (422, "zones", None)),
    "missing frame of chance": (TARGET, lacking("residuals"), (422, "residuals", None)),
    "unknown frame": (PEPS, frames(bricks=[]), (422, "bricks", None)),
    "a frame of another route": (TARGET, frames(indicators=[]), (422, "indicators", None)),
    "nobody takes part": (PEPS, frames(participations=[]), (422, "participations", None)),
    "a frame that is no array": (PEPS, frames(patients={}), (422, "patients", None)),
    "a row that is no object": (PEPS, frames(patients=[1]), (422, "patients", 0)),
    "negative cost": (PEPS, at("patients", 1, outside_cents=-1), (422, "patients.outside_cents", 1)),
    "negative expectation": (IPSO, at("reference", 1, expected_eur=-0.01), (422, "reference.expected_eur", 1)),
    "negative spending": (IPEP, at("members", 2, observed_eur=-5), (422, "members.observed_eur", 2)),
    "a cost out of proportion": (PEPS, at("patients", 0, expected_eur=1e300), (422, "patients.expected_eur", 0)),
    "a cost of 40 digits": (PEPS, at("patients", 0, in_team_cents=10**40), (422, "patients.in_team_cents", 0)),
    "half a cent": (PEPS, at("patients", 0, in_team_cents=0.5), (422, "patients.in_team_cents", 0)),
    "a share over 1": (PEPS, at("patients", 1, present_share=1.01), (422, "patients.present_share", 1)),
    "text for a number": (PEPS, at("patients", 1, expected_eur="150"), (422, "patients.expected_eur", 1)),
    "true for a number": (PEPS, at("teams", 1, members=True), (422, "teams.members", 1)),
    "a number for true": (PEPS, at("patients", 0, is_tot=1), (422, "patients.is_tot", 0)),
    "a number for an identifier": (PEPS, at("patients", 0, patient_id=7), (422, "patients.patient_id", 0)),
    "an empty identifier": (PEPS, at("patients", 0, patient_id=""), (422, "patients.patient_id", 0)),
    "an identifier of two lines": (PEPS, at("patients", 0, patient_id="A\nB"), (422, "patients.patient_id", 0)),
    "null where none is taken": (PEPS, at("patients", 1, present_share=None), (422, "patients.present_share", 1)),
    "unknown column": (PEPS, at("patients", 1, income=1), (422, "patients.income", 1)),
    "missing column": (PEPS, without("patients", 1, "ame"), (422, "patients.ame", 1)),
    "a column in some rows": (PEPS, at("patients", 1, c2s=True), (422, "patients.c2s", 0)),
    "a first day without a last": (IPSO, at("patients", 0, first_day="2024-01-01"), (422, "patients.first_day", 0)),
    "a day that does not exist": (PEPS, at("participations", 0, from_date="2021-02-29"),
                                  (422, "participations.from_date", 0)),
    "a day with an hour": (PEPS, at("participations", 0, from_date="2021-01-01T00:00"),
                           (422, "participations.from_date", 0)),
    "an end before the start": (PEPS, at("participations", 0, to_date="2020-01-01"),
                                (422, "participations.to_date", 0)),
    "an IPEP end before the start": (IPEP, at("participations", 0, to_date="2020-01-01"),
                                     (422, "participations.to_date", 0)),
    "a declaration that ends early": (IPSO, at("declared", 0, to_date="2022-01-01"), (422, "declared.to_date", 0)),
    "unknown brick": (IPSO, at("declared", 0, brick="sport"), (422, "declared.brick", 0)),
    "a patient in two teams": (PEPS, lambda request: (added("participations", 0, structure_id="S2")(request),
                                                      added("patients", 0, structure_id="S2")(request)),
                               (422, "patients.present_share", 0)),
    "a patient twice in a team": (PEPS, added("patients", 0), (422, "patients.patient_id", 2)),
    "a patient in two groups": (IPEP, added("members", 1, structure_id="G2"), (422, "members.patient_id", 1)),
    "a member twice": (IPEP, added("members", 1), (422, "members.patient_id", 3)),
    "a patient twice in a practice": (IPSO, added("patients", 0), (422, "patients.patient_id", 1)),
    "two perimeters": (PEPS, added("participations", 0, structure_id="S2", perimeter="MG_IDE"),
                       (422, "participations.perimeter", 1)),
    "no zone in common": (PEPS, frames(zones=[{"zone_id": "13", "observed_eur": 1, "expected_eur": 1, "patients": 1}]),
                          (422, "patients.zone_id", 0)),
    "two versions": (IPEP, at("members", 2, version=2), (422, "members.version", 2)),
    "an expectation without version": (IPEP, at("members", 1, version_hash=None), (422, "members.version_hash", 1)),
    "a nation of another version": (
        IPEP,
        lambda request: [row.update(version_hash=digest) for row, digest in
                         zip(request["inputs"]["nation"], ["f988b7b216930888", "0123456789abcdef"], strict=True)],
        (422, "nation.version_hash", 1),
    ),
    "no row of the year": (IPEP, top(year=2025), (422, "members", None)),
    "no nation of the year": (IPEP, lambda request: request["inputs"]["nation"].pop(), (422, "nation", None)),
    "the nation twice": (IPEP, added("nation", 0), (422, "nation", None)),
    "no reference patient": (TARGET, frames(residuals=[]), (422, "residuals", None)),
    "too many points of experience": (IPEP, at("participations", 0, experience_points=25),
                                      (422, "participations.experience_points", 0)),
    "two participations at once": (IPEP, added("participations", 0), (422, "participations", 1)),
    "a share of indicator over 1": (IPEP, at("indicators", 1, value_share=1.2), (422, "indicators.value_share", 1)),
    "an indicator twice": (IPEP, added("indicators", 1), (422, "indicators", 2)),
    "a weight of 0": (IPSO, at("reference", 0, weight=0), (422, "reference.weight", 0)),
    "an age of 200 years": (IPSO, at("patients", 0, age_months=2400), (422, "patients.age_months", 0)),
    "an empty reference": (IPSO, frames(reference=[]), (422, "reference", None)),
    "a year without rules": (PEPS, top(year=2031), (404, "on", None)),
    "a day without rules": (IPSO, top(on="2026-01-01"), (404, "on", None)),
    "rules not published yet": (PEPS, top(known_on="2020-01-01"), (404, "on", None)),
    "a year that is text": (PEPS, top(year="2023"), (422, "year", None)),
    "year 1": (PEPS, top(year=1), (422, "year", None)),
    "no year": (PEPS, lambda request: request.pop("year"), (422, "year", None)),
    "no inputs": (PEPS, lambda request: request.pop("inputs"), (422, "inputs", None)),
    "inputs that are a list": (PEPS, top(inputs=[]), (422, "inputs", None)),
    "a bad day of rules": (PEPS, top(on="2023-02-30"), (422, "on", None)),
    "unknown field": (PEPS, top(verbose=True), (422, "verbose", None)),
    "draws where none is made": (PEPS, top(draws=10), (422, "draws", None)),
    "patients of a target": (TARGET, top(with_patients=True), (422, "with_patients", None)),
    "no draw for a target": (TARGET, top(draws=0), (422, "draws", None)),
    "too many draws": (IPEP, top(draws=301), (422, "draws", None)),
    "a negative seed": (IPEP, top(seed=-1), (422, "seed", None)),
    "a model for nothing": (PEPS, top(model="peps_mg"), (422, "model", None)),
    "a version for nothing": (PEPS, top(version=2), (422, "version", None)),
    "features without a model": (
        PEPS,
        lambda request: (scored("patients", 1)(request), request.pop("model"), request.pop("version")),
        (422, "model", None),
    ),
    "features of an unknown model": (PEPS, lambda request: (scored("patients", 1)(request), top(model="no")(request)),
                                     (404, "model", None)),
    "features of an unknown version": (PEPS, lambda request: (scored("patients", 1)(request), top(version=9)(request)),
                                       (404, "version", None)),
    "a model of another perimeter": (IPEP, scored("members", 1), (422, "model", None)),
    "a version beside features": (IPEP, lambda request: (scored("members", 1)(request),
                                                         top(model="ipep", version=1)(request)),
                                  (422, "members.model", 1)),
    "features beside an expectation": (PEPS, lambda request: (scored("patients", 0)(request),
                                                              at("patients", 0, expected_eur=1.0)(request)),
                                       (422, "patients.expected_eur", 0)),
    "features that are a list": (PEPS, lambda request: (scored("patients", 0)(request),
                                                        at("patients", 0, features=[1])(request)),
                                 (422, "patients.features", 0)),
    "a feature out of range": (PEPS, scored("patients", 1, age=200), (422, "patients.features.age", 1)),
    "an unknown feature": (PEPS, scored("patients", 1, income=2), (422, "patients.features.income", 1)),
    "features where none is scored": (PEPS, at("teams", 0, features={}), (422, "teams.features", 0)),
    "too many rows": (IPEP, frames(residuals=[EXAMPLES[IPEP]["inputs"]["residuals"][0]] * 50), (413, "inputs", None)),
    "far too many rows": (IPEP, frames(residuals=[{}] * 200), (413, "inputs", None)),
}  # fmt: skip


@pytest.mark.parametrize(("path", "change", "wanted"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_request_is_refused_by_its_place(
    client: Client, path: str, change: Change, wanted: tuple[int, str | None, int | None]
):
    """Each mistake has its status, its field and its row, and a message that says what is right."""
    response = post(client, path, changed(path, change))
    assert fault(response) == wanted, response.text
    assert len(response.json()["error"]["message"]) >= 15


def test_the_message_counts_rows_as_the_field_does(client: Client):
    """Schemes number rows from 1 for the reader of a file; the answer numbers them from 0 throughout."""
    message = post(client, IPEP, changed(IPEP, added("members", 1, structure_id="G2"))).json()["error"]["message"]
    assert message == "members, row 1, 3: the patient is in another group too; a patient counts in one group a year"
    message = post(client, PEPS, changed(PEPS, at("patients", 1, present_share=7))).json()["error"]["message"]
    assert message == "patients: column present_share, row 1: should be a share from 0 to 1"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{year", 400),
        (b'{"year":"\xff","inputs":{}}', 400),
        (b'{"year":2023,"inputs":{"patients":[{"expected_eur":NaN}]}}', 400),
        (b'{"year":2023,"inputs":{"patients":[{"expected_eur":1e999}]}}', 422),
        (b'{"year":2023,"inputs":' + b"[" * 100_000, 400),
        (b'{"year":2023,"inputs":' + b'{"a":' * 100_000, 413),
        (b"[1]", 422),
    ],
)
def test_what_is_no_request_is_refused(client: Client, content: bytes, status: int):
    """Bodies that are not JSON, or not a request."""
    for path in EXAMPLES:
        assert post(client, path, content).status_code == status


def test_a_field_given_twice_is_refused(client: Client):
    """JSON allows it and decoders keep the last one: here it is an error, at every depth."""
    text = json.dumps(EXAMPLES[PEPS])
    for once in ('"year": 2023', '"expected_eur": 150.0', '"zones": '):
        twice = text.replace(once, f"{once}, {once}" if once[-1] != " " else f'"zones": [], {once}', 1)
        response = post(client, PEPS, twice.encode())
        assert response.status_code == 400 and "given twice" in response.text, once


def test_other_content_types_and_queries_are_refused(client: Client):
    """JSON only, and nothing in the address."""
    content = json.dumps(EXAMPLES[PEPS])
    assert client.post(PEPS, content=content, headers={"content-type": "text/csv"}).status_code == 415
    assert client.post(f"{PEPS}?year=2023", content=content, headers={"content-type": "application/json"}).json() == {
        "error": {"field": "year", "row": None, "message": "the query takes nothing; give everything in the body"}
    }
    assert client.get(PEPS).status_code == 405


def test_identifiers_are_neither_echoed_in_a_refusal_nor_logged(client: Client, caplog: pytest.LogCaptureFixture):
    """A structure or a patient named in what is refused is not in the message, nor in the log."""
    caplog.set_level(0)
    wrong: list[tuple[str, Change]] = [
        (IPEP, lambda r: (at("participations", 0, structure_id=SECRET)(r), added("participations", 0)(r))),
        (IPEP, lambda r: [row.update(patient_id=SECRET) for row in r["inputs"]["members"]]),
        (IPEP, at("members", 0, model=SECRET)),
        (IPEP, at("members", 0, version_hash=SECRET)),
        (PEPS, lambda r: (at("patients", 0, patient_id=SECRET)(r), added("patients", 0)(r))),
        (PEPS, at("patients", 0, zone_id=SECRET, present_share=2)),
        (PEPS, at("participations", 0, scheme=SECRET)),
        (PEPS, at("patients", 0, **{SECRET: 1})),
        (PEPS, frames(**{SECRET: []})),
        (PEPS, scored("patients", 0, fdep_quintile=SECRET)),
        (IPSO, at("declared", 0, brick=SECRET)),
        (IPSO, top(model=SECRET)),
    ]
    for path, change in wrong:
        response = post(client, path, changed(path, change))
        assert response.status_code in (404, 422), response.text
        assert SECRET not in response.text
    assert SECRET not in caplog.text


def test_an_empty_list_is_a_refused_structure(client: Client):
    """No patient is no error of form: the team is not paid, and the answer says why."""
    answer = post(client, PEPS, changed(PEPS, frames(patients=[]))).json()
    assert [one["reason"] for one in answer["refused"]] == ["empty_patientele"] and answer["amounts"] == []


def test_an_altered_rule_file_is_503(client: Client, monkeypatch: pytest.MonkeyPatch):
    """The fault is in the house: files that cannot be read, or that paid and were edited since."""

    def broken(*_: object, **__: object) -> list[Rules]:
        raise RuleError("peps/2022-11-27.yaml: not YAML as it should be")

    for name in ("periods", "check_paid"):
        with monkeypatch.context() as patch:
            patch.setattr(f"serving.schemes_rules.{name}", broken)
            assert fault(post(client, PEPS, EXAMPLES[PEPS])) == (503, None, None)


def test_numbers_that_cannot_be_computed_with_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """A year of 1e-300 lived makes means without end: 422, and the log says where, not what."""
    endless = changed(IPEP, lambda request: [row.update(exposure_share=1e-300) for row in request["inputs"]["members"]])
    with monkeypatch.context() as patch:
        patch.setattr(
            "serving.schemes_rules.rules", lambda scheme, *, on, known_on: made_rules(scheme, min_patients="1")
        )
        assert fault(post(client, IPEP, endless)) == (422, "inputs", None)
    assert "/ipep/interessement: InvalidOperation at means" in caplog.text
