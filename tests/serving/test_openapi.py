"""The OpenAPI document held against the service: routes both ways, statuses, headers, examples sent and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.routing import Route

from benchmarks.contract import bearers
from benchmarks.contract_service import Served, served
from serving.answering import RECORDED
from serving.schemes_examples import EXAMPLES

METHODS = ("get", "post")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ELLIPSIS_HASH = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("openapi")) as one:
        yield one


@pytest.fixture(scope="module")
def document(service: Served) -> dict[str, Any]:
    return _call(service, "GET", "/openapi.json").json()


def _call(service: Served, method: str, path: str, *, role: str = "payer", **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {service.tokens[role]}"} | options.pop("headers", {})
    return httpx.request(method, service.url + path, headers=headers, trust_env=False, **options)


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def _check(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    """`value` is of `schema`; an object has no field that the schema does not tell."""
    whole = {**_strict(schema), "components": {"schemas": _strict(document["components"]["schemas"])}}
    errors = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(whole).iter_errors(value)]
    assert errors == []


def _strict(schema: Any) -> Any:
    """A schema whose structures are closed."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(one) for name, one in schema.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def test_the_document_and_the_routes_are_the_same(service: Served, document: dict[str, Any]):
    """No route without its operation, no operation without its route, one name each."""
    app: Starlette = service.app
    routes = {(r.path, m.lower()) for r in app.routes if isinstance(r, Route) for m in r.methods or () if m != "HEAD"}
    assert {(path, method) for path, method, _ in _operations(document)} == routes
    names = [one["operationId"] for _, _, one in _operations(document)]
    assert len(names) == len(set(names))


def test_every_operation_tells_all_that_it_should(document: dict[str, Any]):
    """Security, request id, an example for each value and each refusal, headers, and the key where it is recorded."""
    Draft202012Validator.check_schema(document["components"]["schemas"])
    for path, method, one in _operations(document):
        where = f"{method} {path}"
        assert one["summary"], where
        assert one["security"] in ([], [{"bearer": []}]), where
        parameters = {parameter["name"]: parameter for parameter in one["parameters"]}
        assert "X-Request-Id" in parameters, where
        assert set(re.findall(r"{(\w+)}", path)) == {n for n, p in parameters.items() if p["in"] == "path"}, where
        assert all("example" in p for p in parameters.values() if p["required"]), where
        for status, response in one["responses"].items():
            assert "X-Request-Id" in response["headers"], (where, status)
            assert not (status >= "400" and "application/json" not in response["content"]), (where, status)
            assert not (status in ("429", "503") and "Retry-After" not in response["headers"]), (where, status)
            for media, content in response.get("content", {}).items():
                assert content["schema"], (where, status)
                is_told = media != "application/json" or path == "/openapi.json" or "example" in content
                assert is_told, (where, status)
        if one["security"]:
            assert "WWW-Authenticate" in one["responses"]["401"]["headers"], where
        if path in RECORDED:
            assert "Idempotency-Key" in parameters and "409" in one["responses"]
            assert {"Decision-Id", "Location", "Idempotency-Replayed"} <= one["responses"]["200"]["headers"].keys()


def test_every_example_is_of_its_schema(document: dict[str, Any]):
    """Of requests, answers, refusals and parameters."""
    checked = 0
    for _, _, one in _operations(document):
        contents = [one.get("requestBody", {}), *one["responses"].values(), *one["parameters"]]
        for holder in contents:
            for content in [*holder.get("content", {}).values(), holder]:
                if "example" in content and "schema" in content:
                    _check(document, content["schema"], content["example"])
                    checked += 1
    assert checked > 150


