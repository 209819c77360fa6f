"""The one-page statement of a structure: what it is paid, step by step, against what, and on which assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pandas as pd

from schemes.amounts import Amount
from schemes.amounts import Figure as AmountFigure
from schemes.runs import PROVISIONAL
from schemes.statements.by_part import by_part_section
from schemes.statements.chance import chance_section, number_of, paid_figure
from schemes.statements.document import Cell, Column, Document, KeyFigure, Masked, Section, Table, Value
from schemes.statements.given import Given, assumed_section, figure_value, package_of
from schemes.statements.parts import gathered, small_parts, walk_section
from schemes.statements.walk import Naming
from schemes.statements.warned import phase_told, warnings_told
from schemes.statements.wording import capital, written

# Definitions of former fee-for-service, and the cap that each gives.
COMPARED = {"reference": ("ffs_reference_eur", "cap_reference_eur"), "shadow": ("ffs_shadow_eur", "cap_shadow_eur")}
PEOPLE = ("patients", "people", "episodes")
BASIS = "cap_basis"
# What fits the page, in order; every other figure is in the datasets of the run. A scheme not named shows all.
SHOWN = {
    "peps": (
        "patientele", "perimeter", "patients", "exposure", "patients_per_gp", "mean_expected_eur", "family_age_sex_eur",
        "family_ald_eur", "family_comorbidity_eur", "family_precarity_eur", "family_territory_eur", "k_cal",
        "tau_observed", "tau_schedule", "tau_used", "outside_eur", "neutralised_eur", "local_mean", "quality_share",
        "acts_ratio", "mean_forfait_eur", "mean_forfait_reference_eur", "days_in_scheme", "ffs_billed_eur",
    ),
    "ipep": (
        "phase", "patients", "observed_before_eur", "expected_before_eur", "observed_eur", "expected_eur", "trend",
        "gain_ecart_eur", "gain_ecart_low_eur", "gain_ecart_high_eur", "gain_evolution_eur", "gain_evolution_low_eur",
        "gain_evolution_high_eur", "gains_per_patient_eur", "gains_p995_eur", "gains_uncapped_eur", "score",
        "socle_points", "carte_points", "experience_points", "modulation", "detectable_ecart_eur",
    ),
    "ipso": (
        "patients", "months", "mean_month_paid", "mean_month_eur", "category_share", "fidelisation_rate",
        "in_team_cents", "outside_cents", "socle_consumption", "socle_fmt", "socle_rosp", "balance",
        "total_on_declared", "total_on_claims", "total_on_both",
    ),
    "biosimilars": (),
    "eds": (
        "phase", "participation_year", "episodes", "mean_risk_index", "mean_forfait_eur", "mean_counted_eur",
        "over_cap_episodes", "quality_share", "raw_eur", "standard_error_eur", "before_limit_eur", "gain_limit_eur",
        "loss_limit_eur", "result_low_eur", "result_high_eur",
    ),
}  # fmt: skip


def statement(
    amount: Amount, given: Given, *, forfaits: pd.DataFrame | None = None, more: Sequence[Section] = ()
) -> Document:
    """The statement of an amount, on one page; `forfaits` (FORFAITS rows of the year) gives patients and means.

    `more`: sections of its scheme alone, after the walk. The components add up to the amount. Values of the rules that
    are not read in an official text are listed.
    Rule: spec, problems met by users, 2 and 3.
    """
    keys = [key for component in amount.components for key in component.rule_keys]
    sections = [
        _amount_section(amount, given, forfaits),
        chance_section(amount, given, is_whole=False),
        _walk_section(amount, given),
        *more,
        _compared_section(amount, given),
        by_part_section(amount, given),
        _figures_section(amount, given),
        assumed_section(given, keys),
    ]
    page = Document(
        title=given.say("statement_title", scheme=capital(given.say(f"scheme_{amount.scheme}")), year=str(amount.year)),
        subtitle=given.subtitle(amount.structure_id),
        language=given.language,
        sections=tuple(section for section in sections if section is not None),
        notes=given.notes(),
        is_one_page=True,
    )
    return given.explained(page)


def _amount_section(amount: Amount, given: Given, forfaits: pd.DataFrame | None) -> Section:
    patients = _patients(amount, forfaits)
    figures = [paid_figure(amount, given)]
    if patients is not None and patients >= given.small_cell_min:
        mean = Decimal(amount.total_cents) / patients
        figures += [
            KeyFigure(given.say("patients"), Value(patients, "count"), given.say("patients_note")),
            KeyFigure(given.say("mean"), Value(mean, "eur_cents"), given.say("mean_note")),
        ]
    elif patients is not None:
        figures.append(KeyFigure(given.say("patients"), Value(Masked.SMALL, "count"), given.say("patients_note")))
    told = (_told(amount, given), *phase_told(amount, given), *warnings_told(amount, given))
    return Section(given.say("amount_title"), told, tuple(figures))


def _told(amount: Amount, given: Given) -> str:
    key = "statement_told_owed" if amount.total_cents < 0 else "statement_told"
    if not amount.total_cents and package_of(amount.scheme) == "eds":
        key = "statement_told_nothing"
    return given.say(
        "statement_told_provisional" if given.run.kind == PROVISIONAL else key,
        total=written(abs(amount.total_cents), "eur_cents", given.language),
        scheme=given.say(f"scheme_{amount.scheme}"),
        year=str(amount.year),
    )


def _patients(amount: Amount, forfaits: pd.DataFrame | None) -> int | None:
    if forfaits is None:
        return None
    return int((forfaits["structure_id"] == amount.structure_id).sum()) or None


def _walk_section(amount: Amount, given: Given) -> Section | None:
    if not amount.components:
        return None
    steps = gathered(amount, given, small_parts([amount], given))
    naming = Naming("components", given.say("components_caption"), given.say("total"))
    return walk_section(given.say("walk_title"), steps, naming, given)


def _compared_section(amount: Amount, given: Given) -> Section | None:
    """The amount beside each definition of fee-for-service on the same list; None where the scheme has none."""
    rows = [
        _compared(amount, definition, number_of(amount, revenue), number_of(amount, cap), given)
        for definition, (revenue, cap) in COMPARED.items()
        if revenue in amount.figures
    ]
    if not rows:
        return None
    columns = (
        Column("definition", given.say("column_definition")),
        Column("fee_for_service", given.say("column_ffs"), "eur"),
        Column("cap", given.say("column_cap"), "eur"),
        Column("difference", given.say("column_difference_ffs"), "eur", is_signed=True),
        Column("ratio", given.say("column_ratio"), "share"),
    )
    table = Table("compared", given.say("compared_caption"), columns, tuple(rows))
    return Section(given.say("compared_title"), (given.say("compared_told"),), tables=(table,))


def _compared(
    amount: Amount, definition: str, revenue: Decimal | None, cap: Decimal | None, given: Given
) -> tuple[Cell, ...]:
    total = Decimal(amount.total_cents) / 100
    basis = amount.figures.get(BASIS)
    is_basis = cap is not None and basis is not None and basis.value == definition
    label = given.say(f"ffs_{definition}") + (given.say("ffs_basis") if is_basis else "")
    if revenue is None:
        return (label + given.say("ffs_unknown"), None, cap, None, None)
    if not revenue:
        return (label, revenue, cap, None, None)
    return (label, revenue, cap, total - revenue, total / revenue)


def _figures_section(amount: Amount, given: Given) -> Section | None:
    """The figures that lead to the amount and have a value."""
    wanted = SHOWN.get(package_of(amount.scheme), tuple(amount.figures))
    shown = {name: amount.figures[name] for name in wanted if name in amount.figures and amount.figures[name].value}
    if not shown:
        return None
    if _is_of_few(amount, given):
        shown = {name: figure for name, figure in shown.items() if not name.startswith("mean_")}
    return Section(given.say("figures_title"), tables=(figures_table("figures", shown, given),))


def _is_of_few(amount: Amount, given: Given) -> bool:
    """Whether an amount rests on so few episodes that a mean beside it would tell their number."""
    episodes = number_of(amount, "episodes")
    return episodes is not None and episodes < given.small_cell_min


def figures_table(name: str, figures: dict[str, AmountFigure], given: Given) -> Table:
    """Figures with their label and their value; counts of people under the minimum are masked."""
    rows: Sequence[tuple[str, Value]] = [
        (given.name_of(one), Value(given.name_of(figure.value)) if _is_name(figure) else _guarded(figure, given))
        for one, figure in figures.items()
    ]
    columns = (Column("figure", given.say("column_figure")), Column("value", given.say("column_value"), "mixed"))
    return Table(name, given.say("figures_caption"), columns, tuple(rows), is_fine=True)


def _is_name(figure: AmountFigure) -> bool:
    """Whether a figure is a phase with a label, not a number."""
    return figure.unit == "phase" and not figure.value.isdigit()


def _guarded(figure: AmountFigure, given: Given) -> Value:
    value = figure_value(figure, given.language)
    is_count = figure.unit in PEOPLE and isinstance(value.value, Decimal)
    if is_count and Decimal(str(value.value)) < given.small_cell_min:
        return Value(Masked.SMALL)
    return value
