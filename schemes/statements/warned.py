"""What the reader of an amount should know, as sentences: warnings, and phases in which acts are still paid."""

from __future__ import annotations

from schemes.amounts import Amount
from schemes.statements.chance import number_of
from schemes.statements.given import Given, package_of
from schemes.statements.wording import texts, uncapital, written

TOLD_PHASES = ("1", "2")


def warnings_told(amount: Amount, given: Given) -> tuple[str, ...]:
    """A sentence for each warning of an amount; its label, or the warning itself, where it has no sentence."""
    return tuple(_warning(name, amount, given) for name in amount.warnings)


def _warning(name: str, amount: Amount, given: Given) -> str:
    own = f"warning_{package_of(given.run.scheme)}_{name}"
    key = own if own in texts() else f"warning_{name}"
    if key in texts():
        relieved = written(_added_cents("low_volume", amount), "eur_cents", given.language)
        return given.say(key, minimum=_minimum(given), year=str(given.run.year), relieved=relieved)
    try:
        return given.say("warning", text=uncapital(given.name_of(name)))
    except KeyError:
        return given.say("warning", text=name)


def _added_cents(step: str, amount: Amount) -> int:
    """Cents that a step of the amount adds; 0 where the amount has no such step."""
    return sum(one.amount_cents for one in amount.components if one.name == step)


def _minimum(given: Given) -> str:
    """Fewest patients that the rules ask for; nothing where they ask for none."""
    if "min_patients" not in given.own_rules.parameters:
        return ""
    return written(given.own_rules.whole("min_patients"), "count", given.language)


def phase_told(amount: Amount, given: Given) -> tuple[str, ...]:
    """Why a PEPS amount is not the forfait itself in phases 1 and 2, and what the phase of an EDS year limits."""
    phase = amount.figures.get("phase")
    if package_of(amount.scheme) == "eds" and phase is not None:
        return (_limits_told(amount, phase.value, given),)
    if package_of(amount.scheme) != "peps" or phase is None or phase.value not in TOLD_PHASES:
        return ()
    billed, due = (
        written(number_of(amount, name), "eur", given.language) for name in ("ffs_billed_eur", "payable_eur")
    )
    return (given.say(f"phase_{phase.value}_told", billed=billed, due=due),)


def _limits_told(amount: Amount, phase: str, given: Given) -> str:
    """The phase of an establishment, its year of participation, and its limits in euros."""
    gain, loss = (
        written(number_of(amount, f"{name}_limit_eur"), "eur_whole", given.language) for name in ("gain", "loss")
    )
    rank = number_of(amount, "participation_year")
    return given.say("eds_phase_told", phase=given.name_of(phase), rank=str(rank), gain=gain, loss=loss)
