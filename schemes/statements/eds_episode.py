"""The forfait of one episode explained, for an auditor: components, and euros of each family of characteristics."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from features.errors import InputError
from schemes.amounts import Walk
from schemes.money import CENT, round_cents
from schemes.statements.document import Cell, Column, Document, KeyFigure, Section, Table, Value
from schemes.statements.eds import ANY_PATHWAY, EdsViews, stratum_name
from schemes.statements.given import Given, assumed_section
from schemes.statements.walk import Naming, Step, walk_table, waterfall
from schemes.statements.wording import capital, number

TOTALS = ("forfait", "observed", "counted")
FACTOR_DECIMALS = 6
KEYS = (
    "programmes", "year_weights", "risk_index_min", "risk_index_max", "normalisation_band_share", "trend_band_share",
    "trim_low_quantile", "trim_high_quantile", "avoidable_allowance_share", "cap_quantile",
)  # fmt: skip
FEW = 12
NOT_FEATURES = ("base", "floor")


@dataclass(frozen=True)
class Explained:
    """Rows of EPISODE_EXPLANATIONS of one episode; words of families and of features by name, where known."""

    rows: pd.DataFrame
    families: Mapping[str, str]
    features: Mapping[str, str]


def episode_page(episode_id: str, given: Given, views: EdsViews, explained: Explained | None = None) -> Document:
    """From the reference to the forfait of an episode, what was spent, and what its expected spending is made of.

    The page is for an auditor: it is of one patient, and nothing on it is masked.
    Errors: InputError where the episode is not among those reconciled.
    """
    rows = views.episodes[views.episodes["episode_id"] == episode_id]
    if rows.empty:
        raise InputError("this episode is not among those reconciled; forfait episodes trace tells why")
    row = rows.iloc[0]
    sections = [
        _forfait_section(row, given),
        _walk_section(row, given),
        _price_section(row, views.prices, given),
        *([] if explained is None or explained.rows.empty else _families(explained, row, given)),
        assumed_section(given, KEYS),
    ]
    return Document(
        title=given.say("episode_title", episode=episode_id),
        subtitle=given.subtitle(str(row["establishment_id"])),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=(given.say("episode_note"), *given.notes()),
    )


def _forfait_section(row: pd.Series, given: Given) -> Section:
    forfait, observed, counted = (int(row[f"{name}_cents"]) for name in TOTALS)
    figures = (
        KeyFigure(given.say("episode_forfait"), Value(forfait, "eur_cents"), stratum_name(row.to_dict(), given)),
        KeyFigure(given.say("episode_observed"), Value(observed, "eur_cents"), given.say("episode_observed_note")),
        KeyFigure(given.say("episode_counted"), Value(counted, "eur_cents"), given.say("episode_counted_note")),
        KeyFigure(
            given.say("episode_difference"), Value(forfait - counted, "eur_cents"), given.say("episode_difference_note")
        ),
    )
    return Section(given.say("episode_forfait_title"), (given.say("episode_told"),), figures)


def _walk_section(row: pd.Series, given: Given) -> Section:
    """Every component, those of 0 too: the auditor sees that they were applied."""
    walk, running = Walk(), Decimal(0)
    for name in _components(row):
        running += int(row[f"{name}_cents"]) * CENT
        walk.to(name, running)
    steps = [Step(given.name_of(one.name), one.amount_cents, one.running_cents) for one in walk.components]
    naming = Naming("episode_forfait", given.say("components_caption"), given.say("episode_forfait"))
    return Section(
        given.say("episode_walk_title"),
        tables=(walk_table(steps, naming, given.language),),
        figures=(waterfall(steps, naming, given.language),),
    )


def _components(row: pd.Series) -> list[str]:
    """Components of the forfait, in the order in which the price was made."""
    names = (str(name).removesuffix("_cents") for name in row.index if str(name).endswith("_cents"))
    return [name for name in names if name not in TOTALS]


def _price_section(row: pd.Series, prices: pd.DataFrame, given: Given) -> Section:
    """The factors of the forfait: expected spending, risk index, and the price of the stratum."""
    of_stratum = (prices["programme"] == row["programme"]) & (prices["sector"] == row["sector"])
    pathway = row.get("pathway", ANY_PATHWAY)
    price = prices[of_stratum & (prices["pathway"] == pathway)].iloc[0]
    lines: tuple[tuple[str, Value], ...] = (
        (given.say("episode_expected"), Value(_rounded(row["expected_eur"], 2), "eur")),
        (given.say("column_risk"), _factor(row["risk_index"], given)),
        (given.say("column_reference_price"), Value(_rounded(price["reference_eur"], 2), "eur")),
        (given.say("column_normalisation"), _factor(price["normalisation"], given)),
        (given.say("episode_trend"), _factor(price["trend_ratio"], given)),
        (given.say("episode_trend_update"), _factor(price["trend_update"], given)),
        (given.say("episode_discount"), Value(_rounded(price["discount_share"], 4), "share")),
        (given.say("episode_coordination"), Value(_rounded(price["coordination_eur"], 2), "eur")),
        (given.say("column_episode_cap"), Value(_rounded(price["cap_eur"], 2), "eur")),
    )
    columns = (Column("figure", given.say("column_figure")), Column("value", given.say("column_value"), "mixed"))
    table = Table("episode_price", given.say("episode_price_caption"), columns, lines, is_fine=True)
    return Section(given.say("episode_price_title"), (given.say("episode_price_told"),), tables=(table,))


def _rounded(value: object, places: int) -> Decimal | None:
    return None if value is None or value == "" or pd.isna(value) else round(Decimal(str(value)), places)  # type: ignore[call-overload]


def _factor(value: object, given: Given) -> Value:
    """A factor with the decimals that an auditor needs to compute the forfait again."""
    factor = _rounded(value, FACTOR_DECIMALS)
    return Value(None if factor is None else number(factor, given.language, decimals=FACTOR_DECIMALS))


def _families(explained: Explained, row: pd.Series, given: Given) -> list[Section]:
    """Euros of each family, and of the features that move most; they add up to the expected spending."""
    rows = explained.rows
    by_family = rows.groupby("family", sort=False)["contribution_eur"].sum().sort_values(key=abs, ascending=False)
    families = [(_family(str(name), explained, given), _eur(value)) for name, value in by_family.items()]
    moved = rows[~rows["family"].isin(NOT_FEATURES)]
    moved = moved.sort_values("contribution_eur", key=abs, ascending=False, kind="stable").head(FEW)
    features = [
        (_feature(one, explained, given), _family(str(one["family"]), explained, given), _eur(one["contribution_eur"]))
        for one in moved.to_dict("records")
    ]
    total = _eur(row["expected_eur"])
    told = given.say("episode_families_told")
    return [
        Section(
            given.say("episode_families_title"),
            (told,),
            tables=(_families_table(families, total, given), _features_table(features, given)),
        )
    ]


def _families_table(families: list[tuple[str, Decimal]], total: Decimal, given: Given) -> Table:
    """Families, what rounding leaves, and the expected spending; more is left where the price saw other folds."""
    columns = (
        Column("family", given.say("column_family")),
        Column("amount", given.say("column_contribution"), "eur", is_signed=True),
    )
    lines: list[tuple[Cell, ...]] = [*families]
    if left := total - sum((amount for _, amount in families), Decimal(0)):
        lines.append((given.say("episode_rounding" if abs(left) < 1 else "episode_other_fold"), left))
    lines.append((given.say("episode_expected"), total))
    return Table("episode_families", given.say("episode_families_caption"), columns, tuple(lines), has_total=True)


def _features_table(features: list[tuple[str, str, Decimal]], given: Given) -> Table:
    columns = (
        Column("feature", given.say("column_feature")),
        Column("family", given.say("column_family")),
        Column("amount", given.say("column_contribution"), "eur", is_signed=True),
    )
    return Table("episode_features", given.say("episode_features_caption"), columns, tuple(features), is_fine=True)


def _family(name: str, explained: Explained, given: Given) -> str:
    if name in NOT_FEATURES:
        return given.say(f"family_{name}")
    return capital(explained.families.get(name, name))


def _feature(row: Mapping[Hashable, Any], explained: Explained, given: Given) -> str:
    """Words of a feature; its own label where it has none."""
    return capital(explained.features.get(str(row["feature"]), str(row["label_fr"])))


def _eur(value: object) -> Decimal:
    return round_cents(Decimal(repr(float(value)))) * CENT  # type: ignore[arg-type]
