"""Past use of care: features for budget forecasts only, never for a payment."""

from __future__ import annotations

from datetime import date

import ibis

from features.feature import Feature
from features.history import History
from features.postes import POSTES, count_of, poste_euros, totals_by_poste

COUNTS = (
    ("past_gp_acts", "Actes de généraliste de l'année passée", "General-practice acts of the past year", "acts",
     "care_lines", "General-practice acts of the PEPS list, supplements left out.", 1_000.0),
    ("past_stays_count", "Séjours hospitaliers de l'année passée", "Hospital stays of the past year", "stays",
     "stays", "Hospital stays ended in the year, sessions left out.", 400.0),
    ("past_nights", "Nuits d'hôpital de l'année passée", "Hospital nights of the past year", "nights",
     "stays", "Nights of the hospital stays ended in the year.", 1_000.0),
    ("past_drugs_count", "Médicaments différents de l'année passée", "Different medicines of the past year",
     "ATC classes", "dispensings", "Different ATC classes dispensed in the year.", 1_000.0),
)  # fmt: skip


def past_use_features() -> tuple[Feature, ...]:
    """Spending by poste, general-practice acts, stays, nights and drugs of the year before the index date."""
    euros = tuple(
        _past_use(
            f"past_{poste}_eur", f"Dépense passée : {label_fr}", f"Past spending: {label_en}", "EUR",
            "care_lines", f"Base of reimbursement of the poste {poste} in the year, as known.", 10_000_000.0,
        )
        for poste, (label_fr, label_en) in POSTES.items()
    )  # fmt: skip
    return (*euros, *(_past_use(*count) for count in COUNTS))


def _past_use(*declared: object) -> Feature:
    name, label_fr, label_en, unit, source, rule, high = declared
    return Feature(
        name=str(name), label_fr=str(label_fr), label_en=str(label_en), unit=str(unit), source=str(source),
        rule=f"{rule} Care of the year before the index date, loaded before it.", family="past_use",
        kind="number", low=-1_000_000.0 if unit == "EUR" else 0.0, high=float(str(high)), feature_set="forecast",
    )  # fmt: skip


def past_use(history: History) -> tuple[ibis.Table, ...]:
    """Tables of patient_id and past-use columns, one per source, over the year before the index date."""
    first = date(history.on.year - 1, 1, 1)
    totals = totals_by_poste(history.care_lines.filter(lambda t: t.care_date >= first))
    stays = history.stays.filter(lambda t: t.end_date >= first)
    drugs = history.dispensings.filter(lambda t: t.care_date >= first)
    return (
        totals.group_by("patient_id").aggregate(**poste_euros(totals, "past"), past_gp_acts=count_of(totals.gp_acts)),
        stays.group_by("patient_id").aggregate(
            past_stays_count=count_of((stays.sessions == 0).cast("int64")), past_nights=count_of(stays.nights)
        ),
        drugs.group_by("patient_id").aggregate(past_drugs_count=drugs.atc.nunique().cast("int32")),
    )
