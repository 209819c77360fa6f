"""Indicators of care in town: médecin traitant, polypharmacy, prevention, follow-up of diabetics."""

from __future__ import annotations

from datetime import date

import ibis

from features.codes import DRUG_DATES, DRUG_DATES_LARGE_PACK
from features.indicators.card import among, indicator
from features.indicators.care import Care, codes, in_year, starts_with
from features.payment import is_in_force

DECLARES_FROM, ELDER = 16, 65
SCREENED = (50, 74)
WOMAN = 2
CAMPAIGN_MONTH = 9
SUBSTANCE_LENGTH = 7  # an ATC code of the fifth level
MANY_DRUGS, SEVERAL_DRUGS = 10, 5
YEARLY_TESTS = 2
POLYPHARMACY_SOURCE = (
    "Irdes, Questions d'économie de la santé 213 and report 562, 2015 (continuous indicator: dispensed at least three "
    "times in the year, twice where a large pack was); thresholds of ten and of five drugs. Age from 65 as in "
    "the programmes of the Assurance maladie; Irdes measured from 75."
)
POLYPHARMACY_LIMITS = (
    "Drugs taken are not drugs dispensed; those of a hospital or of an EHPAD with its own pharmacy, and those bought "
    "without reimbursement, are not in the claims. A combination of two substances counts as one drug; packs without "
    "a known ATC class do not count. Nobody's treatment is judged: many drugs may all be needed."
)


@indicator(
    label_fr="Patients ayant un médecin traitant",
    label_en="Patients with a médecin traitant",
    definition_fr="Assurés de 16 ans et plus ayant une déclaration de médecin traitant ouverte au 31 décembre.",
    numerator="Persons with a declaration open on 31 December.",
    denominator="Persons of 16 or more alive on 31 December.",
    direction="increasing",
    source="Article L. 162-5-3 of the social security code (from 16 years); IPEP, indicators announced in 2019.",
    limits=(
        "For a structure it is near 100 % by construction, since its patientele is made of declarations (only State "
        "medical aid enters without one): read it on territories. A declaration stays open when the doctor "
        "retires. Persons never seen in the SNDS are not in the denominator."
    ),
)  # fmt: skip
def medecin_traitant(care: Care) -> ibis.Table:
    """Persons of 16 or more whose médecin traitant declaration is open on 31 December."""
    people = care.people.filter(care.people.is_alive, care.people.age >= DECLARES_FROM)
    return among(people, care.declarations.filter(is_in_force(care.declarations, care.last_day)))


@indicator(
    label_fr="Polymédication continue (10 médicaments ou plus)",
    label_en="Continuous polypharmacy (10 drugs or more)",
    definition_fr=(
        "Personnes de 65 ans et plus ayant reçu dans l'année au moins dix médicaments (ATC, 5e niveau) délivrés chacun "
        "à trois dates au moins (deux avec un grand conditionnement)."
    ),
    numerator="Persons with at least 10 drugs, each dispensed on 3 dates of the year (2 where one was a large pack).",
    denominator="Persons of 65 or more alive on 31 December.",
    direction="decreasing",
    source=POLYPHARMACY_SOURCE,
    limits=POLYPHARMACY_LIMITS,
)  # fmt: skip
def polymedication_continue(care: Care) -> ibis.Table:
    """Persons of 65 or more with at least 10 drugs (ATC, fifth level) each dispensed on at least three dates of the
    year, two where one of them was a large pack.
    """
    return _continuous(care, MANY_DRUGS)


@indicator(
    label_fr="Polymédication continue (5 médicaments ou plus)",
    label_en="Continuous polypharmacy (5 drugs or more)",
    definition_fr=(
        "Personnes de 65 ans et plus ayant reçu dans l'année au moins cinq médicaments (ATC, 5e niveau) délivrés "
        "chacun à trois dates au moins (deux avec un grand conditionnement)."
    ),
    numerator="Persons with at least 5 drugs, each dispensed on 3 dates of the year (2 where one was a large pack).",
    denominator="Persons of 65 or more alive on 31 December.",
    direction="decreasing",
    source=POLYPHARMACY_SOURCE,
    limits=POLYPHARMACY_LIMITS,
)  # fmt: skip
def polymedication_continue_5(care: Care) -> ibis.Table:
    """Persons of 65 or more with at least 5 drugs (ATC, fifth level) each dispensed on at least three dates of the
    year, two where one of them was a large pack.
    """
    return _continuous(care, SEVERAL_DRUGS)


