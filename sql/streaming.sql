-- A transaction beyond logical_decoding_work_mem is spilled and decoded whole at its commit.
\pset format unaligned
\pset tuples_only on
SET logical_decoding_work_mem = '64kB';
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_streaming', 'walpack');
CREATE TABLE streaming (id int PRIMARY KEY, note text);
CREATE FUNCTION streaming_summary() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', record->>'record', record->>'relation', record->>'changes',
        count(*) FILTER (WHERE r IS NOT NULL) || ' rows',
        sum((coalesce(r->'new', r->'key')->>'id')::bigint))
    FROM (SELECT row_number() OVER () AS n, record
          FROM walpack.get_changes('regress_streaming', NULL, NULL)
          WHERE record->>'record' NOT IN ('hello', 'relation')) c
        LEFT JOIN LATERAL jsonb_array_elements(record->'rows') r ON true
    GROUP BY record->>'record', record->>'relation', record->>'changes'
    ORDER BY min(n)
$$;

-- Nothing is sent while it runs.
BEGIN;
INSERT INTO streaming SELECT n, repeat('x', 200) FROM generate_series(1, 5000) n;
SELECT count(*) FROM walpack.peek_changes('regress_streaming', NULL, NULL);
UPDATE streaming SET note = 'short' WHERE id % 2 = 0;
DELETE FROM streaming WHERE id % 5 = 0;
COMMIT;
SELECT * FROM streaming_summary();

-- Subtransactions, some of them rolled back after they were spilled.
BEGIN;
INSERT INTO streaming SELECT n, repeat('a', 200) FROM generate_series(10001, 11000) n;
SAVEPOINT a;
INSERT INTO streaming SELECT n, repeat('b', 200) FROM generate_series(20001, 22000) n;
ROLLBACK TO a;
INSERT INTO streaming SELECT n, repeat('c', 200) FROM generate_series(30001, 31000) n;
SAVEPOINT b;
INSERT INTO streaming SELECT n, repeat('d', 200) FROM generate_series(40001, 42000) n;
RELEASE b;
INSERT INTO streaming VALUES (50001, NULL);
COMMIT;
SELECT sum(n) FROM generate_series(10001, 11000) n;
SELECT * FROM streaming_summary();

-- Rolled back as a whole: nothing.
BEGIN;
INSERT INTO streaming SELECT n, repeat('e', 200) FROM generate_series(60001, 65000) n;
ROLLBACK;
SELECT * FROM streaming_summary();

-- Schema changes in a spilled transaction.
BEGIN;
TRUNCATE streaming;
INSERT INTO streaming SELECT n, repeat('f', 200) FROM generate_series(1, 2000) n;
ALTER TABLE streaming ADD COLUMN extra int DEFAULT 1;
INSERT INTO streaming SELECT n, repeat('g', 200) FROM generate_series(2001, 4000) n;
COMMIT;
SELECT count(*), min(r->'new'->>'extra'), count(r->'new'->'extra')
FROM walpack.peek_changes('regress_streaming', NULL, NULL), jsonb_array_elements(record->'rows') r
WHERE record->>'record' = 'insert';
SELECT * FROM streaming_summary();

-- Spilling did happen; streaming was not asked for.
SELECT spill_txns > 0, spill_bytes > 0, stream_txns, stream_bytes
FROM pg_stat_replication_slots WHERE slot_name = 'regress_streaming';
SELECT count(*) FROM walpack.get_changes('regress_streaming', NULL, NULL);
SELECT * FROM walpack.peek_changes('regress_streaming', NULL, NULL, 'streaming', 'parallel');

-- What a reader makes of streamed records: the changes of each committed transaction.
CREATE FUNCTION streaming_committed() RETURNS TABLE (transaction bigint, action text, ids text)
LANGUAGE sql AS $$
    WITH records AS MATERIALIZED (
        SELECT row_number() OVER () AS n, xid::text AS xid, record
        FROM walpack.peek_changes('regress_streaming', NULL, NULL, 'streaming', 'on',
            'frame_bytes', '4096')
    ), owned AS (
        SELECT n, xid, record, max(n) FILTER (WHERE record->>'record' IN ('stream_start',
            'subtransaction')) OVER (ORDER BY n) AS head
        FROM records
    ), changes AS (
        SELECT o.n, o.xid, h.record->>'xid' AS subxid, o.record
        FROM owned o JOIN records h ON h.n = o.head WHERE o.record ? 'rows'
    )
    SELECT dense_rank() OVER (ORDER BY c.n), ch.record->>'record',
        count(*) || ' rows ' || sum((coalesce(r->'new', r->'key')->>'id')::bigint)
    FROM records c JOIN changes ch ON ch.xid = c.xid, jsonb_array_elements(ch.record->'rows') r
    WHERE c.record->>'record' = 'stream_commit' AND NOT EXISTS (
        SELECT FROM records a WHERE a.record->>'record' = 'stream_abort' AND a.n > ch.n
            AND a.xid = ch.xid AND a.record->>'subxid' = ch.subxid)
    GROUP BY c.n, ch.record->>'record' ORDER BY c.n, min(ch.n)
$$;
CREATE FUNCTION streaming_forget() RETURNS bool LANGUAGE sql AS $$
    SELECT count(*) >= 0 FROM walpack.get_changes('regress_streaming', NULL, NULL)
