"""POST /explain: euros by feature and family, in French, that add up to the prediction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from anyio.from_thread import start_blocking_portal

from features.feature import FAMILIES
from features.scoring import Scorer
from serving.app import build_app
from serving.families import FAMILY_LABELS, FAMILY_LABELS_EN
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.made import FEATURES, ROW, body, freeze_log_link, rows_of
from tests.serving.test_predict import ARROW, JSON, arrow_of, post, table_of

BATCH = "/explain?model=peps_mg&version=2"


def test_explanation_of_one_patient(client: Client, scorer: Scorer):
    """Value, French label, family and euros of each feature, in the order of the card."""
    answer = post(client, body([ROW]), path="/explain").json()
    assert {key: answer[key] for key in ("model", "version", "hash", "unit", "count")} == {
        "model": "peps_mg", "version": 2, "hash": scorer.hash, "unit": "EUR per year", "count": 1,
    }  # fmt: skip
    (one,) = answer["explanations"]
    assert [part["feature"] for part in one["contributions"]] == list(ROW)
    assert [part["value"] for part in one["contributions"]] == [67, 1, 1, 2, 3.5, None, "4"]
    assert [part["label_fr"] for part in one["contributions"]] == [feature.label_fr for feature in FEATURES]
    assert [(total["family"], total["label_fr"]) for total in one["families"]] == [
        ("age_sex", "Âge et sexe"),
        ("ald", "Affections de longue durée"),
        ("comorbidity", "Comorbidités"),
        ("precarity", "Précarité"),
        ("territory", "Territoire"),
    ]


def test_explanations_add_up_to_the_predictions(client: Client):
    """base + contributions + floor = expected, to 1e-6, by feature and by family; the floor binds for some."""
    rows = rows_of(1500)
    predicted = post(client, body(rows)).json()["expected_eur"]
    explained = post(client, body(rows), path="/explain").json()["explanations"]
    assert [one["expected_eur"] for one in explained] == predicted
    for one in explained:
        whole = one["base_eur"] + one["floor_eur"]
        for parts in (one["contributions"], one["families"]):
            assert whole + sum(part["contribution_eur"] for part in parts) == pytest.approx(
                one["expected_eur"], abs=1e-6
            )
    floored = [one for one in explained if one["floor_eur"] > 0]
    assert 0 < len(floored) < len(explained)
    assert {one["expected_eur"] for one in floored} == {900.0}


def test_arrow_explanations_are_long_and_the_same(client: Client):
    """One row per patient and feature; the euros are those of JSON to the bit."""
    rows = rows_of(40)
    response = post(client, arrow_of(table_of(rows)), ARROW, BATCH)
    table = pa.ipc.open_stream(response.content).read_all()
    assert table.column_names == ["row", "feature", "label_fr", "family", "value", "category", "contribution_eur"]
    assert table.num_rows == 40 * (len(FEATURES) + 2)
    frame = table.to_pandas()
    explained = post(client, body(rows), path="/explain").json()["explanations"]
    predicted = np.array([one["expected_eur"] for one in explained])
    assert np.abs(frame.groupby("row").contribution_eur.sum() - predicted).max() < 1e-6
    for number, one in enumerate(explained):
        mine = frame[frame.row == number].set_index("feature").contribution_eur
        assert mine["base_eur"] == one["base_eur"]
        assert mine["floor_eur"] == one["floor_eur"]
        assert [mine[part["feature"]] for part in one["contributions"]] == [
            p["contribution_eur"] for p in one["contributions"]
        ]
    first = frame[frame.row == 0].set_index("feature")
    assert first.category["fdep_quintile"] == rows[0]["fdep_quintile"]
    assert first.value["age"] == rows[0]["age"]


def test_a_browser_gets_a_page(client: Client):
    """French, with a drawing for each row, and no more than twenty."""
    headers = {"content-type": JSON, "accept": "text/html,application/xhtml+xml"}
    page = client.post("/explain", content=body(rows_of(2)), headers=headers)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.count("<svg") == 2
    assert "Dépense attendue" in page.text and "Affections de longue durée" in page.text
    assert client.post("/explain", content=body(rows_of(21)), headers=headers).status_code == 413


def test_answers_at_the_same_time_do_not_mix(client: Client):
    """Threads that predict and explain at once give what one alone gives."""
    bodies = [body(rows_of(150, seed), version=1 + seed % 3) for seed in range(8)]
    alone = [post(client, content, path="/explain").json() for content in bodies]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda content: post(client, content, path="/explain").json(), bodies * 2))
    assert together == alone * 2


def test_family_labels_are_those_of_the_catalogue():
    """A copy, because the catalogue imports the engines; this holds them in step."""
    assert {name: labels[0] for name, labels in FAMILIES.items()} == FAMILY_LABELS
    assert {name: labels[1] for name, labels in FAMILIES.items()} == FAMILY_LABELS_EN


def test_a_log_link_explanation_adds_up_in_every_thread(tmp_path: Path):
    """Its explainer changes while it works: two requests at once must not disturb each other."""
    freeze_log_link(tmp_path, "challenger", 1)
    with start_blocking_portal() as portal:
        client = Client(build_app(ServiceSettings(versions=tmp_path)), portal)
        bodies = [body(rows_of(20, seed), model="challenger", version=1) for seed in range(4)]
        alone = [post(client, content, path="/explain").json()["explanations"] for content in bodies]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda one: post(client, one, path="/explain").json()["explanations"], bodies))
    assert together == alone
    for one in (one for explained in alone for one in explained):
        parts = sum(part["contribution_eur"] for part in one["contributions"])
        assert one["base_eur"] + one["floor_eur"] + parts == pytest.approx(one["expected_eur"], abs=1e-6)