def _filled(service: Served, path: str, one: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The path and the query of the examples, with a decision that exists."""
    decided = _call(service, "POST", "/predict", json=_body(service, "/predict")).headers["decision-id"]
    values = {p["name"]: p["example"] for p in one["parameters"] if "example" in p and p["in"] != "header"}
    if "/decisions/" in path:
        values["id"] = decided
    inside = {name: str(value) for name, value in values.items() if f"{{{name}}}" in path}
    query = {p["name"]: str(values[p["name"]]) for p in one["parameters"] if p["in"] == "query" and p["name"] in values}
    return path.format(**inside), query


def _body(service: Served, path: str) -> Any:
    content = service.app.state.document["paths"][path]["post"]["requestBody"]["content"]
    return content["application/json"]["example"]


def test_every_example_is_answered_as_the_document_says(service: Served, document: dict[str, Any]):
    """Sent as they stand: 200, of the schema, with the headers; what an example of an answer shows is answered."""
    sent = 0
    for path, method, one in _operations(document):
        shown = one["responses"].get("200", {}).get("content", {}).get("application/json")
        if shown is None or path.startswith("/audit"):
            continue
        place, query = _filled(service, path, one)
        options: dict[str, Any] = {"params": query}
        if "requestBody" in one:
            options = {"json": one["requestBody"]["content"]["application/json"]["example"]}
        answer = _call(service, method.upper(), place, role=bearers(service).get(path, "payer"), **options)
        assert answer.status_code == 200, (path, answer.text)
        _check(document, shown["schema"], answer.json())
        if path in EXAMPLES:
            assert _is_shown(shown["example"], answer.json()) == [], path
        wanted = {n for n, h in one["responses"]["200"]["headers"].items() if h.get("required")}
        assert all(name in answer.headers for name in wanted), path
        assert UUID.fullmatch(answer.headers["x-request-id"])
        sent += 1
    assert sent >= 16


def _is_shown(example: Any, answer: Any, place: str = "") -> list[str]:
    """Places of an example that the answer does not have; a list may show a part, a hash any hash."""
    if isinstance(example, dict) and isinstance(answer, dict):
        return [w for name, one in example.items() for w in _is_shown(one, answer.get(name), f"{place}.{name}")]
    if isinstance(example, list) and isinstance(answer, list):
        if not example:
            return [place] if answer else []
        return [
            f"{place}[{number}]" for number, one in enumerate(example)
            if all(_is_shown(one, other) for other in answer)
        ]  # fmt: skip
    if isinstance(example, str) and ELLIPSIS_HASH.fullmatch(example):
        return [] if ELLIPSIS_HASH.fullmatch(str(answer)) else [place]
    return [] if example == answer else [place]


def test_a_wrong_example_is_seen():
    """The check above can fail: another value, a field that is not there, an element that is not there."""
    answer = {"a": 1, "b": [{"c": 1, "d": 2}, {"c": 3}], "e": []}
    assert _is_shown({"a": 1, "b": [{"c": 3}], "e": []}, answer) == []
    assert _is_shown({"a": 2, "x": 1, "b": [{"c": 2}]}, answer) == [".a", ".x", ".b[0]"]
    assert _is_shown({"e": [1], "b": []}, answer) == [".e[0]", ".b"]


WRONG = "/predict?model=peps_mg&version=1"
NOT_YOURS = {"headers": {"authorization": "Bearer none"}}
TWO = [{"age": 67, "is_woman": 1, "ald_08": 1, "fdep_quintile": "4"}] * 2
BODY: dict[str, Any] = {"model": "peps_mg", "version": 2, "rows": TWO}
PROVOKED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("400", "/predict", "/predict", {"json": BODY | {"rows": []}}),
    ("401", "/predict", "/predict", {"json": BODY, **NOT_YOURS}),
    ("403", "/predict", "/predict", {"json": BODY, "role": "admin"}),
    ("404", "/predict", "/predict", {"json": BODY | {"model": "unknown"}}),
    ("413", "/predict", "/predict", {"json": BODY | {"rows": TWO * 5001}}),
    ("415", "/peps/forfait", "/peps/forfait", {"content": b"a;b", "headers": {"content-type": "text/csv"}}),
    ("422", "/predict", "/predict", {"json": BODY | {"rows": [TWO[0], TWO[0] | {"age": 200}]}}),
    ("404", "/decisions/{id}", "/decisions/019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11", {}),
    ("422", "/decisions/{id}", "/decisions/019a0c3e-6f00-7a21-9b4c-5d2f1e0a7c11?x=1", {}),
    ("422", "/", "/?on=yesterday", {}),
    ("422", "/models/{name}/in-force", "/models/peps_mg/in-force", {}),
    ("422", "/models/{name}/versions/{version}", "/models/peps_mg/versions/two", {}),
    ("404", "/models/{name}", "/models/none", {}),
]


@pytest.mark.parametrize(("status", "path", "asked", "options"), PROVOKED, ids=lambda one: str(one)[:40])
def test_refusals_are_those_shown(
    service: Served, document: dict[str, Any], status: str, path: str, asked: str, options: dict[str, Any]
):
    """Status, message, field and row of the example of the document, to the letter."""
    method = "POST" if {"json", "content"} & options.keys() else "GET"
    answer = _call(service, method, asked, **deepcopy(options))
    shown = document["paths"][path][method.lower()]["responses"][status]["content"]["application/json"]["example"]
    expected = shown["error"] | ({"field": "x"} if asked.endswith("?x=1") else {})
    assert (str(answer.status_code), answer.json()["error"]) == (status, expected)


def test_a_conflict_and_a_ledger_away_are_as_shown(service: Served, document: dict[str, Any]):
    """409 for the key of another request; 503 with Retry-After where nothing can be recorded."""
    shown = document["paths"]["/predict"]["post"]["responses"]
    key = {"headers": {"Idempotency-Key": "contract"}}
    assert _call(service, "POST", "/predict", json=BODY, **deepcopy(key)).status_code == 200
    conflict = _call(service, "POST", "/predict", json=BODY | {"version": 1}, **deepcopy(key))
    assert conflict.json() == shown["409"]["content"]["application/json"]["example"]
    assert (conflict.status_code, shown["503"]["headers"].keys() >= {"Retry-After"}) == (409, True)


def test_a_page_is_given_to_a_browser_where_the_document_says(service: Served, document: dict[str, Any]):
    """text/html among the answers and a page for Accept: text/html go together."""
    seen = 0
    for path, method, one in _operations(document):
        contents = one["responses"].get("200", {}).get("content", {})
        if path.startswith(("/audit", "/sign")) or "application/json" not in contents or path in EXAMPLES:
            continue
        place, query = _filled(service, path, one)
        options: dict[str, Any] = {"params": query, "headers": {"accept": "text/html"}}
        if "requestBody" in one:
            options |= {"json": one["requestBody"]["content"]["application/json"]["example"], "params": {}}
        answer = _call(service, method.upper(), place, role=bearers(service).get(path, "payer"), **options)
        assert answer.headers["content-type"].startswith("text/html") == ("text/html" in contents), path
        seen += "text/html" in contents
    assert seen >= 3


def test_json_takes_no_query(service: Served):
    """A version in the address beside another in the body was passed over in silence: it is refused."""
    answer = _call(service, "POST", WRONG, json=BODY)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "model")
    assert json.loads(answer.text)["error"]["message"] == "the query takes nothing; give everything in the body"
