-- :rows inserts of four columns, a transaction for every ten.
SELECT :rows / 10 AS transactions \gset
SELECT format($$
DO $do$
BEGIN
    FOR t IN 0 .. %s - 1 LOOP
        INSERT INTO narrow
        SELECT g, (g * 7) %% 100000, g %% 977, substr(md5(g::text), 1, 20)
        FROM generate_series(t * 10 + 1, t * 10 + 10) g;
        COMMIT;
    END LOOP;
END $do$ $$, :transactions) \gexec
