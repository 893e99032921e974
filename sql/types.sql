-- Every type of the format's table arrives exactly, extreme and special values included.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types', 'walpack');
-- How the slot's columns are described.
CREATE FUNCTION types_described() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', c->>'name', c->>'kind', c->>'type', 'typmod ' || (c->>'typmod'),
        'base ' || (c->>'base'), 'element ' || (c->>'element'), c->>'element_kind')
    FROM walpack.peek_changes('regress_types', NULL, NULL),
        jsonb_array_elements(record->'columns') c
    WHERE record->>'record' = 'relation'
$$;
-- The inserted rows; each value, read back by its type, is compared with the one in the table.
CREATE FUNCTION types_changes(relation regclass) RETURNS SETOF text LANGUAGE plpgsql
SET datestyle = 'ISO, MDY' SET timezone = 'UTC' AS $$
DECLARE
    new_row jsonb;
    attribute record;
    sent text;
    is_same bool;
BEGIN
    FOR new_row IN SELECT r->'new' FROM walpack.get_changes('regress_types', NULL, NULL),
        jsonb_array_elements(record->'rows') r WHERE record ? 'rows'
    LOOP
        RETURN NEXT new_row::text;
        FOR attribute IN SELECT attname, format_type(atttypid, atttypmod) AS type
            FROM pg_attribute WHERE attrelid = relation AND attnum > 0
        LOOP
            sent := new_row->>attribute.attname;
            EXECUTE format('SELECT %1$I::text IS NOT DISTINCT FROM $1::%2$s::text FROM %3$s
                WHERE id = $2', attribute.attname, attribute.type, relation)
            INTO is_same USING sent, (new_row->>'id')::int;
            IF is_same IS DISTINCT FROM true THEN
                RETURN NEXT format('%s differs: %L', attribute.attname, sent);
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- Numbers.
CREATE TABLE types_number (id int, b bool, i2 int2, i4 int4, i8 int8, o oid, x xid, c cid, x8 xid8,
    l pg_lsn);
INSERT INTO types_number VALUES
    (1, true, -32768, -2147483648, -9223372036854775808, 0, '0', '0', '0', '0/0'),
    (2, false, 32767, 2147483647, 9223372036854775807, 4294967295, '4294967295', '4294967295',
     '18446744073709551615', 'FFFFFFFF/FFFFFFFF'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, true, -1, 0, 128, 1, '128', '65536', '4294967296', '1/0');
SELECT * FROM types_described();
SELECT * FROM types_changes('types_number');

CREATE TABLE types_real (id int, f4 float4, f8 float8, n numeric, n2 numeric(10,2));
INSERT INTO types_real VALUES
    (1, 'NaN', 'NaN', 'NaN', 'NaN'),
    (2, 'Infinity', 'Infinity', 'Infinity', NULL),
    (3, '-Infinity', '-Infinity', '-Infinity', NULL),
    (4, '-0', '-0', '-0', 0),
    (5, 3.4028235e38, 1.7976931348623157e308, 1e130, 99999999.99),
    (6, 1e-45, 5e-324, 1e-130, 0.01),
    (7, 0.1, 0.1, 0.1, 0.1),
    (8, 16777216, 9007199254740993, 9007199254740993.0000, -0.005),
    (9, NULL, NULL, 1234567890123456789012345678901234567890.000000000000000000000000000001, 1.5),
    (10, 1.1754944e-38, 2.2250738585072014e-308, 10000, 1234.5);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_real');

-- Money is a number of the smallest units; what it is worth is the locale's business.
CREATE TABLE types_money (m money);
INSERT INTO types_money VALUES ('-92233720368547758.08'), ('92233720368547758.07'), ('1.5'), (NULL);
SELECT * FROM types_described();
SELECT * FROM row_changes('regress_types');

-- Text and bytes.
CREATE TABLE types_text (id int, t text, v varchar(10), c char(5), n name, j json, k "char",
    y bytea, u uuid);
INSERT INTO types_text VALUES
    (1, '', '', '', '', '""', '', '', '00000000-0000-0000-0000-000000000000'),
    (2, E'a\tb\nc"d\\e\'f', 'tab	', 'ab ', 'name', '{"a":  1, "a": [null, "\u0000"]}', 'c',
     '\x00ff0d0a275c', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    (3, 'é 漢字 😀 ' || U&'\FEFF' || chr(127) || chr(1), repeat('😀', 10), 'é',
     repeat('é', 31), 'null', '"', NULL, NULL),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, '\x5c', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    (5, '\N', 'NULL', 'null', '$1', '"\ud83d\ude00"', '0', 'NULL', NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_text');

-- Blanks of char(n), which the comparison above cannot see.
CREATE TABLE types_blank (c char(5));
INSERT INTO types_blank VALUES ('ab'), (''), ('     ');
SELECT * FROM row_changes('regress_types');

-- A null in jsonb is not a NULL, and numbers keep their digits.
CREATE TABLE types_json (id int, j jsonb, x xml, p jsonpath);
INSERT INTO types_json VALUES
    (1, '{"b": [1, 2.50, -0.0, 1e30, true, null], "a": {"": "\u00e9\"\\\n"}}',
     '<a b="c">é &lt;</a>', '$.a[*] ? (@.b > 1 && @.c like_regex "x\"y")'),
    (2, 'null', '', 'strict $'), (3, NULL, NULL, NULL), (4, '"str"', 'text only', '$'),
    (5, '[]', NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_json');

-- Dates and times.
CREATE TABLE types_time (id int, d date, t time, t3 time(3), tz timetz, ts timestamp,
    tstz timestamptz, i interval);
INSERT INTO types_time VALUES
    (1, 'infinity', '24:00:00', '23:59:59.999', '24:00:00-15:59:59', 'infinity', 'infinity',
     '178000000 years'),
    (2, '-infinity', '00:00:00', '00:00', '00:00:00+15:59:59', '-infinity', '-infinity',
     '-178000000 years'),
    (3, '4714-11-24 BC', '23:59:59.999999', '12:00:00.0005', '12:34:56.789+05:30',
     '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '2147483647 days -2147483648 hours'),
    (4, '5874897-12-31', '00:00:00.000001', NULL, NULL, '294276-12-31 23:59:59.999999',
     '294276-12-31 23:59:59.999999+00', '1 mon -1 day 00:00:00.000001'),
    (5, '0001-12-31 BC', NULL, NULL, NULL, '0044-03-15 12:00 BC', '0044-03-15 12:00+02 BC', '0'),
    (6, '1999-12-31', NULL, NULL, NULL, '1999-12-31 23:59:59.999999',
     '2024-06-30 12:00:00+05:45', '-1 year 2 mons -3 days +04:05:06.7'),
    (7, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_time');

-- Types in send form. (The server remarks on the empty tsquery.)
CREATE TABLE types_send (id int, inet inet, cidr cidr, mac macaddr, mac8 macaddr8, b bit(5),
    vb varbit, tv tsvector, tq tsquery, s pg_snapshot, ts txid_snapshot);
INSERT INTO types_send VALUES
    (1, '192.168.1.5/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101',
     B'1', $$'a''b':1A,2B 'c\\' 'é':3$$, $$'a' & !('b':A | 'c':*) <-> 'd''e'$$, '10:20:10,14,15',
     '10:20:10,14,15'),
    (2, '::ffff:1.2.3.4', '2001:db8::/32', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', B'00000',
     B'', '', '', '1:1:', '1:1:'),
    (3, '0.0.0.0/0', '::/0', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00:00:00', NULL,
     repeat('10', 40)::varbit, NULL, 'a <2> b', NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_send');

CREATE TABLE types_geometry (id int, p point, ln line, ls lseg, b box, pa path, po polygon,
    c circle);
INSERT INTO types_geometry VALUES
    (1, '(1.5,-2)', '{1,-1,0}', '[(0,0),(1,1)]', '(3,4),(1,2)', '[(0,0),(1,1),(2,0)]',
     '((0,0),(1,1),(2,0))', '<(1,2),3>'),
    (2, '(NaN,Infinity)', '{0,-1,5}', '[(1e300,-1e-300),(0,0)]', '(0,0),(0,0)', '((0,0),(1,1))',
     '((0,0))', '<(0,0),0>'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_geometry');

-- Arrays: dimensions, lower bounds, NULLs, quotes.
CREATE TABLE types_array (id int, i int[], t text[], n numeric[], b bool[], y bytea[], d date[],
    tz timestamptz[], u uuid[], j jsonb[], v varchar(3)[], c char(3)[], i8 int8[], f float8[]);
INSERT INTO types_array VALUES
    (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    (2, '{1,NULL,-3}', $${"",NULL,"NULL","a\"b","c\\d","{x}","é,"," "}$$, '{NaN,Infinity,1.50}',
     '{t,f,NULL}', '{"\\x00","\\x"}', '{infinity,-infinity,0044-03-15 BC}',
     '{infinity,2024-01-01 00:00:00.000001+00}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
     $${"{\"a\": [1, null]}","null",NULL}$$, '{abc,""}', '{a,NULL}', '{9223372036854775807}',
     '{-0,NaN,1e-300}'),
    (3, '{{1,2},{3,NULL}}', '[0:1][-1:0]={{a,b},{c,NULL}}', '[5:5]={1}', NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, '{{{{{{1}}}}}}', '[-2147483648:-2147483647]={1,2}');
SELECT * FROM types_described();
SELECT * FROM types_changes('types_array');

-- Ranges and multiranges.
CREATE TYPE types_float_range AS RANGE (subtype = float8);
CREATE TYPE types_text_range AS RANGE (subtype = text, collation = "C");
CREATE TABLE types_range (id int, i int4range, n numrange, ts tsrange, tz tstzrange, d daterange,
    im int4multirange, tm tstzmultirange, f types_float_range, t types_text_range, a int8range[]);
INSERT INTO types_range VALUES
    (1, 'empty', '[NaN,NaN]', '[-infinity,infinity]', '(,)', '[,infinity)', '{}', '{(,)}', '[-0,0]',
     '["a b","c""d\\e,"]', '{empty,NULL,"[1,2)"}'),
    (2, '[1,5)', '(1.50,2.5]', '[2024-01-01 00:00,)', '(,2024-01-01 00:00:00.000001+00)',
     '[2024-01-01,2024-02-01)', '{[1,2),[5,7)}',
     '{[2024-01-01 00:00+00,2024-01-02 00:00+00],(2025-01-01 00:00+00,)}', '(1e-300,Infinity)',
     '["",)', '{}'),
    (3, '[-2147483648,2147483647)', '(,)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_range');

-- Types of users: enums, domains, composites, and arrays of them, with hostile names.
CREATE TYPE types_mood AS ENUM ('sad', 'it''s "ok"; --', 'happy 😀', '');
CREATE TYPE "Odd ""type"", $1" AS ENUM ('a');
CREATE DOMAIN types_positive AS int CHECK (VALUE > 0);
CREATE DOMAIN types_small AS types_positive CHECK (VALUE < 100);
CREATE DOMAIN types_ints AS int[] CHECK (array_length(VALUE, 1) < 4);
CREATE TYPE types_pair AS (a int, "b c" text);
CREATE TYPE types_nested AS (p types_pair, l types_pair[], m types_mood, d date, y bytea,
    f float8);
CREATE DOMAIN types_pair_domain AS types_pair;
CREATE DOMAIN types_mood_domain AS types_mood;
CREATE TABLE types_user (id int, m types_mood, o "Odd ""type"", $1", s types_small, ii types_ints,
    p types_pair, n types_nested, pd types_pair_domain, md types_mood_domain, ma types_mood[],
    sa types_small[], pa types_pair[], mda types_mood_domain[], iia types_ints[]);
INSERT INTO types_user VALUES
    (1, 'sad', 'a', 1, '{1,NULL,3}', '(1,"a ""b"", c")',
     ROW(ROW(NULL, ''), ARRAY[ROW(1, NULL)::types_pair], 'happy 😀', '0044-03-15 BC', '\x00ff',
         0.1),
     '(,)', '', '{sad,"it''s \"ok\"; --",NULL,""}', '{99,NULL}', '{"(1,x)",NULL}', '{sad}',
     ARRAY['{1}'::types_ints, '{2,3}'::types_ints]),
    (2, 'it''s "ok"; --', NULL, NULL, '[3:3]={7}', NULL, NULL, '(5,"")', NULL, '{}', NULL, '{}',
     NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_user');

-- Types whose send form means something only at home, or that have none: text.
CREATE TABLE types_output (id int, c regclass, t regtype, p regproc, o regoper, a aclitem,
    v oidvector, i int2vector, tid tid, r regclass[], f refcursor);
INSERT INTO types_output VALUES
    (1, 'pg_class', 'int4[]', 'now', '#-', '=r*/postgres', '1 2 4294967295', '-1 0 3',
     '(7,8)', '{pg_class,pg_type}', 'cursor "x"'),
    (2, 'types_user', 'types_pair', '-', '0', '=r/postgres', '', '', '(0,0)', '{}', ''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM types_described();
SELECT * FROM types_changes('types_output');

-- Text forms do not depend on the session.
SET datestyle = 'German';
SET timezone = 'Asia/Kathmandu';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET search_path = public, pg_catalog;
CREATE TYPE types_all AS (d date, tz timestamptz, i interval, f float8, y bytea, c regclass);
CREATE TABLE types_session (id int, a types_all, tz timestamptz, i interval, f float8, d date,
    ta timestamptz[]);
INSERT INTO types_session VALUES (1, ('2024-01-31', '2024-01-31 12:00+00', '1 year -2 days', 0.1,
    '\x00', 'types_all'), '2024-01-31 12:00+00', '1 year -2 days', 0.1, '2024-01-31',
    '{2024-01-31 12:00+00}');
SELECT * FROM row_changes('regress_types');
SHOW datestyle;
SHOW timezone;
RESET ALL;

-- Hostile names of tables and columns.
CREATE SCHEMA "types ""; DROP TABLE";
CREATE TABLE "types ""; DROP TABLE"."t.$1 ' \ é 😀" ("a""b" int PRIMARY KEY, "; --" text,
    "select" int, "a'b" int, "
" int, "C" int, "ééééééééééééééééééééééééééééééé" int);
INSERT INTO "types ""; DROP TABLE"."t.$1 ' \ é 😀" VALUES (1, '''; DROP', 2, 3, 4, 5, 6);
SELECT * FROM all_changes('regress_types');

SELECT pg_drop_replication_slot('regress_types');
SET client_min_messages = warning;
DROP SCHEMA "types ""; DROP TABLE" CASCADE;
DROP TABLE types_number, types_real, types_money, types_text, types_blank, types_json, types_time,
    types_send, types_geometry, types_array, types_range, types_user, types_output, types_session;
DROP FUNCTION types_described, types_changes;
DROP TYPE types_float_range, types_text_range, types_nested, types_pair_domain, types_pair,
    types_mood_domain, types_mood, "Odd ""type"", $1", types_small, types_positive, types_ints,
    types_all;
