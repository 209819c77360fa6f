"""Pay a scheme for a year: gather the inputs, fix the rules as known, compute, keep the run, note it in the index."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import msgspec
import pandas as pd

import schemes.biosimilars
import schemes.eds
import schemes.ipep
import schemes.ipso
import schemes.peps
from features.errors import InputError, MissingError
from forfait.options import chosen_version
from forfait.paying import biosimilars, eds, ipep, ipso, peps
from forfait.paying.sources import Priced, Sources, participants, priced
from schemes.amounts import Payment
from schemes.eds.chance import DRAWS
from schemes.rulebook import Rules
from schemes.runs import FINAL, PROVISIONAL, Inputs, Run, keep, prepare, with_inputs

LEDGER, INDEX = "ledger.jsonl", "runs.jsonl"


@dataclass(frozen=True)
class Asked:
    """What is asked to be paid: scheme, year, kind of computation, day of the decision, one structure or all."""

    scheme: str
    year: int
    kind: str
    decided_on: date
    by: str
    structure: str | None = None
    version: int | None = None
    seed: int = 0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of the index: which run answered for a scheme, year and kind (of one structure), when and by whom."""

    run: str
    scheme: str
    year: int
    kind: str
    decided_on: date
    by: str
    structure: str | None = None


@dataclass(frozen=True)
class Done:
    """A computation kept: the run, its folder, what it pays, the rules that it used, its line for the index."""

    run: Run
    folder: Path
    payment: Payment
    rules: Mapping[str, Rules]
    inputs: Inputs
    line: Line


def pay_scheme(sources: Sources, asked: Asked, *, declared: Path | None = None) -> Done:
    """The payment of a scheme for a year, kept as a run; it holds once it is recorded (`settle.record`).

    A provisional payment takes the rules published by `decided_on` and the list of 31 December before; a final one
    what is known at `decided_on`. Errors: InputError, MissingError, RuleError, each saying what to do.
    """
    if asked.scheme not in FAMILIES:
        raise InputError(f"scheme {asked.scheme!r} is unknown; choose one of {', '.join(FAMILIES)}")
    if asked.kind not in (PROVISIONAL, FINAL):
        raise InputError(f"kind {asked.kind!r} is unknown; choose {PROVISIONAL} or {FINAL}")
    if asked.kind == PROVISIONAL and asked.scheme in PAID_ONCE_KNOWN:
        raise InputError(f"{asked.scheme} is paid once the year is known; leave --kind provisional out")
    if asked.kind == PROVISIONAL:
        sources = replace(sources, entered_by=max(asked.decided_on, date(asked.year, 1, 1)))
    versions = _versions(sources, asked)
    days = _rule_days(participants(sources, FAMILIES[asked.scheme], asked.year), asked)
    run, book = prepare(asked.scheme, asked.year, kind=asked.kind, known_on=asked.decided_on, rule_days=days)
    inputs = _inputs(sources, asked, versions, (book, declared))
    if asked.structure is not None:
        _check_known(inputs, asked.structure)
        inputs = one_structure(inputs, asked.structure)
    run = with_inputs(run, inputs, seed=asked.seed, **_model(versions))
    payment = PAY[asked.scheme](inputs, asked.year, book, asked.seed)
    payments = sources.data / "payments"
    folder = keep(payments, run, inputs, payment)
    line = Line(run.id, asked.scheme, asked.year, asked.kind, asked.decided_on, asked.by, asked.structure)
    return Done(run, folder, payment, book, inputs, line)


def _versions(sources: Sources, asked: Asked) -> dict[str, Priced]:
    """The version of each model that the scheme needs: the one asked for, or the one in force on 1 January."""
    first_day, found = date(asked.year, 1, 1), {}
    for perimeter, model in MODELS[asked.scheme].items():
        if asked.scheme in TAKEN and perimeter not in TAKEN[asked.scheme](sources, asked.year):
            continue
        on = None if asked.version else first_day
        version = chosen_version(sources.versions, model, asked.version, on=on, today=asked.decided_on)
        found[perimeter] = priced(sources, model, version)
    return found