$$;

-- Asked for: blocks, then the commit; nothing is spilled.
TRUNCATE streaming;
SELECT pg_drop_replication_slot('regress_streaming');
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_streaming', 'walpack');
BEGIN;
INSERT INTO streaming SELECT n, repeat('x', 200) FROM generate_series(1, 5000) n;
UPDATE streaming SET note = 'short' WHERE id % 2 = 0;
DELETE FROM streaming WHERE id % 5 = 0;
COMMIT;
SELECT * FROM streaming_committed();
SELECT record->>'record', count(*) > 1 FROM walpack.peek_changes('regress_streaming', NULL, NULL,
    'streaming', 'on')
WHERE record->>'record' LIKE 'stream%' GROUP BY 1 ORDER BY 1;
SELECT spill_txns, spill_bytes, stream_txns > 0, stream_bytes > 0
FROM pg_stat_replication_slots WHERE slot_name = 'regress_streaming';
-- Small transactions are not streamed.
SELECT streaming_forget();
INSERT INTO streaming VALUES (100001, 'small');
SELECT record->>'record' FROM walpack.peek_changes('regress_streaming', NULL, NULL,
    'streaming', 'on');

-- Rolled back savepoints, before and after they were streamed; nested ones.
SELECT streaming_forget();
BEGIN;
INSERT INTO streaming SELECT n, repeat('a', 200) FROM generate_series(110001, 111000) n;
SAVEPOINT a;
INSERT INTO streaming SELECT n, repeat('b', 200) FROM generate_series(120001, 122000) n;
SAVEPOINT b;
INSERT INTO streaming SELECT n, repeat('c', 200) FROM generate_series(130001, 131000) n;
ROLLBACK TO a;
INSERT INTO streaming SELECT n, repeat('d', 200) FROM generate_series(140001, 141000) n;
SAVEPOINT c;
INSERT INTO streaming SELECT n, repeat('e', 200) FROM generate_series(150001, 152000) n;
RELEASE c;
COMMIT;
SELECT sum(n) FROM (SELECT generate_series(110001, 111000) UNION ALL
    SELECT generate_series(140001, 141000) UNION ALL SELECT generate_series(150001, 152000)) AS t (n);
SELECT * FROM streaming_committed();
SELECT count(*) FROM streaming WHERE id BETWEEN 110001 AND 160000;

-- Rolled back as a whole.
SELECT streaming_forget();
BEGIN;
INSERT INTO streaming SELECT n, repeat('e', 200) FROM generate_series(160001, 165000) n;
ROLLBACK;
SELECT count(*) FROM walpack.peek_changes('regress_streaming', NULL, NULL, 'streaming', 'on')
WHERE record ? 'rows';

-- DDL inside: the relation is described in the transaction itself, as it sees it.
SELECT streaming_forget();
BEGIN;
INSERT INTO streaming (id, note) SELECT n, repeat('f', 200) FROM generate_series(170001, 172000) n;
ALTER TABLE streaming ADD COLUMN later int DEFAULT 5;
INSERT INTO streaming (id, note) SELECT n, repeat('g', 200) FROM generate_series(180001, 182000) n;
ALTER TABLE streaming DROP COLUMN extra;
INSERT INTO streaming (id, note) SELECT n, repeat('h', 200) FROM generate_series(190001, 192000) n;
COMMIT;
INSERT INTO streaming VALUES (200001, 'after');
SELECT DISTINCT ON (1) (SELECT string_agg(c->>'name', ' ') FROM jsonb_array_elements(
    record->'columns') c) FROM walpack.peek_changes('regress_streaming', NULL, NULL,
    'streaming', 'on') WHERE record->>'record' = 'relation';
SELECT * FROM streaming_committed();

-- Truncate, messages and several tables in blocks. Filtered away: no trace.
SELECT streaming_forget();
CREATE TABLE streaming_b (id int);
CREATE PUBLICATION streaming_b FOR TABLE streaming_b;
BEGIN;
INSERT INTO streaming SELECT n, repeat('i', 200) FROM generate_series(210001, 212000) n;
TRUNCATE streaming_b;
SELECT 'emitted' FROM pg_logical_emit_message(true, 'regress', 'in a block');
INSERT INTO streaming SELECT n, repeat('i', 200) FROM generate_series(220001, 222000) n;
COMMIT;
SELECT record->>'record' FROM walpack.peek_changes('regress_streaming', NULL, NULL,
    'streaming', 'on', 'messages', 'on', 'publication_names', 'streaming_b')
WHERE record->>'record' NOT IN ('hello', 'stream_start', 'stream_stop');
-- Right behind a commit that changed catalogues the server may stream that transaction once more.
INSERT INTO streaming_b VALUES (1);
SELECT streaming_forget();
BEGIN;
INSERT INTO streaming SELECT n, repeat('i', 200) FROM generate_series(230001, 232000) n;
COMMIT;
SELECT count(*) FROM walpack.peek_changes('regress_streaming', NULL, NULL,
    'streaming', 'on', 'publication_names', 'streaming_b');

SELECT pg_drop_replication_slot('regress_streaming');
DROP PUBLICATION streaming_b;
DROP TABLE streaming, streaming_b;
DROP FUNCTION streaming_summary, streaming_committed, streaming_forget;
