-- walpack.slots shows the plugin's slots of all databases, and how much WAL they hold back.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT attname, format_type(atttypid, atttypmod)
FROM pg_attribute WHERE attrelid = 'walpack.slots'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*) FROM walpack.slots;

-- A slot of another plugin is none of ours, one in another database is.
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_slots', 'walpack');
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_slots_other', 'pgoutput');
SELECT 'slot' FROM pg_create_physical_replication_slot('regress_slots_physical', true);
CREATE DATABASE regress_walpack_slots;
SELECT current_database() AS here \gset
\c regress_walpack_slots
SET client_min_messages = warning;
SELECT 'slot'
FROM pg_create_logical_replication_slot('regress_slots_two_phase', 'walpack', false, true);
\c :here
SET client_min_messages = warning;
SELECT slot_name, database = current_database(), active, active_pid, two_phase, wal_status,
    safe_wal_size, invalidation_reason
FROM walpack.slots ORDER BY slot_name;

-- Both distances end where the server writes; confirming shortens the second.
CREATE TABLE slots (id int);
INSERT INTO slots SELECT generate_series(1, 1000);
SELECT restart_lsn <= confirmed_flush_lsn, retained_bytes >= lag_bytes, lag_bytes > 50000,
    lag_bytes <= pg_current_wal_lsn() - confirmed_flush_lsn,
    retained_bytes <= pg_current_wal_lsn() - restart_lsn
FROM walpack.slots WHERE slot_name = 'regress_slots';
SELECT lag_bytes AS before FROM walpack.slots WHERE slot_name = 'regress_slots' \gset
SELECT count(*) FROM walpack.get_changes('regress_slots', NULL, NULL) WHERE record ? 'rows';
SELECT lag_bytes < :before FROM walpack.slots WHERE slot_name = 'regress_slots';

-- Nobody streams. From 17 on the server knows since when.
SELECT last_confirmed_at IS NOT NULL = (current_setting('server_version_num')::int >= 170000)
FROM walpack.slots WHERE slot_name = 'regress_slots';
SELECT (last_confirmed_at BETWEEN now() - interval '1 hour' AND clock_timestamp()) IS NOT false
FROM walpack.slots WHERE slot_name = 'regress_slots';

-- Everyone may look, as at pg_replication_slots.
CREATE ROLE regress_walpack_nobody;
SET ROLE regress_walpack_nobody;
SELECT slot_name, retained_bytes > 0 FROM walpack.slots ORDER BY slot_name;
RESET ROLE;
DROP ROLE regress_walpack_nobody;

SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name ~ '^regress_slots' AND database IS NOT DISTINCT FROM current_database();
SELECT pg_drop_replication_slot('regress_slots_physical');
\c regress_walpack_slots
SELECT pg_drop_replication_slot('regress_slots_two_phase');
\c :here
SET client_min_messages = warning;
DROP DATABASE regress_walpack_slots;
SELECT count(*) FROM walpack.slots;
DROP TABLE slots;
