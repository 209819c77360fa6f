"""What the frames of a scheme hold in a request: columns, the kind of value each takes, which may be left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from features.tables import BRICK_NAMES
from schemes.eds.frames import FRAMES as EDS_FRAMES
from schemes.eds.frames import SECTORS
from schemes.eds.reference import ALL, FACILITY, HOME
from schemes.peps import FAMILY
from schemes.peps.frames import FRAMES, PATIENTELES, PERIMETERS, PROFESSIONS

MOST = 1e12
LEAST = 1e-6
OLDEST_MONTHS = 130 * 12 + 11
FIRST_DAY, LAST_DAY = "1900-01-01", "2199-12-31"
LONGEST_TEXT = 128


@dataclass(frozen=True)
class Kind:
    """A kind of value: text, day, flag or number; its bounds or choices; the words for what would be right."""

    type: str
    want: str
    low: float = 0.0
    high: float = MOST
    is_whole: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True)
class Frame:
    """A frame: columns with their kind, those it may have, those given all or none.

    is_scored: a row may carry `features` in place of expected_eur (and of `filled`, which the service writes too).
    when_empty: what to send where the frame has no row, for one that must have some.
    """

    columns: dict[str, str]
    may_have: dict[str, str] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    is_optional: bool = False
    is_scored: bool = False
    filled: tuple[str, ...] = ()
    when_empty: str = ""

    @property
    def kinds(self) -> dict[str, str]:
        """Every column with its kind."""
        return self.columns | self.may_have


def one_of(*choices: str) -> Kind:
    """A text among some."""
    return Kind("text", f"one of {', '.join(choices)}", choices=choices)


def kind_of(name: str) -> tuple[Kind, bool]:
    """The kind, and whether null is taken."""
    return KINDS[name.removesuffix("_or_none")], name.endswith("_or_none")


KINDS = {
    "text": Kind("text", f"a text of 1 to {LONGEST_TEXT} characters"),
    "day": Kind("day", f"a day as 2024-03-01, from {FIRST_DAY} to {LAST_DAY}"),
    "flag": Kind("flag", "true or false"),
    "number": Kind("number", f"a number from {-MOST:g} to {MOST:g}", low=-MOST),
    "amount": Kind("number", f"a number from 0 to {MOST:g}"),
    "above_zero": Kind("number", f"a number from {LEAST:.6f} to {MOST:g}", low=LEAST),
    "share": Kind("number", "a share from 0 to 1", high=1.0),
    "whole": Kind("number", f"a whole number from 0 to {MOST:g}", is_whole=True),
    "version": Kind("number", "a version number, from 1", low=1.0, is_whole=True),
    "year": Kind("number", "a year from 2000 to 2100", low=2000.0, high=2100.0, is_whole=True),
    "months": Kind("number", f"a whole number of months from 0 to {OLDEST_MONTHS}", high=OLDEST_MONTHS, is_whole=True),
    "sex": Kind("number", "1 (man) or 2 (woman)", low=1.0, high=2.0, is_whole=True),
    "quintile": Kind("number", "a quintile from 1 to 5", low=1.0, high=5.0, is_whole=True),
    "model": Kind("text", "the name of a model, in lower case", pattern=r"[a-z][a-z0-9_]{0,63}"),
    "hash": Kind("text", "the hash of a version, 8 to 64 characters of 0-9 and a-f", pattern=r"[0-9a-f]{8,64}"),
    "patientele": one_of(*PATIENTELES),
    "perimeter": one_of(*PERIMETERS),
    "profession": one_of(*PROFESSIONS),
    "yes_no": one_of("yes", "no"),
    "brick": one_of(*BRICK_NAMES),
    "entity": one_of("structure", "territory", "nation"),
    "sector": one_of(*SECTORS),
    "pathway": one_of(HOME, FACILITY),
    "priced_pathway": one_of(ALL, HOME, FACILITY),
    "peps_scheme": one_of(*FAMILY),
    "ipep_scheme": one_of("ipep"),
    "ipso_scheme": one_of("ipso"),
}
LISTED_DAYS = {"first_day": "day", "last_day": "day"}
SPELL = {"from_date": "day", "to_date": "day_or_none"}
PAYERS_FILE = {
    "structure_name": "text_or_none", "patientele": "patientele_or_none", "perimeter": "perimeter_or_none",
    "phase_from": "day_or_none", "quality_share": "share_or_none", "carte": "yes_no_or_none",
    "experience_points": "amount_or_none", "opened_on": "day_or_none", "legal_form": "text_or_none",
}  # fmt: skip


def participations(scheme: str, **columns: str) -> Frame:
    """The rows of the payer's file of one scheme: `columns` are read, the others of that file may be given too."""
    read = {"structure_id": "text", "scheme": scheme, **SPELL, **columns}
    others = {name: kind for name, kind in PAYERS_FILE.items() if name not in read}
    return Frame(read, others, when_empty="name who takes part")


