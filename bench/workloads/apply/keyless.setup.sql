-- :rows rows that nothing but all of their values identifies.
CREATE TABLE readings (at integer, device text, amount numeric, note text);
ALTER TABLE readings REPLICA IDENTITY FULL;
INSERT INTO readings
SELECT g, 'device ' || g % 50000, g / 7.0, substr(md5(g::text), 1, 20) FROM generate_series(1, :rows) g;
