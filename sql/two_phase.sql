-- Two-phase commit: a prepared transaction is decoded when it is committed.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_two_phase', 'walpack');
CREATE TABLE two_phase (id int PRIMARY KEY);

-- Prepared: nothing yet. Committed: like any other transaction.
BEGIN;
INSERT INTO two_phase VALUES (1), (2);
UPDATE two_phase SET id = 3 WHERE id = 2;
PREPARE TRANSACTION 'regress_two_phase_1';
SELECT * FROM changes('regress_two_phase');
COMMIT PREPARED 'regress_two_phase_1';
SELECT * FROM changes('regress_two_phase');

-- Rolled back: nothing.
BEGIN;
INSERT INTO two_phase VALUES (4);
PREPARE TRANSACTION 'regress_two_phase_2';
SELECT * FROM changes('regress_two_phase');
ROLLBACK PREPARED 'regress_two_phase_2';
SELECT * FROM changes('regress_two_phase');

-- The order is that of the commits, not of the preparations.
BEGIN;
INSERT INTO two_phase VALUES (5);
PREPARE TRANSACTION 'regress_two_phase_3';
BEGIN;
INSERT INTO two_phase VALUES (6);
SAVEPOINT a;
INSERT INTO two_phase VALUES (7);
ROLLBACK TO a;
PREPARE TRANSACTION 'regress_two_phase_4';
INSERT INTO two_phase VALUES (8);
COMMIT PREPARED 'regress_two_phase_4';
COMMIT PREPARED 'regress_two_phase_3';
SELECT * FROM changes('regress_two_phase');

-- A table that changed after the preparation is described as it was before.
CREATE TABLE two_phase_b (id int);
BEGIN;
INSERT INTO two_phase_b VALUES (1);
PREPARE TRANSACTION 'regress_two_phase_5';
CREATE TABLE two_phase_other (id int);
COMMIT PREPARED 'regress_two_phase_5';
ALTER TABLE two_phase_b ADD COLUMN late int;
SELECT * FROM changes('regress_two_phase');

-- Asked for, a transaction is sent when it is prepared. It describes its relations itself.
CREATE FUNCTION two_phase_records(VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT (record - '{xid,time,lsn,prepare_lsn,commit_lsn,end_lsn,prepare_end_lsn,prepare_time,
        commit_time,rollback_time,digest,columns,oid}'::text[])::text
    FROM walpack.get_changes('regress_two_phase_on', NULL, NULL,
        VARIADIC options || '{two_phase,on}')
    WHERE record->>'record' <> 'hello'
$$;
SELECT 'slot'
FROM pg_create_logical_replication_slot('regress_two_phase_on', 'walpack', false, true);
BEGIN;
INSERT INTO two_phase VALUES (9);
PREPARE TRANSACTION 'regress_two_phase_6';
SELECT * FROM two_phase_records();
INSERT INTO two_phase VALUES (10);
COMMIT PREPARED 'regress_two_phase_6';
SELECT * FROM two_phase_records();

-- Rolled back; empty; nothing of it published.
BEGIN;
INSERT INTO two_phase VALUES (11);
ALTER TABLE two_phase ADD COLUMN gone int;
INSERT INTO two_phase VALUES (12, 1);
PREPARE TRANSACTION 'regress two phase "7"';
SELECT * FROM two_phase_records();
ROLLBACK PREPARED 'regress two phase "7"';
INSERT INTO two_phase VALUES (13);
SELECT * FROM two_phase_records();
CREATE PUBLICATION two_phase_none;
BEGIN;
INSERT INTO two_phase VALUES (14);
PREPARE TRANSACTION 'regress_two_phase_8';
SELECT * FROM two_phase_records('publication_names', 'two_phase_none');
COMMIT PREPARED 'regress_two_phase_8';
SELECT * FROM two_phase_records('publication_names', 'two_phase_none');

-- Streamed and prepared.
SET logical_decoding_work_mem = '64kB';
BEGIN;
INSERT INTO two_phase SELECT generate_series(1001, 3000);
PREPARE TRANSACTION 'regress_two_phase_9';
SELECT regexp_replace(records, '"rows".*"record"', '"rows": ..., "record"'), count(*) > 0
FROM two_phase_records('streaming', 'on') records GROUP BY 1 ORDER BY 1;
ROLLBACK PREPARED 'regress_two_phase_9';
SELECT * FROM two_phase_records('streaming', 'on');
RESET logical_decoding_work_mem;

-- Not asked for on such a slot: decoded at the commit.
BEGIN;
INSERT INTO two_phase VALUES (15);
PREPARE TRANSACTION 'regress_two_phase_10';
SELECT * FROM changes('regress_two_phase_on');
COMMIT PREPARED 'regress_two_phase_10';
SELECT * FROM changes('regress_two_phase_on');

SELECT pg_drop_replication_slot('regress_two_phase');
SELECT pg_drop_replication_slot('regress_two_phase_on');
DROP PUBLICATION two_phase_none;
DROP TABLE two_phase, two_phase_b, two_phase_other;
DROP FUNCTION two_phase_records;
