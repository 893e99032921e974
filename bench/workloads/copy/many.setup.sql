-- :tables tables, which together take :rows rows.
SELECT format('CREATE TABLE many_%s (id bigint PRIMARY KEY, a integer, b integer, note text)', part)
FROM generate_series(1, :tables) part \gexec
