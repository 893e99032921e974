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

-- Spilling did happen; streaming of transactions in progress did not, and is no option.
SELECT spill_txns > 0, spill_bytes > 0, stream_txns, stream_bytes
FROM pg_stat_replication_slots WHERE slot_name = 'regress_streaming';
SELECT * FROM walpack.peek_changes('regress_streaming', NULL, NULL, 'streaming', 'on');
SELECT * FROM walpack.peek_changes('regress_streaming', NULL, NULL, 'streaming', 'parallel');

SELECT pg_drop_replication_slot('regress_streaming');
DROP TABLE streaming;
DROP FUNCTION streaming_summary;
