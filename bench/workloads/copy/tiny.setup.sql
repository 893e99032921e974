-- :rows tables.
SELECT format('CREATE TABLE tiny_%s (id bigint PRIMARY KEY, a integer, note text)', part)
FROM generate_series(1, :rows) part \gexec
