-- A row filter in a named publication is refused, never ignored.
\pset format unaligned
\pset tuples_only on
-- The context of errors holds LSNs.
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_row_filter', 'walpack');
CREATE TABLE row_filter_a (id int PRIMARY KEY, note text, secret text);
CREATE TABLE row_filter_b (id int PRIMARY KEY);
CREATE PUBLICATION row_filter_with FOR TABLE row_filter_a WHERE (id > 0), row_filter_b;
CREATE PUBLICATION row_filter_without FOR TABLE row_filter_a, row_filter_b;

-- Tables of the publication that have none are decoded.
INSERT INTO row_filter_b VALUES (1);
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');

-- The table that has one is refused, again and again: nothing of it was sent.
INSERT INTO row_filter_a VALUES (1, 'one', 'secret');
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');
SELECT * FROM changes('regress_row_filter', 'publication_names',
    'row_filter_without,row_filter_with');

-- Without that publication the slot gives all that it has.
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_without');

-- Dropping it lets later changes pass.
ALTER PUBLICATION row_filter_with SET TABLE row_filter_a, row_filter_b;
INSERT INTO row_filter_a VALUES (2, 'two', 'secret');
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');

-- Changes made before that stay refused, as publications count as of the change.
ALTER PUBLICATION row_filter_with SET TABLE row_filter_a WHERE (id > 0);
DELETE FROM row_filter_a WHERE id = 1;
TRUNCATE row_filter_a;
ALTER PUBLICATION row_filter_with SET TABLE row_filter_a;
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');
SELECT * FROM changes('regress_row_filter');

-- One on the parent of a partition.
CREATE TABLE row_filter_p (id int PRIMARY KEY, note text, secret text) PARTITION BY LIST (id);
CREATE TABLE row_filter_p1 PARTITION OF row_filter_p FOR VALUES IN (1);
ALTER PUBLICATION row_filter_with SET (publish_via_partition_root);
ALTER PUBLICATION row_filter_with ADD TABLE row_filter_p WHERE (id > 0);
ALTER PUBLICATION row_filter_without ADD TABLE row_filter_p;
INSERT INTO row_filter_p VALUES (1, 'one', 'secret');
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_with');
SELECT * FROM changes('regress_row_filter', 'publication_names', 'row_filter_without');

SELECT pg_drop_replication_slot('regress_row_filter');
DROP PUBLICATION row_filter_with, row_filter_without;
DROP TABLE row_filter_a, row_filter_b, row_filter_p;
