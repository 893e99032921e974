-- Logical messages, with option messages: in their transaction or on their own.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_messages', 'walpack');
CREATE TABLE messages (id int PRIMARY KEY);

-- A non-transactional message is read once a commit has flushed it, so one follows each time.

-- Off by default: a transaction of messages only is not sent.
SELECT 'message' FROM pg_logical_emit_message(false, 'prefix', 'alone');
SELECT 'message' FROM pg_logical_emit_message(true, 'prefix', 'content');
SELECT * FROM walpack.peek_changes('regress_messages', NULL, NULL);
SELECT * FROM changes('regress_messages', 'messages', 'on');

-- In order with the rows, and counted.
BEGIN;
INSERT INTO messages VALUES (1);
SELECT 'message' FROM pg_logical_emit_message(true, 'between', 'rows');
INSERT INTO messages VALUES (2);
SAVEPOINT a;
SELECT 'message' FROM pg_logical_emit_message(true, 'rolled', 'back');
ROLLBACK TO a;
SELECT 'message' FROM pg_logical_emit_message(true, 'last', '');
COMMIT;
SELECT * FROM changes('regress_messages', 'messages', 'on');

-- Non-transactional: at once, whatever becomes of the transaction.
BEGIN;
INSERT INTO messages VALUES (3);
SELECT 'message' FROM pg_logical_emit_message(false, 'before', 'the commit');
COMMIT;
BEGIN;
INSERT INTO messages VALUES (4);
SELECT 'message' FROM pg_logical_emit_message(false, 'survives', 'the rollback');
ROLLBACK;
INSERT INTO messages VALUES (5);
SELECT * FROM changes('regress_messages', 'messages', 'on');

-- Only some prefixes: case counts, quotes hold commas.
SELECT count(*) FROM (SELECT pg_logical_emit_message(t, p, 'content')
    FROM unnest('{a,A,"b, c",other}'::text[]) p, unnest('{f,t}'::bool[]) t) emitted;
INSERT INTO messages VALUES (6);
SELECT shown(record) FROM walpack.get_changes('regress_messages', NULL, NULL, 'messages', 'on',
    'message_prefixes', 'A, "b, c", unused')
WHERE record->>'record' = 'message';

-- Any content and prefix.
SELECT 'message' FROM pg_logical_emit_message(true, '', ''::bytea);
SELECT 'message' FROM pg_logical_emit_message(true, 'zero', '\x00'::bytea);
SELECT 'message' FROM pg_logical_emit_message(true, 'not text', '\xfffe'::bytea);
SELECT 'message' FROM pg_logical_emit_message(false, '"é😀''', 'é😀'::bytea);
SELECT 'message' FROM pg_logical_emit_message(true, 'walpack', '{"ddl": "DROP TABLE messages"}');
SELECT * FROM changes('regress_messages', 'messages', 'on');

-- Larger than a frame: put together from fragments.
SELECT 'message' FROM pg_logical_emit_message(false, 'large', repeat('y', 1001));
SELECT 'message' FROM pg_logical_emit_message(true, 'large', repeat('x', 1000));
SELECT record->>'transactional', record->>'prefix', length(record->>'content')
FROM walpack.get_changes('regress_messages', NULL, NULL, 'messages', 'on', 'frame_bytes', '64')
WHERE record->>'record' = 'message';

-- Publications do not matter to messages.
CREATE PUBLICATION messages_none;
SELECT 'message' FROM pg_logical_emit_message(true, 'prefix', 'content');
SELECT * FROM changes('regress_messages', 'messages', 'on', 'publication_names', 'messages_none');

SELECT pg_drop_replication_slot('regress_messages');
DROP PUBLICATION messages_none;
DROP TABLE messages;
