-- One row in a hundred of :rows rows updated, ten a transaction, in an order that has nothing to do with where they lie.
SELECT :rows / 1000 AS transactions \gset
SELECT format($$
DO $do$
DECLARE
    keys integer[];
BEGIN
    FOR keys IN SELECT array_agg(at) FROM (
        SELECT at, row_number() OVER (ORDER BY hashint4extended(at, 1)) AS place FROM readings) r
        WHERE place <= %s * 10 GROUP BY (place - 1) / 10
    LOOP
        UPDATE readings SET note = 'changed' WHERE at = ANY (keys);
        COMMIT;
    END LOOP;
END $do$ $$, :transactions) \gexec
