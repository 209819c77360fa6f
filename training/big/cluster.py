"""Trees grown by the workers of a Dask cluster (extra `dask`): each bins its own rows, they exchange histograms.

The booster is LightGBM's own, frozen and served as any other. The rows of each worker take the place of one machine's,
so that bins and sums differ in the last digits: the same quality within noise, not the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from features.errors import InputError
from training.balance import capped_target
from training.big.columns import compact
from training.encoding import tree_names
from training.estimator import SpendingRegressor
from training.trees import balance_cells, counted_in_rows

if TYPE_CHECKING:
    from distributed import Client

PARTS_OF_WORKER = 4
LOCAL = ("num_threads", "early_stopping_round", "num_iterations")


class ClusterRegressor(SpendingRegressor):
    """A SpendingRegressor of one booster whose trees are grown by the workers of `on(client)`.

    Cap, cells and balance are worked out where it is called, which holds the compact columns; it takes neither
    "blend" nor early stopping. Errors of `fit`: ValueError for these, or without a client.
    """

    client: Client | None = None

    def on(self, client: Client) -> Self:
        """This estimator, with the cluster that grows its trees; a copy by scikit-learn's `clone` has none."""
        self.client = client
        return self

    def _is_blend(self, rows: int) -> bool:
        if self.objective == "blend":
            raise ValueError("a cluster grows one booster; choose another objective than 'blend'")
        return False

    def _grow(
        self, matrix: Any, y: np.ndarray, weight: np.ndarray, parameters: dict[str, Any], held: np.ndarray | None
    ) -> lgb.Booster:
        if self.client is None or held is not None:
            raise ValueError("name the cluster by on(client), and leave early_stopping_rounds out")
        names = tree_names(self._names)
        table = matrix if isinstance(matrix, pa.Table) else compact(names, matrix)
        target = capped_target(y, weight, self.cap_)
        parameters = counted_in_rows(parameters, target, weight)
        booster = grow_on(self.client, table, (target, weight), parameters, names=names)
        cells = self.balance_columns(self._names)
        if not cells:
            return booster
        whole = lgb.Dataset(table, y, weight=weight, feature_name=names, params=dict(parameters), free_raw_data=False)
        return balance_cells(booster, whole, y, parameters, columns=cells)


def grow_on(
    client: Client,
    table: pa.Table,
    truth: tuple[np.ndarray, np.ndarray],
    parameters: dict[str, Any],
    *,
    names: Sequence[str],
) -> lgb.Booster:
    """Booster on compact columns and truth (target, weight), grown by the workers of `client`.

    Columns travel as they are, a few bytes a value; a worker makes its share float32 (float64 where a column is).
    Errors: InputError without the extra `dask`, or without a worker.
    """
    try:
        import dask.array as da
        from lightgbm.dask import DaskLGBMRegressor
    except ImportError as error:
        raise InputError("a cluster needs Dask: uv sync --extra dask") from error
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise InputError("the cluster has no worker; start one, or train on this machine")
    shares = np.array_split(np.arange(len(table)), min(PARTS_OF_WORKER * workers, len(table)))
    places = [slice(int(share[0]), int(share[-1]) + 1) for share in shares]
    chunks = (tuple(at.stop - at.start for at in places),)
    matrix = _scattered(client, table, places)
    target, weight = (da.from_array(column, chunks=chunks) for column in truth)
    asked = {name: value for name, value in parameters.items() if name not in LOCAL and value is not None}
    model = DaskLGBMRegressor(client=client, n_estimators=parameters["num_iterations"], **asked)
    booster = model.fit(matrix, target, sample_weight=weight, feature_name=list(names)).booster_
    return lgb.Booster(model_str=booster.model_to_string())


def _scattered(client: Client, table: pa.Table, places: Sequence[slice]) -> Any:
    """Dask array of the rows at `places`, each share made where it was sent."""
    import dask.array as da
    from dask import delayed

    kind = np.result_type(np.float32, *(field.type.to_pandas_dtype() for field in table.schema))
    shares = [
        (delayed(_filled)(client.scatter(_bytes(table[at.start : at.stop])), kind), at.stop - at.start) for at in places
    ]
    return da.concatenate([da.from_delayed(share, (rows, table.num_columns), kind) for share, rows in shares])


def _bytes(table: pa.Table) -> pa.Buffer:
    """The rows as an Arrow stream: a slice would be sent with the whole of its buffers."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _filled(stream: pa.Buffer, kind: np.dtype) -> np.ndarray:
    """Matrix of a stream of rows; runs on a worker."""
    table = pa.ipc.open_stream(stream).read_all()
    filled = np.empty(table.shape, dtype=kind)
    for number, column in enumerate(table.columns):
        filled[:, number] = column.to_numpy()
    return filled
