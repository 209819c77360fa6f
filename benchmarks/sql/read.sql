-- The reading of one year, by hand: same rules and same datasets as `forfait read`, in DuckDB's own SQL.
-- {snds} raw folder, {out} folder written, {year} year of care, {yy} its two digits, {next} the year after.

CREATE OR REPLACE TEMP TABLE persons AS
SELECT BEN_NIR_PSA, BEN_RNG_GEM, arg_max(BEN_IDT_ANO, MAX_TRT_DTD) AS patient_id
FROM read_parquet('{snds}/IR_BEN_R*/*.parquet')
WHERE BEN_CDI_NIR IS NULL OR BEN_CDI_NIR NOT IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE linked AS
SELECT BEN_NIR_PSA AS nir, min(patient_id) AS patient_id, count(DISTINCT patient_id) AS people FROM persons GROUP BY 1;

COPY (
    SELECT p.patient_id, p.birth_date, p.sex, p.death_date, p.commune, d.QUINTILE_POP::BIGINT AS fdep_quintile
    FROM (
        SELECT BEN_IDT_ANO AS patient_id,
            arg_max(make_date(BEN_NAI_ANN::INT, BEN_NAI_MOI::INT, 1), MAX_TRT_DTD) AS birth_date,
            arg_max(BEN_SEX_COD, MAX_TRT_DTD)::BIGINT AS sex,
            arg_max(BEN_DCD_DTE, MAX_TRT_DTD) FILTER (BEN_DCD_DTE > DATE '1600-12-31') AS death_date,
            arg_max(CASE WHEN BEN_RES_DPT[1] = '0' THEN BEN_RES_DPT[2:] || BEN_RES_COM
                         ELSE BEN_RES_DPT || BEN_RES_COM[2:] END, MAX_TRT_DTD) AS commune
        FROM read_parquet('{snds}/IR_BEN_R*/*.parquet')
        WHERE BEN_CDI_NIR IS NULL OR BEN_CDI_NIR NOT IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
        GROUP BY 1
    ) p LEFT JOIN read_parquet('{snds}/DEFA_UU2015*/*.parquet') d ON d.DEPCOM = p.commune
) TO '{out}/beneficiaries_{year}.parquet';

COPY (
    SELECT patient_id, coalesce(nullif(IMB_ALD_NUM, 0), CASE WHEN IMB_ETM_NAT = 43 THEN 31 WHEN IMB_ETM_NAT = 45 THEN 32 ELSE a.ald_code END, 99)::BIGINT AS ald_number,
        replace(upper(MED_MTF_COD), '.', '') AS icd10, IMB_ALD_DTD AS start_date,
        nullif(max(CASE WHEN IMB_ALD_DTF > DATE '1600-12-31' THEN IMB_ALD_DTF ELSE DATE '9999-12-31' END), DATE '9999-12-31') AS end_date,
        min(CASE WHEN INS_DTE > DATE '1600-12-31' THEN INS_DTE ELSE IMB_ALD_DTD END) AS known_date
    FROM read_parquet('{snds}/IR_IMB_R*/*.parquet') i JOIN persons USING (BEN_NIR_PSA, BEN_RNG_GEM)
    LEFT JOIN ald_map a ON a.icd10 = replace(upper(MED_MTF_COD), '.', '')
    WHERE IMB_ETM_NAT IN (41, 43, 45) AND IMB_ALD_DTD > DATE '1600-12-31'
    GROUP BY 1, 2, 3, 4
) TO '{out}/ald_periods_{year}.parquet';

COPY (
    SELECT patient_id, MTT_PFS_NUM AS doctor_id, MTT_DEB_DTE AS start_date,
        nullif(max(CASE WHEN MTT_FIN_DTE > DATE '1600-12-31' THEN MTT_FIN_DTE ELSE DATE '9999-12-31' END), DATE '9999-12-31') AS end_date
    FROM read_parquet('{snds}/IR_MTT_R*/*.parquet') JOIN persons USING (BEN_NIR_PSA, BEN_RNG_GEM)
    WHERE NOT (MTT_FIN_DTE > DATE '1600-12-31' AND MTT_FIN_DTE < MTT_DEB_DTE)
    GROUP BY 1, 2, 3
) TO '{out}/declarations_{year}.parquet';

