"""Datasets from the claims to the explanations."""

from __future__ import annotations

from features.declare import Column, Table

PATIENT = Column("patient_id", "string", "Pseudonymised person, one for all the person's SNDS pseudonyms.")
YEAR = Column("year", "int64", "Year of care.")
KNOWN = Column("known_date", "date", "First day on which the information could be read in the SNDS.")

BENEFICIARIES = Table(
    name="beneficiaries",
    grain="one person",
    key=("patient_id",),
    columns=(
        PATIENT,
        Column("birth_date", "date", "First day of the month of birth.", nullable=True),
        Column("sex", "int64", "1 man, 2 woman.", nullable=True),
        Column("death_date", "date", "Day of death; null while alive.", nullable=True),
        Column("department", "string", "Department of residence (INSEE).", nullable=True),
        Column("commune", "string", "Commune of residence (INSEE, 5 characters).", nullable=True),
        Column("fdep_quintile", "int64", "Deprivation quintile of the commune.", "1 least to 5 most deprived", True),
        Column("pseudonym_count", "int64", "SNDS pseudonyms pooled into this person.", "pseudonyms"),
        Column("is_ambiguous_twin", "boolean", "Shares a pseudonym with a same-sex twin: stays not linked."),
    ),
)

ALD_PERIODS = Table(
    name="ald_periods",
    grain="one ALD period of a person",
    key=("patient_id", "ald_number", "start_date", "icd10"),
    columns=(
        PATIENT,
        Column("ald_number", "int64", "ALD number 1 to 32, from ICD-10 where the SNDS gives 0; 99 unallocated."),
        Column("icd10", "string", "Reason of the exemption, without dot.", nullable=True),
        Column("start_date", "date", "First day of the exemption."),
        Column("end_date", "date", "Last day; null while open.", nullable=True),
        KNOWN,
    ),
)

DECLARATIONS = Table(
    name="declarations",
    grain="one médecin traitant period of a person",
    key=("patient_id", "doctor_id", "start_date"),
    columns=(
        PATIENT,
        Column("doctor_id", "string", "Number of the declared professional, centre or establishment."),
        Column("start_date", "date", "First day of the contract."),
        Column("end_date", "date", "Last day; null while open.", nullable=True),
        Column("end_reason", "string", "Why the contract ended, as received.", nullable=True),
    ),
)

COVERAGES = Table(
    name="coverages",
    grain="one social right of a person over a period, from one source",
    key=("patient_id", "right", "start_date", "known_date"),
    columns=(
        PATIENT,
        Column("right", "string", "c2s_free, c2s_participative, c2s_unknown, ame or minimum_income."),
        Column("start_date", "date", "First day of the right, or of the care that shows it."),
        Column("end_date", "date", "Last day; null while open.", nullable=True),
        KNOWN,
    ),
)

CARE_LINES = Table(
    name="care_lines",
    grain="one reimbursed act, dispensing or public hospital stay, cleaned and netted",
    key=(),
    columns=(
        PATIENT,
        Column("care_date", "date", "First day of care."),
        KNOWN,
        Column("act_code", "int64", "Nature of the act (IR_NAT_V); null for a hospital stay.", nullable=True),
        Column("poste", "string", "Poste of spending, as in features/reference/postes.csv."),
        Column("perimeter", "string", "mg, ide or autre: narrowest PEPS perimeter that holds the line."),
        Column("performer_id", "string", "Performing professional's number.", nullable=True),
        Column("performer_specialty", "int64", "Specialty of the performer.", nullable=True),
        Column("establishment_id", "string", "FINESS of the performing establishment.", nullable=True),
        Column("pathway_code", "int64", "Place of the act in the coordinated pathway, if received.", nullable=True),
        Column("quantity", "int64", "Acts counted (0 on supplements and contributions).", "acts"),
        Column("base_cents", "int64", "Base of reimbursement.", "cents"),
        Column("reimbursed_cents", "int64", "Paid by compulsory insurance.", "cents"),
        Column("paid_cents", "int64", "Charged to the patient and all payers.", "cents"),
        Column("is_in_target", "boolean", "False for payments without an act and cash benefits."),
        Column("source", "string", "DCIR or PMSI."),
    ),
)

