"""Thematic bricks of IPSO: which of the ten apply to each patient, as claims known on 1 January show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
from ibis.backends import BaseBackend

from features.codes import ald_flag
from features.engine import dataset_path
from features.history import History, load_history
from features.provenance import Provenance
from features.reference_data import reference
from features.store import read_dataset, write_dataset
from features.tables import BENEFICIARIES, BRICK_NAMES, BRICKS, FEATURE_TABLE

SPECIFICATION = "specs/peps_ipep_ipso.md 3.4, default flags (assumed: the ten bricks of IPSO are not public)"
INFANT_MONTHS, CHILD_MONTHS = 24, 72
ELDER_AGE = 75
FERTILE_AGES = (15, 49)
SEVERAL_ALD = 2
MOST_DEPRIVED = "5"
HANDICAP_ALD = (9, 20, 25)
BSI_HEAVY_AND_MEDIUM = (3106, 3107)  # BSC and BSB; BSA (3108), the light one, does not count


@dataclass(frozen=True)
class Brick:
    """One brick: its labels, the rule in one sentence, where the rule comes from, what the claims cannot tell.

    `applies` takes a row of `feature_table` with age_months, has_bsi and has_delivery, and gives a boolean.
    """

    name: str
    label_fr: str
    label_en: str
    rule: str
    source: str
    limits: str
    applies: Callable[[ibis.Table], ibis.BooleanValue]


def brick(*, label_fr: str, label_en: str, limits: str = "") -> Callable[[Callable[..., ibis.BooleanValue]], Brick]:
    """Decorator that makes a `Brick` of a function: its name is the brick, its docstring the rule."""

    def made(applies: Callable[[ibis.Table], ibis.BooleanValue]) -> Brick:
        rule = " ".join((applies.__doc__ or "").split())
        return Brick(applies.__name__, label_fr, label_en, rule, SPECIFICATION, limits, applies)

    return made


@brick(
    label_fr="Nourrisson",
    label_en="Infant",
    limits="Births are dated on the first day of their month, so that the age may be a month too high.",
)
def nourrisson(rows: ibis.Table) -> ibis.BooleanValue:
    """Less than 24 months old on 1 January, or born during the year."""
    return rows.age_months < INFANT_MONTHS


@brick(label_fr="Enfant", label_en="Child")
def enfant(rows: ibis.Table) -> ibis.BooleanValue:
    """From 24 months to the day before the sixth birthday (2 to 5 years) on 1 January."""
    return (rows.age_months >= INFANT_MONTHS) & (rows.age_months < CHILD_MONTHS)


@brick(
    label_fr="ALD",
    label_en="Long-term illness (ALD)",
    limits="A patient who is ill without having asked for the exemption has no ALD.",
)
def ald(rows: ibis.Table) -> ibis.BooleanValue:
    """At least one ALD in force on 1 January."""
    return rows.ald_count >= 1


@brick(
    label_fr="Poly-ALD",
    label_en="Several long-term illnesses",
    limits="Two illnesses under one ALD number count once.",
)
def poly_ald(rows: ibis.Table) -> ibis.BooleanValue:
    """At least two different ALD numbers in force on 1 January."""
    return rows.ald_count >= SEVERAL_ALD


@brick(
    label_fr="Santé mentale",
    label_en="Mental health",
    limits="Psychiatric hospital stays (RIM-P) are not read; psychotropic treatment without a disease does not count.",
)
def sante_mentale(rows: ibis.Table) -> ibis.BooleanValue:
    """A psychiatric disease of the cartographie (group 5, sup_Psy_cat) on 1 January."""
    return rows.carto_group_05 == 1


@brick(label_fr="Personne âgée", label_en="Elderly person")
def personne_agee(rows: ibis.Table) -> ibis.BooleanValue:
    """75 years or more on 1 January."""
    return rows.age >= ELDER_AGE


@brick(
    label_fr="Dépendance",
    label_en="Dependence",
    limits="Residents of an EHPAD are not told apart in the tables read: only care at home shows dependence here.",
)
def dependance(rows: ibis.Table) -> ibis.BooleanValue:
    """A nursing package for a heavily or moderately dependent patient (BSC 3106, BSB 3107) in the year before."""
    return rows.has_bsi


@brick(
    label_fr="Santé de la femme",
    label_en="Women's health",
    limits="Of maternity (top_Materni_ind), deliveries in hospital are read; maternity insurance care is not.",
)
def sante_femme(rows: ibis.Table) -> ibis.BooleanValue:
    """A woman of 15 to 49 on 1 January, or of any age with a delivery loaded in the twelve months before."""
    return (rows.is_woman == 1) & (rows.age.between(*FERTILE_AGES).fill_null(False) | rows.has_delivery)


@brick(
    label_fr="Vulnérabilité sociale",
    label_en="Social vulnerability",
    limits="The index is that of the commune, not of the person; overseas communes have none. Non-take-up is unseen.",
)
def vulnerabilite_sociale(rows: ibis.Table) -> ibis.BooleanValue:
    """C2S or State medical aid in the year before, or a commune of the most deprived fifth (FDep 5)."""
    rights = ibis.or_(*[rows[name] == 1 for name in ("c2s_free", "c2s_participative", "c2s_unknown", "ame")])
    return rights | (rows.fdep_quintile == MOST_DEPRIVED)


@brick(
    label_fr="Handicap",
    label_en="Disability",
    limits=(
        "The disability allowance (AAH) is not in the data, so that three ALD alone show a handicap: many patients who "
        "have one are missed, and the doctor's declaration says more."
    ),
)
def handicap(rows: ibis.Table) -> ibis.BooleanValue:
    """ALD 9 (severe neurological or muscular disease), 20 (paraplegia) or 25 (multiple sclerosis) in force."""
    return ibis.or_(*[rows[ald_flag(number)] == 1 for number in HANDICAP_ALD])


CATALOGUE: tuple[Brick, ...] = (
    nourrisson, enfant, ald, poly_ald, sante_mentale, personne_agee, dependance, sante_femme, vulnerabilite_sociale,
    handicap,
)  # fmt: skip


def flag_bricks(
    con: BaseBackend, data: Path, year: int, *, progress: Callable[[str], None] | None = None
) -> ibis.Table:
    """The dataset `bricks` of a year, written: one row per patient of `feature_table`, ten flags, never null.

    Known on 1 January of `year`: characteristics from `feature_table`, nursing of the year before, deliveries
    loaded in the twelve months before. Someone whose birth date is unknown has no brick of age.
    Errors: MissingError where year - 1 was not read, or the features of the year were not built.
    """
    say = progress or (lambda step: None)
    rows = read_dataset(con, FEATURE_TABLE, data, year)
    history = load_history(con, data, year)
    say("flagging bricks")
    flagged = _with_care(rows, history)
    flags = {known.name: known.applies(flagged).fill_null(False) for known in CATALOGUE}
    bricks = flagged.select("patient_id", "year", **{name: flags[name] for name in BRICK_NAMES})
    read = [dataset_path(data, name, past) for name in USED for past in history.years[name]]
    provenance = Provenance(
        command=f"count --year {year}",
        inputs=(dataset_path(data, FEATURE_TABLE.name, year), *read),
        parameters={"known_on": history.known_on},
    )
    write_dataset(BRICKS, data, bricks.order_by("patient_id"), year, provenance=provenance)
    return read_dataset(con, BRICKS, data, year)


USED = (BENEFICIARIES.name, "care_lines", "stays")


def _with_care(rows: ibis.Table, history: History) -> ibis.Table:
    """Rows of feature_table with age_months on 1 January, has_bsi and has_delivery."""
    births = history.beneficiaries
    months = (history.on.year - births.birth_date.year()) * 12 + (history.on.month - births.birth_date.month())
    lines, stays = history.care_lines, history.stays
    nursed = lines.filter(lines.act_code.isin(BSI_HEAVY_AND_MEDIUM), lines.quantity > 0)
    loaded = stays.known_date >= date(history.on.year - 1, history.on.month, 1)
    groups = reference("delivery_ghm").ghm_prefix
    delivered = stays.filter(loaded, ibis.or_(*[stays.ghm.startswith(group) for group in groups]))
    parts = {
        "age_months": births.select("patient_id", age_months=months.cast("int64")),
        "has_bsi": nursed.select("patient_id").distinct().mutate(has_bsi=True),
        "has_delivery": delivered.select("patient_id").distinct().mutate(has_delivery=True),
    }
    for name, part in parts.items():
        rows = rows.left_join(part, "patient_id", rname="{name}_" + name).drop(f"patient_id_{name}")
    return rows.mutate(has_bsi=rows.has_bsi.fill_null(False), has_delivery=rows.has_delivery.fill_null(False))