CREATE OR REPLACE TEMP TABLE received AS
SELECT CASE WHEN EXE_SOI_DTD NOT BETWEEN DATE '{year}-01-01' AND DATE '{year}-12-31' THEN 'other_care_year'
            WHEN FLX_DIS_DTD NOT BETWEEN DATE '{year}-02-01' AND DATE '{next}-07-01' THEN 'outside_flux_window'
            ELSE 'year' END AS place,
    count(*) AS lines, sum(BSE_REM_BSE + coalesce(CPL_REM_BSE, 0)) AS base, sum(BSE_REM_MNT + CPL_REM_MNT) AS reimbursed
FROM read_parquet('{snds}/ER_PRS_F*/*.parquet') GROUP BY 1;

CREATE OR REPLACE TEMP TABLE reversed AS
SELECT DISTINCT BEN_NIR_PSA, BEN_RNG_GEM, PRS_NAT_REF, EXE_SOI_DTD
FROM read_parquet('{snds}/ER_PRS_F*/*.parquet')
WHERE PRS_ACT_QTE < 0 AND EXE_SOI_DTD BETWEEN DATE '{year}-01-01' AND DATE '{year}-12-31'
    AND FLX_DIS_DTD BETWEEN DATE '{year}-02-01' AND DATE '{next}-07-01';

CREATE OR REPLACE TEMP TABLE lines AS
SELECT c.DCT_ORD_NUM, c.FLX_DIS_DTD, c.FLX_EMT_NUM, c.FLX_EMT_ORD, c.FLX_EMT_TYP, c.FLX_TRT_DTD, c.ORG_CLE_NUM, c.PRS_ORD_NUM, c.REM_TYP_AFF,
    p.patient_id, c.EXE_SOI_DTD AS care_date, c.EXE_SOI_DTF, c.PRS_NAT_REF::BIGINT AS act_code, c.PFS_EXE_NUM AS performer_id,
    c.PSE_SPE_COD::BIGINT AS performer_specialty, e.ETB_EXE_FIN AS establishment_id,
    c.CPL_MAJ_TOP, c.CPL_AFF_COD, c.DPN_QLF, c.PRS_DPN_QLP, c.BEN_NIR_PSA, c.BEN_RNG_GEM,
    coalesce(a.poste, 'inconnu') AS poste, coalesce(a.perimeter, 'autre') AS perimeter,
    c.PRS_ACT_QTE::BIGINT AS signed_quantity,
    CASE WHEN c.CPL_MAJ_TOP >= 2 THEN 0 ELSE coalesce(c.PRS_ACT_QTE, 0) END::BIGINT AS quantity,
    ((c.BSE_REM_BSE + coalesce(c.CPL_REM_BSE, 0)) * 100)::BIGINT AS base_cents,
    ((c.BSE_REM_MNT + c.CPL_REM_MNT) * 100)::BIGINT AS reimbursed_cents, (c.PRS_PAI_MNT * 100)::BIGINT AS paid_cents,
    coalesce(a.is_in_target, true) AS is_in_target,
    r.PRS_NAT_REF IS NOT NULL AS is_candidate,
    CASE c.BEN_C2S_TYP WHEN 'G89' THEN 'c2s_free' WHEN 'P89' THEN 'c2s_participative' WHEN 'I89' THEN 'c2s_unknown' END AS c2s,
    c.RGM_COD IN (95, 96) OR coalesce(c.BEN_CDI_NIR = '04', false) AS is_ame, coalesce(c.MTM_NAT = 1, false) AS has_minimum_income,
    CASE WHEN c.DPN_QLF IN (71, 72) OR c.PRS_DPN_QLP = 71 THEN 'information_only'
         WHEN (e.ETE_IND_TAA = 1 OR (e.ETE_IND_TAA = 0 AND e.PRS_PPU_SEC = 1
                AND e.ETE_CAT_COD IN (101, 355, 131, 106, 122, 365, 128, 129) AND e.MDT_COD IN (0, 3, 7, 10)))
            AND NOT (c.PRS_NAT_REF IN (3317, 3318, 3319, 3330, 3351, 3352, 3353, 3354, 3355, 3356, 3357)
                OR coalesce(e.ETE_CAT_COD IN (124, 125, 130, 439), false)) THEN 'hospital_in_pmsi'
         WHEN a.is_payment THEN 'payment_without_act'
         WHEN c.BEN_CDI_NIR IN ('01', '05', '06', '08', '09', '11', '12', '13', '14', '15')
            OR (c.RGM_GRG_COD = 1 AND c.RGM_COD = 888) THEN 'fictitious_identifier'
         WHEN p.patient_id IS NULL THEN 'unknown_person' END AS reason
