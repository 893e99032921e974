-- How records are batched into messages, and records larger than a message are cut.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_batching', 'walpack');
CREATE TABLE batching (id int PRIMARY KEY, note text);
CREATE TABLE batching_b (id int PRIMARY KEY);
-- One line for each message: its number, records, and rows of each.
CREATE FUNCTION batching_messages(VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT n || ': ' || (SELECT string_agg(concat_ws(' ', record->>'record', record->>'id',
            record->>'relation', jsonb_array_length(record->'rows'), record->>'changes',
            CASE WHEN (record->>'first')::bool THEN 'first' END,
            CASE WHEN (record->>'last')::bool THEN 'last' END), ', ' ORDER BY r)
        FROM walpack.decode(data) WITH ORDINALITY AS d (record, r))
    FROM pg_logical_slot_peek_binary_changes('regress_batching', NULL, NULL, VARIADIC options)
        WITH ORDINALITY AS m (lsn, xid, data, n)
$$;

-- A small transaction is one message; Hello is in the first, a description before its first rows.
INSERT INTO batching VALUES (1, 'one');
BEGIN;
INSERT INTO batching VALUES (2, 'two'), (3, 'three');
INSERT INTO batching_b VALUES (1);
INSERT INTO batching VALUES (4, 'four');
UPDATE batching SET note = 'x' WHERE id < 3;
UPDATE batching SET id = 10 WHERE id = 3;
DELETE FROM batching_b;
COMMIT;
SELECT * FROM batching_messages();

-- Hello says the version of this library's own package.
SELECT record->>'plugin_version' = walpack.version(), record->>'database' = current_database(),
    (record->>'server_version')::int = current_setting('server_version_num')::int,
    (record->>'system_identifier')::numeric = system_identifier
FROM walpack.peek_changes('regress_batching', NULL, NULL), pg_control_system()
WHERE record->>'record' = 'hello';

-- Begin and Commit belong together; the commit's LSN is the row's.
SELECT b.xid = (b.record->>'xid')::xid, b.record->>'commit_lsn' = c.record->>'commit_lsn',
    c.lsn = (c.record->>'end_lsn')::pg_lsn,
    (c.record->>'end_lsn')::pg_lsn > (c.record->>'commit_lsn')::pg_lsn,
    (b.record->>'time')::timestamptz BETWEEN now() - interval '1 hour' AND now()
FROM walpack.peek_changes('regress_batching', NULL, NULL) b
    JOIN walpack.peek_changes('regress_batching', NULL, NULL) c USING (xid)
WHERE b.record->>'record' = 'begin' AND c.record->>'record' = 'commit'
ORDER BY b.lsn;

-- The smallest frames: a message is written once it passes 64 bytes, and runs start anew.
SELECT * FROM batching_messages('frame_bytes', '64');

-- Whatever the frames, the records are the same; runs may be cut.
CREATE FUNCTION batching_rows(frame text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', record->>'record', record->>'relation', r::text,
        record->>'changes'), E'\n' ORDER BY n, m)
    FROM walpack.peek_changes('regress_batching', NULL, NULL, 'frame_bytes', frame)
            WITH ORDINALITY AS c (lsn, xid, record, n)
        LEFT JOIN LATERAL jsonb_array_elements(record->'rows') WITH ORDINALITY AS t (r, m) ON true
    WHERE record->>'record' <> 'hello'
$$;
SELECT batching_rows('64') = batching_rows('65536'), batching_rows('100') = batching_rows('65536'),
    batching_rows('16777216') = batching_rows('65536');
SELECT * FROM batching_rows('65536');
SELECT count(*) FROM walpack.get_changes('regress_batching', NULL, NULL);

-- A row much larger than a frame is cut; its fragments are alone in their messages.
INSERT INTO batching VALUES (19, 'small'), (20, repeat('x', 1000)), (21, 'small');
SELECT * FROM batching_messages('frame_bytes', '128');
SELECT record->>'record', r->'new'->>'id', length(r->'new'->>'note')
FROM walpack.peek_changes('regress_batching', NULL, NULL, 'frame_bytes', '128'),
    jsonb_array_elements(record->'rows') r WHERE record ? 'rows';
SELECT batching_rows('64') = batching_rows('65536');
SELECT count(*) FROM walpack.get_changes('regress_batching', NULL, NULL);

-- A value of 1 MB, with the default frames; no message is much larger than a frame.
INSERT INTO batching SELECT 30, string_agg(md5(n::text), '') FROM generate_series(1, 33000) n;
SELECT max(length(data)) < 2 * 65536, count(*) > 15
FROM pg_logical_slot_peek_binary_changes('regress_batching', NULL, NULL);
SELECT r->'new'->>'note' = (SELECT note FROM batching WHERE id = 30)
FROM walpack.get_changes('regress_batching', NULL, NULL), jsonb_array_elements(record->'rows') r
WHERE record ? 'rows';

-- Many rows: each message but the last passes frame_bytes, by less than a row.
INSERT INTO batching SELECT n, 'note ' || n FROM generate_series(1000, 10999) n;
SELECT count(*) > 2, min(length(data)) FILTER (WHERE n < total) >= 65536,
    max(length(data)) FILTER (WHERE n < total) < 65536 + 200
FROM (SELECT n, data, count(*) OVER () AS total
      FROM pg_logical_slot_peek_binary_changes('regress_batching', NULL, NULL)
          WITH ORDINALITY AS m (lsn, xid, data, n)) m;
SELECT sum(jsonb_array_length(record->'rows')), max(record->>'changes')
FROM walpack.get_changes('regress_batching', NULL, NULL);

-- upto_nchanges counts messages, upto_lsn stops after the transaction that reaches it.
INSERT INTO batching_b VALUES (1);
INSERT INTO batching_b VALUES (2), (3);
INSERT INTO batching_b VALUES (4);
SELECT shown(record) FROM walpack.peek_changes('regress_batching', NULL, 2) WHERE record ? 'rows';
SELECT lsn AS second FROM walpack.peek_changes('regress_batching', NULL, 2)
ORDER BY lsn DESC LIMIT 1 \gset
SELECT shown(record) FROM walpack.get_changes('regress_batching', :'second', NULL)
WHERE record ? 'rows';
SELECT shown(record) FROM walpack.get_changes('regress_batching', NULL, NULL)
WHERE record ? 'rows';
SELECT count(*) FROM walpack.get_changes('regress_batching', NULL, NULL);

SELECT pg_drop_replication_slot('regress_batching');
DROP TABLE batching, batching_b;
DROP FUNCTION batching_messages, batching_rows;
