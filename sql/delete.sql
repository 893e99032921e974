-- DELETE: the old key.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_delete', 'walpack');
CREATE TABLE delete_a (id int PRIMARY KEY, note text);
INSERT INTO delete_a SELECT n, 'note ' || n FROM generate_series(1, 6) n;
SELECT count(*) FROM changes('regress_delete');

-- One row, then a run, then nothing.
DELETE FROM delete_a WHERE id = 1;
DELETE FROM delete_a WHERE id BETWEEN 2 AND 3;
DELETE FROM delete_a WHERE id = 99;
SELECT * FROM changes('regress_delete');

-- Deleted and inserted again in one transaction.
BEGIN;
DELETE FROM delete_a WHERE id = 4;
INSERT INTO delete_a VALUES (4, 'again');
DELETE FROM delete_a WHERE id = 4;
COMMIT;
SELECT * FROM changes('regress_delete');

-- A key of several columns, in the order of the table.
CREATE TABLE delete_b (a int, note text, b text, PRIMARY KEY (b, a));
INSERT INTO delete_b VALUES (1, 'n', 'x'), (2, 'n', 'x');
DELETE FROM delete_b WHERE a = 2;
SELECT * FROM row_changes('regress_delete');

-- ON DELETE CASCADE is two tables' deletes.
CREATE TABLE delete_c (id int PRIMARY KEY, parent int REFERENCES delete_a ON DELETE CASCADE);
INSERT INTO delete_c VALUES (1, 5), (2, 5);
DELETE FROM delete_a WHERE id = 5;
SELECT * FROM row_changes('regress_delete');

SELECT pg_drop_replication_slot('regress_delete');
DROP TABLE delete_c, delete_b, delete_a;
