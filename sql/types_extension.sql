-- Types of the extensions that the format knows, in send form.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_extension', 'walpack');
CREATE TABLE types_extension (id int, c citext, ca citext[], h hstore, l ltree, q lquery,
    x ltxtquery);
INSERT INTO types_extension VALUES
    (1, 'MiXed', '{A,NULL}', '"a"=>"1", "b"=>NULL, "c d"=>"\"x\", y"', 'Top.Science.a_1',
     '*.Top.!b*', 'Top & !b*'),
    (2, '', '{}', '', '', '*', 'a'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT concat_ws(' ', c->>'name', c->>'kind', c->>'type', 'element ' || (c->>'element'),
    c->>'element_kind')
FROM walpack.peek_changes('regress_types_extension', NULL, NULL),
    jsonb_array_elements(record->'columns') c;
SELECT * FROM row_changes('regress_types_extension');

-- A type that is gone by the time of decoding was there when the row was written; the plugin sends
-- its send form, and without the type there is no text for it.
INSERT INTO types_extension (id, l) VALUES (4, 'a.b');
DROP EXTENSION ltree CASCADE;
SELECT * FROM row_changes('regress_types_extension');

SELECT pg_drop_replication_slot('regress_types_extension');
DROP TABLE types_extension;
DROP EXTENSION citext, hstore;