@indicator(
    label_fr="Vaccination contre la grippe",
    label_en="Influenza vaccination",
    definition_fr=(
        "Personnes de 65 ans et plus, et personnes de 16 à 64 ans en ALD, ayant reçu un vaccin antigrippal entre le "
        "1er septembre et le 31 décembre."
    ),
    numerator="Persons with a vaccine dispensed (ATC J07BB) or the act of giving it, from September to December.",
    denominator="Persons of 65 or more, and of 16 to 64 with an ALD in force, alive on 31 December.",
    direction="increasing",
    source="Vaccination calendar; ROSP (convention médicale 2016): 65 and over, and 16 to 64 in ALD.",
    limits=(
        "Vaccines given in hospital, in an EHPAD that buys them, at work or free of charge are not in the claims; "
        "those given in January are lost. Risk without an ALD (pregnancy, obesity) is not counted."
    ),
    is_searched=True,
)  # fmt: skip
def vaccination_grippe(care: Care) -> ibis.Table:
    """Persons of 65 or more, and of 16 to 64 in ALD, who had an influenza vaccine between 1 September and
    31 December.
    """
    ill = care.ald_periods.filter(is_in_force(care.ald_periods, care.last_day)).select("patient_id").distinct()
    people = care.people.filter(care.people.is_alive, care.people.age >= DECLARES_FROM)
    young = people.filter(people.age < ELDER).semi_join(ill, "patient_id")
    concerned = people.filter(people.age >= ELDER).union(young)
    first = date(care.year, CAMPAIGN_MONTH, 1)
    packs, lines = care.dispensings, care.care_lines
    given = packs.filter(starts_with(packs.atc, codes("vaccination_grippe", "atc")))
    acts = lines.filter(lines.act_code.isin([int(code) for code in codes("vaccination_grippe", "act")]))
    found = given.select("patient_id", "care_date").union(acts.select("patient_id", "care_date"))
    return among(concerned, found.filter(found.care_date.between(first, care.last_day)))


@indicator(
    label_fr="Dépistage du cancer du sein",
    label_en="Breast cancer screening",
    definition_fr="Femmes de 50 à 74 ans ayant eu une mammographie dans l'année ou la précédente.",
    numerator="Women with a screening or bilateral mammography (CCAM QEQK004, QEQK001) in the year or the one before.",
    denominator="Women of 50 to 74 alive on 31 December.",
    direction="increasing",
    source="ROSP (convention médicale 2016); arrêté of 16 January 2024 on organised cancer screening.",
    limits=(
        "Mammographies of public hospitals' outpatient departments are not read. Organised and individual screening "
        "are counted alike; diagnostic mammographies and women followed for breast cancer are not told apart."
    ),
    reads=(("procedures", 1),),
    is_searched=True,
)  # fmt: skip
def depistage_sein(care: Care) -> ibis.Table:
    """Women of 50 to 74 who had a mammography in the year or in the year before."""
    acts = care.procedures.filter(care.procedures.ccam.isin(codes("depistage_sein", "ccam")))
    people = _screened(care)
    return among(people.filter(people.sex == WOMAN), acts.filter(in_year(acts.care_date, care.year - 1, care.year)))