FROM read_parquet('{snds}/ER_PRS_F*/*.parquet') c
LEFT JOIN reversed r USING (BEN_NIR_PSA, BEN_RNG_GEM, PRS_NAT_REF, EXE_SOI_DTD)
LEFT JOIN (SELECT * FROM read_parquet('{snds}/ER_ETE_F*/*.parquet') WHERE FLX_DIS_DTD BETWEEN DATE '{year}-02-01' AND DATE '{next}-07-01') e
    USING (DCT_ORD_NUM, FLX_DIS_DTD, FLX_EMT_NUM, FLX_EMT_ORD, FLX_EMT_TYP, FLX_TRT_DTD, ORG_CLE_NUM, PRS_ORD_NUM, REM_TYP_AFF)
LEFT JOIN acts a ON a.act_code = c.PRS_NAT_REF AND a.is_gp = coalesce(c.PSE_SPE_COD IN (1, 22, 23), false)
LEFT JOIN persons p USING (BEN_NIR_PSA, BEN_RNG_GEM)
WHERE c.EXE_SOI_DTD BETWEEN DATE '{year}-01-01' AND DATE '{year}-12-31'
    AND c.FLX_DIS_DTD BETWEEN DATE '{year}-02-01' AND DATE '{next}-07-01';

CREATE OR REPLACE TEMP TABLE netted AS
SELECT * EXCLUDE (unit, has_reversal, left_quantity, latest, place, reason, quantity, base_cents, reimbursed_cents, paid_cents, s0, s1, s2, s3),
    CASE WHEN has_reversal THEN latest ELSE FLX_DIS_DTD END AS known_date,
    CASE WHEN has_reversal AND NOT (left_quantity > 0 AND place = 1) THEN 'reversal_netted' ELSE reason END AS reason,
    reason IS NULL AND (NOT has_reversal OR left_quantity > 0) AS has_detail,
    CASE WHEN NOT has_reversal OR left_quantity <= 0 THEN quantity WHEN place = 1 THEN s0 ELSE 0 END AS quantity,
    CASE WHEN NOT has_reversal OR left_quantity <= 0 THEN base_cents WHEN place = 1 THEN s1 ELSE 0 END AS base_cents,
    CASE WHEN NOT has_reversal OR left_quantity <= 0 THEN reimbursed_cents WHEN place = 1 THEN s2 ELSE 0 END AS reimbursed_cents,
    CASE WHEN NOT has_reversal OR left_quantity <= 0 THEN paid_cents WHEN place = 1 THEN s3 ELSE 0 END AS paid_cents
FROM (
    SELECT *, bool_or(signed_quantity < 0) OVER w AS has_reversal, sum(signed_quantity) OVER w AS left_quantity,
        max(FLX_DIS_DTD) OVER w AS latest,
        sum(quantity) OVER w AS s0, sum(base_cents) OVER w AS s1, sum(reimbursed_cents) OVER w AS s2, sum(paid_cents) OVER w AS s3,
        row_number() OVER (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, act_code, care_date, EXE_SOI_DTF, performer_id, CPL_MAJ_TOP,
            CPL_AFF_COD, DPN_QLF, PRS_DPN_QLP, ORG_CLE_NUM, REM_TYP_AFF, unit ORDER BY signed_quantity DESC, FLX_DIS_DTD, DCT_ORD_NUM, PRS_ORD_NUM) AS place
    FROM (SELECT *, round(abs(base_cents) / CASE WHEN signed_quantity = 0 THEN 1 ELSE abs(signed_quantity) END) AS unit FROM lines WHERE is_candidate)
    WINDOW w AS (PARTITION BY BEN_NIR_PSA, BEN_RNG_GEM, act_code, care_date, EXE_SOI_DTF, performer_id, CPL_MAJ_TOP,
        CPL_AFF_COD, DPN_QLF, PRS_DPN_QLP, ORG_CLE_NUM, REM_TYP_AFF, unit)
);

CREATE OR REPLACE TEMP TABLE classified AS
SELECT *, FLX_DIS_DTD AS known_date, reason IS NULL AS has_detail FROM lines WHERE NOT is_candidate
UNION ALL BY NAME SELECT * FROM netted;
DROP TABLE lines;

CREATE OR REPLACE TEMP TABLE report AS
SELECT reason, count(*) AS lines, sum(base_cents) AS base, sum(reimbursed_cents) AS reimbursed FROM classified GROUP BY 1;

