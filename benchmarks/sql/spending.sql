-- Spending of one year, by hand: same columns as `forfait spending`.

CREATE OR REPLACE TEMP TABLE totals AS
SELECT patient_id, perimeter, poste, sum(base_cents) AS base, sum(reimbursed_cents) AS reimbursed,
    sum(quantity) FILTER (perimeter = 'mg') AS acts
FROM read_parquet('{out}/care_lines_{year}.parquet') WHERE is_in_target GROUP BY 1, 2, 3;

COPY (
    SELECT b.patient_id, {year} AS year,
        (date_diff('day', greatest(coalesce(birth_date, DATE '{year}-01-01'), DATE '{year}-01-01'),
                          least(coalesce(death_date, DATE '{year}-12-31'), DATE '{year}-12-31')) + 1)
            / (date_diff('day', DATE '{year}-01-01', DATE '{year}-12-31') + 1) AS exposure_share,
        coalesce(mg, 0) AS spent_mg_eur, coalesce(mg_ide, 0) AS spent_mg_ide_eur, coalesce(total, 0) AS spent_total_eur,
        coalesce(reimbursed, 0) AS reimbursed_total_eur, coalesce(acts, 0) AS gp_acts, {postes}
    FROM read_parquet('{out}/beneficiaries_{year}.parquet') b
    LEFT JOIN (
        SELECT patient_id, sum(base) FILTER (perimeter = 'mg') / 100 AS mg, sum(base) FILTER (perimeter IN ('mg', 'ide')) / 100 AS mg_ide,
            sum(base) / 100 AS total, sum(reimbursed) / 100 AS reimbursed, sum(acts) AS acts, {sums}
        FROM totals GROUP BY 1
    ) USING (patient_id)
    WHERE (birth_date IS NULL OR birth_date <= DATE '{year}-12-31') AND (death_date IS NULL OR death_date >= DATE '{year}-01-01')
) TO '{out}/spending_{year}.parquet';
