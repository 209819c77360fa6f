"""Computations kept whole: inputs, rules and results in one folder named by their content, so that any can be replayed.

A run is `<payments>/<scheme>/<year>/<id>/`: run.json, inputs/*.parquet, results/*.parquet. Its id is the hash of
what went in; the same inputs and rules are the same run, and give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import MissingError, RuleError
from features.tables import AMOUNTS, FORFAITS, TARGETS, Table
from schemes.amounts import Payment, amounts_frame, figures_frame
from schemes.rule_lock import check_paid
from schemes.rulebook import RULES, Rules, rules

Inputs = Mapping[str, pd.DataFrame]
Pay = Callable[[Inputs, int, Mapping[str, Rules], int], Payment]
PROVISIONAL, FINAL, ESTIMATE = "provisional", "final", "estimate"


class RuleUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule file used: how to find it again, and its hash."""

    scheme: str
    file: str
    on: date
    sha256: str


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What went into a computation. `known_on` bounds the publications of the rules.

    Several models stand in `model` and `version_hash` one after the other ("a, b"), and so do their versions where
    these differ; one version of them all is a number.
    """

    scheme: str
    year: int
    kind: str
    known_on: date
    rules: tuple[RuleUse, ...]
    inputs: dict[str, str]
    model: str = ""
    version: int | str = 0
    version_hash: str = ""
    seed: int = 0

    @property
    def models(self) -> tuple[tuple[str, str, str], ...]:
        """Model, version and hash of each model used."""
        if not self.model:
            return ()
        names, hashes, versions = (text.split(", ") for text in (self.model, self.version_hash, str(self.version)))
        return tuple(zip(names, versions if len(versions) > 1 else versions * len(names), hashes, strict=True))

    @property
    def id(self) -> str:
        """First 16 characters of the hash of everything that went in."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


def prepare(
    scheme: str, year: int, *, kind: str, known_on: date, rule_days: Mapping[str, date], root: Path = RULES
) -> tuple[Run, dict[str, Rules]]:
    """A run without inputs yet, and its rules: of each scheme of `rule_days`, on its day, as published by `known_on`.

    Errors: RuleError where no rule was in force, or a file that has paid was edited.
    """
    book = {name: rules(name, on=on, known_on=known_on, root=root) for name, on in sorted(rule_days.items())}
    for used_rules in book.values():
        check_paid(used_rules, root)
    used = tuple(RuleUse(name, book[name].file, rule_days[name], book[name].sha256) for name in book)
    return Run(scheme=scheme, year=year, kind=kind, known_on=known_on, rules=used, inputs={}), book


def with_inputs(run: Run, inputs: Inputs, **model: str | int) -> Run:
    """The run with the hashes of its inputs, and the model version that they were predicted with."""
    hashes = {name: hashlib.sha256(encoded(frame)).hexdigest() for name, frame in sorted(inputs.items())}
    return msgspec.structs.replace(run, inputs=hashes, **model)


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its rows in the order of its columns, so that equal content has equal bytes."""
    return frame.sort_values(list(frame.columns), kind="stable", ignore_index=True)


def encoded(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet bytes, rows in order; the same bytes for the same content."""
    table = pa.Table.from_pandas(ordered(frame), preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def results(payment: Payment) -> dict[str, bytes]:
    """The results of a payment as the files of a run, checked against their declarations."""
    return {
        "amounts.parquet": declared(AMOUNTS, amounts_frame(payment.amounts)),
        "forfaits.parquet": declared(FORFAITS, payment.forfaits),
        "targets.parquet": declared(TARGETS, figures_frame(payment.amounts)),
        "refused.parquet": encoded(payment.refused.astype("string")),
        "excluded.parquet": encoded(payment.excluded.astype({"structure_id": "string", "reason": "string"})),
        "warnings.parquet": encoded(_warnings(payment)),
    }


def _warnings(payment: Payment) -> pd.DataFrame:
    rows = [(amount.structure_id, text) for amount in payment.amounts for text in amount.warnings]
    return pd.DataFrame(rows, columns=["structure_id", "warning"]).astype("string")


def declared(table: Table, frame: pd.DataFrame) -> bytes:
    """Parquet bytes of a frame with the declared columns and types, sorted by the key.

    Errors: ValueError where a key repeats; pyarrow's own where a type cannot be cast.
    """
    rows = frame[table.column_names].sort_values(list(table.key), kind="stable", ignore_index=True)
    if rows.duplicated(list(table.key)).any():
        raise ValueError(f"{table.name}: the key {', '.join(table.key)} repeats")
    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_pandas(rows, schema=table.arrow_schema(), preserve_index=False).replace_schema_metadata(None),
        buffer,
        compression="zstd",
    )
    return buffer.getvalue()


