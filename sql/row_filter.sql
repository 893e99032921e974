-- A row filter says which rows are published.
\pset format unaligned
\pset tuples_only on
-- The context of errors holds LSNs.
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_row_filter', 'walpack');
CREATE FUNCTION row_filter_peek(names text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', record->>'record', record->>'relation', record->>'rows')
    FROM walpack.peek_changes('regress_row_filter', NULL, NULL, 'publication_names', names)
    WHERE record ? 'rows' OR record->>'record' = 'truncate'
$$;
CREATE FUNCTION row_filter_forget() RETURNS bool LANGUAGE sql AS $$
    SELECT count(*) >= 0 FROM walpack.get_changes('regress_row_filter', NULL, NULL)
$$;
CREATE TABLE row_filter_a (id int PRIMARY KEY, n int, note text);
CREATE PUBLICATION row_filter_id FOR TABLE row_filter_a WHERE (id > 10);

-- By the key: an update can bring a row in, or take it out.
INSERT INTO row_filter_a VALUES (1, 1, 'out'), (11, 11, 'in');
UPDATE row_filter_a SET note = 'still out' WHERE id = 1;
UPDATE row_filter_a SET note = 'still in' WHERE id = 11;
UPDATE row_filter_a SET id = 12, note = 'comes in' WHERE id = 1;
UPDATE row_filter_a SET id = 2, note = 'goes out' WHERE id = 11;
UPDATE row_filter_a SET id = 3 WHERE id = 2;
UPDATE row_filter_a SET id = 13 WHERE id = 12;
DELETE FROM row_filter_a WHERE id = 3;
DELETE FROM row_filter_a WHERE id = 13;
TRUNCATE row_filter_a;
SELECT * FROM row_filter_peek('row_filter_id');
SELECT row_filter_forget();

-- By any column, with the full old row. NULL counts as false.
ALTER TABLE row_filter_a REPLICA IDENTITY FULL;
CREATE PUBLICATION row_filter_n FOR TABLE row_filter_a WHERE (n > 10 AND note IS DISTINCT FROM 'x');
INSERT INTO row_filter_a VALUES (1, 1, 'a'), (2, 20, 'a'), (3, NULL, 'a'), (4, 40, 'x'), (5, 50, NULL);
UPDATE row_filter_a SET n = n + 10;
UPDATE row_filter_a SET note = 'x' WHERE id = 2;
UPDATE row_filter_a SET n = 60, note = 'y' WHERE id IN (3, 4);
DELETE FROM row_filter_a;
SELECT * FROM row_filter_peek('row_filter_n');

-- Several publications: their filters are joined by OR, one without a filter lets all pass.
CREATE PUBLICATION row_filter_low FOR TABLE row_filter_a WHERE (n < 5);
CREATE PUBLICATION row_filter_free FOR TABLE row_filter_a;
SELECT row_filter_forget();
INSERT INTO row_filter_a VALUES (1, 1, 'low'), (2, 7, 'neither'), (3, 30, 'high');
UPDATE row_filter_a SET n = 8 WHERE id = 1;
UPDATE row_filter_a SET n = 31 WHERE id = 2;
SELECT * FROM row_filter_peek('row_filter_n, row_filter_low');
SELECT * FROM row_filter_peek('row_filter_n, row_filter_free');

-- For each action by itself: an insert needs a publication that publishes inserts.
ALTER PUBLICATION row_filter_low SET (publish = 'insert');
ALTER PUBLICATION row_filter_n SET (publish = 'update, delete');
SELECT row_filter_forget();
INSERT INTO row_filter_a VALUES (4, 1, 'low'), (5, 50, 'high');
UPDATE row_filter_a SET n = n + 1 WHERE id IN (4, 5);
DELETE FROM row_filter_a WHERE id IN (4, 5);
SELECT * FROM row_filter_peek('row_filter_n, row_filter_low');

-- All tables, or the table's schema: no filter counts.
CREATE PUBLICATION row_filter_all FOR ALL TABLES WITH (publish = 'delete');
CREATE SCHEMA row_filter_s;
CREATE TABLE row_filter_s.t (id int PRIMARY KEY);
CREATE PUBLICATION row_filter_s FOR TABLES IN SCHEMA row_filter_s;
CREATE PUBLICATION row_filter_t FOR TABLE row_filter_s.t WHERE (id < 0);
SELECT row_filter_forget();
INSERT INTO row_filter_a VALUES (6, 6, 'neither');
DELETE FROM row_filter_a WHERE id = 6;
INSERT INTO row_filter_s.t VALUES (1), (-1);
SELECT * FROM row_filter_peek('row_filter_n, row_filter_low, row_filter_all');
SELECT * FROM row_filter_peek('row_filter_t');
SELECT * FROM row_filter_peek('row_filter_t, row_filter_s');

-- The filter is the one of the change's time.
SELECT row_filter_forget();
ALTER PUBLICATION row_filter_id SET TABLE row_filter_a WHERE (id % 2 = 0);
INSERT INTO row_filter_a VALUES (21, 0, 'odd'), (22, 0, 'even');
ALTER PUBLICATION row_filter_id SET TABLE row_filter_a WHERE (id % 2 = 1);
INSERT INTO row_filter_a VALUES (23, 0, 'odd'), (24, 0, 'even');
ALTER PUBLICATION row_filter_id SET TABLE row_filter_a;
INSERT INTO row_filter_a VALUES (25, 0, 'odd'), (26, 0, 'even');
SELECT * FROM row_filter_peek('row_filter_id');

-- A value out of line that did not change is judged by the old row, and an insert gets it from there.
SELECT row_filter_forget();
ALTER TABLE row_filter_a ALTER note SET STORAGE EXTERNAL;
CREATE PUBLICATION row_filter_long FOR TABLE row_filter_a WHERE (length(note) > 2000 AND n > 0);
INSERT INTO row_filter_a VALUES (31, 0, repeat('v', 2100)), (32, 1, repeat('w', 2100));
UPDATE row_filter_a SET n = 1 WHERE id = 31;
UPDATE row_filter_a SET n = 2 WHERE id = 32;
UPDATE row_filter_a SET n = 0 WHERE id = 32;
SELECT record->>'record', record->'rows'->0->'new'->'id', length(record->'rows'->0->'new'->>'note'),
    record->'rows'->0->'unchanged_toast', length(record->'rows'->0->'old'->>'note')
FROM walpack.peek_changes('regress_row_filter', NULL, NULL, 'publication_names', 'row_filter_long')
WHERE record ? 'rows';

-- Partitions: their own filter when published as themselves, the root's when published as it.
SELECT row_filter_forget();
CREATE TABLE row_filter_p (id int PRIMARY KEY, note text) PARTITION BY LIST (id);
CREATE TABLE row_filter_p1 (note text, extra int, id int NOT NULL);
ALTER TABLE row_filter_p1 DROP COLUMN extra;
ALTER TABLE row_filter_p ATTACH PARTITION row_filter_p1 FOR VALUES IN (1, 2);
CREATE TABLE row_filter_p2 PARTITION OF row_filter_p FOR VALUES IN (3, 4);
CREATE PUBLICATION row_filter_root FOR TABLE row_filter_p WHERE (id IN (1, 3))
    WITH (publish_via_partition_root);
CREATE PUBLICATION row_filter_leaf FOR TABLE row_filter_p1 WHERE (id = 2);
INSERT INTO row_filter_p VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four');
UPDATE row_filter_p SET id = 3 - id WHERE id = 1 AND false;
DELETE FROM row_filter_p WHERE id IN (1, 2);
UPDATE row_filter_p SET id = 1 WHERE id = 3;
SELECT * FROM row_filter_peek('row_filter_root');
SELECT * FROM row_filter_peek('row_filter_leaf');
SELECT * FROM row_filter_peek('row_filter_leaf, row_filter_root');

-- An expression that fails names the relation; the slot still gives all without it.
SELECT row_filter_forget();
CREATE TABLE row_filter_f (id int PRIMARY KEY);
CREATE PUBLICATION row_filter_f FOR TABLE row_filter_f WHERE (10 / id > 1);
INSERT INTO row_filter_f VALUES (1), (0);
\set SHOW_CONTEXT always
DO $$
DECLARE
    context text;
BEGIN
    PERFORM row_filter_peek('row_filter_f');
EXCEPTION WHEN division_by_zero THEN
    GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
    RAISE NOTICE '%', regexp_replace(split_part(context, E'\n', 1), '[0-9A-F]+/[0-9A-F]+', 'LSN');
END
$$;
\set SHOW_CONTEXT never
SELECT count(*) FROM row_filter_peek('row_filter_free');

SELECT pg_drop_replication_slot('regress_row_filter');
DROP PUBLICATION row_filter_id, row_filter_n, row_filter_low, row_filter_free, row_filter_all,
    row_filter_s, row_filter_t, row_filter_long, row_filter_root, row_filter_leaf, row_filter_f;
DROP TABLE row_filter_a, row_filter_s.t, row_filter_p, row_filter_f;
DROP SCHEMA row_filter_s;
DROP FUNCTION row_filter_peek, row_filter_forget;
