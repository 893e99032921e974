#include "e2e/random_schema.h"

namespace walpack::e2e {

const char* const kRandomSchema = R"sql(
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'happy 😀');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short_text AS varchar(20);
CREATE DOMAIN moods AS mood[];
CREATE TYPE float_range AS RANGE (subtype = float8);

CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, note text);
CREATE TABLE vault (id int PRIMARY KEY, amount bigint NOT NULL);

-- Replica identity full without any key; equal rows are allowed.
CREATE TABLE bag (n int, amount numeric, t text, f float8, j jsonb, at timestamptz);
ALTER TABLE bag REPLICA IDENTITY FULL;
-- Full, with a key.
CREATE TABLE full_key (id int PRIMARY KEY, v text, n numeric, big text);
ALTER TABLE full_key ALTER big SET STORAGE external;
ALTER TABLE full_key REPLICA IDENTITY FULL;
-- Identified by an index beside the primary key.
CREATE TABLE by_index (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL, v text);
CREATE UNIQUE INDEX by_index_identity ON by_index (b, a);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_identity;
-- Keys that are swapped, and a second unique column that is swapped as well.
CREATE TABLE swap (id int PRIMARY KEY, place int UNIQUE, t text);
CREATE TABLE toasted (id int PRIMARY KEY, counter int, doc text, extra jsonb);
ALTER TABLE toasted ALTER doc SET STORAGE external;
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (id serial PRIMARY KEY, parent_id int NOT NULL REFERENCES parent, v text);
CREATE TABLE part (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part (v DEFAULT 'second') FOR VALUES IN (2);
-- Only inserts are possible without an identity.
CREATE TABLE journal (at timestamptz, what text);
CREATE TABLE "Näme ""q"" 😀" ("Kéy 🔑" int, "select" text, "a.b;--" text[],
                             PRIMARY KEY ("Kéy 🔑", "select"));
)sql";

const char* const kRandomRows = R"sql(
INSERT INTO accounts SELECT g, 1000, 'start' FROM generate_series(1, 100) g;
INSERT INTO vault VALUES (1, 0), (2, 0);
INSERT INTO bag SELECT g % 7, (g % 3)::numeric, 'equal', 0.5, '{"a": 1}', now()
    FROM generate_series(1, 40) g;
INSERT INTO full_key SELECT g, 'v', g, repeat(md5(g::text), 120) FROM generate_series(1, 40) g;
INSERT INTO by_index SELECT g, g % 5, 'b' || g, 'v' FROM generate_series(1, 60) g;
INSERT INTO swap SELECT g, g, 't' || g FROM generate_series(1, 60) g;
INSERT INTO toasted SELECT g, 0, repeat(md5(g::text), 400), NULL FROM generate_series(1, 30) g;
INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 20) g;
INSERT INTO child (parent_id, v) SELECT g % 20 + 1, 'c' FROM generate_series(1, 60) g;
INSERT INTO part SELECT g, g % 2 + 1, 'v' FROM generate_series(1, 60) g;
INSERT INTO "Näme ""q"" 😀"
    SELECT g, 'it''s', ARRAY['a"b', NULL, '{}'] FROM generate_series(1, 20) g;
)sql";

const char* const kInvariantQuestion =
    "SELECT (SELECT sum(balance) FROM public.accounts) + (SELECT sum(amount) FROM public.vault)";
const char* const kInvariantAnswer = "100000";

