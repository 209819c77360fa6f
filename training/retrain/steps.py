"""Named steps whose results are whole or not there: an interrupted run goes on after the last finished one.

A step writes its files under other names, renames them, and then writes its state record: the hashes of what it read,
its parameters, the hashes of what it wrote. It is finished while that record still tells the truth; else it runs again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from features.errors import InputError
from features.versions import sha256

STATE = "state"

Say = Callable[[str], None]
Hook = Callable[[str], None]
Value = str | int | float | bool | None


class StepState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The state record of a finished step."""

    step: str
    inputs: dict[str, str]
    parameters: dict[str, Value]
    outputs: dict[str, str]
    elsewhere: dict[str, str] = {}


@dataclass(frozen=True)
class Step:
    """A step: its name, hashes of what it reads, parameters, files it writes, and what makes their contents.

    elsewhere: hashes of what it leaves outside its folder (a frozen version), from its own outputs.
    """

    name: str
    inputs: Callable[[], dict[str, str]]
    parameters: Mapping[str, Value]
    outputs: tuple[str, ...]
    run: Callable[[], Mapping[str, bytes]]
    elsewhere: Callable[[], dict[str, str]] = dict


def run_steps(folder: Path, steps: Sequence[Step], *, say: Say, hook: Hook | None = None) -> list[str]:
    """Names of the steps that ran, in order; those whose record still holds are kept.

    hook: told of "<step>:begun", "<step>:written" (files renamed, no record yet) and "<step>:done"; tests stop there.
    Errors: InputError where what a step reads changed while it ran (nothing of it is then kept).
    """
    tell, ran = hook or (lambda event: None), []
    for number, step in enumerate(steps, 1):
        why = why_again(folder, step)
        if why is None:
            say(f"{number}/{len(steps)} {step.name}: done before, kept")
            continue
        say(f"{number}/{len(steps)} {step.name}" + (f" ({why})" if why else ""))
        tell(f"{step.name}:begun")
        _run(folder, step, tell)
        ran.append(step.name)
        tell(f"{step.name}:done")
    return ran


def why_again(folder: Path, step: Step) -> str | None:
    """None where the step is finished and its record still holds; else what changed ("" where it never finished)."""
    known = read_state(folder, step.name)
    if known is None:
        return ""
    inputs = step.inputs()
    if known.inputs != inputs:
        return f"changed since: {', '.join(_differences(known.inputs, inputs))}"
    if known.parameters != dict(step.parameters):
        return f"other {', '.join(_differences(known.parameters, dict(step.parameters)))}"
    lost = [name for name, digest in known.outputs.items() if _hash(folder / name) != digest]
    lost += [name for name in step.outputs if name not in known.outputs]
    if lost:
        return f"{lost[0]} is missing or was altered"
    if known.elsewhere != step.elsewhere():
        return f"{', '.join(known.elsewhere)} is missing or was altered"
    return None


def read_state(folder: Path, step: str) -> StepState | None:
    """The record of a step; None where it has none, or one that cannot be read."""
    try:
        return msgspec.json.decode((folder / STATE / f"{step}.json").read_bytes(), type=StepState)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_whole(path: Path, content: bytes) -> None:
    """The file under its name only once it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def clear_parts(folder: Path) -> None:
    """What a killed run left half-written is removed; the caller is alone."""
    for part in folder.rglob(".*.part"):
        part.unlink()


def _run(folder: Path, step: Step, tell: Hook) -> None:
    (folder / STATE / f"{step.name}.json").unlink(missing_ok=True)
    inputs = step.inputs()
    contents = step.run()
    changed = _differences(inputs, step.inputs())
    if changed:
        raise InputError(f"{', '.join(changed)} changed while {step.name} ran; run it again once they are settled")
    for name, content in contents.items():
        write_whole(folder / name, content)
    tell(f"{step.name}:written")
    state = StepState(
        step=step.name,
        inputs=inputs,
        parameters=dict(step.parameters),
        outputs={name: sha256(content) for name, content in contents.items()},
        elsewhere=step.elsewhere(),
    )
    encoded = msgspec.json.format(msgspec.json.encode(state, order="deterministic"), indent=2)
    write_whole(folder / STATE / f"{step.name}.json", encoded)


def _hash(path: Path) -> str | None:
    return sha256(path.read_bytes()) if path.is_file() else None


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
