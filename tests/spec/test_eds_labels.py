"""Every name that EDS shows has a label in French and English."""

from __future__ import annotations

import re
from pathlib import Path

import schemes.eds
from schemes.eds import pay
from schemes.eds.allowance import AVOIDABLE
from schemes.eds.frames import SECTORS
from schemes.eds.funnel import OUTSIDE
from schemes.eds.price import PARTS
from schemes.eds.reference import ALL, FACILITY, HOME
from schemes.eds.settle import COMPONENTS, OPTIONAL
from schemes.eds.watch import FLAGS
from schemes.eds.watch import PERIODS as TIMES
from schemes.labels import labels
from schemes.rulebook import every_file
from tests.schemes.eds_made import PARTS as COST_PARTS
from tests.schemes.eds_made import eds_inputs, eds_rules

REFUSALS = ("two_participations", "no_episodes")
EXCLUSIONS = (
    "not_taking_part", "outside_participation", "programme_in_preparation", "programme_not_chosen", "window_open",
    "no_prediction",
)  # fmt: skip
WARNINGS = (
    "no_effect_phase", "quality_unknown", "low_volume", "trend_not_measured", "partial_year", "no_interval"
)  # fmt: skip
PACKAGE = Path(schemes.eds.__file__).parent


def names() -> set[str]:
    (amount,) = pay(eds_inputs(), year=2024, rules=eds_rules()).amounts
    assert tuple(step.name for step in amount.components) == COMPONENTS
    of_files = {row[name] for file in every_file("eds")
                for grid, name in (("programmes", "programme"), ("phases", "phase"), ("indicators", "indicator"))
                for row in file.grid(grid)}  # fmt: skip
    shown = {*COMPONENTS, *OPTIONAL, *PARTS, AVOIDABLE, *amount.figures, *of_files, *SECTORS, ALL, HOME, FACILITY}
    return shown | {*REFUSALS, *EXCLUSIONS, *WARNINGS, *OUTSIDE, *FLAGS, *COST_PARTS, "pre_and_index", *TIMES}


def test_every_name_has_a_label_and_no_label_is_idle():
    """Components, figures, warnings, reasons, phases, programmes, indicators, verdicts, flags and parts of cost."""
    known = labels("eds")
    assert sorted(names() - set(known)) == []
    assert sorted(set(known) - names()) == []
    assert [name for name, label in known.items() if not (label["fr"] and label["en"])] == []


def test_names_listed_here_stand_in_the_code():
    """A warning or a reason that the code no longer gives is not listed."""
    code = " ".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    quoted = set(re.findall(r'"([a-z0-9_]+)"', code))
    assert sorted({*REFUSALS, *EXCLUSIONS, *WARNINGS} - quoted) == []
