-- A change of a table's description comes before the first row that follows it.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_schema_change', 'walpack');
-- Records in short: descriptions by columns, rows by value.
CREATE FUNCTION schema_changes() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', record->>'record', record->>'id', record->>'relation',
        (SELECT string_agg(concat_ws(' ', c->>'name', c->>'type', c->>'typmod'), ', ' ORDER BY n)
         FROM jsonb_array_elements(record->'columns') WITH ORDINALITY AS t (c, n)),
        record->>'rows')
    FROM walpack.get_changes('regress_schema_change', NULL, NULL)
    WHERE record->>'record' IN ('relation', 'insert', 'update', 'delete')
$$;
CREATE TABLE schema_change (id int PRIMARY KEY, note text);

-- One description serves many transactions; vacuum and new indexes may repeat it, never change it.
INSERT INTO schema_change VALUES (1, 'a');
INSERT INTO schema_change VALUES (2, 'b');
SELECT * FROM schema_changes();

-- Columns added, renamed, retyped, dropped: between transactions.
INSERT INTO schema_change VALUES (3, 'c');
ALTER TABLE schema_change ADD COLUMN added int DEFAULT 7;
INSERT INTO schema_change VALUES (4, 'd');
ALTER TABLE schema_change RENAME COLUMN note TO remark;
INSERT INTO schema_change VALUES (5, 'e', NULL);
ALTER TABLE schema_change ALTER COLUMN added TYPE varchar(10);
INSERT INTO schema_change VALUES (6, 'f', 'text');
ALTER TABLE schema_change DROP COLUMN remark;
INSERT INTO schema_change VALUES (7, 'text');
UPDATE schema_change SET added = 'upd' WHERE id = 1;
SELECT * FROM schema_changes();

-- And in the middle of one, rows before and after.
BEGIN;
INSERT INTO schema_change VALUES (8, 'before');
ALTER TABLE schema_change ADD COLUMN late date;
INSERT INTO schema_change VALUES (9, 'after', '2024-01-01');
ALTER TABLE schema_change DROP COLUMN late;
SAVEPOINT a;
ALTER TABLE schema_change ADD COLUMN undone int;
INSERT INTO schema_change VALUES (10, 'undone', 1);
ROLLBACK TO a;
INSERT INTO schema_change VALUES (11, 'last');
COMMIT;
SELECT * FROM schema_changes();

-- The table is renamed, moved, and its schema renamed.
CREATE SCHEMA schema_change_s;
ALTER TABLE schema_change RENAME TO schema_changed;
INSERT INTO schema_changed VALUES (20);
ALTER TABLE schema_changed SET SCHEMA schema_change_s;
INSERT INTO schema_change_s.schema_changed VALUES (21);
ALTER SCHEMA schema_change_s RENAME TO "Schema";
INSERT INTO "Schema".schema_changed VALUES (22);
ALTER TABLE "Schema".schema_changed SET SCHEMA public;
DROP SCHEMA "Schema";
SELECT * FROM schema_changes();

-- Dropped before it is decoded, and created again under the same name.
INSERT INTO schema_changed VALUES (30);
DROP TABLE schema_changed;
CREATE TABLE schema_changed (other text);
INSERT INTO schema_changed VALUES ('new table');
SELECT * FROM schema_changes();

-- Types are renamed, enums get values; what is sent is what the names were.
CREATE TYPE schema_change_mood AS ENUM ('old');
ALTER TABLE schema_changed ADD COLUMN mood schema_change_mood;
INSERT INTO schema_changed VALUES ('m', 'old');
ALTER TYPE schema_change_mood ADD VALUE 'added';
INSERT INTO schema_changed VALUES ('m', 'added');
ALTER TYPE schema_change_mood RENAME VALUE 'old' TO 'renamed';
INSERT INTO schema_changed VALUES ('m', 'renamed');
ALTER TYPE schema_change_mood RENAME TO schema_change_temper;
INSERT INTO schema_changed VALUES ('m', 'renamed');
SELECT * FROM schema_changes();

-- A rewrite sends no rows of its own; neither do VACUUM FULL, CLUSTER and new indexes.
ALTER TABLE schema_changed ADD COLUMN r float8 DEFAULT random();
VACUUM FULL schema_changed;
CREATE INDEX schema_changed_index ON schema_changed (other);
CLUSTER schema_changed USING schema_changed_index;
ANALYZE schema_changed;
SELECT * FROM schema_changes();

-- A table becomes unlogged, and logged again.
ALTER TABLE schema_changed DROP COLUMN r, DROP COLUMN mood;
ALTER TABLE schema_changed SET UNLOGGED;
INSERT INTO schema_changed VALUES ('unlogged');
ALTER TABLE schema_changed SET LOGGED;
INSERT INTO schema_changed VALUES ('logged');
SELECT * FROM schema_changes();

-- Of tables that come and go a reader keeps no more than there were at once: their ids are given to
-- others.
CREATE PROCEDURE schema_change_many(tables int) LANGUAGE plpgsql AS $$
BEGIN
    FOR number IN 1..tables LOOP
        EXECUTE format('CREATE TABLE schema_many_%s (id int)', number);
        EXECUTE format('INSERT INTO schema_many_%s VALUES (%s)', number, number);
        EXECUTE format('DROP TABLE schema_many_%s', number);
        IF number % 100 = 0 THEN COMMIT; END IF;
    END LOOP;
END
$$;
CALL schema_change_many(2500);
WITH change AS MATERIALIZED (
    SELECT record FROM walpack.get_changes('regress_schema_change', NULL, NULL)
), relation AS (
    SELECT (record->>'id')::int AS id, record->>'relation' AS name FROM change
    WHERE record->>'record' = 'relation'
)
SELECT (SELECT count(DISTINCT name) FROM relation), (SELECT max(id) < 1200 FROM relation),
    (SELECT count(*) FROM change WHERE record->>'record' = 'insert'
        AND record->>'relation' = 'public.schema_many_' || (record->'rows'->0->'new'->>'id'));

SELECT pg_drop_replication_slot('regress_schema_change');
DROP TABLE schema_changed;
DROP TYPE schema_change_temper;
DROP FUNCTION schema_changes;
DROP PROCEDURE schema_change_many;
