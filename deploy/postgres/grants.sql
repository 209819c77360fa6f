-- What the service may do, in the database forfait, once its tables are there and after each upgrade of them.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM forfait_service;
GRANT SELECT ON alembic_version, access_schema, access_tokens TO forfait_service;
GRANT SELECT, INSERT ON decisions, decision_structures, accesses TO forfait_service;
GRANT USAGE ON SEQUENCE accesses_number_seq TO forfait_service;