def folder_of(payments: Path, run: Run) -> Path:
    """Where a run is kept."""
    return payments / run.scheme / str(run.year) / run.id


def keep(payments: Path, run: Run, inputs: Inputs, payment: Payment) -> Path:
    """The folder of the run, written whole or not at all; a run already kept must have given the same results.

    Errors: RuleError where the results kept differ.
    """
    folder, made = folder_of(payments, run), results(payment)
    if folder.exists():
        _same(folder, made)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".keeping-") as scratch:
        whole = Path(scratch) / run.id
        for name, content in [
            *((f"inputs/{name}.parquet", encoded(frame)) for name, frame in sorted(inputs.items())),
            *((f"results/{name}", content) for name, content in made.items()),
            ("run.json", msgspec.json.format(msgspec.json.encode(run, order="deterministic"), indent=1)),
        ]:
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            (whole / name).write_bytes(content)
        whole.rename(folder)
    return folder


def _same(folder: Path, made: Mapping[str, bytes]) -> None:
    for name, content in made.items():
        path = folder / "results" / name
        if not path.exists() or path.read_bytes() != content:
            raise RuleError(f"{folder.name}: {name} differs from what was kept; the code or the files have changed")


def load(folder: Path) -> tuple[Run, dict[str, pd.DataFrame]]:
    """A kept run and its inputs, checked against their hashes. Errors: MissingError, RuleError."""
    if not (folder / "run.json").exists():
        raise MissingError(f"run {folder.name} is not kept under {folder.parent.name}; run forfait pay")
    try:
        run = msgspec.json.decode((folder / "run.json").read_bytes(), type=Run)
    except msgspec.DecodeError as error:
        raise RuleError(f"run {folder.name}: run.json: {error}; restore it from its backup") from error
    if run.id != folder.name:
        raise RuleError(f"run {folder.name}: run.json was altered; restore it from its backup")
    inputs = {}
    for name, expected in run.inputs.items():
        path = folder / "inputs" / f"{name}.parquet"
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != expected:
            raise RuleError(f"run {run.id}: inputs/{name}.parquet was altered or lost; restore it from its backup")
        inputs[name] = pq.read_table(io.BytesIO(content)).to_pandas(date_as_object=False)
    return run, inputs


def rules_of(run: Run, *, root: Path = RULES) -> dict[str, Rules]:
    """The rules of a run, as known then. Errors: RuleError where a file that has paid was edited."""
    book = {use.scheme: rules(use.scheme, on=use.on, known_on=run.known_on, root=root) for use in run.rules}
    for use in run.rules:
        if book[use.scheme].sha256 != use.sha256:
            raise RuleError(
                f"{use.file} has changed since run {run.id} paid with it; restore it and write an amended file"
            )
    return book


def replay(folder: Path, pay: Pay, *, root: Path = RULES) -> Payment:
    """The payment of a kept run, computed again from its inputs under the rules known then.

    Errors: RuleError where anything differs from what was kept, by a single byte.
    """
    run, inputs = load(folder)
    payment = pay(inputs, run.year, rules_of(run, root=root), run.seed)
    _same(folder, results(payment))
    return payment
