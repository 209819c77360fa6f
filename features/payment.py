"""Payment features that stand alone: one function, one column, one label.

They hold nothing that a provider can raise by doing more. The ALD groups and the comorbidities, which come in
families from code lists, are in features/morbidity.py.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis

from features.feature import Computed, feature

AGE_MAX = 110
DAYS_OF_A_RIGHT = 365
QUINTILES = ("1", "2", "3", "4", "5", "missing")


def age_on(birth_date: ibis.DateValue, on: date) -> ibis.IntegerValue:
    """Completed years on a day, 0 to 110 (0 for a child not born yet); null where the birth date is.

    Births are dated on the first day of their month, so that a birthday counts from that day.
    """
    months = (on.year - birth_date.year()) * 12 + (on.month - birth_date.month())
    return (months // 12).cast("int64").clip(lower=0, upper=AGE_MAX)


@feature(
    label_fr="Âge", label_en="Age", unit="years", source="beneficiaries", family="age_sex",
    kind="number", high=float(AGE_MAX), nullable=True,
)  # fmt: skip
def age(people: ibis.Table, on: date) -> ibis.Value:
    """Completed years on the index date, at most 110; 0 for a child born during the year."""
    return age_on(people.birth_date, on)


@feature(
    label_fr="Sexe féminin", label_en="Woman", unit="yes/no", source="beneficiaries", family="age_sex", nullable=True
)
def is_woman(people: ibis.Table, on: date) -> ibis.Value:
    """1 for a woman, 0 for a man, as in the person's latest claim."""
    return (people.sex == 2).cast("int8")


@feature(
    label_fr="Indice de défavorisation de la commune (quintile)",
    label_en="Deprivation quintile of the commune (FDep)",
    unit="quintile, 5 most deprived", source="beneficiaries", family="territory",
    kind="category", categories=QUINTILES,
)  # fmt: skip
def fdep_quintile(people: ibis.Table, on: date) -> ibis.Value:
    """FDep quintile of the commune of residence; "missing" overseas and where no index is published."""
    return people.fdep_quintile.cast("string").fill_null("missing")


@feature(
    label_fr="Nombre d'ALD", label_en="Number of long-term illnesses (ALD)", unit="ALD", source="ald_periods",
    family="ald", kind="number", monotone=+1, high=33.0,
)  # fmt: skip
def ald_count(ald: ibis.Table, on: date) -> ibis.Value:
    """Different ALD numbers in force on the index date; one closed before it does not count."""
    return ald.ald_number.nunique(where=is_in_force(ald, on)).cast("int16")


@feature(
    label_fr="C2S gratuite", label_en="Complementary health cover (C2S), free", unit="yes/no",
    source="coverages", family="precarity",
)  # fmt: skip
def c2s_free(rights: ibis.Table, on: date) -> ibis.Value:
    """C2S without contribution in force at some time of the 365 days before the index date."""
    return has_right(rights, "c2s_free", on)


@feature(
    label_fr="C2S avec participation", label_en="Complementary health cover (C2S), with contribution",
    unit="yes/no", source="coverages", family="precarity",
)  # fmt: skip
def c2s_participative(rights: ibis.Table, on: date) -> ibis.Value:
    """C2S with contribution in force at some time of the 365 days before the index date."""
    return has_right(rights, "c2s_participative", on)


@feature(
    label_fr="C2S de type inconnu", label_en="Complementary health cover (C2S), type unknown", unit="yes/no",
    source="coverages", family="precarity",
)  # fmt: skip
def c2s_unknown(rights: ibis.Table, on: date) -> ibis.Value:
    """C2S whose type the claims do not tell, in force at some time of the 365 days before the index date."""
    return has_right(rights, "c2s_unknown", on)


@feature(
    label_fr="Aide médicale de l'État (AME)", label_en="State medical aid (AME)", unit="yes/no",
    source="coverages", family="precarity",
)  # fmt: skip
def ame(rights: ibis.Table, on: date) -> ibis.Value:
    """State medical aid in force at some time of the 365 days before the index date."""
    return has_right(rights, "ame", on)


@feature(
    label_fr="Minimum vieillesse ou invalidité (ASPA, ASI)", label_en="Old-age or invalidity minimum income",
    unit="yes/no", source="coverages", family="precarity",
)  # fmt: skip
def minimum_income(rights: ibis.Table, on: date) -> ibis.Value:
    """Old-age solidarity or supplementary invalidity allowance seen in the 365 days before the index date."""
    return has_right(rights, "minimum_income", on)


def is_in_force(periods: ibis.Table, on: date) -> ibis.BooleanValue:
    """Whether each period covers a day, both ends included; a null end is open."""
    return (periods.start_date <= on) & (periods.end_date.isnull() | (periods.end_date >= on))


def has_right(rights: ibis.Table, right: str, on: date) -> ibis.IntegerValue:
    """1 where a patient had the right at some time of the 365 days before `on`, else 0 (int8, an aggregate)."""
    since = on - timedelta(days=DAYS_OF_A_RIGHT)
    lived = (rights.start_date < on) & (rights.end_date.isnull() | (rights.end_date >= since))
    return ((rights.right == right) & lived).max().fill_null(False).cast("int8")


SINGLE: tuple[Computed, ...] = (
    age, is_woman, ald_count, c2s_free, c2s_participative, c2s_unknown, ame, minimum_income, fdep_quintile,
)  # fmt: skip
