"""Datasets of the care episodes (EDS): index stays with their exclusions and costs, lines, flow chart, features."""

from __future__ import annotations

from features.declare import Column, Table

COMPONENTS = (
    "pre", "index", "implant", "ssr", "had", "readmission", "kine", "ide", "transport", "drugs_lpp", "other_ville",
)  # fmt: skip
PERIODS = ("days_0_30", "days_31_60", "days_61_90", "days_91_up")
EXCLUSIONS: dict[str, str] = {
    "excl_age": "I1: younger than the age of the programme at entry.",
    "excl_ghm": "I2: group of stays (GHM) outside the roots of the programme.",
    "excl_act": "I3: no act of the programme, activity 1.",
    "excl_diagnosis": "I4: main diagnosis (or linked one, where the main is a Z code) outside the list.",
    "excl_chaining": "I5: not linked to one person (same-sex twins; failed return codes never reach `stays`).",
    "excl_grouping": "E1: grouping error, session, or obstetrics and newborns (CMD 90, 28, 14, 15).",
    "excl_not_from_home": "E2: not admitted from home.",
    "excl_emergency": "E3: through the emergency unit, or first unit of critical or short-stay emergency care.",
    "excl_medico_social": "E4: from medico-social housing, where the programme excludes it (kept by default).",
    "excl_death": "E5: exit by death.",
    "excl_palliative": "E6: palliative care.",
    "excl_similar": "E7: similar intervention in the 365 days before entry.",
    "excl_second_act": "E8: a second index act, or another joint act, in the same stay.",
    "excl_fracture": "E9: main diagnosis of fracture.",
    "excl_total_colectomy": "E10: total colectomy or coloproctectomy.",
    "excl_left_or_abroad": "E11: left against advice, or resident abroad.",
    "excl_long_stay": "E12: index stay longer than allowed.",
    "excl_history": "E13: known in the claims for too few days before entry.",
    "excl_overlap": "E14: begins inside the window of an episode that is kept.",
    "excl_death_in_window": "Dead after discharge in the window, where the programme excludes it (kept by default).",
}  # fmt: skip
"""Reasons for which an index stay is no episode, in the order of the flow chart."""

EPISODE = Column("episode_id", "string", "Programme and index stay.")
PATIENT = Column("patient_id", "string", "Pseudonymised person.")
PROGRAMME = Column("programme", "string", "Programme: pth, ptg, colectomie, or another parameter file.")
NOT_FINAL = "null where the episode is not final."

EPISODES = Table(
    name="episodes",
    grain="one index stay and programme",
    key=("episode_id",),
    columns=(
        EPISODE,
        PATIENT,
        Column("stay_id", "string", "Index stay."),
        PROGRAMME,
        Column("sector", "string", "public (ex-DGF) or private (ex-OQN), of the index stay."),
        Column("establishment_id", "string", "FINESS of the establishment of the index stay."),
        Column("ghm", "string", "Group of the index stay: to value and describe, never to price.", nullable=True),
        Column("entry_date", "date", "Entry of the index stay."),
        Column("intervention_date", "date", "Day of the index act, else of entry."),
        Column("exit_date", "date", "Exit of the index stay."),
        Column("window_start", "date", "First day of the window."),
        Column("window_end", "date", "Last day of the window, after truncation."),
        *(Column(name, "boolean", meaning) for name, meaning in EXCLUSIONS.items()),
        Column("from_medico_social", "boolean", "Admitted from medico-social housing."),
        Column("is_final", "boolean", "No reason excludes the stay."),
        Column("is_truncated", "boolean", "The window ends the day before a second index procedure."),
        Column("died_in_window", "boolean", "Died on a day of the window; it ends on that day."),
        Column("is_complete", "boolean", "The whole window lies in the years read."),
        Column("cost_total_allcause_cents", "int64", f"All care of the window, base of reimbursement; {NOT_FINAL}",
               "cents", True),
        Column("cost_in_scope_cents", "int64", f"Care in the perimeter; the components add up to it; {NOT_FINAL}",
               "cents", True),
        *(Column(f"cost_{name}_cents", "int64", f"Component {name}, in the perimeter; {NOT_FINAL}", "cents", True)
          for name in COMPONENTS),
        *(Column(f"cost_{name}_cents", "int64",
                 f"In the perimeter after the index stay, by days since the intervention; {NOT_FINAL}", "cents", True)
          for name in PERIODS),
    ),
)  # fmt: skip

