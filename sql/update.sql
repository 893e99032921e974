-- UPDATE: the new row, and the old key where the replica identity changed.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_update', 'walpack');
CREATE TABLE update_a (id int PRIMARY KEY, note text, size int);
INSERT INTO update_a VALUES (1, 'a', 10), (2, 'b', 20), (3, NULL, NULL);
SELECT count(*) FROM changes('regress_update');

-- The key stays: only the new row, found by its key.
UPDATE update_a SET note = 'A' WHERE id = 1;
UPDATE update_a SET note = NULL, size = 0;
-- An update that changes nothing is sent too.
UPDATE update_a SET size = size WHERE id = 2;
SELECT * FROM changes('regress_update');

-- The key changes: the old one comes first.
UPDATE update_a SET id = 4 WHERE id = 1;
SELECT * FROM changes('regress_update');

-- Keys shift and swap inside a transaction; runs of both kinds follow one another.
BEGIN;
UPDATE update_a SET id = -id;
UPDATE update_a SET id = 1 - id, note = 'moved';
UPDATE update_a SET note = 'stayed' WHERE id = 3;
UPDATE update_a SET id = 100, note = 'both' WHERE id = 3;
UPDATE update_a SET note = 'last' WHERE id = 100;
COMMIT;
SELECT * FROM changes('regress_update');

-- A key of several columns: one that changed sends them all.
CREATE TABLE update_b (a int, note text, b text, PRIMARY KEY (b, a));
INSERT INTO update_b VALUES (1, 'n', 'x');
UPDATE update_b SET b = 'y';
UPDATE update_b SET note = 'm';
SELECT * FROM row_changes('regress_update');

-- HOT or not, MERGE-like moves, and a row updated twice in one transaction.
BEGIN;
UPDATE update_b SET note = 'first';
UPDATE update_b SET note = 'second';
COMMIT;
SELECT * FROM changes('regress_update');

-- SELECT FOR UPDATE is no change.
BEGIN;
SELECT id FROM update_a WHERE id = 100 FOR UPDATE;
COMMIT;
SELECT * FROM changes('regress_update');

-- Generated columns are left out.
CREATE TABLE update_c (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO update_c VALUES (1, 1);
UPDATE update_c SET a = 2;
SELECT * FROM row_changes('regress_update');

-- A partitioned table: a row that moves is deleted in one partition and inserted in the other.
CREATE TABLE update_p (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
CREATE TABLE update_p1 PARTITION OF update_p FOR VALUES FROM (0) TO (10);
CREATE TABLE update_p2 PARTITION OF update_p FOR VALUES FROM (10) TO (20);
INSERT INTO update_p VALUES (1, 'a');
UPDATE update_p SET note = 'b';
UPDATE update_p SET id = 11;
SELECT * FROM row_changes('regress_update');

SELECT pg_drop_replication_slot('regress_update');
DROP TABLE update_a, update_b, update_c, update_p;
