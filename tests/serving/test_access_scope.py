"""A payer pays its own structures: another one anywhere in a request is a 403 that names none."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from serving.access.callers import Caller, check_structures, may_see
from serving.refusals import RefusalError
from serving.schemes_examples import EXAMPLES
from tests.serving.access_made import Service, closed
from tests.serving.made import ROW
from tests.serving.schemes_made import write_scheme_versions

SCHEMES = ("/peps/forfait", "/ipep/target", "/ipep/interessement", "/ipso/forfait")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("scope")
    with start_blocking_portal() as portal:
        yield closed(folder, write_scheme_versions(folder / "versions"), portal)


def structures_of(request: dict[str, Any]) -> set[str]:
    return {row["structure_id"] for rows in request["inputs"].values() for row in rows if "structure_id" in row}


@pytest.fixture(scope="module")
def tokens(service: Service) -> dict[str, str]:
    """A payer of the structures of every example, one of none of them, one of all."""
    mine = set().union(*(structures_of(EXAMPLES[path]) for path in SCHEMES))
    return {
        "mine": service.token("mine", "payer", *sorted(mine)),
        "others": service.token("others", "payer", "999999999"),
        "all": service.token("all", "payer"),
    }


@pytest.mark.parametrize("path", SCHEMES)
def test_each_scheme_is_bounded(service: Service, tokens: dict[str, str], path: str):
    """The same answer for its own structures as for a payer of all; 403 for those of others."""
    answers = {name: service.call("POST", path, token, json=EXAMPLES[path]) for name, token in tokens.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == {"mine": 200, "others": 403, "all": 200}
    assert answers["mine"].json() == answers["all"].json()
    told = answers["others"].json()["error"]
    assert told["field"].endswith(".structure_id")
    assert not any(structure in answers["others"].text for structure in structures_of(EXAMPLES[path]))


@pytest.mark.parametrize("path", SCHEMES)
def test_one_row_of_another_structure_in_any_frame_is_enough(service: Service, tokens: dict[str, str], path: str):
    """The last row of each frame that names structures, put to another one."""
    frames = [name for name, rows in EXAMPLES[path]["inputs"].items() if rows and "structure_id" in rows[0]]
    assert "participations" in frames
    for frame in frames:
        request = copy.deepcopy(EXAMPLES[path])
        request["inputs"][frame].append(request["inputs"][frame][-1] | {"structure_id": "750099999"})
        answer = service.call("POST", path, tokens["mine"], json=request)
        expected = (403, f"{frame}.structure_id", len(request["inputs"][frame]) - 1)
        told = answer.json()["error"]
        assert (answer.status_code, told["field"], told["row"]) == expected
        assert "750099999" not in answer.text


def test_a_refusal_out_of_scope_is_recorded(service: Service, tokens: dict[str, str]):
    """With its reason, as those of the door."""
    service.call("POST", "/ipso/forfait", tokens["others"], json=EXAMPLES["/ipso/forfait"])
    last = service.accesses(only_denied=True).iloc[-1]
    assert (last["caller"], last["status"], last["reason"]) == ("others", 403, "out_of_scope")


def test_rows_and_episodes_name_no_structure(service: Service, tokens: dict[str, str]):
    """/predict and /eds/bundle are not bounded: nothing in them says whose they are."""
    asked = {"model": "peps_mg", "version": 2, "rows": [ROW]}
    assert service.call("POST", "/predict", tokens["others"], json=asked).status_code == 200
    assert service.call("POST", "/eds/bundle", tokens["others"], json=EXAMPLES["/eds/bundle"]).status_code == 200


@pytest.mark.parametrize("given", [None, 3, ["S1"], {"a": 1}])
def test_what_is_no_text_is_left_to_the_reading_of_the_frame(service: Service, tokens: dict[str, str], given: object):
    """422, as for a payer of all."""
    request = copy.deepcopy(EXAMPLES["/ipso/forfait"])
    request["inputs"]["participations"][0]["structure_id"] = given
    assert service.call("POST", "/ipso/forfait", tokens["mine"], json=request).status_code == 422


def test_the_rule_on_a_small_table():
    """None is every structure; an empty set is none."""
    rows = {"participations": [{"structure_id": "S1"}], "patients": [{"structure_id": "S1"}, {"structure_id": "S2"}]}
    check_structures(rows, None)
    check_structures(rows, frozenset({"S1", "S2", "S3"}))
    check_structures({"zones": [{"zone_id": "75"}]}, frozenset())
    with pytest.raises(RefusalError) as refusal:
        check_structures(rows, frozenset({"S1"}))
    assert (refusal.value.status, refusal.value.field, refusal.value.row) == (403, "patients.structure_id", 1)
    with pytest.raises(RefusalError):
        check_structures(rows, frozenset())


def test_what_a_reader_may_see():
    """All of the structures of a decision must be its own."""
    bounded, free = Caller("a", "auditor", frozenset({"S1"})), Caller("b", "auditor", None)
    seen = [(may_see(bounded, found), may_see(free, found)) for found in (["S1"], ["S1", "S2"], ["S2"])]
    assert seen == [(True, True), (False, True), (False, True)]
