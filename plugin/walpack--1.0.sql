-- walpack 1.0: functions that show the changes of a walpack slot as jsonb.
--
-- The shape of every record is described in docs/sql.md. In short: each record is an object whose
-- member "record" says what it is (hello, relation, begin, commit, insert, ...); the rows of a change
-- are objects by column name.
--
-- The settings pinned on the functions below make text independent of the session.

\echo Use "CREATE EXTENSION walpack" to load this file. \quit

CREATE FUNCTION version() RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS '$libdir/walpack_sql', 'walpack_version';

COMMENT ON FUNCTION version() IS 'version of the walpack_sql library';

-- One message to one jsonb value per record. A relation that the message itself does not describe is
-- shown by its id, and its rows as arrays of raw values.
CREATE FUNCTION decode(message bytea) RETURNS SETOF jsonb
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, MDY'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET bytea_output = 'hex'
SET timezone = 'UTC'
AS '$libdir/walpack_sql', 'walpack_decode';

COMMENT ON FUNCTION decode(bytea) IS 'records of one walpack message';

-- The changes of a slot, one row per record. As with the server's pg_logical_slot_peek_changes,
-- upto_nchanges counts messages and transactions are returned whole; options are name, value, ...
-- The server demands REPLICATION or superuser, so no privilege is taken away here.
CREATE FUNCTION peek_changes(slot name, upto_lsn pg_lsn, upto_nchanges integer,
                             VARIADIC options text[] DEFAULT '{}',
                             OUT lsn pg_lsn, OUT xid xid, OUT record jsonb)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, MDY'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET bytea_output = 'hex'
SET timezone = 'UTC'
AS '$libdir/walpack_sql', 'walpack_peek_changes';

COMMENT ON FUNCTION peek_changes(name, pg_lsn, integer, text[]) IS
    'changes of a walpack slot, which stay in it';

CREATE FUNCTION get_changes(slot name, upto_lsn pg_lsn, upto_nchanges integer,
                            VARIADIC options text[] DEFAULT '{}',
                            OUT lsn pg_lsn, OUT xid xid, OUT record jsonb)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000 ROWS 1000
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, MDY'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET bytea_output = 'hex'
SET timezone = 'UTC'
AS '$libdir/walpack_sql', 'walpack_get_changes';

COMMENT ON FUNCTION get_changes(name, pg_lsn, integer, text[]) IS
    'changes of a walpack slot, which are taken out of it';

-- Harmless for everyone: decode reads its argument, the others ask the server for permission.
GRANT USAGE ON SCHEMA @extschema@ TO PUBLIC;
