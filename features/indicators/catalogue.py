"""Every indicator counted from claims, in the order of the reference page."""

from __future__ import annotations

from features.indicators.card import Indicator
from features.indicators.hospital import hpe, rh30
from features.indicators.town import (
    depistage_colorectal,
    depistage_sein,
    hba1c,
    medecin_traitant,
    polymedication_continue,
    polymedication_continue_5,
    vaccination_grippe,
)

CATALOGUE: tuple[Indicator, ...] = (
    medecin_traitant,
    rh30,
    hpe,
    polymedication_continue,
    polymedication_continue_5,
    vaccination_grippe,
    depistage_sein,
    depistage_colorectal,
    hba1c,
)
LEFT_OUT = {
    "Cervical cancer screening": (
        "a smear or HPV test is a biology or pathology act whose codes changed several times; no verified list was at "
        "hand, and its intervals (three, then five years) exceed what is usually read"
    ),
    "Patient experience": "a questionnaire, given by hand as `experience_points` of the participations",
    "Results of tests": "claims hold the act, never its result",
}


def by_name() -> dict[str, Indicator]:
    """Every indicator by its name."""
    return {known.card.name: known for known in CATALOGUE}
