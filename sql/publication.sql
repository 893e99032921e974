-- Publications decide tables and actions, as of the change that is decoded.
\pset format unaligned
\pset tuples_only on
-- The context of errors holds LSNs.
\set SHOW_CONTEXT never
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_publication', 'walpack');
CREATE SCHEMA publication_s;
CREATE TABLE publication_a (id int PRIMARY KEY);
CREATE TABLE publication_b (id int PRIMARY KEY);
CREATE TABLE publication_s.c (id int PRIMARY KEY);
CREATE PUBLICATION publication_pa FOR TABLE publication_a;
CREATE PUBLICATION "Publication, ""b""" FOR TABLE publication_b WITH (publish = 'insert, truncate');
CREATE PUBLICATION publication_bd FOR TABLE publication_b WITH (publish = 'delete');
CREATE PUBLICATION publication_ps FOR TABLES IN SCHEMA publication_s;
CREATE PUBLICATION publication_all FOR ALL TABLES WITH (publish = 'update');
CREATE PUBLICATION publication_none;
-- One row each way in three tables.
CREATE PROCEDURE publication_write() LANGUAGE sql AS $$
    INSERT INTO publication_a VALUES (1);
    UPDATE publication_a SET id = 2;
    DELETE FROM publication_a;
    INSERT INTO publication_b VALUES (1);
    UPDATE publication_b SET id = 2;
    DELETE FROM publication_b;
    TRUNCATE publication_b;
    INSERT INTO publication_s.c VALUES (1);
$$;
CALL publication_write();
CREATE FUNCTION publication_peek(names text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', record->>'record', record->>'relation', record->>'relations',
        record->>'rows', record->>'changes')
    FROM walpack.peek_changes('regress_publication', NULL, NULL, 'publication_names', names)
    WHERE record->>'record' NOT IN ('hello', 'relation', 'begin')
$$;

-- By table, by some actions, actions added up, by schema, all tables.
SELECT * FROM publication_peek('publication_pa');
SELECT * FROM publication_peek('"Publication, ""b"""');
SELECT * FROM publication_peek('"Publication, ""b""", publication_bd');
SELECT * FROM publication_peek('publication_ps');
SELECT * FROM publication_peek('publication_all');
SELECT * FROM publication_peek('publication_all,publication_pa');

-- Nothing published: no transaction, not even Hello.
SELECT count(*) FROM walpack.peek_changes('regress_publication', NULL, NULL,
    'publication_names', 'publication_none');

-- No publication named: everything.
SELECT count(*) FROM walpack.get_changes('regress_publication', NULL, NULL) WHERE record ? 'rows';

-- A publication counts from where it was created, altered, and until it was dropped.
INSERT INTO publication_a VALUES (10);
CREATE PUBLICATION publication_late FOR TABLE publication_a;
INSERT INTO publication_a VALUES (11);
INSERT INTO publication_b VALUES (11);
ALTER PUBLICATION publication_late ADD TABLE publication_b;
INSERT INTO publication_b VALUES (12);
ALTER PUBLICATION publication_late DROP TABLE publication_a;
INSERT INTO publication_a VALUES (13);
ALTER PUBLICATION publication_late SET (publish = 'delete');
INSERT INTO publication_b VALUES (14);
DELETE FROM publication_b WHERE id = 11;
ALTER PUBLICATION publication_late RENAME TO publication_later;
DELETE FROM publication_b WHERE id = 12;
ALTER PUBLICATION publication_later RENAME TO publication_late;
DROP PUBLICATION publication_late;
DELETE FROM publication_b WHERE id = 14;
SELECT * FROM publication_peek('publication_late');

-- Inside of one transaction too.
BEGIN;
INSERT INTO publication_a VALUES (20);
CREATE PUBLICATION publication_in FOR TABLE publication_a;
INSERT INTO publication_a VALUES (21);
DROP PUBLICATION publication_in;
INSERT INTO publication_a VALUES (22);
COMMIT;
SELECT * FROM publication_peek('publication_in');

-- A missing publication is told in the stream, once, and beside another that exists.
SELECT shown(record) FROM walpack.peek_changes('regress_publication', NULL, NULL,
    'publication_names', 'publication_pa,"no such"')
WHERE record->>'record' IN ('hello', 'notice', 'begin', 'insert');
SELECT count(*) FROM walpack.get_changes('regress_publication', NULL, NULL);

