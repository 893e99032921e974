-- Errors come through, leave the slot as it was, and leave a session that goes on.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_errors', 'walpack');
CREATE TABLE errors (id int PRIMARY KEY, note text);
INSERT INTO errors VALUES (1, 'é');

-- What core and its functions refuse; the words differ between versions, the codes do not.
\set VERBOSITY sqlstate
SELECT * FROM walpack.peek_changes('no_such_slot', NULL, NULL);
SELECT * FROM walpack.peek_changes(NULL, NULL, NULL);
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, VARIADIC NULL);
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, 'messages');
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, NULL, 'on');
SELECT 'slot' FROM pg_create_physical_replication_slot('regress_errors_physical');
SELECT * FROM walpack.peek_changes('regress_errors_physical', NULL, NULL);
SELECT pg_drop_replication_slot('regress_errors_physical');
-- The output is binary.
SELECT * FROM pg_logical_slot_peek_changes('regress_errors', NULL, NULL);
\set VERBOSITY default

-- Without REPLICATION there is no reading; with it no privilege on the table is needed.
CREATE ROLE regress_walpack_none;
CREATE ROLE regress_walpack_reader REPLICATION;
\set VERBOSITY sqlstate
SET ROLE regress_walpack_none;
SELECT count(*) FROM walpack.peek_changes('regress_errors', NULL, NULL);
SELECT count(*) FROM walpack.get_changes('regress_errors', NULL, NULL);
SELECT count(*) FROM walpack.decode('\x9403010203');
SET ROLE regress_walpack_reader;
SELECT count(*) FROM errors;
SELECT count(*) FROM walpack.peek_changes('regress_errors', NULL, NULL);
RESET ROLE;
\set VERBOSITY default
DROP ROLE regress_walpack_none;
DROP ROLE regress_walpack_reader;

-- An error, then the same again without it, in one session; also in a subtransaction.
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, 'origin', 'x');
SELECT count(*) FROM walpack.peek_changes('regress_errors', NULL, NULL);
DO $$
BEGIN
    FOR i IN 1..100 LOOP
        BEGIN
            PERFORM * FROM walpack.get_changes('regress_errors', NULL, NULL, 'frame_bytes', 'x');
        EXCEPTION WHEN invalid_parameter_value THEN
            NULL;
        END;
        PERFORM * FROM walpack.peek_changes('regress_errors', NULL, NULL);
    END LOOP;
END
$$;
BEGIN;
SAVEPOINT a;
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, 'origin', 'x');
ROLLBACK TO a;
SELECT count(*) FROM walpack.peek_changes('regress_errors', NULL, NULL);
COMMIT;

-- An error in the middle of decoding: a publication that is refused, then one that is not.
SET client_min_messages = error; -- missing publications are warned of at each call
CREATE TABLE errors_filtered (id int);
CREATE PUBLICATION errors_with FOR TABLE errors (id), errors_filtered;
CREATE PUBLICATION errors_without FOR TABLE errors, errors_filtered;
BEGIN;
INSERT INTO errors VALUES (2, 'b');
INSERT INTO errors_filtered VALUES (1);
COMMIT;
DO $$
BEGIN
    FOR i IN 1..50 LOOP
        BEGIN
            PERFORM * FROM walpack.get_changes('regress_errors', NULL, NULL,
                'publication_names', 'errors_with, errors_without');
            RAISE 'not refused';
        EXCEPTION WHEN feature_not_supported THEN
            NULL;
        END;
        PERFORM * FROM walpack.peek_changes('regress_errors', NULL, NULL,
            'publication_names', 'errors_without');
    END LOOP;
END
$$;
SELECT shown(record) FROM walpack.peek_changes('regress_errors', NULL, NULL,
    'publication_names', 'errors_without')
WHERE record->>'record' NOT IN ('hello', 'relation');

-- 200 calls in one session, with and without publications, take no resource for good.
DO $$
DECLARE
    first_count int;
    second_count int;
BEGIN
    SELECT count(*) INTO first_count FROM walpack.peek_changes('regress_errors', NULL, NULL);
    FOR i IN 1..200 LOOP
        SELECT count(*) INTO second_count FROM walpack.peek_changes('regress_errors', NULL, NULL,
            'publication_names', 'errors_without');
        SELECT count(*) INTO second_count FROM walpack.peek_changes('regress_errors', NULL, NULL);
        IF second_count <> first_count THEN
            RAISE 'call % gave % records, not %', i, second_count, first_count;
        END IF;
    END LOOP;
END
$$;

-- Two slots in one query, and a call inside of a transaction that writes and is rolled back: what
-- get_changes took stays taken.
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_errors_2', 'walpack');
INSERT INTO errors VALUES (3, 'c');
SELECT a.record->'rows', b.record->'rows'
FROM walpack.peek_changes('regress_errors', NULL, NULL, 'publication_names', 'errors_without') a,
    walpack.peek_changes('regress_errors_2', NULL, NULL) b
WHERE a.record->>'record' = 'insert' AND b.record->>'record' = 'insert';
SELECT pg_drop_replication_slot('regress_errors_2');
BEGIN;
INSERT INTO errors VALUES (4, 'd');
SELECT count(*) FROM row_changes('regress_errors');
ROLLBACK;
SELECT count(*) FROM row_changes('regress_errors');

-- The client's encoding does not matter to these functions, though the plugin insists on its own.
INSERT INTO errors VALUES (5, 'é');
SET client_encoding = 'LATIN1';
SELECT count(*) FROM pg_logical_slot_peek_binary_changes('regress_errors', NULL, NULL);
SELECT record->'rows'->0->'new'->>'note' = U&'\00E9'
FROM walpack.peek_changes('regress_errors', NULL, NULL) WHERE record ? 'rows';
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, 'origin', 'x');
SHOW client_encoding;
RESET client_encoding;

-- The caller's settings are what they were, after success and after an error.
SET datestyle = 'German';
SET timezone = 'Asia/Kathmandu';
SELECT count(*) FROM walpack.peek_changes('regress_errors', NULL, NULL);
SELECT * FROM walpack.peek_changes('regress_errors', NULL, NULL, 'origin', 'x');
SHOW datestyle;
SHOW timezone;
SHOW search_path;

SELECT pg_drop_replication_slot('regress_errors');
DROP PUBLICATION errors_with, errors_without;
DROP TABLE errors, errors_filtered;
