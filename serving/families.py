"""French labels of the families of features, without the engines that the catalogue imports; a test compares them."""

from __future__ import annotations

FAMILY_LABELS = {
    "age_sex": "Âge et sexe",
    "ald": "Affections de longue durée",
    "comorbidity": "Comorbidités",
    "precarity": "Précarité",
    "territory": "Territoire",
    "past_use": "Recours passé",
}


def family_label(family: str) -> str:
    """French label of a family; its name when it has none."""
    return FAMILY_LABELS.get(family, family)
