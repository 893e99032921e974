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

-- A slot made for two-phase decoding is read the same way; the option is unknown.
SELECT 'slot'
FROM pg_create_logical_replication_slot('regress_two_phase_on', 'walpack', false, true);
BEGIN;
INSERT INTO two_phase VALUES (9);
PREPARE TRANSACTION 'regress_two_phase_6';
SELECT * FROM changes('regress_two_phase_on');
COMMIT PREPARED 'regress_two_phase_6';
SELECT * FROM changes('regress_two_phase_on');
SELECT * FROM walpack.peek_changes('regress_two_phase', NULL, NULL, 'two_phase', 'on');

SELECT pg_drop_replication_slot('regress_two_phase');
SELECT pg_drop_replication_slot('regress_two_phase_on');
DROP TABLE two_phase, two_phase_b, two_phase_other;