CREATE OR REPLACE TEMP TABLE packs AS
SELECT patient_id, care_date, PHA_PRS_C13 AS cip, max(known_date) AS known_date, sum(PHA_ACT_QSN) AS quantity
FROM read_parquet('{snds}/ER_PHA_F*/*.parquet')
JOIN (SELECT * FROM classified WHERE has_detail) USING (DCT_ORD_NUM, FLX_DIS_DTD, FLX_EMT_NUM, FLX_EMT_ORD, FLX_EMT_TYP, FLX_TRT_DTD, ORG_CLE_NUM, PRS_ORD_NUM, REM_TYP_AFF)
GROUP BY 1, 2, 3 HAVING sum(PHA_ACT_QSN) > 0;

COPY (
    SELECT patient_id, care_date, known_date, lpad(cip::VARCHAR, 13, '0') AS cip13, PHA_ATC_CLA AS atc,
        coalesce(PHA_GRD_CND IN ('O', '1', 'G'), false) AS is_large_pack, quantity::BIGINT AS quantity
    FROM packs LEFT JOIN read_parquet('{snds}/IR_PHA_R*/*.parquet') ON PHA_CIP_C13 = cip
) TO '{out}/dispensings_{year}.parquet';

COPY (
    SELECT patient_id, care_date, known_date, CAM_PRS_IDE[:7] AS ccam, CAM_ACT_COD AS activity, CAM_TRT_PHA::BIGINT AS phase
    FROM read_parquet('{snds}/ER_CAM_F*/*.parquet')
    JOIN (SELECT * FROM classified WHERE has_detail) USING (DCT_ORD_NUM, FLX_DIS_DTD, FLX_EMT_NUM, FLX_EMT_ORD, FLX_EMT_TYP, FLX_TRT_DTD, ORG_CLE_NUM, PRS_ORD_NUM, REM_TYP_AFF)
) TO '{out}/procedures_{year}.parquet';

CREATE OR REPLACE TEMP TABLE codes AS
SELECT ETA_NUM, RSA_NUM, list_sort(list_distinct(list(code) FILTER (place = 'M'))) AS main_diagnoses,
    list_sort(list_distinct(list(code) FILTER (place = 'A'))) AS associated_diagnoses,
    list_sort(list_distinct(list(code) FILTER (place = 'C'))) AS acts
FROM (
    SELECT ETA_NUM, RSA_NUM, 'M' AS place, DGN_PAL AS code FROM read_parquet('{snds}/T_MCO{yy}B*/*.parquet')
    UNION ALL SELECT ETA_NUM, RSA_NUM, 'M', DGN_REL FROM read_parquet('{snds}/T_MCO{yy}B*/*.parquet')
    UNION ALL SELECT ETA_NUM, RSA_NUM, 'M', DGN_PAL FROM read_parquet('{snds}/T_MCO{yy}UM*/*.parquet')
    UNION ALL SELECT ETA_NUM, RSA_NUM, 'M', DGN_REL FROM read_parquet('{snds}/T_MCO{yy}UM*/*.parquet')
    UNION ALL SELECT ETA_NUM, RSA_NUM, 'A', ASS_DGN FROM read_parquet('{snds}/T_MCO{yy}D*/*.parquet')
    UNION ALL SELECT ETA_NUM, RSA_NUM, 'C', CDC_ACT FROM read_parquet('{snds}/T_MCO{yy}A*/*.parquet')
) WHERE code <> '' GROUP BY 1, 2;

CREATE OR REPLACE TEMP TABLE mco AS
SELECT 'MCO-{year}-' || b.ETA_NUM || '-' || b.RSA_NUM AS stay_id,
    CASE WHEN l.people > 1 THEN 'ambiguous' ELSE l.patient_id END AS patient_id, b.ETA_NUM AS establishment_id,
    c.EXE_SOI_DTD AS start_date, c.EXE_SOI_DTF AS end_date, GRG_GHM AS ghm, ENT_MOD AS entry_mode, SOR_MOD AS exit_mode,
    SEJ_NBJ AS nights, CASE WHEN GRG_GHM LIKE '28%' THEN greatest(NBR_SEA, 1) ELSE 0 END AS sessions,
    k.main_diagnoses, k.associated_diagnoses, k.acts, s.TOT_MNT_AM IS NOT NULL AS is_public,
    CASE WHEN v.VALO IN ('1', '2', '3', '4', '5') AND v.MNT_TOT_AM >= 0 THEN (v.MNT_TOT_BR * 100)::BIGINT END AS base_cents,
    CASE WHEN v.VALO IN ('1', '2', '3', '4', '5') AND v.MNT_TOT_AM >= 0 THEN (v.MNT_TOT_AM * 100)::BIGINT END AS reimbursed_cents,
    coalesce(l.people, 0) = 1 AS is_linked