DISPENSINGS = Table(
    name="dispensings",
    grain="one drug pack code dispensed on one day",
    key=(),
    columns=(
        PATIENT,
        Column("care_date", "date", "Day of dispensing."),
        KNOWN,
        Column("cip13", "string", "Pack code."),
        Column("atc", "string", "ATC class; null when the pack is unknown.", nullable=True),
        Column("is_large_pack", "boolean", "Large pack (about three months)."),
        Column("quantity", "int64", "Packs, reversals deducted.", "packs"),
        Column(
            "prescriber_establishment_id", "string", "FINESS (8 characters) of the prescriber's hospital.", "", True
        ),
        Column("prescriber_specialty", "int64", "Specialty of the prescriber.", nullable=True),
    ),
)

PROCEDURES = Table(
    name="procedures",
    grain="one CCAM act outside public hospital stays",
    key=(),
    columns=(
        PATIENT,
        Column("care_date", "date", "Day of the act."),
        KNOWN,
        Column("ccam", "string", "CCAM code, 7 characters."),
        Column("activity", "string", "CCAM activity.", nullable=True),
        Column("phase", "int64", "CCAM phase.", nullable=True),
    ),
)

ANALYSES = Table(
    name="analyses",
    grain="one act of medical biology",
    key=(),
    columns=(
        PATIENT,
        Column("care_date", "date", "Day of the act."),
        KNOWN,
        Column("nabm", "string", "Code of the nomenclature of biology (NABM), 4 digits."),
    ),
)

STAYS = Table(
    name="stays",
    grain="one hospital stay",
    key=("stay_id",),
    columns=(
        Column("stay_id", "string", "Field, year, establishment and stay number."),
        PATIENT,
        Column("field", "string", "MCO, SSR or HAD."),
        Column("sector", "string", "public (priced here) or private (priced in DCIR)."),
        Column("establishment_id", "string", "FINESS of the establishment."),
        Column("start_date", "date", "Entry."),
        Column("end_date", "date", "Exit."),
        KNOWN,
        Column("ghm", "string", "Group of stays (GHM, GME or GHPC).", nullable=True),
        Column("entry_mode", "string", "ENT_MOD as received.", nullable=True),
        Column("exit_mode", "string", "SOR_MOD as received.", nullable=True),
        Column("nights", "int64", "Nights; null for sessions.", "nights", True),
        Column("sessions", "int64", "Sessions (category 28).", "sessions"),
        Column("main_diagnoses", "strings", "Main and linked diagnoses of the stay and its units, sorted."),
        Column("associated_diagnoses", "strings", "Associated diagnoses, sorted."),
        Column("acts", "strings", "CCAM acts, sorted."),
        Column("base_cents", "int64", "Base of reimbursement; null when not valued.", "cents", True),
        Column("reimbursed_cents", "int64", "Paid by compulsory insurance; null when not valued.", "cents", True),
        Column("is_linked", "boolean", "False for an ambiguous twin: kept for totals, linked to nobody's care lines."),
        Column("principal_diagnosis", "string", "DGN_PAL of the stay itself, without dot.", nullable=True),
        Column("linked_diagnosis", "string", "DGN_REL of the stay itself, without dot.", nullable=True),
        Column("entry_origin", "string", "ENT_PRV as received: where the patient came from.", nullable=True),
        Column("emergency_passage", "string", "Passage through an emergency unit, as received from 2023.", "", True),
        Column("first_unit", "string", "Type of authorisation of the first unit.", nullable=True),
        Column("residence_code", "string", "PMSI geographic code of residence; 99 abroad.", nullable=True),
        Column("age", "int64", "Age at entry as received.", "years", True),
        Column("timed_acts", "strings", "CCAM act, activity and days since entry of each execution.", "", True),
        Column("implant_cents", "int64", "Implants paid besides the stay (public); null when none.", "cents", True),
    ),
)

