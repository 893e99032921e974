-- Ten times as many updates as there are rows, each of a row picked by a hash, a transaction for every five.
SELECT :rows * 10 / 5 AS transactions \gset
SELECT format($$
DO $do$
BEGIN
    FOR t IN 1 .. %s LOOP
        FOR i IN 1 .. 5 LOOP
            UPDATE toast SET n = n + 1 WHERE id = 1 + (hashint8extended(t * 5 + i, 1) & 2147483647) %% %s;
        END LOOP;
        COMMIT;
    END LOOP;
END $do$ $$, :transactions, :rows) \gexec
