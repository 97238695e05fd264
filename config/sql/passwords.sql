-- Gives the two roles of roles.sql their passwords, from the environment of psql: OWNER_PASSWORD and
-- APP_PASSWORD. For a container that starts with an empty database; by hand, \password is better.
\set ON_ERROR_STOP on
\getenv owner OWNER_PASSWORD
\getenv app APP_PASSWORD
ALTER ROLE rekindle_owner PASSWORD :'owner';
ALTER ROLE rekindle_app PASSWORD :'app';