const std::vector<TypedColumn>& typed_columns() {
    static const std::vector<TypedColumn> columns = {
        {"c_bool", "bool", {"true", "false"}},
        {"c_int2", "int2", {"'-32768'", "32767", "0"}},
        {"c_int4", "int4", {"'-2147483648'", "2147483647", "-1"}},
        {"c_int8", "int8", {"'-9223372036854775808'", "9223372036854775807", "0"}},
        {"c_float4", "float4", {"'NaN'", "'-Infinity'", "'-0'", "1e-45", "3.4028235e38", "0.1"}},
        {"c_float8", "float8", {"'NaN'", "'Infinity'", "'-0'", "5e-324", "0.1", "1e308"}},
        {"c_numeric",
         "numeric",
         {"'NaN'", "'Infinity'", "'-Infinity'", "1.0", "1.00", "-0.000100", "1e-40", "123456e30",
          "0", "99999999999999999999.99999", "0.00"}},
        {"c_numeric_p", "numeric(12,3)", {"1", "-123456789.987", "'NaN'"}},
        {"c_money", "money", {"'-92233720368547758.08'", "'1.99'"}},
        {"c_text", "text", {"''", "'it''s'", "E'\\t\\n\\\\'", "'😀 ü'", "repeat('x', 999)"}},
        {"c_varchar", "varchar(30)", {"'v '", "'日本'"}},
        {"c_bpchar", "char(8)", {"'a'", "'pad  '", "''"}},
        {"c_char", "\"char\"", {"'x'", "'\\200'", "''"}},
        {"c_name", "name", {"'a name'"}},
        {"c_json", "json", {"'{\"b\": 1, \"a\":  [1.0, null]}'", "'\"\\u00e4\"'", "'null'"}},
        {"c_jsonb", "jsonb", {"'{\"b\": 1.50, \"a\": {}}'", "'[]'", "'\"x\"'", "'1e3'", "'null'"}},
        {"c_xml", "xml", {"'<a b=\"c\">t</a>'"}},
        {"c_xml_array", "xml[]", {"ARRAY['<a>\\é</a>'::xml, NULL, '<b c=\"d\"/>']", "'{}'"}},
        {"c_bytea", "bytea", {"'\\x'", "'\\x00ff5c27'", "decode(repeat('00ff', 2000), 'hex')"}},
        {"c_uuid", "uuid", {"'00000000-0000-0000-0000-000000000000'", "gen_random_uuid()"}},
        {"c_date", "date", {"'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'"}},
        {"c_time", "time", {"'00:00'", "'24:00'", "'23:59:59.999999'"}},
        {"c_timetz", "timetz", {"'24:00+15:59'", "'00:00:00.000001-15:59'"}},
        {"c_timestamp",
         "timestamp",
         {"'infinity'", "'-infinity'", "'4713-01-01 00:00 BC'", "'294276-12-31 23:59:59.999999'"}},
        {"c_timestamptz",
         "timestamptz",
         {"'infinity'", "'-infinity'", "'0044-03-15 12:00+05:30 BC'", "clock_timestamp()"}},
        {"c_interval",
         "interval",
         {"'0'", "'-178000000 years'", "'1 mon -1 day 00:00:00.000001'", "'-1 year 400 days'"}},
        {"c_inet", "inet", {"'10.1.2.3/8'", "'::1'", "'2001:db8::ff/64'"}},
        {"c_cidr", "cidr", {"'10.0.0.0/8'", "'::/0'"}},
        {"c_macaddr", "macaddr", {"'08:00:2b:01:02:03'"}},
        {"c_macaddr8", "macaddr8", {"'08:00:2b:01:02:03:04:05'"}},
        {"c_bit", "bit(5)", {"B'10101'", "B'00000'"}},
        {"c_varbit", "varbit", {"B''", "B'1'", "B'110010111000'"}},
        {"c_point", "point", {"'(1.5,-0)'", "'(NaN,Infinity)'"}},
        {"c_box", "box", {"'(1,2),(3,4)'"}},
        {"c_path", "path", {"'[(0,0),(1,1)]'", "'((0,0),(1,1),(2,0))'"}},
        {"c_polygon", "polygon", {"'((0,0),(1,1),(2,0))'"}},
        {"c_circle", "circle", {"'<(1,2),3>'"}},
        {"c_line", "line", {"'{1,-1,0.5}'"}},
        {"c_lseg", "lseg", {"'[(0,0),(1,1)]'"}},
        {"c_tsvector", "tsvector", {"'a:1A fat:2B,4C ''it''''s'':5'", "''"}},
        {"c_tsquery", "tsquery", {"'fat & (rat | !cat:AB) <-> x:*'", "''"}},
        {"c_tsquery_array", "tsquery[]", {"ARRAY['', 'a & b']::tsquery[]", "'{}'"}},
        {"c_jsonpath", "jsonpath", {"'$.a[*] ? (@.b > 1)'"}},
        {"c_lsn", "pg_lsn", {"'FFFFFFFF/FFFFFFFF'", "'0/0'"}},
        {"c_xid8", "xid8", {"'18446744073709551615'"}},
        {"c_oid", "oid", {"4294967295", "0"}},
        {"c_regclass", "regclass", {"'pg_catalog.pg_class'"}},
        {"c_mood", "mood", {"'sad'", "'it''s \"ok\"'", "'happy 😀'"}},
        {"c_positive", "positive", {"1", "2147483647"}},
        {"c_short", "short_text", {"'short'", "'日本語'"}},
        {"c_pair", "pair", {"ROW(1, 'x,\"y\"')", "ROW(NULL, '')", "ROW(NULL, NULL)"}},
        {"c_pairs", "pair[]", {"ARRAY[ROW(1, 'a'), NULL, ROW(2, 'b\\')]::pair[]", "'{}'"}},
        {"c_int_array", "int[]", {"'{}'", "'{1,NULL,3}'", "'[-1:0][2:3]={{1,2},{3,4}}'"}},
        {"c_text_array", "text[]", {"ARRAY['', 'NULL', NULL, 'a,\"b\"', E'\\\\', '😀']"}},
        {"c_numeric_array", "numeric[]", {"'{NaN,Infinity,1.10}'"}},
        {"c_mood_array", "mood[]", {"ARRAY['happy 😀', NULL, 'sad']::mood[]"}},
        {"c_moods", "moods", {"'{sad,sad}'"}},
        {"c_uuid_array", "uuid[]", {"ARRAY[gen_random_uuid(), NULL]"}},
        {"c_bytea_array", "bytea[]", {"ARRAY['\\x00'::bytea, ''::bytea]"}},
        {"c_jsonb_array", "jsonb[]", {"ARRAY['{\"a\": [1]}'::jsonb, NULL]"}},
        {"c_int4range", "int4range", {"'empty'", "'[1,5)'", "'(,)'", "'[7,)'"}},
        {"c_numrange", "numrange", {"'(1.10,2.200]'", "'[-Infinity,Infinity]'"}},
        {"c_tstzrange", "tstzrange", {"'[2020-01-01 00:00+00,infinity)'", "'empty'"}},
        {"c_daterange", "daterange", {"'[0044-03-15 BC,2020-01-01]'"}},
        {"c_float_range", "float_range", {"'[0.1,Infinity]'"}},
        {"c_multirange", "int8multirange", {"'{}'", "'{[1,3),[5,9)}'", "'{(,)}'"}},
        {"c_nummultirange", "nummultirange", {"'{[1.0,1.50],(7,)}'"}},
        {"c_range_array", "int4range[]", {"ARRAY['[1,2)'::int4range, 'empty', NULL]"}},
    };
    return columns;
}

std::string random_value(const TypedColumn& column, Random& random) {
    return random.chance(0.15) ? "NULL" : random.pick(column.values);
}

}  // namespace walpack::e2e