READ_REPORT = Table(
    name="read_report",
    grain="one control applied to one source table",
    key=("source_table", "control"),
    columns=(
        Column("order", "int64", "Place in the order of operations."),
        Column("source_table", "string", "SNDS table."),
        Column("control", "string", "Name of the control."),
        Column("pitfall", "string", "Number of the pitfall in specs/snds.md §3, or ''."),
        Column("rule", "string", "The rule in one sentence."),
        Column("rule_source", "string", "Where the rule comes from."),
        Column("effect", "string", "in, dropped, netted, flagged or kept."),
        Column("rows_seen", "int64", "Rows that reached the control.", "rows"),
        Column("rows_hit", "int64", "Rows dropped, netted or flagged.", "rows"),
        Column("base_cents", "int64", "Base of reimbursement of those rows.", "cents"),
        Column("reimbursed_cents", "int64", "Reimbursed amount of those rows.", "cents"),
        Column("detail", "string", "What a reader needs besides: codes, shares, absent columns.", nullable=True),
    ),
)

PATIENTELE = Table(
    name="patientele",
    grain="one patient, structure and year",
    key=("patient_id", "structure_id", "year"),
    columns=(
        PATIENT,
        Column("structure_id", "string", "Team holding the contract."),
        YEAR,
        Column("first_day", "date", "First day of the year with the structure."),
        Column("last_day", "date", "Last day of the year with the structure."),
        Column("present_share", "float64", "Part of the year present.", "0 to 1"),
        Column("is_diab", "boolean", "In the patientèle DIAB."),
        Column("is_age", "boolean", "In the patientèle AGE."),
        Column("is_tot", "boolean", "In the patientèle TOT."),
        Column("reason", "string", "declared, re-declared within 90 days, or ame_majority."),
    ),
)

ATTRIBUTION_REPORT = Table(
    name="attribution_report",
    grain="one control of the attribution, per structure",
    key=("structure_id", "control"),
    columns=(
        Column("structure_id", "string", "Team, or '*' for all."),
        Column("control", "string", "Name of the control."),
        Column("patients", "int64", "Patients concerned.", "patients"),
        Column("detail", "string", "What was done.", nullable=True),
    ),
)

FEATURE_TABLE = Table(
    name="feature_table",
    grain="one patient and year; characteristics known on the index date (1 January)",
    key=("patient_id", "year"),
    columns=(
        PATIENT,
        YEAR,
        Column("index_date", "date", "Day on which the characteristics are known."),
        Column("has_declared_doctor", "boolean", "A médecin traitant contract is open on the index date."),
    ),
    wide=True,
)

SPENDING = Table(
    name="spending",
    grain="one patient and year, by perimeter and poste",
    key=("patient_id", "year"),
    columns=(
        PATIENT,
        YEAR,
        Column("exposure_share", "float64", "Part of the year alive and covered.", "0 to 1"),
        Column("spent_mg_eur", "float64", "General-practice acts, base of reimbursement.", "EUR"),
        Column("spent_mg_ide_eur", "float64", "General-practice and nurse acts, base of reimbursement.", "EUR"),
        Column("spent_total_eur", "float64", "All care, base of reimbursement.", "EUR"),
        Column("reimbursed_total_eur", "float64", "All care, paid by compulsory insurance.", "EUR"),
        Column("gp_acts", "int64", "General-practice acts.", "acts"),
    ),
    wide=True,
)

PREDICTIONS = Table(
    name="predictions",
    grain="one patient, year and model version",
    key=("patient_id", "year", "model", "version"),
    columns=(
        PATIENT,
        YEAR,
        Column("model", "string", "Registered model."),
        Column("version", "int64", "Version of the model."),
        Column("expected_eur", "float64", "Expected spending for a full year.", "EUR per year"),
    ),
)

EXPLANATIONS = Table(
    name="explanations",
    grain="one patient, year, model version and feature (or the base)",
    key=("patient_id", "year", "model", "version", "feature"),
    columns=(
        PATIENT,
        YEAR,
        Column("model", "string", "Registered model."),
        Column("version", "int64", "Version of the model."),
        Column("feature", "string", "Feature, 'base_eur' or 'floor_eur'."),
        Column("label_fr", "string", "French label."),
        Column("family", "string", "Family of the feature."),
        Column(
            "contribution_eur",
            "float64",
            "Euros; a patient's rows add up to expected_eur.",
            "EUR per year",
        ),
    ),
)
