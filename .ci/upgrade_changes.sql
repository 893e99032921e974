-- One round of what changes at the source while upgrade.sh copies it, as pgbench executes it: rows of
-- all tables, keys and values out of line, savepoints, a large transaction or a TRUNCATE now and then.
\set c random(1, 3000)
\set p 10 + 5 * random(0, 499)
\set n random(1, 1000000000)
\set kind random(1, 20)

BEGIN;
UPDATE shop.customer SET balance = :n / 7.0, seen = now(), tags = tags || 'n'::text WHERE id = :c;
INSERT INTO shop.purchase (customer, product, at) SELECT id, least(:p, 2000), now() FROM shop.customer WHERE id = :c;
SAVEPOINT one;
INSERT INTO shop.visit VALUES ('2023-12-01'::date + (:n % 800)::int, :n + 10000, 'rolled back') ON CONFLICT DO NOTHING;
SAVEPOINT two;
UPDATE shop.product SET price = price + 1 WHERE id < 500;
ROLLBACK TO one;
INSERT INTO shop.visit VALUES ('2023-12-01'::date + (:n % 800)::int, :n + 10000, 'kept') ON CONFLICT DO NOTHING;
RELEASE one;
COMMIT;

UPDATE shop.product SET price = :n % 5000 / 100.0 WHERE id = :p;
UPDATE shop.visit SET day = day + 200 WHERE id = :n % 6000;
DELETE FROM shop.visit WHERE id = :n % 5999;
INSERT INTO shop.remark SELECT now(), 'words ' || :n, NULL WHERE :kind > 10;
UPDATE shop.remark SET words = 'other ' || :n, stars = :kind WHERE words = 'words ' || :n % 700;
DELETE FROM shop.remark WHERE words = 'words ' || :n % 699;
UPDATE shop.customer SET mood = 'sad', home.number = :kind WHERE mail = 'big' || :kind || '@example.org';
INSERT INTO shop.basket VALUES (:n, 'n') ON CONFLICT DO NOTHING;

\if :kind = 1
TRUNCATE shop.basket;
\elif :kind = 2
BEGIN;
TRUNCATE shop.basket;
INSERT INTO shop.basket SELECT 1000000000 + i, repeat('b', 50) FROM generate_series(1, 3000) i;
SAVEPOINT one;
DELETE FROM shop.basket;
ROLLBACK TO one;
UPDATE shop.basket SET content = 'changed' WHERE id % 3 = 0;
COMMIT;
\elif :kind = 3
DELETE FROM shop.customer WHERE id = :c AND id > 2500;
\elif :kind = 4
UPDATE shop.customer SET id = nextval('shop.customer_id_seq') WHERE mail = concat('big', 1 + :n % 20, '@example.org');
\elif :kind = 5
UPDATE shop.customer SET profile = profile || '{"n": null}' WHERE mail LIKE 'big%';
\elif :kind = 6
DELETE FROM shop.product WHERE id = :p AND id > 2300;
\endif