-- Partitions are published through their parent's publication, as themselves.
CREATE TABLE publication_p (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE publication_p1 PARTITION OF publication_p FOR VALUES IN (1);
CREATE TABLE publication_p2 PARTITION OF publication_p FOR VALUES IN (2);
CREATE PUBLICATION publication_parent FOR TABLE publication_p;
CREATE PUBLICATION publication_child FOR TABLE publication_p2;
INSERT INTO publication_p VALUES (1), (2);
ALTER TABLE publication_p DETACH PARTITION publication_p1;
INSERT INTO publication_p1 VALUES (1) ON CONFLICT DO NOTHING;
DELETE FROM publication_p1;
DELETE FROM publication_p;
SELECT * FROM publication_peek('publication_parent');
SELECT * FROM publication_peek('publication_child');
SELECT count(*) FROM walpack.get_changes('regress_publication', NULL, NULL);

-- With publish_via_partition_root they are published as their root, in its order of columns.
CREATE TABLE publication_r (id int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE publication_r1 (note text, gone int, id int NOT NULL);
ALTER TABLE publication_r1 DROP COLUMN gone;
ALTER TABLE publication_r ATTACH PARTITION publication_r1 FOR VALUES FROM (0) TO (10);
CREATE TABLE publication_r2 PARTITION OF publication_r FOR VALUES FROM (10) TO (100)
    PARTITION BY LIST (id);
CREATE TABLE publication_r2a PARTITION OF publication_r2 FOR VALUES IN (10, 11);
ALTER TABLE publication_r2a REPLICA IDENTITY FULL;
CREATE PUBLICATION publication_root FOR TABLE publication_r WITH (publish_via_partition_root);
CREATE PUBLICATION publication_middle FOR TABLE publication_r2 WITH (publish_via_partition_root);
CREATE PUBLICATION publication_plain FOR TABLE publication_r;
INSERT INTO publication_r VALUES (1, 'one'), (10, 'ten');
UPDATE publication_r SET note = 'uno' WHERE id = 1;
UPDATE publication_r SET id = 2 WHERE id = 1;
UPDATE publication_r SET id = 11 WHERE id = 10;
UPDATE publication_r SET id = 3 WHERE id = 11;
DELETE FROM publication_r WHERE id = 2;
TRUNCATE publication_r2a;
TRUNCATE publication_r;
SELECT shown(record) FROM walpack.peek_changes('regress_publication', NULL, NULL,
    'publication_names', 'publication_root')
WHERE record->>'record' NOT IN ('hello', 'begin', 'commit');
SELECT * FROM publication_peek('publication_middle');
SELECT * FROM publication_peek('publication_plain');
-- The topmost root of several wins.
SELECT * FROM publication_peek('publication_middle, publication_root');
SELECT * FROM publication_peek('publication_middle, publication_plain');
SELECT count(*) FROM walpack.get_changes('regress_publication', NULL, NULL);

-- All tables through their roots; attached, detached, the root renamed and moved to another schema.
CREATE PUBLICATION publication_all_roots FOR ALL TABLES WITH (publish_via_partition_root);
INSERT INTO publication_r VALUES (1, 'one');
ALTER TABLE publication_r DETACH PARTITION publication_r1;
INSERT INTO publication_r1 VALUES ('two', 2);
ALTER TABLE publication_r RENAME TO publication_renamed;
ALTER TABLE publication_renamed ATTACH PARTITION publication_r1 FOR VALUES FROM (0) TO (10);
INSERT INTO publication_renamed VALUES (3, 'three'), (10, 'ten');
ALTER TABLE publication_renamed SET SCHEMA publication_s;
INSERT INTO publication_s.publication_renamed VALUES (4, 'four');
ALTER SCHEMA publication_s RENAME TO publication_moved;
INSERT INTO publication_moved.publication_renamed VALUES (5, 'five');
ALTER TABLE publication_moved.publication_renamed RENAME COLUMN note TO remark;
INSERT INTO publication_moved.publication_renamed VALUES (6, 'six');
ALTER SCHEMA publication_moved RENAME TO publication_s;
SELECT * FROM publication_peek('publication_all_roots');
SELECT count(*) FROM walpack.get_changes('regress_publication', NULL, NULL);
DROP TABLE publication_s.publication_renamed;

SELECT pg_drop_replication_slot('regress_publication');
DROP PUBLICATION publication_pa, "Publication, ""b""", publication_bd, publication_ps,
    publication_all, publication_none, publication_parent, publication_child, publication_root,
    publication_middle, publication_plain, publication_all_roots;
DROP TABLE publication_a, publication_b, publication_s.c, publication_p, publication_p1;
DROP SCHEMA publication_s;
DROP PROCEDURE publication_write;
DROP FUNCTION publication_peek;
