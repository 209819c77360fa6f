"""A frozen model version on disk (LightGBM text and a JSON card), and the dated register of what was in force.

A version is `<root>/<model>/<version>/model.txt` and `card.json`; nothing in it runs code on load.
The register `<root>/register.jsonl` is append-only: each entry carries the hash of the one before it.
"""

from __future__ import annotations

import fcntl
import hashlib
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from features.errors import MissingError, RuleError
from features.parts import Part

UNIT = "EUR per year"
EPISODE_UNIT = "EUR per episode"
GENESIS = "0" * 64


class CardFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature as the model expects it: kind is number, flag or category; low and high bound what is accepted."""

    name: str
    label_fr: str
    label_en: str
    family: str
    kind: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    nullable: bool = False
    monotone: int = 0


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is needed to score and to account for a version, beside the trees.

    expected = max(balance_factor × inverse_link(trees), floor_eur), in euros for a full year or an episode (`unit`).
    `reference_rows` are the encoded reference patients of a log-link explanation (empty for identity).
    With link "parts", the inverse links are those of `parts`, which hold all trees in order (features/parts.py).
    """

    model: str
    version: int
    perimeter: str
    unit: str = UNIT
    objective: str
    link: str = "identity"
    balance_factor: float
    floor_eur: float | None = None
    cap_quantile: float | None = None
    cap_eur: float | None = None
    features: tuple[CardFeature, ...]
    reference_rows: tuple[tuple[float | None, ...], ...] = ()
    training_years: tuple[int, ...] = ()
    test_year: int | None = None
    parts: tuple[Part, ...] = ()
    population: dict[str, float] = {}
    metrics: dict[str, float] = {}
    data_hashes: dict[str, str] = {}
    parameters: dict[str, float | int | str | bool | None] = {}
    seed: int = 0
    model_sha256: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One promotion: from `from_date` on, `version` of `model` is in force, as decided on `decided_on`.

    despite: the reason written where gates refuse; approval: hash of the approval kept beside the register.
    """

    model: str
    version: int
    version_hash: str
    from_date: date
    decided_on: date
    by: str
    why: str
    despite: str | None = None
    approval: str | None = None
    previous: str = GENESIS


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def encode_card(card: Card) -> bytes:
    """The card as indented JSON, the same bytes for the same card."""
    return msgspec.json.format(msgspec.json.encode(card, order="deterministic"), indent=2)


def version_folder(root: Path, model: str, version: int) -> Path:
    """Folder of a version."""
    return root / model / str(version)


def write_version(root: Path, card: Card, model_text: str) -> Path:
    """Write a version's two files; a version that exists with other content is refused (RuleError)."""
    if sha256(model_text.encode()) != card.model_sha256:
        raise RuleError(f"{card.model} version {card.version}: the card's model_sha256 is not that of the trees")
    folder = version_folder(root, card.model, card.version)
    contents = {"model.txt": model_text.encode(), "card.json": encode_card(card)}
    if folder.exists():
        for name, content in contents.items():
            if not (folder / name).exists() or (folder / name).read_bytes() != content:
                raise RuleError(f"{folder / name} exists with other content; a frozen version is never rewritten")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".freezing-") as scratch:
        whole = Path(scratch) / folder.name
        whole.mkdir()
        for name, content in contents.items():
            (whole / name).write_bytes(content)
        whole.rename(folder)  # a version is there whole or not at all
    return folder


def read_version(root: Path, model: str, version: int) -> tuple[Card, str, str]:
    """Card, model text and hash (of both files) of a version; MissingError or RuleError if absent or altered."""
    folder = version_folder(root, model, version)
    try:
        text, card_bytes = (folder / "model.txt").read_bytes(), (folder / "card.json").read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{error.filename} is missing: run forfait train {model}") from error
    try:
        card = msgspec.json.decode(card_bytes, type=Card)
    except msgspec.DecodeError as error:
        raise RuleError(f"{folder / 'card.json'}: {error}; restore the card that was frozen") from error
    if sha256(text) != card.model_sha256:
        raise RuleError(f"{folder / 'model.txt'} is not the model that the card describes; restore the frozen file")
    return card, text.decode(), sha256(text + card_bytes)


def versions_of(root: Path, model: str) -> list[int]:
    """Versions of `model` on disk, oldest first; empty when there is none."""
    folder = root / model
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def read_register(root: Path) -> list[Entry]:
    """Entries of the register, oldest first; RuleError where the chain of hashes is broken."""
    path = root / "register.jsonl"
    if not path.exists():
        return []
    entries, previous = [], GENESIS
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        entry = _decode_entry(path, number, line)
        if entry.previous != previous:
            raise RuleError(f"{path}, line {number}: the register was altered; restore it from its backup")
        entries.append(entry)
        previous = sha256(line)
    return entries


def _decode_entry(path: Path, number: int, line: bytes) -> Entry:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.DecodeError as error:
        raise RuleError(f"{path}, line {number}: {error}; restore it from its backup") from error


def append_entry(root: Path, entry: Entry) -> Entry:
    """Append a promotion and return it with its link, one writer at a time.

    Errors: RuleError for a promotion decided before the last one of its model, or that says not who or why.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "register.jsonl").open("a+b") as register:
        fcntl.flock(register, fcntl.LOCK_EX)
        _check_decision(read_register(root), entry)
        register.seek(0)
        lines = register.read().splitlines()
        linked = msgspec.structs.replace(entry, previous=sha256(lines[-1]) if lines else GENESIS)
        register.write(msgspec.json.encode(linked, order="deterministic") + b"\n")
    return linked


def _check_decision(known: list[Entry], entry: Entry) -> None:
    before = [e.decided_on for e in known if e.model == entry.model]
    if before and entry.decided_on < before[-1]:
        raise RuleError(
            f"{entry.model}: decided on {entry.decided_on}, before the last decision ({before[-1]}); "
            "the register only grows forwards"
        )
    if not entry.by.strip() or not entry.why.strip():
        raise RuleError("a promotion says who decides and why: give --by and --why")


def in_force(root: Path, model: str, on: date, *, known_on: date | None = None) -> Entry:
    """What was in force for `model` on day `on`, as decided by `known_on` (default: all decisions).

    The latest `from_date` not after `on` holds; of two for one day, the later decision.
    RuleError when none was in force: never the nearest.
    """
    return entry_on(read_register(root), model, on, known_on=known_on)


def entry_on(entries: Iterable[Entry], model: str, on: date, *, known_on: date | None = None) -> Entry:
    """As `in_force`, of a register already read."""
    held = [
        e for e in entries if e.model == model and e.from_date <= on and (known_on is None or e.decided_on <= known_on)
    ]
    if not held:
        raise RuleError(f"no version of {model} was in force on {on}; promote one: forfait promote {model} --from DATE")
    return max(enumerate(held), key=lambda pair: (pair[1].from_date, pair[0]))[1]
