-- Characteristics on 1 January {year}, by hand: the same code lists (tables `prefixes`, `ald_rules`, `atc_rules`,
-- made from the reference CSVs), evidence as rows (patient, clause), pivoted at the end.

CREATE OR REPLACE TEMP TABLE known_stays AS
SELECT *, {year} - 1 - year(end_date) AS back FROM read_parquet([{stay_files}])
WHERE is_linked AND end_date < DATE '{year}-01-01'
    AND (date_trunc('month', end_date) + INTERVAL 2 MONTH)::DATE < DATE '{year}-01-01';

CREATE OR REPLACE TEMP TABLE known_drugs AS
SELECT *, {year} - 1 - year(care_date) AS back FROM read_parquet([{drug_files}])
WHERE care_date < DATE '{year}-01-01' AND known_date < DATE '{year}-01-01';

CREATE OR REPLACE TEMP TABLE known_ald AS
SELECT * FROM read_parquet('{out}/ald_periods_{year}.parquet')
WHERE start_date <= DATE '{year}-01-01' AND known_date < DATE '{year}-01-01';

CREATE OR REPLACE TEMP TABLE diagnoses AS
SELECT patient_id, back, 'main' AS route, unnest(main_diagnoses) AS code FROM known_stays
UNION ALL SELECT patient_id, back, 'associated', unnest(associated_diagnoses) FROM known_stays
UNION ALL SELECT patient_id, back, 'ghm', ghm FROM known_stays;

CREATE OR REPLACE TEMP TABLE diagnosis_map AS
SELECT DISTINCT d.route, d.code, p.clause, p.years_back
FROM (SELECT DISTINCT route, code FROM diagnoses) d JOIN prefixes p ON p.route = d.route AND starts_with(d.code, p.prefix);

CREATE OR REPLACE TEMP TABLE ald_code_map AS
SELECT DISTINCT a.icd10, p.clause FROM (SELECT DISTINCT icd10 FROM known_ald) a JOIN prefixes p ON p.route = 'ald' AND starts_with(a.icd10, p.prefix);

CREATE OR REPLACE TEMP TABLE atc_map AS
SELECT DISTINCT a.atc, r.drug FROM (SELECT DISTINCT atc FROM known_drugs) a JOIN atc_rules r ON starts_with(a.atc, r.prefix);

CREATE OR REPLACE TEMP TABLE treated AS
SELECT patient_id, drug, back, count(*) AS dates, bool_or(large) AS large
FROM (SELECT patient_id, drug, back, care_date, bool_or(is_large_pack) AS large FROM known_drugs JOIN atc_map USING (atc) GROUP BY 1, 2, 3, 4)
GROUP BY 1, 2, 3;

CREATE OR REPLACE TEMP TABLE seen AS
SELECT DISTINCT patient_id, clause FROM (
    SELECT patient_id, clause FROM diagnoses JOIN diagnosis_map USING (route, code) WHERE back <= years_back
    UNION ALL
    SELECT patient_id, clause FROM known_ald JOIN ald_code_map USING (icd10) WHERE end_date IS NULL OR end_date >= make_date({year} - 1, 1, 1)
    UNION ALL
    SELECT patient_id, clause FROM known_ald JOIN ald_rules USING (ald_number) WHERE end_date IS NULL OR end_date >= DATE '{year}-01-01'
    UNION ALL
    SELECT patient_id, clause FROM treated JOIN drug_clauses USING (drug) WHERE back <= years_back AND (dates >= 3 OR (large AND dates >= 2))
);

CREATE OR REPLACE TEMP TABLE past AS
SELECT patient_id, poste, sum(base_cents) / 100 AS eur, sum(quantity) FILTER (perimeter = 'mg') AS acts
FROM read_parquet('{out}/care_lines_{past}.parquet')
WHERE is_in_target AND known_date < DATE '{year}-01-01' AND care_date < DATE '{year}-01-01' GROUP BY 1, 2;

COPY (
    SELECT b.patient_id, {year} AS year, DATE '{year}-01-01' AS index_date,
        coalesce(d.patient_id IS NOT NULL, false) AS has_declared_doctor,
        greatest(0, least(110, date_diff('month', birth_date, DATE '{year}-01-01') // 12)) AS age, (sex = 2)::INT AS is_woman,
        coalesce(fdep_quintile::VARCHAR, 'missing') AS fdep_quintile, coalesce(ald_count, 0) AS ald_count,
        coalesce(c2s_free, 0) AS c2s_free, coalesce(c2s_participative, 0) AS c2s_participative, coalesce(c2s_unknown, 0) AS c2s_unknown,
        coalesce(ame, 0) AS ame, coalesce(minimum_income, 0) AS minimum_income, {flags}, {past_columns},
        coalesce(stay_count, 0) AS past_stays_count, coalesce(nights, 0) AS past_nights, coalesce(drug_count, 0) AS past_drugs_count
    FROM (
        SELECT * FROM read_parquet('{out}/beneficiaries_{year}.parquet')
        WHERE (birth_date IS NULL OR birth_date <= DATE '{year}-12-31') AND (death_date IS NULL OR death_date >= DATE '{year}-01-01')
    ) b
    LEFT JOIN (SELECT DISTINCT patient_id FROM read_parquet('{out}/declarations_{year}.parquet')
               WHERE start_date <= DATE '{year}-01-01' AND (end_date IS NULL OR end_date >= DATE '{year}-01-01')) d USING (patient_id)
    LEFT JOIN (SELECT patient_id, count(DISTINCT ald_number) FILTER (end_date IS NULL OR end_date >= DATE '{year}-01-01') AS ald_count FROM known_ald GROUP BY 1) a USING (patient_id)
    LEFT JOIN (SELECT patient_id, max(("right" = 'c2s_free')::INT) AS c2s_free, max(("right" = 'c2s_participative')::INT) AS c2s_participative,
                   max(("right" = 'c2s_unknown')::INT) AS c2s_unknown, max(("right" = 'ame')::INT) AS ame, max(("right" = 'minimum_income')::INT) AS minimum_income
               FROM read_parquet(['{out}/coverages_{past}.parquet', '{out}/coverages_{year}.parquet'])
               WHERE known_date < DATE '{year}-01-01' AND start_date < DATE '{year}-01-01' AND (end_date IS NULL OR end_date >= DATE '{year}-01-01' - INTERVAL 365 DAY)
               GROUP BY 1) r USING (patient_id)
    LEFT JOIN (SELECT patient_id, {pivots} FROM seen GROUP BY 1) f USING (patient_id)
    LEFT JOIN (SELECT patient_id, {past_sums} FROM past GROUP BY 1) u USING (patient_id)
    LEFT JOIN (SELECT patient_id, count(*) FILTER (sessions = 0) AS stay_count, sum(nights) AS nights FROM known_stays WHERE back = 0 GROUP BY 1) h USING (patient_id)
    LEFT JOIN (SELECT patient_id, count(DISTINCT atc) AS drug_count FROM known_drugs WHERE back = 0 GROUP BY 1) g USING (patient_id)
) TO '{out}/feature_table_{year}.parquet';
