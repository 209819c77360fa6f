"""The characteristics that may describe an episode: all present at admission, none of them a choice of the provider."""

from __future__ import annotations

from collections.abc import Iterable

from features.admission import why_not_at_admission
from features.codes import listed
from features.errors import InputError
from features.feature import Feature
from features.morbidity import index_features, score_features
from features.payment import AGE_MAX, SINGLE

CONDITIONS, NEVER = "episode_conditions", "episode_never_whitelisted"
LOOKBACK_DAYS = 365
PROGRAMME_ALD = 30  # malignant tumours: the reason of the colectomy, no comorbidity beside it
BEFORE_STAYS, BEFORE_DRUGS, BEFORE_CARE = (
    f"{name} before admission" for name in ("stays", "dispensings", "care_lines")
)  # fmt: skip
INDEX_DIAGNOSES = "whitelisted diagnoses of the index stay"
ADMISSION = "admission"
ALLOWED_SOURCES = (
    "beneficiaries", "coverages", "ald_periods", BEFORE_STAYS, BEFORE_DRUGS, BEFORE_CARE, INDEX_DIAGNOSES, ADMISSION,
)  # fmt: skip
RIGHTS = ("c2s_free", "c2s_participative", "c2s_unknown", "ame", "minimum_income")


def episode_catalogue(extra: Iterable[Feature] = ()) -> tuple[Feature, ...]:
    """The features of an episode, in the order of the columns, with `extra` ones after them, all checked.

    Errors: InputError for a feature that is known after admission only, that the provider chooses, or that is read
    from elsewhere than what stands before admission (and the whitelist).
    """
    features = (*_personal(), *_conditions(), *_charlson(), *_past_use(), *extra)
    for known in features:
        _refuse(known.name)
        unknown = [name for name in known.source.split(", ") if name not in ALLOWED_SOURCES]
        if unknown:
            raise InputError(
                f"feature {known.name}: source {', '.join(unknown)!r} is not present at admission; "
                f"sources are {', '.join(ALLOWED_SOURCES)}"
            )
    _refuse_whitelisted_complications()
    return features


def check_at_admission(names: Iterable[str]) -> None:
    """None where every name is a feature of the catalogue. Errors: InputError naming the first that is not, and why."""
    known = {feature.name for feature in EPISODE_CATALOGUE}
    for name in names:
        _refuse(name)
        if name not in known:
            raise InputError(f"feature {name} is not in the catalogue of episodes: it may not be known at admission")


def _refuse(name: str) -> None:
    if why := why_not_at_admission(name):
        raise InputError(f"feature {name} may not describe an episode: {why}")


def _refuse_whitelisted_complications() -> None:
    never = tuple(row["icd10_prefix"] for row in listed(NEVER))
    for row in listed(CONDITIONS):
        if row["index_stay"] == "1" and any(code.startswith(never) for code in row["icd10"].split()):
            raise InputError(f"{CONDITIONS}.csv: {row['name']} may arise in the index stay; set index_stay to 0")


def _personal() -> tuple[Feature, ...]:
    by_name = {single.feature.name: single.feature for single in SINGLE}
    rights = [by_name[name] for name in RIGHTS]
    return (
        Feature("age", "Âge", "Age", "years", "beneficiaries", "Completed years at entry, at most 110.", "age_sex",
                kind="number", high=float(AGE_MAX), nullable=True),
        by_name["is_woman"],
        by_name["fdep_quintile"],
        *rights,
        Feature("ald_count", "Nombre d'ALD", "Number of long-term illnesses (ALD)", "ALD", "ald_periods",
                f"Different ALD in force the day before entry, ALD {PROGRAMME_ALD} left out.", "ald", kind="number",
                monotone=+1, high=33.0),
        Feature("lives_in_ems", "Hébergement médico-social", "Medico-social housing", "yes/no", ADMISSION,
                "Admitted from medico-social housing.", "precarity"),
    )  # fmt: skip


def _conditions() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            row["name"], row["label_fr"], row["label_en"], "yes/no",
            f"{BEFORE_STAYS}, ald_periods" + (f", {INDEX_DIAGNOSES}" if row["index_stay"] == "1" else ""),
            f"Diagnosis of a stay of the {LOOKBACK_DAYS} days before entry, or ALD"
            + ("; or of the index stay under the policy whitelist." if row["index_stay"] == "1" else "."),
            "comorbidity",
        )
        for row in listed(CONDITIONS)
    )  # fmt: skip


def _charlson() -> tuple[Feature, ...]:
    score = next(known for known in score_features() if known.name == "charlson_score")
    rule = f"ICD-10 codes of Quan 2005, stays of the {LOOKBACK_DAYS} days before entry, or an ALD in force."
    return tuple(
        Feature(known.name, known.label_fr, known.label_en, known.unit, f"{BEFORE_STAYS}, ald_periods", rule,
                "comorbidity", known.kind, known.monotone, known.low, known.high)
        for known in (*index_features("charlson"), score)
    )  # fmt: skip


def _past_use() -> tuple[Feature, ...]:
    days = f"of the {LOOKBACK_DAYS} days before entry"
    return (
        Feature("prior_long_stay", "Séjour prolongé antérieur", "Prior prolonged stay", "yes/no", BEFORE_STAYS,
                f"A stay of SSR or HAD, or of 4 nights or more in MCO, {days} (HAS SEJ_PROL).", "past_use"),
        Feature("prior_ssr", "SSR antérieur", "Prior rehabilitation", "yes/no", BEFORE_STAYS,
                f"A stay of SSR {days}.", "past_use"),
        Feature("prior_had", "HAD antérieure", "Prior home hospitalisation", "yes/no", BEFORE_STAYS,
                f"A stay of HAD {days}.", "past_use"),
        Feature("prior_stays", "Séjours antérieurs", "Prior acute stays", "stays", BEFORE_STAYS,
                f"Acute stays {days}, sessions left out.", "past_use", kind="number", high=100.0),
        Feature("prior_atc_classes", "Classes de médicaments", "Drug classes", "classes", BEFORE_DRUGS,
                f"Different ATC classes (4 characters) dispensed {days}.", "past_use", kind="number", high=200.0),
        Feature("prior_spent_eur", "Soins antérieurs", "Prior care", "EUR", f"{BEFORE_CARE}, {BEFORE_STAYS}",
                f"Base of reimbursement {days}, up to the day before the window of the forfait.",
                "past_use", kind="number", high=1_000_000.0),
    )  # fmt: skip


EPISODE_CATALOGUE: tuple[Feature, ...] = episode_catalogue()