@indicator(
    label_fr="Dépistage du cancer colorectal",
    label_en="Colorectal cancer screening",
    definition_fr="Personnes de 50 à 74 ans ayant eu un test de dépistage remboursé dans l'année ou la précédente.",
    numerator="Persons with the act 9311 (BD4, colorectal cancer screening) in the year or the one before.",
    denominator="Persons of 50 to 74 alive on 31 December.",
    direction="increasing",
    source="Arrêté of 16 January 2024 on organised cancer screening; act code of IR_NAT_V, end 2020.",
    limits=(
        "Tests paid to screening centres outside the claims are not seen, and later codes may have replaced 9311: "
        "where no claim bears it, the indicator is left out. Colonoscopies in place of the test are not taken off."
    ),
    reads=(("care_lines", 1),),
    is_searched=True,
)  # fmt: skip
def depistage_colorectal(care: Care) -> ibis.Table:
    """Persons of 50 to 74 who had a colorectal screening test paid in the year or in the year before."""
    lines = care.care_lines
    tests = lines.filter(lines.act_code.isin([int(code) for code in codes("depistage_colorectal", "act")]))
    return among(_screened(care), tests.filter(in_year(tests.care_date, care.year - 1, care.year)))


@indicator(
    label_fr="Suivi du diabète : deux dosages d'HbA1c dans l'année",
    label_en="Follow-up of diabetes: two HbA1c tests in the year",
    definition_fr=(
        "Patients de 16 ans et plus traités par antidiabétiques (trois délivrances dans l'année, deux avec un grand "
        "conditionnement) ayant eu au moins deux dosages d'hémoglobine glyquée dans l'année."
    ),
    numerator="Patients with an HbA1c test (NABM 1577) on at least two days of the year.",
    denominator="Patients of 16 or more alive on 31 December, antidiabetics (ATC A10) on 3 dates (2 if large).",
    direction="increasing",
    source="ROSP (convention médicale 2016), HbA1c twice a year; HAS, follow-up of type 2 diabetes, 2014.",
    limits=(
        "Tests made in hospital are not in the claims, nor are their results. Diabetics without drugs are not in the "
        "denominator. Without ER_BIO_F (detail of biology) the indicator is left out."
    ),
    reads=(("analyses", 0),),
    is_searched=True,
)  # fmt: skip
def hba1c(care: Care) -> ibis.Table:
    """Patients of 16 or more treated with antidiabetics who had at least two HbA1c tests in the year."""
    people = care.people.filter(care.people.is_alive, care.people.age >= DECLARES_FROM)
    drugs = care.dispensings.filter(starts_with(care.dispensings.atc, codes("hba1c", "atc")))
    treated = _repeated(drugs.filter(in_year(drugs.care_date, care.year)), ["patient_id"])
    tests = care.analyses.filter(care.analyses.nabm.isin(codes("hba1c", "nabm")))
    days = tests.filter(in_year(tests.care_date, care.year)).select("patient_id", "care_date").distinct()
    twice = days.group_by("patient_id").aggregate(days=days.count()).filter(ibis._.days >= YEARLY_TESTS)
    return among(people.semi_join(treated, "patient_id"), twice)


def _continuous(care: Care, least: int) -> ibis.Table:
    """Persons of 65 or more, and those of them with at least `least` drugs dispensed repeatedly."""
    people = care.people.filter(care.people.is_alive, care.people.age >= ELDER)
    packs = care.dispensings
    packs = packs.filter(packs.atc.length() >= SUBSTANCE_LENGTH, in_year(packs.care_date, care.year))
    drugs = _repeated(packs.semi_join(people, "patient_id"), ["patient_id", "atc"])
    many = drugs.group_by("patient_id").aggregate(drugs=drugs.count()).filter(ibis._.drugs >= least)
    return among(people, many)


def _repeated(packs: ibis.Table, keys: list[str]) -> ibis.Table:
    """Keys with packs on three dates, or on two where one was a large pack."""
    days = packs.group_by([*keys, "care_date"]).aggregate(large=packs.is_large_pack.max())
    found = days.group_by(keys).aggregate(dates=days.count(), large=days.large.max())
    enough = (found.dates >= DRUG_DATES) | (found.large & (found.dates >= DRUG_DATES_LARGE_PACK))
    return found.filter(enough).select(*keys)


def _screened(care: Care) -> ibis.Table:
    return care.people.filter(care.people.is_alive, care.people.age.between(*SCREENED))