EPISODE_LINES = Table(
    name="episode_lines",
    grain="one source row of an episode, by period of the window: the euros counted and the rule that decides them",
    key=(),
    columns=(
        EPISODE,
        PATIENT,
        Column("source", "string", "Dataset of the source row: stays, care_lines or dispensings."),
        Column("source_key", "string", "Stay, or the columns that identify the row in care_lines, separated by |."),
        Column("stay_id", "string", "Stay that the row belongs to, if any.", nullable=True),
        Column("care_date", "date", "First day of the row."),
        Column("end_date", "date", "Last day of the row."),
        Column("rows", "int64", "Rows of the source summed here (same act, day, performer and load).", "rows"),
        Column("received_cents", "int64", "Base of reimbursement as received, refunds deducted.", "cents"),
        Column("tariff_year", "int64", "Campaign of the tariffs of the row."),
        Column("revalued_cents", "int64", "The same at the tariffs of the reference campaign.", "cents"),
        Column("period", "string", "pre, index, days_0_30, days_31_60, days_61_90 or days_91_up."),
        Column("window_share", "float64", "Part of the row that falls in this period of the window.", "0 to 1"),
        Column("cents", "int64", "What the episode counts of the row in this period.", "cents"),
        Column("rule", "int64", "Priority of the rule of perimeter_rules.csv that decided."),
        Column("is_in_scope", "boolean", "In the perimeter of the forfait."),
        Column("component", "string", "Component of the cost; out where not in the perimeter."),
    ),
)

EPISODE_FLOW = Table(
    name="episode_flow",
    grain="one step of the flow chart of a programme; exclusions counted each on its own, not one after the other",
    key=("programme", "step"),
    columns=(
        PROGRAMME,
        Column("order", "int64", "Place in the chart."),
        Column("step", "string", "candidates, a reason of exclusion, or final."),
        Column("stays", "int64", "Stays concerned.", "stays"),
        Column("only_reason", "int64", "Stays that this reason alone excludes.", "stays"),
    ),
)

EPISODE_FEATURES = Table(
    name="episode_features",
    grain="one final episode; characteristics known the day before admission, and those of the whitelist",
    key=("episode_id",),
    columns=(
        EPISODE,
        PATIENT,
        PROGRAMME,
        Column("entry_date", "date", "Entry: nothing counts that happened on or after it, but for the whitelist."),
        Column("index_dx_policy", "string", "lookback_only or whitelist: which diagnoses of the index stay count."),
    ),
    wide=True,
)

MODEL = Column("model", "string", "Model: eds_pth, eds_ptg or eds_colectomie.")
VERSION = Column("version", "int64", "Frozen version of the model.")

EPISODE_PREDICTIONS = Table(
    name="episode_predictions",
    grain="one final episode under one version of its model, which never saw the cost of that episode",
    key=("episode_id", "model", "version"),
    columns=(
        EPISODE,
        PATIENT,
        PROGRAMME,
        Column("sector", "string", "public (ex-DGF) or private (ex-OQN), of the index stay: no characteristic."),
        MODEL,
        VERSION,
        Column("expected_eur", "float64",
               "Expected cost in the perimeter at the reference campaign, before any normalisation by stratum.", "EUR"),
        Column("fold", "int64", "Fold that was left out to price the episode; null where its year trained nothing.",
               nullable=True),
        Column("typical_eur", "float64", "Part of expected_eur without avoidable complications.", "EUR", True),
        Column("avoidable_eur", "float64", "Part of expected_eur for avoidable complications.", "EUR", True),
    ),
)  # fmt: skip

EPISODE_EXPLANATIONS = Table(
    name="episode_explanations",
    grain="one episode, version and feature that moves its expected cost (with the base and the floor): they add up",
    key=(),
    columns=(
        EPISODE,
        MODEL,
        VERSION,
        Column("feature", "string", "Feature, base_eur or floor_eur."),
        Column("label_fr", "string", "Label shown to the establishment."),
        Column("family", "string", "Family of the feature, base or floor."),
        Column("contribution_eur", "float64", "Euros that the feature adds to the base.", "EUR"),
    ),
)

EPISODE_OUTCOMES = Table(
    name="episode_outcomes",
    grain="one final episode: what happened, by the rows of episode_outcomes.csv, and the factors of the odds ratios",
    key=("episode_id",),
    columns=(
        EPISODE,
        PATIENT,
        PROGRAMME,
        Column("establishment_id", "string", "FINESS of the establishment of the index stay."),
        Column("has_rehospitalisation", "boolean", "Back in hospital for a complication of the list, in the window."),
        Column("has_rehospitalisation_30", "boolean", "The same, begun within 30 days of the exit."),
        Column("has_infection", "boolean", "Infection of the surgical site, in the stay or 90 days (HAS ISO)."),
        Column("has_thrombo_embolic", "boolean", "Thrombo-embolic event coded in the index stay (HAS ETE)."),
        Column("has_ssr", "boolean", "Rehabilitation of the perimeter begun in the window."),
        Column("has_anaemia_screening", "boolean",
               "Blood count in town before entry, in the window; null where analyses were not read.", "", True),
        Column("has_malnutrition_screening", "boolean",
               "Albumin in town before entry, in the window, or malnutrition coded; null as above.", "", True),
        Column("chemotherapy_date", "date", "First chemotherapy after a colectomy; null where none.", "", True),
    ),
    wide=True,
)  # fmt: skip
