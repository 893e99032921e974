-- The four replica identities: what identifies the row of an UPDATE or DELETE.
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_replica_identity', 'walpack');
CREATE TABLE identity (id int PRIMARY KEY, code int NOT NULL, note text);
CREATE UNIQUE INDEX identity_code ON identity (code);
INSERT INTO identity VALUES (1, 10, 'a'), (2, 20, NULL);
SELECT count(*) FROM changes('regress_replica_identity');

-- DEFAULT: the primary key.
UPDATE identity SET note = 'b' WHERE id = 1;
UPDATE identity SET id = 3 WHERE id = 1;
DELETE FROM identity WHERE id = 3;
INSERT INTO identity VALUES (1, 10, 'a');
SELECT * FROM all_changes('regress_replica_identity');

-- USING INDEX: the columns of the index.
ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_code;
UPDATE identity SET id = 3 WHERE id = 1;
UPDATE identity SET code = 11 WHERE id = 3;
DELETE FROM identity WHERE id = 3;
INSERT INTO identity VALUES (1, 10, 'a');
SELECT * FROM all_changes('regress_replica_identity');

-- FULL: the whole old row, NULLs too.
ALTER TABLE identity REPLICA IDENTITY FULL;
UPDATE identity SET note = 'b' WHERE id = 1;
UPDATE identity SET id = 3 WHERE id = 2;
DELETE FROM identity;
INSERT INTO identity VALUES (1, 10, 'a');
SELECT * FROM all_changes('regress_replica_identity');

-- NOTHING: updates and deletes name no row.
ALTER TABLE identity REPLICA IDENTITY NOTHING;
UPDATE identity SET id = 3 WHERE id = 1;
DELETE FROM identity;
SELECT * FROM all_changes('regress_replica_identity');

-- DEFAULT without a primary key is the same; here one is added in the middle of a transaction.
ALTER TABLE identity REPLICA IDENTITY DEFAULT, DROP CONSTRAINT identity_pkey;
INSERT INTO identity VALUES (1, 10, 'a');
DELETE FROM identity;
BEGIN;
INSERT INTO identity VALUES (2, 10, 'a');
UPDATE identity SET note = 'b';
ALTER TABLE identity ADD PRIMARY KEY (code);
UPDATE identity SET note = 'c';
DELETE FROM identity;
COMMIT;
SELECT * FROM all_changes('regress_replica_identity');

-- An index that is the identity and was dropped leaves none.
ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_code;
DROP INDEX identity_code;
INSERT INTO identity VALUES (1, 10, 'a');
DELETE FROM identity;
SELECT * FROM all_changes('regress_replica_identity');

SELECT pg_drop_replication_slot('regress_replica_identity');
DROP TABLE identity;
