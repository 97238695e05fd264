-- The database roles.
--
--   rekindle_owner  owns the database and every table; migrates (DATABASE_OWNER_URL)
--   rekindle_app    owns nothing; serves (DATABASE_URL), so no bug of ours can alter a table,
--                   empty one, or rewrite what a migration has made append-only
--   rekindle_guard  owns the audit trail and the functions that decide which charts are seen (schema
--                   "guard"); nobody signs in as it
--
-- Run by a superuser, in the database the clinic will use; running it again changes nothing:
--
--   createdb rekindle
--   psql -d rekindle -v ON_ERROR_STOP=1 -1 -f config/sql/roles.sql
--   psql -d rekindle -c '\password rekindle_owner' -c '\password rekindle_app'
--
-- Default privileges belong to one database. Test databases are copies of template1, so where tests run
-- run it there too (psql -d template1 ...). bin/up and bin/test do all of this for the server they start.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rekindle_owner') THEN
        CREATE ROLE rekindle_owner;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rekindle_app') THEN
        CREATE ROLE rekindle_app;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rekindle_guard') THEN
        CREATE ROLE rekindle_guard;
    END IF;
END
$$;

-- CREATEDB is for test databases; take it away where none are made.
ALTER ROLE rekindle_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE rekindle_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE rekindle_guard NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- Migrations make what the guard owns.
GRANT rekindle_guard TO rekindle_owner;

ALTER DATABASE rekindle OWNER TO rekindle_owner;
REVOKE ALL ON DATABASE rekindle FROM PUBLIC;
GRANT CONNECT ON DATABASE rekindle TO rekindle_app;

-- Databases that come from before PostgreSQL 15 let everyone make tables here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO rekindle_app;

GRANT USAGE ON SCHEMA public TO rekindle_guard;
CREATE SCHEMA IF NOT EXISTS guard AUTHORIZATION rekindle_guard;
GRANT USAGE ON SCHEMA guard TO rekindle_app, rekindle_owner;

-- What the owner makes from now on, the app may use: no TRUNCATE, REFERENCES or TRIGGER.
ALTER DEFAULT PRIVILEGES FOR ROLE rekindle_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rekindle_app;
ALTER DEFAULT PRIVILEGES FOR ROLE rekindle_owner GRANT USAGE, SELECT ON SEQUENCES TO rekindle_app;