FROM read_parquet('{snds}/T_MCO{yy}B*/*.parquet') b
JOIN read_parquet('{snds}/T_MCO{yy}C*/*.parquet') c USING (ETA_NUM, RSA_NUM)
LEFT JOIN codes k USING (ETA_NUM, RSA_NUM)
LEFT JOIN read_parquet('{snds}/T_MCO{yy}STC*/*.parquet') s USING (ETA_NUM, RSA_NUM)
LEFT JOIN read_parquet('{snds}/T_MCO{yy}VALO*/*.parquet') v USING (ETA_NUM, RSA_NUM)
LEFT JOIN linked l ON l.nir = c.NIR_ANO_17
WHERE NOT starts_with(GRG_GHM, '90') AND ENT_MOD <> '0' AND SOR_MOD <> '0' AND coalesce(SEJ_TYP, '') <> 'B'
    AND upper(NIR_ANO_17) NOT LIKE 'XXXXXXXXXXXXXXXX%' AND l.people IS NOT NULL
    AND NIR_RET = '0' AND NAI_RET = '0' AND SEX_RET = '0' AND SEJ_RET = '0' AND FHO_RET = '0' AND PMS_RET = '0' AND DAT_RET = '0'
    AND COH_NAI_RET = '0' AND COH_SEX_RET = '0';

COPY mco TO '{out}/stays_{year}.parquet';

COPY (
    SELECT patient_id, care_date, known_date, act_code, poste, perimeter, performer_id, performer_specialty, establishment_id,
        quantity, base_cents, reimbursed_cents, paid_cents, is_in_target, 'DCIR' AS source
    FROM classified WHERE reason IS NULL
    UNION ALL BY NAME
    SELECT patient_id, start_date AS care_date, (date_trunc('month', end_date) + INTERVAL 2 MONTH)::DATE AS known_date, NULL::BIGINT AS act_code,
        'hopital_mco' AS poste, 'autre' AS perimeter, establishment_id, 1 AS quantity, base_cents, reimbursed_cents, base_cents AS paid_cents,
        true AS is_in_target, 'PMSI' AS source
    FROM mco WHERE is_linked AND is_public AND base_cents IS NOT NULL
    UNION ALL BY NAME
    SELECT l.patient_id, c.EXE_SOI_DTD AS care_date, (date_trunc('month', c.EXE_SOI_DTD) + INTERVAL 2 MONTH)::DATE AS known_date, NULL::BIGINT AS act_code,
        'hopital_ace' AS poste, 'autre' AS perimeter, ETA_NUM AS establishment_id, 1 AS quantity,
        (MNT_BR * 100)::BIGINT AS base_cents, (MNT_REMB * 100)::BIGINT AS reimbursed_cents, (MNT_BR * 100)::BIGINT AS paid_cents,
        true AS is_in_target, 'PMSI' AS source
    FROM read_parquet('{snds}/T_MCO{yy}CSTC*/*.parquet') c
    JOIN read_parquet('{snds}/T_MCO{yy}VALOACE*/*.parquet') v USING (ETA_NUM, SEQ_NUM)
    JOIN linked l ON l.nir = c.NIR_ANO_17 AND l.people = 1
    WHERE NIR_RET = '0' AND NAI_RET = '0' AND SEX_RET = '0' AND IAS_RET = '0' AND ENT_DAT_RET = '0'
) TO '{out}/care_lines_{year}.parquet';

COPY (
    SELECT patient_id, CASE right_ WHEN 1 THEN c2s WHEN 2 THEN 'ame' ELSE 'minimum_income' END AS "right",
        min(care_date) AS start_date, max(care_date) AS end_date, known_date
    FROM classified, (VALUES (1), (2), (3)) v(right_)
    WHERE reason IS NULL AND ((right_ = 1 AND c2s IS NOT NULL) OR (right_ = 2 AND is_ame) OR (right_ = 3 AND has_minimum_income))
    GROUP BY 1, 2, known_date
    UNION ALL BY NAME
    SELECT patient_id, CASE REF_C2S_COD WHEN 'G' THEN 'c2s_free' WHEN 'P' THEN 'c2s_participative' ELSE 'c2s_unknown' END AS "right",
        MLL_CTA_DSD AS start_date, CASE WHEN MLL_CTA_DSF > DATE '1600-12-31' THEN MLL_CTA_DSF END AS end_date, MLL_CTA_DSD AS known_date
    FROM read_parquet('{snds}/IR_ORC_R*/*.parquet') JOIN persons USING (BEN_NIR_PSA, BEN_RNG_GEM) WHERE BEN_CTA_TYP = 89
) TO '{out}/coverages_{year}.parquet';
DROP TABLE classified;
