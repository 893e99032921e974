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

-- The slots of the output plugin, in all databases of the server. Columns that some versions lack are
-- taken out of the row by name, so that one definition serves all of them, and pg_upgrade, too.
-- A standby measures against what it has replayed, which a slot that was synchronised from the
-- primary may be ahead of.
CREATE VIEW slots AS
SELECT s.slot_name, s.database, s.active, s.active_pid, s.two_phase,
    s.restart_lsn, s.confirmed_flush_lsn,
    CASE WHEN s.restart_lsn IS NOT NULL
        THEN greatest(s.reached - s.restart_lsn, 0)::bigint END AS retained_bytes,
    CASE WHEN s.confirmed_flush_lsn IS NOT NULL
        THEN greatest(s.reached - s.confirmed_flush_lsn, 0)::bigint END AS lag_bytes,
    s.wal_status, s.safe_wal_size,
    s.by_name->>'invalidation_reason' AS invalidation_reason,
    coalesce(r.reply_time, (s.by_name->>'inactive_since')::timestamptz) AS last_confirmed_at
FROM (SELECT slot_name, database, active, active_pid, two_phase, restart_lsn, confirmed_flush_lsn,
        wal_status, safe_wal_size, to_jsonb(slot) AS by_name,
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END AS reached
      FROM pg_replication_slots slot
      WHERE slot.plugin = 'walpack') s
    LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid;

COMMENT ON VIEW slots IS 'slots of the walpack output plugin in all databases of the server';

-- Everyone may read pg_replication_slots, too.
GRANT SELECT ON slots TO PUBLIC;
