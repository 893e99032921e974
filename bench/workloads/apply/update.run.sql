-- Three in ten of :rows rows updated by their keys, in an order that has nothing to do with where they lie.
SELECT :rows * 3 / 10 AS changes \gset
SELECT format($$
DO $do$
DECLARE
    key bigint;
BEGIN
    FOR key IN SELECT id FROM narrow ORDER BY hashint8extended(id, 1) LIMIT %s LOOP
        UPDATE narrow SET a = a + 1 WHERE id = key;
    END LOOP;
END $do$ $$, :changes) \gexec
