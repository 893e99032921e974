-- Rows with a value of 8 kB out of line, which no update touches.
CREATE TABLE toast (id bigint PRIMARY KEY, n integer, note text, big text);
ALTER TABLE toast ALTER big SET STORAGE external;
INSERT INTO toast
SELECT g, 0, 'row ' || g, (SELECT string_agg(md5((g * 1000 + k)::text), '') FROM generate_series(1, 263) k)
FROM generate_series(1, :rows) g;
