"""Families of payment features generated from code lists: ALD groups, cartographie, Charlson, Elixhauser."""

from __future__ import annotations

from functools import cache

from features.codes import ALD_NUMBERS, ald_flag, index_flag, listed
from features.feature import Feature

MORBIDITY_SOURCE = "ald_periods, stays, dispensings"
DIAGNOSIS_SOURCE = "ald_periods, stays"
STAY_YEAR = "a stay is of year n when loaded in the twelve months before the index date"
INDEX_LABELS = {"charlson": "Charlson", "elixhauser": "Elixhauser"}
SCORES = {
    "charlson_score": ("charlson", "weight", "Score de Charlson (1987)", "Charlson score (1987)"),
    "charlson_score_2011": (
        "charlson", "weight_quan2011", "Score de Charlson (Quan 2011)", "Charlson score (Quan 2011)",
    ),
    "elixhauser_score": (
        "elixhauser", "weight_van_walraven", "Score d'Elixhauser (van Walraven)", "Elixhauser score (van Walraven)",
    ),
}  # fmt: skip


def ald_features() -> tuple[Feature, ...]:
    """One flag per ALD number, 1 to 32."""
    labels = {row["ald_code"]: row for row in listed("ald_codes")}
    return tuple(
        Feature(
            name=ald_flag(number),
            label_fr=f"ALD {number} : {labels[str(number)]['label_fr']}",
            label_en=f"ALD {number}: {labels[str(number)]['label_en']}",
            unit="yes/no",
            source="ald_periods",
            rule=f"ALD {number} in force on the index date and known before it.",
            family="ald",
        )
        for number in ALD_NUMBERS
    )


def carto_features() -> tuple[Feature, ...]:
    """One flag per pathology or treatment of the cartographie, one per group of several, and their count."""
    groups = listed("carto_groups")
    flags = tuple(
        Feature(
            name=f"carto_{row['name']}",
            label_fr=("" if row["level"] == "top" else "Groupe : ") + row["label_fr"],
            label_en=("" if row["level"] == "top" else "Group: ") + row["label_en"],
            unit="yes/no",
            source=MORBIDITY_SOURCE,
            rule=_carto_rule(row["snds_variable"], row["group_no"], row["note"]),
            family="comorbidity",
        )
        for row in groups
    )
    count = Feature(
        name="carto_count",
        label_fr="Nombre de maladies de la cartographie",
        label_en="Number of diseases of the cartographie",
        unit="diseases",
        source=MORBIDITY_SOURCE,
        rule="Diseases of the cartographie present; treatments without disease are not counted.",
        family="comorbidity",
        kind="number",
        monotone=+1,
        high=float(sum(row["is_disease"] == "1" for row in groups)),
    )
    return (*flags, count)


def _carto_rule(variable: str, group: str, note: str) -> str:
    if not variable:
        return f"At least one pathology or treatment of group {group} of the cartographie."
    return f"Rules of {variable} (carto_routes.csv); {STAY_YEAR}" + (f"; {note}." if note else ".")


def index_features(index: str) -> tuple[Feature, ...]:
    """One flag per condition of "charlson" or "elixhauser", before any hierarchy."""
    french = {row["condition"]: row["label_fr"] for row in listed("comorbidity_labels") if row["index"] == index}
    english = {row["condition"]: row["label"] for row in listed(f"{index}_icd10")}
    return tuple(
        Feature(
            name=index_flag(index, condition),
            label_fr=f"{french[condition]} ({INDEX_LABELS[index]})",
            label_en=f"{label} ({INDEX_LABELS[index]})",
            unit="yes/no",
            source=DIAGNOSIS_SOURCE,
            rule=f"ICD-10 codes of Quan 2005 among the diagnoses of stays, or an ALD, of year n; {STAY_YEAR}.",
            family="comorbidity",
        )
        for condition, label in english.items()
    )


@cache
def score_weights(score: str) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Weight of each flag of a score, and the flags that override it (a severe form hides the mild one)."""
    index, weight, _, _ = SCORES[score]
    return {
        index_flag(index, row["condition"]): (
            int(row[weight]),
            tuple(index_flag(index, other) for other in row["overridden_by"].split()),
        )
        for row in listed(f"{index}_icd10")
    }


def score_features() -> tuple[Feature, ...]:
    """The three scores, each condition weighing once, the severe form of a disease hiding its mild form."""
    return tuple(
        Feature(
            name=score,
            label_fr=label_fr,
            label_en=label_en,
            unit="points",
            source=DIAGNOSIS_SOURCE,
            rule=f"Sum of the {INDEX_LABELS[index]} weights (column {weight}), severe forms hiding mild ones.",
            family="comorbidity",
            kind="number",
            monotone=+1 if index == "charlson" else 0,
            low=float(sum(min(points, 0) for points, _ in score_weights(score).values())),
            high=float(sum(max(points, 0) for points, hidden in score_weights(score).values() if not hidden)),
        )
        for score, (index, weight, label_fr, label_en) in SCORES.items()
    )
