"""Datasets of the schemes: what is counted in the claims for them, and what they pay."""

from __future__ import annotations

from features.declare import Column, Table

PATIENT = Column("patient_id", "string", "Pseudonymised person.")
STRUCTURE = Column("structure_id", "string", "Team, group or practice.")
YEAR = Column("year", "int64", "Year of care.")
SCHEME = Column("scheme", "string", "peps, peps2, primordial, capitation, ipep, ipso, biosimilars or eds.")
PERIMETER = Column("perimeter", "string", "MG or MG_IDE.")

FIDELISATION = Table(
    name="fidelisation",
    grain="one patient, structure, year and perimeter; care given while the patient was present",
    key=("patient_id", "structure_id", "year", "perimeter"),
    columns=(
        PATIENT,
        STRUCTURE,
        YEAR,
        PERIMETER,
        Column("in_team_cents", "int64", "In-scope care given by the team, base of reimbursement.", "cents"),
        Column("outside_cents", "int64", "In-scope care given outside the team, not neutralised.", "cents"),
        Column("neutralised_cents", "int64", "In-scope care outside the team that does not count.", "cents"),
        Column("in_team_acts", "int64", "Acts given by the team.", "acts"),
        Column("outside_acts", "int64", "Acts outside the team, not neutralised.", "acts"),
        Column("neutralised_acts", "int64", "Acts outside the team that do not count.", "acts"),
    ),
)

LEAKAGE = Table(
    name="leakage",
    grain="one structure, year, perimeter, dimension and value: in-scope care outside the team",
    key=("structure_id", "year", "perimeter", "dimension", "value"),
    columns=(
        STRUCTURE,
        YEAR,
        PERIMETER,
        Column("dimension", "string", "specialty, performer, pathway, month, weekday, distance or neutralised."),
        Column("value", "string", "Value of the dimension."),
        Column("patients", "int64", "Patients concerned.", "patients"),
        Column("acts", "int64", "Acts.", "acts"),
        Column("base_cents", "int64", "Base of reimbursement.", "cents"),
    ),
)

CONTACTS = Table(
    name="contacts",
    grain="one structure, year and poste: where its patients meet care",
    key=("structure_id", "year", "poste"),
    columns=(
        STRUCTURE,
        YEAR,
        Column("poste", "string", "Poste of spending."),
        Column("patients", "int64", "Patients with at least one contact.", "patients"),
        Column("contacts", "int64", "Acts, dispensings or stays.", "contacts"),
        Column("base_cents", "int64", "Base of reimbursement.", "cents"),
        Column("reimbursed_cents", "int64", "Paid by compulsory insurance.", "cents"),
    ),
)

DEVELOPMENT = Table(
    name="development",
    grain="one scope, structure, month of care and months until known",
    key=("scope", "structure_id", "care_month", "lag_months"),
    columns=(
        Column("scope", "string", "MG, MG_IDE or TOTAL."),
        Column("structure_id", "string", "Structure, or '*' for the nation."),
        Column("care_month", "date", "First day of the month of care."),
        Column("lag_months", "int64", "Whole months between the month of care and the month of loading.", "months"),
        Column("lines", "int64", "Lines of care.", "lines"),
        Column("base_cents", "int64", "Base of reimbursement.", "cents"),
        Column("reimbursed_cents", "int64", "Paid by compulsory insurance.", "cents"),
    ),
)

BRICK_NAMES = (
    "nourrisson", "enfant", "ald", "poly_ald", "sante_mentale", "personne_agee", "dependance", "sante_femme",
    "vulnerabilite_sociale", "handicap",
)  # fmt: skip

BRICKS = Table(
    name="bricks",
    grain="one patient and year; the thematic bricks that claims known on 1 January show",
    key=("patient_id", "year"),
    columns=(
        PATIENT,
        YEAR,
        *(Column(name, "boolean", f"The brick {name} applies.") for name in BRICK_NAMES),
    ),
)

BIOSIMILAR_BOXES = Table(
    name="biosimilar_boxes",
    grain="one hospital, molecule and year: boxes delivered in town on the hospital's prescriptions",
    key=("establishment_id", "molecule", "year"),
    columns=(
        Column("establishment_id", "string", "FINESS of the prescribing hospital."),
        Column("molecule", "string", "etanercept, adalimumab or glargine."),
        YEAR,
        Column("boxes", "float64", "Boxes, reference and biosimilar, weighted by dose.", "boxes"),
        Column("biosimilar_boxes", "float64", "Boxes of a biosimilar, weighted by dose.", "boxes"),
        Column("patients", "int64", "Patients.", "patients"),
    ),
)

INDICATORS = Table(
    name="indicators",
    grain="one indicator, year and entity",
    key=("entity", "entity_id", "indicator", "year"),
    columns=(
        Column("entity", "string", "structure, territory or nation."),
        Column("entity_id", "string", "Structure, territory, or '*'."),
        YEAR,
        Column("indicator", "string", "Name in the catalogue of indicators."),
        Column("numerator", "int64", "Patients or stays that meet the definition."),
        Column("denominator", "int64", "Patients or stays concerned."),
        Column("value_share", "float64", "numerator / denominator; null where nobody is concerned.", "0 to 1", True),
    ),
)

FORFAITS = Table(
    name="forfaits",
    grain="one patient of a structure: what the scheme pays for the patient",
    key=("structure_id", "patient_id"),
    yearly=False,
    columns=(
        STRUCTURE,
        PATIENT,
        SCHEME,
        YEAR,
        Column("present_share", "float64", "Part of the year present.", "0 to 1"),
        Column("expected_eur", "float64", "Expected spending for a full year, balanced.", "EUR per year", True),
        Column("amount_cents", "int64", "Part of the structure's amount; patients add up to it.", "cents"),
    ),
)

AMOUNTS = Table(
    name="amounts",
    grain="one component of what a structure is paid; components add up to the amount",
    key=("structure_id", "order"),
    yearly=False,
    columns=(
        STRUCTURE,
        SCHEME,
        YEAR,
        Column("order", "int64", "Place in the computation."),
        Column("component", "string", "Name of the component."),
        Column("amount_cents", "int64", "What the component adds or takes away.", "cents"),
        Column("running_cents", "int64", "Amount so far.", "cents"),
        Column("rule_keys", "string", "Parameters of the rules used, separated by spaces."),
    ),
)

TARGETS = Table(
    name="targets",
    grain="one figure of a structure's computation that is not an amount",
    key=("structure_id", "figure"),
    yearly=False,
    columns=(
        STRUCTURE,
        SCHEME,
        YEAR,
        Column("figure", "string", "Name of the figure."),
        Column("value", "string", "The figure as exact text; empty where it has none."),
        Column("unit", "string", "Unit."),
    ),
)

RECONCILIATION = Table(
    name="reconciliation",
    grain="one reason for which a structure's due differs from what it was paid",
    key=("structure_id", "scheme", "year", "order"),
    yearly=False,
    columns=(
        STRUCTURE,
        SCHEME,
        YEAR,
        Column("order", "int64", "Place in the walk from paid to due."),
        Column("reason", "string", "paid, instalments_withheld, patients_out, patients_in, ... or balance."),
        Column("amount_cents", "int64", "Euros of the reason; reasons add up from paid to due.", "cents"),
        Column("running_cents", "int64", "Amount so far.", "cents"),
        Column("detail", "string", "What stands behind the reason.", nullable=True),
    ),
)
