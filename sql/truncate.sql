-- TRUNCATE: one record with every published table that the command emptied, and its flags.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_truncate', 'walpack');
CREATE TABLE truncate_a (id serial PRIMARY KEY);
CREATE TABLE truncate_b (id int PRIMARY KEY, a int REFERENCES truncate_a);
CREATE TABLE "truncate C" (id int);

-- One table, several, with flags; an empty table counts.
INSERT INTO truncate_a DEFAULT VALUES;
TRUNCATE truncate_b;
TRUNCATE truncate_a, truncate_b, "truncate C";
TRUNCATE "truncate C" RESTART IDENTITY;
TRUNCATE truncate_a CASCADE;
TRUNCATE truncate_a RESTART IDENTITY CASCADE;
SELECT * FROM changes('regress_truncate');

-- Between rows of one transaction.
BEGIN;
INSERT INTO "truncate C" VALUES (1);
TRUNCATE "truncate C";
INSERT INTO "truncate C" VALUES (2);
COMMIT;
SELECT * FROM changes('regress_truncate');

-- The first record of a table may be its truncate: it is described before.
CREATE TABLE truncate_d (id int);
TRUNCATE truncate_d;
SELECT * FROM all_changes('regress_truncate');

-- Rolled back, or of a table that is not decoded: nothing.
BEGIN;
TRUNCATE "truncate C";
ROLLBACK;
CREATE UNLOGGED TABLE truncate_unlogged (id int);
TRUNCATE truncate_unlogged;
SELECT * FROM changes('regress_truncate');

-- Partitions are truncated, not the partitioned table.
CREATE TABLE truncate_p (id int) PARTITION BY LIST (id);
CREATE TABLE truncate_p1 PARTITION OF truncate_p FOR VALUES IN (1);
CREATE TABLE truncate_p2 PARTITION OF truncate_p FOR VALUES IN (2);
TRUNCATE truncate_p;
SELECT * FROM changes('regress_truncate');

-- Only published tables, and only where the publication sends truncates.
CREATE PUBLICATION truncate_some FOR TABLE truncate_b, "truncate C";
CREATE PUBLICATION truncate_not FOR TABLE truncate_a WITH (publish = 'insert');
TRUNCATE truncate_a, truncate_b, "truncate C";
TRUNCATE truncate_d;
SELECT * FROM changes('regress_truncate', 'publication_names', 'truncate_some,truncate_not');

SELECT pg_drop_replication_slot('regress_truncate');
DROP PUBLICATION truncate_some, truncate_not;
DROP TABLE truncate_a, truncate_b, "truncate C", truncate_d, truncate_unlogged, truncate_p;
