"""A promotion held against the latest retraining, and the approval that is kept of it beside the register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from features.errors import InputError, RuleError
from features.versions import Entry, entry_on, read_register, read_version, sha256
from training.evaluation.wording import written
from training.registry import promote
from training.retrain.gate_files import GATES_FOLDER, gates_on
from training.retrain.pipeline import FINDINGS, WHOLE
from training.retrain.record import GateResult, Impact, Retrained, encode
from training.retrain.steps import read_state, write_whole

APPROVALS = "register.approvals"


@dataclass(frozen=True)
class Promotion:
    """What is asked: `version` of `model` from a day on, who decides, when, why, and the reason against refusals."""

    model: str
    version: int
    from_date: date
    decided_on: date
    by: str
    why: str
    despite: str | None = None


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was known when a version was put in force: who, when, why, against what, and the euros of each structure."""

    model: str
    version: int
    version_hash: str
    champion: int | None
    from_date: date
    decided_on: date
    by: str
    why: str
    despite: str | None
    refusals: tuple[str, ...]
    year: int | None
    retrain_sha256: str | None
    gates_file: str | None
    gates: tuple[GateResult, ...]
    impact: Impact | None


def promote_approved(data: Path, root: Path, asked: Promotion, *, gates: Path = GATES_FOLDER) -> Entry:
    """The entry of the register, once the latest retraining lets the version pass, or a reason is written.

    A first promotion of a model without a retraining is not held back. Where a champion is in force, or a retraining
    judged the version, the approval is kept as `register.approvals/<model>-<version>-<hash>.json` and its hash written
    in the entry. Errors: RuleError naming what refuses and what to do; InputError for --despite where nothing refuses.
    """
    _, _, digest = read_version(root, asked.model, asked.version)
    entries = [entry for entry in read_register(root) if entry.model == asked.model]
    champion = _champion(entries, asked)
    found = latest_retraining(data, asked.model, digest)
    refusals = refusals_of(found, champion, digest, asked=asked, gates=gates)
    _check_reason(asked, refusals)
    if found is None and champion is None:
        return _promoted(root, asked, None)
    content = encode(_approval(asked, digest, champion, found=found, refusals=refusals))
    name = f"{asked.model}-{asked.version}-{sha256(content)[:12]}.json"
    path, was_there = root / APPROVALS / name, (root / APPROVALS / name).exists()
    write_whole(path, content)
    try:
        return _promoted(root, asked, sha256(content))
    except Exception:
        if not was_there:
            path.unlink()  # a decision that the register refuses leaves no approval
        raise


def latest_retraining(data: Path, model: str, version_hash: str) -> tuple[Path, Retrained] | None:
    """Folder and record of the latest year whose retraining judged the version; None where none did."""
    for folder in sorted((data / "retrain").glob(f"[0-9]*/{model}"), key=lambda path: -int(path.parent.name)):
        path = folder / WHOLE
        if not path.is_file():
            continue
        found = msgspec.json.decode(path.read_bytes(), type=Retrained)
        if found.decision.challenger.version_hash == version_hash:
            return folder, found
    return None


def refusals_of(
    found: tuple[Path, Retrained] | None, champion: Entry | None, digest: str, *, asked: Promotion, gates: Path
) -> tuple[str, ...]:
    """Why the version may not be promoted as things stand, each with what to do; empty: it may."""
    if champion is not None and champion.version_hash == digest:
        return ()  # the same version for other days: nothing changes hands
    if found is None:
        if champion is None:
            return ()
        told = f"no retraining has held it against version {champion.version}, which is in force"
        return (f"{told}: forfait retrain --year YEAR --models {asked.model}",)
    folder, record = found
    decision, again = record.decision, f"forfait retrain --year {record.decision.year} --models {asked.model}"
    if not is_finished(folder):
        return (f"the retraining of {decision.year} was interrupted or its files changed: {again}",)
    known = [gate_told(gate) for gate in decision.refusals]
    compared = None if decision.champion is None else decision.champion.version_hash
    if champion is not None and compared != champion.version_hash:
        known.append(f"it was not held against version {champion.version}, which is in force: {again}")
    if gates_on(asked.decided_on, gates).sha256 != decision.gates_sha256:
        known.append(f"the gates in force on {asked.decided_on} are not {decision.gates_file} as it was: {again}")
    return tuple(known)


def is_finished(folder: Path) -> bool:
    """Whether the record of a retraining is that of the findings beside it, none of them altered since."""
    state = read_state(folder, "gates")
    wanted = {} if state is None else state.outputs | {name: state.inputs.get(name, "") for name in FINDINGS}
    return bool(wanted) and all(
        (folder / name).is_file() and sha256((folder / name).read_bytes()) == digest for name, digest in wanted.items()
    )


def gate_told(gate: GateResult) -> str:
    """A gate that refuses, in a message: name, value, what it wants, what stands out."""
    value = "not measured" if gate.value is None else written(gate.value, gate.unit, "en")
    names = f" ({', '.join(gate.words[:5])})" if gate.words else ""
    return f"gate {gate.name} is {value}, should be {gate.sign} {written(gate.threshold, gate.unit, 'en')}{names}"


def _champion(entries: list[Entry], asked: Promotion) -> Entry | None:
    """What is in force on the first day asked for; before that day's first entry, the latest promoted."""
    if not entries:
        return None
    begun = [entry for entry in entries if entry.from_date <= asked.from_date]
    return entry_on(entries, asked.model, asked.from_date) if begun else entries[-1]


def _check_reason(asked: Promotion, refusals: tuple[str, ...]) -> None:
    if asked.despite is not None and not asked.despite.strip():
        raise InputError("--despite is empty; write the reason, it stays in the register")
    if refusals and asked.despite is None:
        raise RuleError(
            f"{asked.model} version {asked.version} is refused: {'; '.join(refusals)}. Mend the cause and retrain, or "
            'write why it is put in force all the same: --despite "reason"'
        )
    if asked.despite is not None and not refusals:
        raise InputError(f"nothing refuses {asked.model} version {asked.version}; leave --despite out")


def _approval(
    asked: Promotion,
    digest: str,
    champion: Entry | None,
    *,
    found: tuple[Path, Retrained] | None,
    refusals: tuple[str, ...],
) -> Approval:
    record = None if found is None else found[1]
    return Approval(
        **{name: getattr(asked, name) for name in asked.__dataclass_fields__},
        version_hash=digest,
        champion=None if champion is None else champion.version,
        refusals=refusals,
        year=None if record is None else record.decision.year,
        retrain_sha256=None if found is None else sha256((found[0] / WHOLE).read_bytes()),
        gates_file=None if record is None else record.decision.gates_file,
        gates=() if record is None else record.decision.gates,
        impact=None if record is None else record.impact,
    )


def _promoted(root: Path, asked: Promotion, approval: str | None) -> Entry:
    return promote(
        root, asked.model, asked.version,
        from_date=asked.from_date, decided_on=asked.decided_on, by=asked.by, why=asked.why,
        despite=asked.despite, approval=approval,
    )  # fmt: skip
