"""Pages, lists and the API's own description."""

from __future__ import annotations

import re

import pytest
from fastapi.openapi.models import OpenAPI
from starlette.routing import Route

from features.scoring import Scorer
from tests.serving.client import Client
from tests.serving.made import ROW, body

PAGES = (
    "/",
    "/?on=2023-05-01",
    "/models/peps_mg",
    "/models/total",
    "/models/peps_mg/versions/2",
    "/docs",
    "/models/none",
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_french_and_self_contained(client: Client, path: str):
    """No script, nothing fetched: every link stays on the service."""
    page = client.get(path, headers={"accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="fr">' in page.text
    assert "<script" not in page.text
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    assert all(link.startswith(("/", "#", "data:,")) for link in links)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page.text)


def test_every_link_of_the_pages_leads_somewhere(client: Client):
    """Links between pages are followed."""
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            page = client.get(path, headers={"accept": "text/html"})
            assert page.status_code == 200, path
            waiting += re.findall(r'href="(/[^"]*)"', page.text) if not path.startswith("/audit") else []
    assert {"/models/peps_mg/versions/1", "/models/total/versions/1", "/docs", "/audit", "/openapi.json"} <= seen


def test_home_page_dates_what_is_in_force(client: Client):
    """Periods end the day before the next one begins; a day asked shows that day alone."""
    page = client.get("/").text
    assert "du 1er janvier 2023 au 31 décembre 2023" in page
    assert "à partir du 1er janvier 2024" in page
    day = client.get("/?on=2023-12-31").text
    assert "le 31 décembre 2023" in day
    assert "version 1" in day and "version 2" not in day
    assert "Aucune version n’était en vigueur" in client.get("/?on=2020-01-01").text


def test_card_page_says_what_a_version_is(client: Client, scorer: Scorer):
    """Cap, floor, training years, hash, features and what they take."""
    page = client.get("/models/peps_mg/versions/2", headers={"accept": "text/html"}).text
    for words in (
        "12\u202f000,00\u00a0€",
        "900,00\u00a0€",
        "2022, 2023",
        scorer.hash,
        "de 0 à 110",
        "1, 2, 3, 4, 5, missing",
    ):
        assert words in page
    assert "croissante" in page and "ou manquant" in page and "Comité des forfaits" in page


def test_names_in_pages_are_escaped(client: Client):
    """A path is never written into a page as markup."""
    page = client.get("/models/<b>x", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "<b>x" not in page.text


def test_lists_for_machines(client: Client, scorer: Scorer):
    """Models, versions, register, card and what was in force, as JSON."""
    listed = client.get("/models").json()["models"]
    assert [(model["model"], model["versions"]) for model in listed] == [("peps_mg", [1, 2, 3]), ("total", [1])]
    assert [entry["version"] for entry in listed[0]["register"]] == [1, 2]
    card = client.get("/models/peps_mg/versions/2").json()
    assert (card["hash"], card["card"]["unit"], len(card["card"]["features"])) == (scorer.hash, "EUR per year", 7)
    held = client.get("/models/peps_mg/in-force", params={"on": "2024-06-01"}).json()
    assert (held["version"], held["version_hash"], held["on"], held["by"]) == (
        2, scorer.hash, "2024-06-01", "Comité des forfaits",
    )  # fmt: skip
    known = client.get("/models/peps_mg/in-force", params={"on": "2024-06-01", "known_on": "2023-06-01"}).json()
    assert known["version"] == 1


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/models/none", 404, "model"),
        ("/models/peps_mg/versions/4", 404, "version"),
        ("/models/peps_mg/versions/two", 422, "version"),
        ("/models/none/versions/1", 404, "model"),
        ("/models/peps_mg/in-force", 422, "on"),
        ("/models/peps_mg/in-force?on=2024", 422, "on"),
        ("/models/peps_mg/in-force?on=2020-01-01", 404, "on"),
        ("/models/none/in-force?on=2024-01-01", 404, "model"),
        ("/?on=yesterday", 422, "on"),
        ("/nowhere", 404, None),
    ],
)
def test_wrong_addresses(client: Client, path: str, status: int, field: str | None):
    """4xx that name the field."""
    response = client.get(path)
    assert (response.status_code, response.json()["error"]["field"]) == (status, field)


def test_wrong_method_names_the_right_one(client: Client):
    """405 with Allow."""
    response = client.get("/predict")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_openapi_is_valid_and_covers_every_route(client: Client):
    """The document is OpenAPI 3.1, and its paths are those of the app."""
    document = client.get("/openapi.json").json()
    OpenAPI.model_validate(document)
    documented = {(path, method.upper()) for path, operations in document["paths"].items() for method in operations}
    routes = {(r.path, m) for r in client.app.routes if isinstance(r, Route) for m in r.methods or () if m != "HEAD"}
    assert documented == routes
    text = client.get("/openapi.json").text
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used <= set(document["components"]["schemas"])


def test_metrics_count_requests_and_rows(client: Client):
    """Prometheus text with rows by model and version, and no value of a request."""

    def rows() -> float:
        line = 'forfait_rows_total{model="peps_mg",operation="predict",version="2"}'
        found = re.search(rf"^{re.escape(line)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    before = rows()
    client.post("/predict", content=body([ROW] * 3), headers={"content-type": "application/json"})
    assert rows() == before + 3
    assert 'forfait_requests_total{route="/predict",status="200"}' in client.get("/metrics").text