def _peps() -> dict[str, Frame]:
    """The frames of schemes.peps, with what the payer's files hold besides."""
    frames = {name: Frame(s.columns, s.may_have, is_optional=s.is_optional) for name, s in FRAMES.items()}
    frames["participations"] = participations("peps_scheme", patientele="patientele")
    patients = frames["patients"]
    frames["patients"] = replace(
        patients, may_have=patients.may_have | {"c2s": "flag_or_none"}, together=tuple(LISTED_DAYS), is_scored=True
    )
    return frames


BRICKS = dict.fromkeys(BRICK_NAMES, "flag")
VERSION = {"model": "model_or_none", "version": "version_or_none", "version_hash": "hash_or_none"}
MEMBERS = {
    "structure_id": "text", "patient_id": "text", "year": "year", "present_share": "share",
    "exposure_share": "share_or_none", "is_consumer": "flag_or_none", "expected_eur": "amount_or_none", **VERSION,
}  # fmt: skip
UNDER_OTHER_CUTS = (
    "cap_eur_p995", "observed_p995_eur", "expected_p995_eur", "observed_uncapped_eur", "expected_uncapped_eur",
)  # fmt: skip
OBSERVED = {"observed_eur": "amount_or_none"}
PEPS = _peps()
IPEP = {
    "participations": participations(
        "ipep_scheme", phase_from="day_or_none", carte="yes_no_or_none", experience_points="amount_or_none"
    ),
    "members": Frame(MEMBERS | OBSERVED, {"is_listed": "flag"}, is_scored=True, filled=tuple(VERSION)),
    "nation": Frame(
        {"year": "year", "cap_eur": "above_zero", "observed_eur": "above_zero", "expected_eur": "above_zero"},
        {"patients": "whole_or_none", "exposure": "amount_or_none", "version_hash": "hash_or_none",
         **dict.fromkeys(UNDER_OTHER_CUTS, "above_zero_or_none")},
    ),
    "residuals": Frame(
        {"expected_eur": "amount", "observed_eur": "amount", "observed_before_eur": "amount"},
        {"exposure_share": "share", "version_hash": "hash_or_none"},
        is_optional=True, is_scored=True,
    ),
    "indicators": Frame(
        {"entity": "entity", "entity_id": "text", "year": "year", "indicator": "text", "value_share": "share_or_none"},
        {"numerator": "whole_or_none", "denominator": "whole_or_none"},
        is_optional=True,
    ),
}  # fmt: skip
IPEP_TARGET = {
    "participations": IPEP["participations"],
    "members": replace(IPEP["members"], columns=MEMBERS, may_have={"is_listed": "flag"} | OBSERVED),
    "nation": IPEP["nation"],
    "residuals": replace(IPEP["residuals"], is_optional=False),
}
IPSO = {
    "participations": participations("ipso_scheme"),
    "patients": Frame(
        {"structure_id": "text", "patient_id": "text", "present_share": "share", "age_months": "months_or_none",
         "sex": "sex_or_none", "expected_eur": "amount_or_none", "in_team_cents": "whole", "outside_cents": "whole",
         **{name: f"{kind}_or_none" for name, kind in BRICKS.items()}},
        {**LISTED_DAYS, "c2s": "flag", "is_seen": "flag", "prevention_indicators": "whole"},
        together=tuple(LISTED_DAYS), is_scored=True,
    ),
    "declared": Frame({"structure_id": "text", "patient_id": "text", "brick": "brick", **SPELL}),
    "reference": Frame(
        {"age_months": "months", "sex": "sex", "weight": "above_zero", "expected_eur": "amount",
         "observed_eur": "amount", **BRICKS},
        is_scored=True,
    ),
    "contracts": Frame({"structure_id": "text", "patient_id": "text", **SPELL}, is_optional=True),
}  # fmt: skip


def _eds_reference() -> Frame:
    """The frame `reference` of schemes.eds, with what `forfait pay eds` writes besides."""
    spec = EDS_FRAMES["reference"]
    others = {"pathway": "priced_pathway", "year": "year", "raw_eur": "number_or_none"}
    return Frame(spec.columns | {"sector": "sector"}, spec.may_have | others, when_empty="give that of every stratum")


EDS_BUNDLE = {
    "episodes": Frame(
        {"episode_id": "text", "programme": "text", "sector": "sector", "expected_eur": "above_zero"},
        {"pathway": "pathway", "avoidable_eur": "amount"},
        is_scored=True,
        filled=("avoidable_eur",),
        when_empty="give the episodes to price",
    ),
    "reference": _eds_reference(),
}
