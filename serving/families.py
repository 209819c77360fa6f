"""Labels of the families of features, without the engines that the catalogue imports; a test compares them."""

from __future__ import annotations

FAMILY_LABELS = {
    "age_sex": "Âge et sexe",
    "ald": "Affections de longue durée",
    "comorbidity": "Comorbidités",
    "precarity": "Précarité",
    "territory": "Territoire",
    "past_use": "Recours passé",
}
FAMILY_LABELS_EN = {
    "age_sex": "Age and sex",
    "ald": "Long-term illnesses (ALD)",
    "comorbidity": "Comorbidities",
    "precarity": "Precarity",
    "territory": "Territory",
    "past_use": "Past use",
}


def family_label(family: str, language: str = "fr") -> str:
    """Label of a family in French or English; its name when it has none."""
    return (FAMILY_LABELS if language == "fr" else FAMILY_LABELS_EN).get(family, family)
