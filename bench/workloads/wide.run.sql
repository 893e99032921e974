-- :rows inserts of thirty columns of mixed types, a transaction for every hundred.
SELECT :rows / 100 AS transactions \gset
SELECT format($$
DO $do$
BEGIN
    FOR t IN 0 .. %s - 1 LOOP
        INSERT INTO wide
        SELECT g, g %% 30000, g * 3, -g, g * 1000003, -g * 77,
               g / 7.0, sqrt(g), -g / 3.0, g %% 2 = 0, CASE WHEN g %% 5 > 0 THEN g %% 3 = 0 END,
               timestamptz '2024-01-01 00:00+00' + g * interval '1.234567 s',
               timestamptz '2020-06-01 00:00+00' + g * interval '7 s',
               timestamp '2021-01-01' + g * interval '1 min',
               date '2000-01-01' + (g %% 20000)::integer, date '2023-05-05' - (g %% 500)::integer,
               md5(g::text)::uuid, md5((g + 1)::text)::uuid,
               g * 1.37, g::numeric * 123456789.123456789,
               'customer number ' || g, repeat('lorem ipsum ', 1 + (g %% 8)::integer),
               'user' || g || '@example.com', md5(g::text) || md5((g * 2)::text),
               jsonb_build_object('id', g, 'tags', jsonb_build_array('a', 'b', g %% 10), 'ok', g %% 2 = 0),
               jsonb_build_object('k', md5(g::text), 'v', g * 1.5, 'n', NULL),
               ARRAY[g, g + 1, g + 2, g + 3]::integer[],
               decode(md5(g::text), 'hex'), decode(repeat(md5(g::text), 4), 'hex'), NULL
        FROM generate_series(t * 100 + 1::bigint, t * 100 + 100) g;
        COMMIT;
    END LOOP;
END $do$ $$, :transactions) \gexec
