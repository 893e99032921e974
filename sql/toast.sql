-- TOAST: a value stored out of line that did not change is a marker, never a value and never NULL.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_toast', 'walpack');
CREATE TABLE toast (id int PRIMARY KEY, external text, compressed text, small text);
ALTER TABLE toast ALTER COLUMN external SET STORAGE EXTERNAL;
-- Values too long to print are shown by length and hash.
CREATE FUNCTION toast_value(value text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN length(value) > 100 THEN length(value) || ' ' || left(md5(value), 6)
                ELSE coalesce(value, 'NULL') END
$$;
CREATE FUNCTION toast_tuple(tuple jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key || '=' || toast_value(value), ', ' ORDER BY key)
    FROM jsonb_each_text(tuple)
$$;
CREATE FUNCTION toast_changes() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', record->>'record', 'key ' || toast_tuple(r->'key'),
        'old ' || toast_tuple(r->'old'), 'new ' || toast_tuple(r->'new'),
        'unchanged ' || (r->>'unchanged_toast'))
    FROM walpack.get_changes('regress_toast', NULL, NULL), jsonb_array_elements(record->'rows') r
    WHERE record ? 'rows'
$$;

-- New values: out of line as they are, compressed in line, compressed and out of line.
INSERT INTO toast VALUES (1, repeat('e', 5000), repeat('c', 5000), 's');
INSERT INTO toast SELECT 2, string_agg(md5(n::text), ''), string_agg(md5((-n)::text), ''), 't'
FROM generate_series(1, 1000) n;
SELECT * FROM toast_changes();

-- Not changed: out of line is left out; compressed in line is a value like any other.
UPDATE toast SET small = 'u' WHERE id = 1;
SELECT * FROM toast_changes();
UPDATE toast SET small = 'u' WHERE id = 2;
SELECT * FROM toast_changes();

-- One changed, one not; set to NULL; set to the same.
UPDATE toast SET compressed = repeat('d', 5000) WHERE id = 2;
SELECT * FROM toast_changes();
UPDATE toast SET external = NULL WHERE id = 2;
SELECT * FROM toast_changes();
UPDATE toast SET external = external || '' WHERE id = 1;
SELECT * FROM toast_changes();

-- The key changes.
UPDATE toast SET id = 3 WHERE id = 1;
SELECT * FROM toast_changes();

-- FULL: the old row has the value, the new one still has the marker.
ALTER TABLE toast REPLICA IDENTITY FULL;
UPDATE toast SET small = 'v' WHERE id = 3;
SELECT * FROM toast_changes();
DELETE FROM toast WHERE id = 3;
SELECT * FROM toast_changes();

-- A key that is itself out of line comes in the old key, and changes are seen.
CREATE TABLE toast_key (id text NOT NULL, n int);
ALTER TABLE toast_key ALTER COLUMN id SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX toast_key_id ON toast_key (id);
ALTER TABLE toast_key REPLICA IDENTITY USING INDEX toast_key_id;
INSERT INTO toast_key VALUES (repeat('k', 2500), 1);
SELECT * FROM toast_changes();
UPDATE toast_key SET n = 2;
SELECT * FROM toast_changes();
DELETE FROM toast_key;
SELECT * FROM toast_changes();

-- NOTHING: the marker too.
ALTER TABLE toast_key REPLICA IDENTITY NOTHING;
INSERT INTO toast_key VALUES (repeat('k', 2500), 1);
UPDATE toast_key SET n = 2;
SELECT * FROM toast_changes();

-- Other types out of line: arrays, bytea, jsonb, a domain, a composite.
CREATE DOMAIN toast_domain AS text;
CREATE TYPE toast_pair AS (a int, b text);
CREATE TABLE toast_types (id int PRIMARY KEY, n int, a int[], b bytea, j jsonb, d toast_domain,
    c toast_pair);
INSERT INTO toast_types SELECT 1, 1, array_agg(n * 7919 % 1000003),
    string_agg(decode(md5(n::text), 'hex'), ''), jsonb_agg(md5(n::text)),
    string_agg(md5(n::text), ''), ROW(1, string_agg(md5(n::text), ''))::toast_pair
FROM generate_series(1, 3000) n;
SELECT * FROM toast_changes();
UPDATE toast_types SET n = 2;
SELECT * FROM toast_changes();
SELECT 1 AS id, length(a::text) || ' ' || left(md5(a::text), 6) AS a,
    length(b::text) || ' ' || left(md5(b::text), 6) AS b,
    length(j::text) || ' ' || left(md5(j::text), 6) AS j,
    length(d::text) || ' ' || left(md5(d::text), 6) AS d,
    length(c::text) || ' ' || left(md5(c::text), 6) AS c FROM toast_types;

SELECT pg_drop_replication_slot('regress_toast');
DROP TABLE toast, toast_key, toast_types;
DROP FUNCTION toast_changes, toast_tuple, toast_value;
DROP TYPE toast_domain, toast_pair;
