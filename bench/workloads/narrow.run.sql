-- :rows inserts of four columns in one transaction.
INSERT INTO narrow
SELECT g, (g * 7) % 100000, g % 977, substr(md5(g::text), 1, 20) FROM generate_series(1, :rows) g;
