-- A table of :rows rows, of which the workload meets three in ten.
CREATE TABLE narrow (id bigint PRIMARY KEY, a integer, b integer, note text);
INSERT INTO narrow
SELECT g, (g * 7) % 100000, g % 977, substr(md5(g::text), 1, 20) FROM generate_series(1, :rows) g;
