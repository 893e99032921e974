-- A column list says which columns are published, in the table's order.
\pset format unaligned
\pset tuples_only on
-- The context of errors holds LSNs.
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_column_list', 'walpack');
CREATE TABLE column_list_a (id int PRIMARY KEY, note text, secret text);
CREATE TABLE column_list_b (id int PRIMARY KEY);
CREATE PUBLICATION column_list_with FOR TABLE column_list_a (note, id), column_list_b;
CREATE PUBLICATION column_list_all FOR TABLE column_list_a (id, note, secret);
CREATE PUBLICATION column_list_without FOR TABLE column_list_a, column_list_b;

INSERT INTO column_list_b VALUES (1);
INSERT INTO column_list_a VALUES (1, 'one', 'secret');
UPDATE column_list_a SET secret = 'other' WHERE id = 1;
UPDATE column_list_a SET id = 2, note = NULL WHERE id = 1;
DELETE FROM column_list_a;
SELECT shown(record)
FROM walpack.peek_changes('regress_column_list', NULL, NULL, 'publication_names', 'column_list_with')
WHERE record->>'record' NOT IN ('hello', 'begin', 'commit');

-- A list of all columns is no list: both may be combined. Different lists may not.
SELECT shown(record)
FROM walpack.peek_changes('regress_column_list', NULL, NULL,
    'publication_names', 'column_list_without,column_list_all')
WHERE record ? 'rows';
SELECT * FROM changes('regress_column_list',
    'publication_names', 'column_list_without,column_list_with');
SELECT * FROM changes('regress_column_list',
    'publication_names', 'column_list_with,column_list_all');

-- Taken out with one of them.
SELECT count(*) FROM changes('regress_column_list', 'publication_names', 'column_list_all');

-- The list is the one of the change's time.
INSERT INTO column_list_a VALUES (3, 'three', 'secret');
ALTER PUBLICATION column_list_with SET TABLE column_list_a (id);
INSERT INTO column_list_a VALUES (4, 'four', 'secret');
ALTER PUBLICATION column_list_with SET TABLE column_list_a;
INSERT INTO column_list_a VALUES (5, 'five', 'shown');
ALTER TABLE column_list_a RENAME COLUMN note TO remark;
ALTER PUBLICATION column_list_with SET TABLE column_list_a (id, remark);
INSERT INTO column_list_a VALUES (6, 'six', 'secret');
ALTER TABLE column_list_a ADD COLUMN more int DEFAULT 7;
INSERT INTO column_list_a VALUES (7, 'seven', 'secret');
SELECT shown(record)
FROM walpack.get_changes('regress_column_list', NULL, NULL, 'publication_names', 'column_list_with')
WHERE record ? 'rows';

-- Unchanged values out of line, in the list and outside of it.
ALTER TABLE column_list_a ALTER remark SET STORAGE EXTERNAL, ALTER secret SET STORAGE EXTERNAL;
INSERT INTO column_list_a VALUES (8, repeat('r', 3000), repeat('s', 3000));
UPDATE column_list_a SET more = 8 WHERE id = 8;
SELECT record->'rows'->0->'unchanged_toast', length(record::text) < 300
FROM walpack.get_changes('regress_column_list', NULL, NULL, 'publication_names', 'column_list_with')
WHERE record->>'record' = 'update';

-- Identity by another index: the list needs it.
CREATE TABLE column_list_i (a int, b int NOT NULL, c text);
CREATE UNIQUE INDEX column_list_i_b ON column_list_i (b);
ALTER TABLE column_list_i REPLICA IDENTITY USING INDEX column_list_i_b;
CREATE PUBLICATION column_list_i FOR TABLE column_list_i (b, c);
INSERT INTO column_list_i VALUES (1, 1, 'one');
UPDATE column_list_i SET b = 2;
ALTER PUBLICATION column_list_i SET TABLE column_list_i (a, c);
-- The server refuses what could not be identified.
UPDATE column_list_i SET b = 3;
ALTER PUBLICATION column_list_i SET TABLE column_list_i (b);
DELETE FROM column_list_i;
SELECT * FROM changes('regress_column_list', 'publication_names', 'column_list_i');

-- A partition published as itself has the list of its own entry; as its root, that of the root.
CREATE TABLE column_list_p (id int PRIMARY KEY, note text, secret text) PARTITION BY LIST (id);
CREATE TABLE column_list_p1 (secret text, note text, id int NOT NULL);
ALTER TABLE column_list_p ATTACH PARTITION column_list_p1 FOR VALUES IN (1);
CREATE PUBLICATION column_list_root FOR TABLE column_list_p (id, note)
    WITH (publish_via_partition_root);
CREATE PUBLICATION column_list_leaf FOR TABLE column_list_p1 (id);
INSERT INTO column_list_p VALUES (1, 'one', 'secret');
SELECT shown(record)
FROM walpack.peek_changes('regress_column_list', NULL, NULL, 'publication_names', 'column_list_root')
WHERE record->>'record' IN ('relation', 'insert');
SELECT shown(record)
FROM walpack.peek_changes('regress_column_list', NULL, NULL, 'publication_names', 'column_list_leaf')
WHERE record->>'record' IN ('relation', 'insert');
SELECT shown(record)
FROM walpack.get_changes('regress_column_list', NULL, NULL,
    'publication_names', 'column_list_leaf, column_list_root')
WHERE record->>'record' IN ('relation', 'insert');

SELECT pg_drop_replication_slot('regress_column_list');
DROP PUBLICATION column_list_with, column_list_without, column_list_all, column_list_i,
    column_list_root, column_list_leaf;
DROP TABLE column_list_a, column_list_b, column_list_p, column_list_i;
