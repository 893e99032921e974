-- walpack.peek_changes shows transactions in progress and prepared ones under the xid of their
-- top-level transaction, with relations of their own, and the same whether compressed or not.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET logical_decoding_work_mem = '64kB';
SELECT 'slot'
FROM pg_create_logical_replication_slot('regress_peek', 'walpack', false, true);
CREATE TABLE peeked (id int PRIMARY KEY, note text);
ALTER TABLE peeked ALTER note SET STORAGE PLAIN;
INSERT INTO peeked VALUES (1, 'one');
-- Two large transactions, with a part that is rolled back, and a change of the table in between.
BEGIN;
INSERT INTO peeked SELECT n, repeat('a', 2000) FROM generate_series(101, 150) n;
SAVEPOINT part;
INSERT INTO peeked SELECT n, repeat('b', 2000) FROM generate_series(201, 250) n;
ROLLBACK TO part;
INSERT INTO peeked SELECT n, repeat('c', 2000) FROM generate_series(301, 350) n;
COMMIT;
ALTER TABLE peeked ADD extra int;
BEGIN;
INSERT INTO peeked SELECT n, repeat('d', 2000), n FROM generate_series(401, 450) n;
PREPARE TRANSACTION 'regress_peek_large';
BEGIN;
INSERT INTO peeked VALUES (2, 'two', 2);
PREPARE TRANSACTION 'regress_peek_small';
COMMIT PREPARED 'regress_peek_large';
ROLLBACK PREPARED 'regress_peek_small';
BEGIN;
INSERT INTO peeked SELECT n, repeat('e', 2000), n FROM generate_series(501, 550) n;
ROLLBACK;

CREATE FUNCTION peeked(VARIADIC options text[])
RETURNS TABLE (n bigint, xid text, record jsonb) LANGUAGE sql AS $$
    SELECT row_number() OVER (), xid::text, record
    FROM walpack.peek_changes('regress_peek', NULL, NULL, VARIADIC options)
$$;
CREATE TEMP TABLE plain AS SELECT * FROM peeked('streaming', 'on', 'two_phase', 'on');

-- Each record that names a transaction stands under its xid; so do those between.
SELECT record->>'record', count(*) > 0, bool_and(record->>'xid' = xid)
FROM plain WHERE record ? 'xid' AND record->>'record' NOT IN ('subtransaction', 'stream_abort')
GROUP BY 1 ORDER BY 1;
-- Newer servers need not say that something was rolled back which they did not send.
SELECT bool_and(record->>'xid' = xid) IS NOT false FROM plain WHERE record->>'record' = 'stream_abort';
SELECT count(DISTINCT xid) > 3, bool_and(xid <> '0') FROM plain WHERE record ? 'rows';

-- A transaction that has a scope of its own begins at version 1, and describes what it uses.
SELECT bool_and(version = row) FROM (
    SELECT (record->>'version')::int AS version,
        row_number() OVER (PARTITION BY p.xid, record->'id' ORDER BY n) AS row
    FROM plain p
    WHERE record->>'record' = 'relation' AND EXISTS (SELECT FROM plain s
        WHERE s.xid = p.xid AND s.record->>'record' IN ('stream_start', 'begin_prepare'))) v;

-- What is sent when, and how it ends.
SELECT record->>'record', record->'gid', record->'changes' <= CASE record->>'record'
    WHEN 'stream_commit' THEN '150' WHEN 'stream_prepare' THEN '50' ELSE '1' END::jsonb,
    record->>'end_lsn' IS NOT NULL
FROM plain WHERE record->>'record' ~ 'prepare|commit' ORDER BY n;

-- Compressed it is the same, down to the digests, but for that of the message that holds Hello.
CREATE FUNCTION peeked_like(VARIADIC options text[]) RETURNS bool LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE p.xid IS DISTINCT FROM o.xid
            OR p.record - 'options' IS DISTINCT FROM o.record - 'options') <= 1 AND count(*) > 20
    FROM plain p
        FULL JOIN peeked(VARIADIC ARRAY['streaming', 'on', 'two_phase', 'on'] || options) o USING (n)
$$;
SELECT peeked_like('compression', 'none'), peeked_like('compression', 'lz4'),
    peeked_like('compression', 'zstd');
-- In pieces of any size it has the same rows.
SELECT count(*), count(DISTINCT (rows, changes, ids)) FROM (
    SELECT sum(jsonb_array_length(record->'rows')) AS rows, sum((record->'changes')::int) AS changes,
        sum((SELECT sum((r->'new'->'id')::int) FROM jsonb_array_elements(record->'rows') r)) AS ids
    FROM unnest(ARRAY['64', '3000', '65536']) frame, unnest(ARRAY['none', 'lz4', 'zstd']) method,
        peeked('streaming', 'on', 'two_phase', 'on', 'frame_bytes', frame, 'compression', method)
    GROUP BY frame, method) calls;
-- It did get smaller.
SELECT sum(length(z.data)) < sum(length(p.data)) / 10
FROM pg_logical_slot_peek_binary_changes('regress_peek', NULL, NULL, 'streaming', 'on',
        'two_phase', 'on') WITH ORDINALITY AS p (lsn, xid, data, n)
    JOIN pg_logical_slot_peek_binary_changes('regress_peek', NULL, NULL, 'streaming', 'on',
        'two_phase', 'on', 'compression', 'zstd') WITH ORDINALITY AS z (lsn, xid, data, n) USING (n);

SELECT pg_drop_replication_slot('regress_peek');
DROP TABLE peeked;
DROP FUNCTION peeked, peeked_like;
