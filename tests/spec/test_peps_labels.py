"""Every name that PEPS shows has a label in French and English."""

from __future__ import annotations

import re
from pathlib import Path

import schemes.peps
from schemes.labels import labels
from schemes.peps.amount import COMPONENTS
from schemes.peps.figures import FAMILIES
from schemes.peps.patients import EXCLUSIONS
from schemes.peps.status import REASONS
from tests.schemes.peps_made import amount, peps_inputs

REFUSALS = (
    "two_participations", "outside_phases", "legal_form", "no_roster", "too_few_professionals", "too_few_gps",
    "too_few_nurses", "empty_patientele", "too_few_patients", "no_care_measured",
)  # fmt: skip
WARNINGS = (
    "near_min_patients", "patients_per_gp_below_target", "legal_form_unknown", "exposure_as_given", "no_expectation",
    "fidelisation_by_schedule", "zone_unknown", "quintile_unknown", "quality_unknown", "quality_presumed",
    "quality_presumed_in_part", "activity_unknown", "cap_or_floor_unknown", "capped", "raised_to_floor",
    "several_phases", "days_outside_phases",
)  # fmt: skip
CALENDAR = ("regularisation", "second_regularisation")
PACKAGE = Path(schemes.peps.__file__).parent


def names() -> set[str]:
    families = [{"family": family} for family in FAMILIES]
    found = amount(peps_inputs(families=families))
    assert tuple(step.name for step in found.components) == COMPONENTS
    return {*COMPONENTS, *found.figures, *REFUSALS, *WARNINGS, *EXCLUSIONS, *REASONS, *CALENDAR}


def test_every_name_has_a_label_and_no_label_is_idle():
    """Components, figures, warnings, reasons of refusal, of exclusion and of status."""
    known = labels("peps")
    assert sorted(names() - set(known)) == []
    assert sorted(set(known) - names()) == []
    assert [name for name, label in known.items() if not (label["fr"] and label["en"])] == []


def test_names_listed_here_stand_in_the_code():
    """A warning or a reason that the code no longer gives is not listed."""
    code = " ".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    quoted = set(re.findall(r'"([a-z0-9_]+)"', code))
    assert sorted({*REFUSALS, *WARNINGS, *CALENDAR} - quoted) == []
