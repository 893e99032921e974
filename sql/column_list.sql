-- A column list in a named publication is refused, never ignored.
\pset format unaligned
\pset tuples_only on
-- The context of errors holds LSNs.
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_column_list', 'walpack');
CREATE TABLE column_list_a (id int PRIMARY KEY, note text, secret text);
CREATE TABLE column_list_b (id int PRIMARY KEY);
CREATE PUBLICATION column_list_with FOR TABLE column_list_a (id, note), column_list_b;
CREATE PUBLICATION column_list_without FOR TABLE column_list_a, column_list_b;

-- Tables of the publication that have none are decoded.
INSERT INTO column_list_b VALUES (1);
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');

-- The table that has one is refused, again and again: nothing of it was sent.
INSERT INTO column_list_a VALUES (1, 'one', 'secret');
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');
SELECT * FROM changes('regress_column_list', 'publication_names',
    'column_list_without,column_list_with');

-- Without that publication the slot gives all that it has.
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_without');

-- Dropping it lets later changes pass.
ALTER PUBLICATION column_list_with SET TABLE column_list_a, column_list_b;
INSERT INTO column_list_a VALUES (2, 'two', 'secret');
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');

-- Changes made before that stay refused, as publications count as of the change.
ALTER PUBLICATION column_list_with SET TABLE column_list_a (id, note);
DELETE FROM column_list_a WHERE id = 1;
TRUNCATE column_list_a;
ALTER PUBLICATION column_list_with SET TABLE column_list_a;
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');
SELECT * FROM changes('regress_column_list');

-- One on the parent of a partition.
CREATE TABLE column_list_p (id int PRIMARY KEY, note text, secret text) PARTITION BY LIST (id);
CREATE TABLE column_list_p1 PARTITION OF column_list_p FOR VALUES IN (1);
ALTER PUBLICATION column_list_with SET (publish_via_partition_root);
ALTER PUBLICATION column_list_with ADD TABLE column_list_p (id, note);
ALTER PUBLICATION column_list_without ADD TABLE column_list_p;
INSERT INTO column_list_p VALUES (1, 'one', 'secret');
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_with');
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_without');

SELECT pg_drop_replication_slot('regress_column_list');
DROP PUBLICATION column_list_with, column_list_without;
DROP TABLE column_list_a, column_list_b, column_list_p;
