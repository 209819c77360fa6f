"""Indicators of hospital stays: readmission within 30 days, potentially avoidable hospitalisation."""

from __future__ import annotations

from datetime import date, timedelta

import ibis

from features.indicators.card import among, indicator
from features.indicators.care import Care, starts_with
from features.reference_data import reference

ADULT = 18
HOME, DEATH, TRANSFERS = "8", "9", ("6", "7")
FOLLOWED_DAYS = 30
MEDICAL = "M"  # third character of the GHM: neither surgery (C), nor intervention (K), nor undifferentiated (Z)


@indicator(
    label_fr="Réhospitalisation à 30 jours (RH30)",
    label_en="Readmission within 30 days (RH30)",
    definition_fr=(
        "Séjours de court séjour (MCO) d'au moins une nuit d'adultes, terminés par un retour au domicile entre le "
        "1er janvier et le 1er décembre, suivis d'une nouvelle hospitalisation MCO d'au moins une nuit, dans tout "
        "établissement, 1 à 30 jours après la sortie. Exclus, comme séjour de départ et comme retour : séances, "
        "chimiothérapie, radiothérapie, dialyse, transfusion, soins palliatifs, grossesse, nouveau-nés ; comme séjour "
        "de départ : décès, transferts et mutations."
    ),
    numerator="Index stays followed by a readmission that begins 1 to 30 days after the exit; each counts once.",
    denominator="Index stays; a readmission is itself an index stay where it meets the definition.",
    direction="decreasing",
    source=(
        "Les réhospitalisations à 30 jours (RH30), guide méthodologique, DGOS and ATIH, 2018: adults, no iterative "
        "stay, no palliative care. The guide's code annexes were not at hand: the codes in iterative_stays.csv, the "
        "night asked for and the exclusion of pregnancy are choices of this project (assumed)."
    ),
    limits=(
        "Claims do not say whether a readmission was planned, nor whether it could have been avoided; no adjustment "
        "for age or severity. A readmission still under way on 31 December is in the next year's files, not seen. "
        "Ambiguous twins are not linked, and are left out."
    ),
    unit="stays",
)  # fmt: skip
def rh30(care: Care) -> ibis.Table:
    """Acute stays (MCO) of at least one night of adults, ended by a return home from 1 January to 1 December, followed
    by another acute stay of at least one night in any hospital that begins 1 to 30 days after the exit. Left out, as
    index and as readmission: sessions, chemotherapy, radiotherapy, dialysis, transfusion, palliative care, pregnancy,
    newborns; as index: deaths, transfers.
    """
    stays = _acute_nights(care)
    stays = stays.filter(~_is_iterative(stays))
    adults = care.people.filter(care.people.age >= ADULT).select("patient_id")
    last = care.last_day - timedelta(days=FOLLOWED_DAYS)
    index = stays.filter(
        stays.exit_mode == HOME, stays.end_date >= date(care.year, 1, 1), stays.end_date <= last
    ).semi_join(adults, "patient_id")
    pairs = index.select("stay_id", "patient_id", "end_date").inner_join(
        stays.select("patient_id", back=stays.start_date), "patient_id"
    )
    days = pairs.back.delta(pairs.end_date, unit="day")
    again = pairs.filter(days.between(1, FOLLOWED_DAYS)).select("stay_id").distinct().mutate(is_back=True)
    followed = index.select("stay_id", "patient_id").left_join(again, "stay_id")
    return followed.group_by("patient_id").aggregate(
        numerator=followed.is_back.fill_null(False).cast("int64").sum(), denominator=followed.count()
    )


@indicator(
    label_fr="Hospitalisations potentiellement évitables (HPE)",
    label_en="Potentially avoidable hospitalisation (HPE)",
    definition_fr=(
        "Adultes hospitalisés au moins une fois dans l'année, une nuit au moins, en médecine (MCO), pour insuffisance "
        "cardiaque, BPCO, asthme, complication du diabète à court terme, déshydratation ou angine de poitrine sans "
        "infarctus (diagnostic principal) ; hors transferts entrants et décès."
    ),
    numerator=(
        "Adults with at least one medical stay (GHM of type M) of at least one night whose main diagnosis is in "
        "avoidable_stays.csv, neither come from another hospital nor ended by death; several stays count once."
    ),
    denominator="Adults of the list or of the territory, those who died in the year included.",
    direction="decreasing",
    source=(
        "Conditions: DREES, Hospitalisations potentiellement évitables, 2019 (HPE indicator of DGOS and ATIH): heart "
        "failure, COPD, dehydration, angina, asthma, short-term complications of diabetes. Codes and exclusions: OECD "
        "HCQO 2020-21 (AA1 to AA3), AHRQ PQI 01, 10 and 13 turned to ICD-10 by this project."
    ),
    limits=(
        "A patient counts once where DREES counts stays; no adjustment for age, sex or morbidity. `main_diagnoses` "
        "holds the main and linked diagnoses of the stay and of its units, so that a stay with one such unit counts. "
        "Claims do not say whether ambulatory care would have avoided the stay."
    ),
)  # fmt: skip
def hpe(care: Care) -> ibis.Table:
    """Adults with at least one acute medical stay of one night or more in the year for heart failure, COPD, asthma,
    a short-term complication of diabetes, dehydration or angina without infarction (main diagnosis), transfers in and
    deaths left out.
    """
    stays = _acute_nights(care)
    avoidable = reference("avoidable_stays").icd10_prefix.tolist()
    came_home = ~stays.entry_mode.isin(TRANSFERS).fill_null(False) & (stays.exit_mode != DEATH).fill_null(True)
    is_medical = (stays.ghm.substr(2, 1) == MEDICAL).fill_null(False)
    met = stays.filter(came_home, is_medical, _has(stays.main_diagnoses, avoidable))
    return among(care.people.filter(care.people.age >= ADULT), met)


def _acute_nights(care: Care) -> ibis.Table:
    """Linked acute stays of at least one night; a session has none."""
    stays = care.stays
    return stays.filter(stays.field == "MCO", stays.is_linked, stays.nights >= 1)


def _is_iterative(stays: ibis.Table) -> ibis.BooleanValue:
    listed = reference("iterative_stays")
    diagnoses = listed[listed.kind == "diagnosis"].prefix.tolist()
    groups = listed[listed.kind == "ghm"].prefix.tolist()
    return _has(stays.main_diagnoses, diagnoses) | starts_with(stays.ghm, groups)


def _has(diagnoses: ibis.ArrayValue, prefixes: list[str]) -> ibis.BooleanValue:
    return (diagnoses.filter(lambda code: starts_with(code, prefixes)).length() > 0).fill_null(False)
