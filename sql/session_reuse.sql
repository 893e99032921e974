-- One session that reads slots very often keeps nothing of it: no callback slot, no memory, also when
-- calls fail. A session has 64 slots for invalidation callbacks; registering with every call would
-- soon be an error.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_reuse', 'walpack');
CREATE TYPE session_mood AS ENUM ('sad', 'ok');
CREATE TABLE session_reuse (id int PRIMARY KEY, note text, mood session_mood, many int[]);
CREATE TABLE session_reuse_part (id int PRIMARY KEY, note text) PARTITION BY LIST (id);
CREATE TABLE session_reuse_part_1 PARTITION OF session_reuse_part FOR VALUES IN (1);
CREATE PUBLICATION session_reuse_plain FOR TABLE session_reuse (id, note) WHERE (id < 30);
CREATE PUBLICATION session_reuse_root FOR TABLE session_reuse_part
    WITH (publish_via_partition_root = true);
INSERT INTO session_reuse SELECT n, 'note ' || n, 'sad', ARRAY[n, n] FROM generate_series(1, 20) n;
UPDATE session_reuse SET mood = 'ok' WHERE id < 5;
INSERT INTO session_reuse_part VALUES (1, 'one');
-- Large enough to be streamed.
ALTER TABLE session_reuse ALTER note SET STORAGE PLAIN;
INSERT INTO session_reuse SELECT n, repeat('x', 4000), 'ok', NULL FROM generate_series(101, 120) n;

-- Each kind of call that there is.
CREATE FUNCTION session_peek() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(n) FROM (
        SELECT count(*) FROM walpack.peek_changes('regress_reuse', NULL, NULL)
        UNION ALL
        SELECT count(*) FROM walpack.peek_changes('regress_reuse', NULL, NULL,
            'publication_names', 'session_reuse_plain, session_reuse_root, session_reuse_missing',
            'compression', 'zstd', 'frame_bytes', '256')
        UNION ALL
        SELECT count(*) FROM walpack.peek_changes('regress_reuse', NULL, NULL,
            'streaming', 'on', 'two_phase', 'off', 'compression', 'lz4')
    ) calls (n)
$$;
-- What fails at the start, in the middle and at the end.
CREATE FUNCTION session_fails() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    failed int := 0;
    options text[];
BEGIN
    FOREACH options SLICE 1 IN ARRAY ARRAY[['frame_bytes', 'x'], ['no_such_option', ''],
            ['compression', 'zip']] LOOP
        BEGIN
            PERFORM * FROM walpack.peek_changes('regress_reuse', NULL, NULL, VARIADIC options);
        EXCEPTION WHEN OTHERS THEN
            failed := failed + 1;
        END;
    END LOOP;
    BEGIN
        PERFORM 1 / (CASE WHEN record ? 'rows' THEN 0 ELSE 1 END)
        FROM walpack.peek_changes('regress_reuse', NULL, NULL);
    EXCEPTION WHEN division_by_zero THEN
        failed := failed + 1;
    END;
    BEGIN
        PERFORM walpack.decode('\x941b02ce00ffffffc40401020304');
    EXCEPTION WHEN invalid_binary_representation THEN
        failed := failed + 1;
    END;
    RETURN failed;
END
$$;
CREATE FUNCTION session_bytes() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts
$$;
-- The process as a whole, for what libraries allocate; only Linux tells.
CREATE FUNCTION session_pages() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(split_part(pg_read_file('/proc/self/statm', 0, 100, true), ' ', 2)::bigint, 0)
$$;

-- The first calls fill caches that every later one finds.
SELECT count(session_peek()), sum(session_fails()) FROM generate_series(1, 10);
SELECT session_bytes() AS bytes, session_pages() AS pages \gset
-- 300 calls, which all show the same.
SELECT count(DISTINCT session_peek()) FROM generate_series(1, 100);
SELECT session_bytes() - :bytes AS grown, session_pages() - :pages AS grown_pages \gset
SELECT CASE WHEN :grown < 100000 THEN 'flat' ELSE 'grown by :grown bytes' END,
    CASE WHEN :grown_pages < 1000 THEN 'flat' ELSE 'grown by :grown_pages pages' END;
SELECT sum(session_fails()) FROM generate_series(1, 50);
SELECT session_bytes() - :bytes AS grown, session_pages() - :pages AS grown_pages \gset
SELECT CASE WHEN :grown < 100000 THEN 'flat' ELSE 'grown by :grown bytes' END,
    CASE WHEN :grown_pages < 1000 THEN 'flat' ELSE 'grown by :grown_pages pages' END;

-- A slot of another plugin in between, and the plugin's own caches still follow what changes.
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_reuse_other', 'test_decoding');
ALTER TABLE session_reuse RENAME TO session_reused;
INSERT INTO session_reused VALUES (31, 'renamed');
SELECT count(*) > 0 FROM pg_logical_slot_get_changes('regress_reuse_other', NULL, NULL);
SELECT record->>'relation', count(*)
FROM walpack.peek_changes('regress_reuse', NULL, NULL) WHERE record ? 'rows' GROUP BY 1 ORDER BY 1;
SELECT session_fails();
SELECT count(*) > 0 FROM walpack.get_changes('regress_reuse', NULL, NULL);
SELECT count(*) FROM walpack.get_changes('regress_reuse', NULL, NULL);

SELECT pg_drop_replication_slot('regress_reuse');
SELECT pg_drop_replication_slot('regress_reuse_other');
DROP PUBLICATION session_reuse_plain, session_reuse_root;
DROP TABLE session_reused, session_reuse_part;
DROP TYPE session_mood;
DROP FUNCTION session_peek, session_fails, session_bytes, session_pages;
