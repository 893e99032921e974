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

-- Unknown names; streaming and two_phase are not options of this version.
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'no_such', 'on');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'Messages', 'on');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'streaming', 'on');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'two_phase', 'on');

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

-- An option given twice, and one without a value.
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL,
    'messages', 'on', 'messages', 'off');
SELECT * FROM walpack.peek_changes('regress_options', NULL, NULL, 'messages');

-- None of this took anything out of the slot.
SELECT * FROM changes('regress_options');

SELECT pg_drop_replication_slot('regress_options');
DROP PUBLICATION "Odd, name", other;
DROP TABLE options;
