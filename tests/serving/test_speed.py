"""What keeps the service fast: no data frame on the way of a row or a batch, and threads that do not disturb."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.parts import Part
from features.scoring import load_scorer
from features.versions import Card, sha256, write_version
from serving.store import Store
from tests.serving.client import Client
from tests.serving.made import FEATURES, ROW, body, patients, rows_of
from tests.serving.test_predict import ARROW, BATCH, arrow_of, post, table_of

TREES = 60


def test_no_data_frame_is_made(client: Client, monkeypatch: pytest.MonkeyPatch):
    """One row, many rows and an Arrow batch are predicted without pandas."""
    monkeypatch.setattr(pd.DataFrame, "__init__", lambda *_, **__: pytest.fail("a data frame"))
    assert post(client, body([ROW])).status_code == 200
    assert post(client, body(rows_of(300))).status_code == 200
    assert post(client, arrow_of(table_of(rows_of(300))), ARROW, BATCH).status_code == 200


def write_parts(root: Path) -> None:
    """A version of two parts: a third of the trees add euros, the others a logarithm."""
    matrix = patients(5)
    euros = np.exp(matrix[:, 0] / 40)
    text = lgb.train({"verbosity": -1, "num_threads": 1, "num_leaves": 7}, lgb.Dataset(matrix, euros), TREES)
    text = text.model_to_string()
    parts = (Part("identity", TREES // 3), Part("log", TREES - TREES // 3))
    references = tuple(tuple(None if v != v else v for v in row) for row in matrix[:10].tolist())
    card = Card(
        model="blend", version=1, perimeter="MG", objective="blend", link="parts", parts=parts, balance_factor=1.0,
        features=FEATURES, reference_rows=references, model_sha256=sha256(text.encode()),
    )  # fmt: skip
    write_version(root, card, text)


def test_callers_at_once_get_the_euros_of_a_caller_alone(tmp_path: Path):
    """LightGBM keeps the run of trees that a call asks in the booster: another call must not change it on the way."""
    write_parts(tmp_path)
    matrix, alone = patients(6)[:400], load_scorer(tmp_path, "blend", 1)
    expected, euros = alone.predict(matrix), alone.explain(matrix[:20])
    served = Store(tmp_path).scorer("blend", 1)

    def differs(turn: int) -> bool:
        if turn % 10 == 0:
            return not np.allclose(served.explain(matrix[:20]), euros, atol=1e-9, rtol=0)
        return not np.array_equal(served.predict(matrix), expected)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(differs, range(200))) == 0
