-- Option origin: none leaves out what was itself replicated, any sends it.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_origin', 'walpack');
CREATE TABLE origin (id int PRIMARY KEY);
SELECT 'origin' FROM pg_replication_origin_create('regress_origin');
INSERT INTO origin VALUES (1);
SELECT pg_replication_origin_session_setup('regress_origin');
INSERT INTO origin VALUES (2);
-- The second transaction says where it came from.
BEGIN;
SELECT pg_replication_origin_xact_setup('0/12345678', '2024-01-01 00:00:00+00');
INSERT INTO origin VALUES (3);
TRUNCATE origin;
SELECT 'message' FROM pg_logical_emit_message(true, 'prefix', 'replicated');
SELECT 'message' FROM pg_logical_emit_message(false, 'prefix', 'replicated, on its own');
COMMIT;
SELECT pg_replication_origin_session_reset();
-- One transaction of both: each change counts by itself.
BEGIN;
INSERT INTO origin VALUES (4);
SELECT pg_replication_origin_session_setup('regress_origin');
INSERT INTO origin VALUES (5);
SELECT pg_replication_origin_session_reset();
INSERT INTO origin VALUES (6);
COMMIT;

SELECT shown(record) FROM walpack.peek_changes('regress_origin', NULL, NULL, 'origin', 'any',
    'messages', 'on')
WHERE record->>'record' NOT IN ('hello', 'relation');
SELECT shown(record) FROM walpack.peek_changes('regress_origin', NULL, NULL, 'origin', 'none',
    'messages', 'on')
WHERE record->>'record' NOT IN ('hello', 'relation');

SELECT pg_drop_replication_slot('regress_origin');
SELECT pg_replication_origin_drop('regress_origin');
DROP TABLE origin;
