-- Options are checked by name and value; Hello says what is in force.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_options', 'walpack');
CREATE TABLE options (id int PRIMARY KEY);
CREATE PUBLICATION "Odd, name" FOR TABLE options;
CREATE PUBLICATION other FOR TABLE options;
INSERT INTO options VALUES (1);

-- Defaults, then everything set.
SELECT shown(record) FROM walpack.peek_changes('regress_options', NULL, NULL)
WHERE record->>'record' = 'hello';
SELECT shown(record) FROM walpack.peek_changes('regress_options', NULL, NULL,
    'publication_names', '"Odd, name",other', 'messages', 'on', 'origin', 'none',
    'frame_bytes', '1024')
WHERE record->>'record' = 'hello';

-- Values are read as the server reads them.
SELECT record->'options' FROM walpack.peek_changes('regress_options', NULL, NULL,
    'messages', 'TRUE', 'origin', 'NONE', 'frame_bytes', '16777216')
WHERE record->>'record' = 'hello';
SELECT record->'options' FROM walpack.peek_changes('regress_options', NULL, NULL,
    'messages', 'no', 'origin', 'any', 'frame_bytes', '64')
WHERE record->>'record' = 'hello';

-- Unknown names.
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'no_such', 'on');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'Messages', 'on');

-- Malformed values.
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'messages', 'maybe');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'origin', 'some');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes', '63');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes', '16777217');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes', '64kB');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes', '-1');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes', '');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'frame_bytes',
    '99999999999999999999999');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'publication_names', '');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'publication_names', 'a,,b');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'publication_names', '"a');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'streaming', 'parallel');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'two_phase', '2');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'compression', 'gzip');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'compression');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'message_prefixes', '');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'message_prefixes', '"a');

-- Messages are compressed when that makes them smaller; what is inside is the same.
INSERT INTO options SELECT generate_series(1001, 2000);
CREATE FUNCTION options_bytes(compression text) RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(length(data)) FROM pg_logical_slot_peek_binary_changes('regress_options', NULL, NULL,
        'compression', compression)
$$;
SELECT options_bytes('none') > 3000, options_bytes('lz4') <= options_bytes('none'),
    options_bytes('zstd') < options_bytes('none') * 0.8;
CREATE FUNCTION options_records(compression text) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT record - 'digest' FROM walpack.peek_changes('regress_options', NULL, NULL,
        'compression', compression)
    WHERE record->>'record' <> 'hello'
$$;
SELECT count(*) FROM options_records('none');
SELECT method, count(*) FROM unnest('{lz4,zstd}'::text[]) method,
    LATERAL (SELECT options_records(method) INTERSECT SELECT options_records('none')) same
GROUP BY method;
SELECT count(*) FROM changes('regress_options', 'compression', 'zstd', 'frame_bytes', '64');
INSERT INTO options VALUES (3001);

-- An option given twice, and one without a value.
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL,
    'messages', 'on', 'messages', 'off');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'messages');

-- None of this took anything out of the slot.
SELECT * FROM changes('regress_options');

SELECT pg_drop_replication_slot('regress_options');
DROP PUBLICATION "Odd, name", other;
DROP TABLE options;
DROP FUNCTION options_bytes, options_records;
