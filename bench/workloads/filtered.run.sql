-- :rows inserts and as many updates.
INSERT INTO narrow
SELECT g, (g * 7) % 100000, g % 977, substr(md5(g::text), 1, 20), md5(g::text) FROM generate_series(1, :rows) g;
UPDATE narrow SET a = a + 1;
