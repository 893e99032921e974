-- Ten updates of each of :rows rows, a transaction for every tenth of the table.
SELECT :rows / 10 AS tenth \gset
SELECT format($$
DO $do$
BEGIN
    FOR pass IN 1 .. 10 LOOP
        FOR part IN 0 .. 9 LOOP
            UPDATE toast SET n = n + 1 WHERE id > part * %1$s AND id <= (part + 1) * %1$s;
            COMMIT;
        END LOOP;
    END LOOP;
END $do$ $$, :tenth) \gexec
