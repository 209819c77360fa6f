-- Roles and databases, once, on an empty server: forfait_keeper owns the tables, forfait_service reads and adds.
-- Passwords are files, one a role; psql --set secrets=FOLDER names another folder.
\if :{?secrets}
\else
\set secrets /run/secrets
\endif
\setenv SECRETS :secrets
\set keeper_password `cat "$SECRETS/keeper_password"`
\set service_password `cat "$SECRETS/service_password"`
\set mlflow_password `cat "$SECRETS/mlflow_password"`

CREATE ROLE forfait_keeper LOGIN PASSWORD :'keeper_password';
CREATE ROLE forfait_service LOGIN PASSWORD :'service_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';

CREATE DATABASE forfait OWNER forfait_keeper;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE forfait, mlflow FROM PUBLIC;
GRANT CONNECT ON DATABASE forfait TO forfait_service;
