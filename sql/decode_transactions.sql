-- walpack.decode shows how transactions in progress and prepared ones begin and end, and to whom the
-- relation ids between belong.
\pset format unaligned
\pset tuples_only
SET client_min_messages = warning;

-- A block: subtransactions, and where changes were made.
SELECT * FROM walpack.decode('\x'
    '9211cd02e6'  -- StreamStart
    '9210a46e6f6465'  -- Origin
    '9305019101'  -- Insert
    '9213cd02e7'  -- Subtransaction
    '9210a0'  -- Origin: none
    '9305019102'  -- Insert
    '9213cd02e6'  -- Subtransaction: back to the top
    '9305019103'  -- Insert
    '9112'  -- StreamStop
);
-- How it goes on: part of it rolled back, all of it, or committed.
SELECT * FROM walpack.decode('\x9314cd02e6cd02e7');
SELECT * FROM walpack.decode('\x9314cd02e6cd02e6');
SELECT * FROM walpack.decode('\x'
    '9715cd02e6ce01500028300003cd3039'  -- StreamCommit
);

-- Two-phase commit.
SELECT * FROM walpack.decode('\x'
    '9516cd02e6ce0150002800a3676964'  -- BeginPrepare
    '9305019101'  -- Insert
    '9517ce015000283001cd3039'  -- Prepare
);
SELECT * FROM walpack.decode('\x'
    '9818cd02e6ce015000283001a36769640002'  -- StreamPrepare
);
SELECT * FROM walpack.decode('\x'
    '9619cd02e6a3676964ce015000283000'  -- CommitPrepared
);
SELECT * FROM walpack.decode('\x'
    '971acd02e6a3676964ce0150002800ce0150004001'  -- RollbackPrepared
);

-- Ids belong to the transaction that described them: 1 is known in the block, not behind it.
\set t '9a020101cd4001a67075626c6963a174a172a164c09198a269640311ff93'
\set t :t '17aa70675f636174616c6f67a4696e7434c0c0c0'
SELECT record->'relation' FROM walpack.decode(('\x'
    '9211cd02e6' || :'t' || '9305019101' || '9112' || '9305019102')::bytea) record
WHERE record ? 'rows';
SELECT record->'relation' FROM walpack.decode(('\x'
    '9516cd02e60000a3676964' || :'t' || '9305019101' || '951700000000' || '9305019102')::bytea) record
WHERE record ? 'rows';
-- What was described outside is not known in a block, and known again behind it.
SELECT record->'relation' FROM walpack.decode(('\x' || :'t' ||
    '9305019101' || '9211cd02e6' || '9305019102' || '9112' || '9305019103')::bytea) record
WHERE record ? 'rows';
-- Of many blocks in one message, which no server sends, nothing is kept.
SELECT count(*) FROM walpack.decode(('\x' ||
    (SELECT string_agg('9211ce' || lpad(to_hex(n), 8, '0') || :'t' || '9305019101', '')
     FROM generate_series(1, 20000) n))::bytea);

-- Rows of a partition that are published as those of a partitioned table.
SELECT record - 'columns' FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a170a164a97075626c69632e743190'
) record;

-- Not allowed: too few or too many fields, values of another kind, a time or an LSN out of range.
SELECT * FROM walpack.decode('\x9110');
SELECT * FROM walpack.decode('\x921001');
SELECT * FROM walpack.decode('\x9111');
SELECT * FROM walpack.decode('\x9211a0');
SELECT * FROM walpack.decode('\x921201');
SELECT * FROM walpack.decode('\x9113');
SELECT * FROM walpack.decode('\x931401ff');
SELECT * FROM walpack.decode('\x931401cf0000000100000000');
SELECT * FROM walpack.decode('\x96150101010101');
SELECT * FROM walpack.decode('\x971501cfffffffffffffffff01000000');
SELECT * FROM walpack.decode('\x95160100cf7ffffffffffffffea0');
SELECT * FROM walpack.decode('\x95160100c0a0');
SELECT * FROM walpack.decode('\x951600000001');
SELECT * FROM walpack.decode('\x9517000000cf0000000100000000');
SELECT * FROM walpack.decode('\x98180100000090');
SELECT * FROM walpack.decode('\x961901a1ff000000');
SELECT * FROM walpack.decode('\x961a01a0000000');
SELECT * FROM walpack.decode('\x9a02010101a173a174a172a1640190');
