"""The page of an IPEP group: the four views it was promised, and what chance alone would pay at its size."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from schemes.amounts import Amount
from schemes.statements.chance import chance_section
from schemes.statements.document import Column, Document, Figure, Mark, Section, Series, Table, Value
from schemes.statements.given import Given
from schemes.statements.small_cells import mask_small
from schemes.statements.wording import capital, listed, texts, written

Row = Mapping[Hashable, Any]
TOPICS = ("age", "sex", "ald", "c2s")
OBSERVED = "observed_eur"
HUNDRED = 100


@dataclass(frozen=True)
class Views:
    """The frames of `schemes.ipep` views, of one structure or of several; None where a view is not given.

    patientele: structure_id, topic, value, patients, share, nation_share. contacts: structure_id, year, poste,
    patients, share, contacts_per_patient, reimbursed_per_patient_eur and nation_share, ... spending: structure_id,
    year, observed_eur, expected_eur, nation_observed_eur. gains: structure_id, lever, name, change, paid_cents,
    added_cents.
    """

    patientele: pd.DataFrame | None = None
    contacts: pd.DataFrame | None = None
    spending: pd.DataFrame | None = None
    gains: pd.DataFrame | None = None


def ipep_page(amount: Amount, given: Given, *, views: Views, postes: Mapping[str, str] | None = None) -> Document:
    """The views of a group and the part of chance in its payment; `postes` gives the label of each poste.

    Rule: IPEP, data promised to groups (patientele, points of contact, historical and expected spending, gains).
    """
    name = amount.structure_id
    sections = [
        chance_section(amount, given),
        *_patientele(_own(views.patientele, name), given),
        _contacts(_own(views.contacts, name), postes or {}, given),
        _spending(_own(views.spending, name), given),
        _gains(_own(views.gains, name), given),
    ]
    page = Document(
        title=given.say("ipep_title", year=str(amount.year)),
        subtitle=given.subtitle(name),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
    )
    return given.explained(page)


def _own(frame: pd.DataFrame | None, structure_id: str) -> pd.DataFrame | None:
    rows = None if frame is None else frame[frame["structure_id"] == structure_id]
    return None if rows is None or rows.empty else rows


def _decimal(value: object) -> Decimal | None:
    return None if value is None or pd.isna(value) else Decimal(repr(float(value)))  # type: ignore[arg-type,call-overload]


def _patientele(rows: pd.DataFrame | None, given: Given) -> list[Section]:
    if rows is None:
        return []
    tables = [_topic(rows[rows["topic"] == topic], topic, given) for topic in TOPICS if topic in set(rows["topic"])]
    return [Section(given.say("view_patientele"), (given.say("view_patientele_told"),), tables=tuple(tables))]


def _topic(rows: pd.DataFrame, topic: str, given: Given) -> Table:
    """A topic with its total: its values share out the patients."""
    lines = [
        (
            _value_of(topic, str(r["value"]), given),
            int(r["patients"]),
            _decimal(r["share"]),
            _decimal(r["nation_share"]),
        )
        for r in rows.sort_values("value").to_dict("records")
    ]
    nation = Decimal(1) if rows["nation_share"].notna().all() else None
    lines.append((given.say("total"), int(rows["patients"].sum()), Decimal(1), nation))
    columns = (
        Column("value", capital(given.say(f"topic_{topic}"))),
        Column("patients", given.say("column_patients"), "count", is_people=True),
        Column("share", given.say("column_share"), "share"),
        Column("nation_share", given.say("column_nation"), "share"),
    )
    caption = given.say("view_topic_caption", topic=given.say(f"topic_{topic}"))
    table = Table(f"patientele_{topic}", caption, columns, tuple(lines), has_total=True)
    return mask_small(table, given.small_cell_min)


def _value_of(topic: str, value: str, given: Given) -> str:
    if topic == "age" and value[:2].isdigit():
        first, _, last = value.rstrip("+").partition("-")
        key = "ages" if last else "ages_from"
        return given.say(key, first=str(int(first)), last=str(int(last or 0)))
    return capital(given.say(f"value_{value}")) if f"value_{value}" in texts() else value


def _contacts(rows: pd.DataFrame | None, postes: Mapping[str, str], given: Given) -> Section | None:
    if rows is None:
        return None
    rows = rows[rows["year"] == rows["year"].max()].sort_values("reimbursed_per_patient_eur", ascending=False)
    rows = rows[rows["patients"] > 0]
    lines = tuple(
        (
            capital(postes.get(str(r["poste"]), str(r["poste"]))),
            int(r["patients"]),
            _decimal(r["share"]),
            _rounded(r["contacts_per_patient"], times=HUNDRED, places=1),
            _rounded(r["reimbursed_per_patient_eur"], places=2),
            _rounded(r.get("nation_reimbursed_per_patient_eur"), places=2),
        )
        for r in rows.to_dict("records")
    )
    columns = (
        Column("poste", given.say("column_poste")),
        Column("patients", given.say("column_patients"), "count", is_people=True),
        Column("share", given.say("column_share"), "share"),
        Column("contacts", given.say("column_contacts"), "number"),
        Column("reimbursed", given.say("column_reimbursed"), "eur"),
        Column("nation", given.say("column_nation_reimbursed"), "eur"),
    )
    table = Table("contacts", given.say("view_contacts_caption"), columns, lines, overlaps=True)
    return Section(
        given.say("view_contacts"),
        (given.say("view_contacts_told"),),
        tables=(mask_small(table, given.small_cell_min),),
    )


def _rounded(value: object, *, places: int, times: int = 1) -> Decimal | None:
    exact = _decimal(value)
    return None if exact is None else round(exact * times, places)


def _spending(rows: pd.DataFrame | None, given: Given) -> Section | None:
    if rows is None:
        return None
    names = ("observed_eur", "expected_eur", "nation_observed_eur")
    ordered = rows.sort_values("year").to_dict("records")
    columns = (
        Column("year", given.say("column_year")),
        *(Column(name, given.say(f"column_{name}"), "eur") for name in names),
    )
    lines = tuple((str(int(r["year"])), *(_decimal(r[name]) for name in names)) for r in ordered)
    table = Table("spending", given.say("view_spending_caption"), columns, lines)
    figure = Figure(
        name="spending_line",
        kind="line",
        caption=given.say("view_spending_figure"),
        alt=given.say("spending_alt", lines=_told_years(ordered, given)),
        table=table.name,
        unit="eur",
        series=tuple(
            Series(given.say(f"column_{name}"), _marks(ordered, name)) for name in names if _marks(ordered, name)
        ),
    )
    return Section(given.say("view_spending"), (given.say("view_spending_told"),), tables=(table,), figures=(figure,))


def _marks(rows: Sequence[Row], name: str) -> tuple[Mark, ...]:
    return tuple(Mark(str(int(r["year"])), float(r[name]), at=float(r["year"])) for r in rows if not pd.isna(r[name]))


def _told_years(rows: Sequence[Row], given: Given) -> str:
    told = (
        given.say(
            "spending_year",
            year=str(int(r["year"])),
            observed=written(_decimal(r["observed_eur"]), "eur", given.language),
            expected=written(_decimal(r["expected_eur"]), "eur", given.language),
        )
        for r in rows
    )
    return listed(told, given.language)


def _gains(rows: pd.DataFrame | None, given: Given) -> Section | None:
    if rows is None:
        return None
    lines = tuple(
        (_lever(r, given), _change(r, given.say("unit_points")), int(r["paid_cents"]), int(r["added_cents"]))
        for r in rows[rows["change"] != 0]
        .sort_values(["lever", "added_cents"], ascending=[False, False])
        .to_dict("records")
    )
    columns = (
        Column("lever", given.say("column_lever")),
        Column("change", given.say("column_change"), "mixed", is_signed=True),
        Column("paid", given.say("column_would_pay"), "eur_cents"),
        Column("added", given.say("column_added"), "eur_cents", is_signed=True),
    )
    table = Table("gains", given.say("view_gains_caption"), columns, lines)
    return Section(given.say("view_gains"), (given.say("view_gains_told"),), tables=(table,))


def _lever(row: Row, given: Given) -> str:
    """Words of a lever: lower spending, or an indicator."""
    name = str(row["name"])
    if name == OBSERVED:
        return given.say("lever_spending")
    return given.say("lever_indicator", name=capital(given.say(f"word_{name}") if f"word_{name}" in texts() else name))


def _change(row: Row, unit: str) -> Value:
    change = _decimal(row["change"])
    if row["lever"] == "spending":
        return Value(None if change is None else -change, "share")
    return Value(None if change is None else round(change, 1), "number", unit)