def _perimeters(sources: Sources, year: int) -> set[str]:
    return set(participants(sources, peps.FAMILY, year).drop_duplicates("structure_id")["perimeter"])


def _inputs(
    sources: Sources, asked: Asked, versions: dict[str, Priced], given: tuple[Mapping[str, Rules], Path | None]
) -> dict[str, pd.DataFrame]:
    book, declared = given
    match asked.scheme:
        case "peps":
            return peps.peps_inputs(sources, asked.year, priced_by=versions, provisional=asked.kind == PROVISIONAL)
        case "ipep":
            return ipep.ipep_inputs(sources, asked.year, priced_by=versions["AMO"], rules=book["ipep"])
        case "ipso":
            return ipso.ipso_inputs(
                sources,
                asked.year,
                priced_by=versions["MG"],
                provisional=asked.kind == PROVISIONAL,
                declared=declared,
                seed=asked.seed,
            )
        case "eds":
            return eds.eds_inputs(eds.Reading(sources, book["eds"], versions, asked.decided_on), asked.year)
    return biosimilars.biosimilars_inputs(sources, asked.year)


def _check_known(inputs: Inputs, structure: str) -> None:
    known = sorted(set(inputs["participations"]["structure_id"]))
    if structure not in known:
        raise InputError(
            f"structure {structure} takes no part in this scheme and year; choose one of {', '.join(known)}"
        )


def one_structure(inputs: Inputs, structure: str) -> dict[str, pd.DataFrame]:
    """The inputs of a payment of one structure alone, held against the same nation."""
    own = ("participations", "patients", "teams", "fee_for_service", "members", "declared")
    return {
        name: frame[frame["structure_id"] == structure].reset_index(drop=True) if name in own else frame
        for name, frame in inputs.items()
    }


def _rule_days(participations: pd.DataFrame, asked: Asked) -> dict[str, date]:
    """The day on which each scheme's rules are asked for: 1 January, or the first participation if later."""
    first = date(asked.year, 1, 1)
    entered = participations.groupby("scheme")["from_date"].min()
    days = {str(scheme): max(first, day.date()) for scheme, day in entered.items()}
    return days | dict.fromkeys(ALSO.get(asked.scheme, ()), first)


def _model(versions: Mapping[str, Priced]) -> dict[str, str | int]:
    if not versions:
        return {}
    used = [versions[perimeter] for perimeter in sorted(versions)]
    numbers = [one.version for one in used]
    return {
        "model": ", ".join(one.model for one in used),
        "version": numbers[0] if len(set(numbers)) == 1 else ", ".join(map(str, numbers)),
        "version_hash": ", ".join(one.version_hash for one in used),
    }


def note(payments: Path, line: Line) -> None:
    """Append a line to the index of runs."""
    payments.mkdir(parents=True, exist_ok=True)
    with (payments / INDEX).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(msgspec.json.encode(line, order="deterministic") + b"\n")


def lines(payments: Path) -> list[Line]:
    """The index of runs, oldest first."""
    path = payments / INDEX
    if not path.exists():
        return []
    return [msgspec.json.decode(text, type=Line) for text in path.read_bytes().splitlines()]


def line_in_force(payments: Path, scheme: str, year: int, kind: str) -> Line | None:
    """The line that holds for a scheme, year and kind: the last of all the structures, else the last; None without.

    The payment of one structure alone never takes the place of that of all.
    """
    found = [one for one in lines(payments) if (one.scheme, one.year, one.kind) == (scheme, year, kind)]
    whole = [one for one in found if one.structure is None]
    return next(reversed(whole or found), None)


def last_run(payments: Path, scheme: str, year: int, kind: str) -> Path | None:
    """Folder of the run that holds for a scheme, year and kind; None where there is none."""
    line = line_in_force(payments, scheme, year, kind)
    return None if line is None else payments / scheme / str(year) / line.run


def required_run(payments: Path, scheme: str, year: int, kind: str) -> Path:
    """As `last_run`. Errors: MissingError saying which command computes it."""
    folder = last_run(payments, scheme, year, kind)
    if folder is None:
        raise MissingError(
            f"no {kind} payment of {scheme} {year}: run forfait pay {scheme} --year {year} --kind {kind}"
        )
    return folder


def _peps(inputs: Inputs, year: int, book: Mapping[str, Rules], seed: int) -> Payment:
    """Teams of each perimeter against the national reference of their perimeter."""
    perimeters = inputs["participations"].groupby("structure_id")["perimeter"].first()
    parts = [
        schemes.peps.pay(_of_perimeter(inputs, str(perimeter), set(structures)), year=year, rules=book)
        for perimeter, structures in perimeters.groupby(perimeters).groups.items()
    ]
    return _together(parts)


def _of_perimeter(inputs: Inputs, perimeter: str, structures: set[str]) -> dict[str, pd.DataFrame]:
    return {
        name: frame[frame["structure_id"].isin(structures)]
        if "structure_id" in frame.columns
        else frame[frame["perimeter"] == perimeter].drop(columns="perimeter")
        for name, frame in inputs.items()
    }


def _ipep(inputs: Inputs, year: int, book: Mapping[str, Rules], seed: int) -> Payment:
    return schemes.ipep.pay(inputs, year=year, rules=book["ipep"], seed=seed)


def _ipso(inputs: Inputs, year: int, book: Mapping[str, Rules], seed: int) -> Payment:
    return schemes.ipso.pay(inputs, year=year, rules=book)


def _biosimilars(inputs: Inputs, year: int, book: Mapping[str, Rules], seed: int) -> Payment:
    """Hospitals of each scheme under its rules; those of neither are counted once."""
    taking, boxes = inputs["participations"], inputs["boxes"]
    parts: list[Payment] = []
    for scheme, own in taking.groupby("scheme", sort=True):
        of_own = boxes["establishment_id"].isin(own["structure_id"])
        of_nobody = ~boxes["establishment_id"].isin(taking["structure_id"])
        frames = {"participations": own, "boxes": boxes[of_own if parts else of_own | of_nobody]}
        parts.append(schemes.biosimilars.pay(frames, year=year, rules=book[str(scheme)]))
    return _together(parts)


def _eds(inputs: Inputs, year: int, book: Mapping[str, Rules], seed: int) -> Payment:
    return schemes.eds.pay(inputs, year=year, rules=book["eds"], luck=(seed, DRAWS))


def _together(parts: list[Payment]) -> Payment:
    return Payment(
        tuple(sorted((amount for part in parts for amount in part.amounts), key=lambda one: one.structure_id)),
        *(pd.concat([getattr(part, name) for part in parts]) for name in ("forfaits", "refused", "excluded")),
    )


PAY: dict[str, Callable[[Inputs, int, Mapping[str, Rules], int], Payment]] = {
    "peps": _peps,
    "ipep": _ipep,
    "ipso": _ipso,
    "biosimilars": _biosimilars,
    "eds": _eds,
}
FAMILIES = {
    "peps": peps.FAMILY,
    "ipep": ipep.FAMILY,
    "ipso": ipso.FAMILY,
    "biosimilars": biosimilars.FAMILY,
    "eds": eds.FAMILY,
}
MODELS: dict[str, dict[str, str]] = {
    "peps": peps.MODELS,
    "ipep": ipep.MODELS,
    "ipso": ipso.MODELS,
    "biosimilars": {},
    "eds": eds.MODELS,
}
TAKEN: dict[str, Callable[[Sources, int], set[str]]] = {"peps": _perimeters, "eds": eds.programmes_taken}
PAID_ONCE_KNOWN = ("ipep", "biosimilars", "eds")
ALSO = {"ipso": ("forfait_medecin_traitant",)}
