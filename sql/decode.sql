-- walpack.decode shows the records of one message, and refuses whatever the format does not allow.
-- The messages are made by hand; a comment after each piece says what it is.
\pset format unaligned
\pset tuples_only
SET client_min_messages = warning;
CREATE FUNCTION rows_of(message bytea) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT record->'rows' FROM walpack.decode(message) record WHERE record ? 'rows'
$$;

-- A whole transaction: rows are objects by column name.
SELECT * FROM walpack.decode('\x'
    '980101a5312e302e30ce00024a04cf6124fee993bc0001a473'  -- Hello
    '686f70a45554463881a86d65737361676573a36f6666'
    '9403cd02e6ce0150002800'  -- Begin
    '9a020101cd4001a67075626c6963a174a172a164c09298a269'  -- Relation 1: id int4 key, note text
    '640311ff9317aa70675f636174616c6f67a4696e7434c0c0c0'
    '98a46e6f74650a00ff9319aa70675f636174616c6f67a47465'
    '7874c0c0c0'
    '9405019201a36f6e659202c0'  -- Insert of two rows
    '9306019201d40100'  -- Update, note unchanged
    '94070191019203a57468726565'  -- UpdateKey
    '9309019102'  -- DeleteKey
    '930c039101'  -- Truncate, both flags
    '9504ce015000283006cd3039'  -- Commit
);

-- REPLICA IDENTITY FULL, and none at all.
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09298a161'  -- Relation 1: both columns identify
    '0301ff9317aa70675f636174616c6f67a4696e7434c0c0c098'
    'a1620a01ff9319aa70675f636174616c6f67a474657874c0c0'
    'c0'
    '9608019201a1789201d401009202a1799203a17a'  -- UpdateFull of two rows
    '930a019203a17a'  -- DeleteFull
    '940b019090'  -- DeleteNone of two rows
);

-- A relation that the message does not describe: its id, and raw values by position.
SELECT * FROM walpack.decode('\x'
    '9305079a01ffc3c0a161c401ffcb3ff8000000000000ca3dcc'  -- Insert
    'cccdcfffffffffffffffffd38000000000000000'
    '94070791019202d40100'  -- UpdateKey, second value unchanged
    '930c00920708'  -- Truncate
);

-- Messages, notices, fragments.
SELECT * FROM walpack.decode('\x'
    '950d0110a170c40668c3a96c6c6f'  -- Message, transactional, text
    '950d00cfffffffffffffffffa0c40100'  -- Message with a zero byte
    '950d0000a170c402fffe'  -- Message that is not UTF8
    '950d0000a170c400'  -- empty Message
    '930e01a76e6f2073756368'  -- Notice
);
SELECT * FROM walpack.decode('\x'
    '930f01c403616263'  -- first Fragment
);
SELECT * FROM walpack.decode('\x'
    '930f02c403616263'  -- last Fragment
);
SELECT * FROM walpack.decode('\x'
    '930f00c400'  -- middle Fragment
);
SELECT * FROM walpack.decode('\x'
    '930f04c400'  -- abandoned
);

-- Names are quoted where PostgreSQL would.
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a94f646420226f6e6522a6613b620a2431a1'  -- Relation
    '72a169c09198a37822790303ff9317aa70675f636174616c6f'
    '67a4696e7434c0c0c0'
    '9305019101'  -- Insert
);

-- A column's type, base, element, flags and typmod.
SELECT * FROM walpack.decode('\x'
    '9a020904ce00011170a173a170a170a166c09298a164171fff'  -- Relation
    '93ce00011171a173a4696e747393cd03efaa70675f63617461'
    '6c6f67a55f696e74349317aa70675f636174616c6f67a4696e'
    '74340398a1760a000e93cd0413aa70675f636174616c6f67a7'
    '76617263686172c0c0c0'
);

-- Integers of any width, and every width of text and bin.
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09398a161'  -- Relation
    '0300ff9317aa70675f636174616c6f67a4696e7434c0c0c098'
    'a1620400ff9314aa70675f636174616c6f67a4696e7438c0c0'
    'c098a1630200ff9315aa70675f636174616c6f67a4696e7432'
    'c0c0c0'
    '94050193d30000000000000005d0ffcd000793d2fffffffbcf'  -- Insert
    '0000000000000009d1fed4'
);
SELECT * FROM walpack.decode('\x'
    '93050796d90161da000162db0000000163c40101c5000102c6'  -- Insert
    '0000000103'
    'dd000000030507dc000101'  -- Insert with wide array heads
);

-- Values by kind.
-- float4, float8: NaN, infinities and -0 are strings, as JSON has no number for them
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0700ff93cd02bcaa70675f636174616c6f67a6666c6f617434'
    'c0c0c0'
    '96050191ca3dcccccd91ca7fc0000091ca7f80000091ca8000'  -- Insert
    '0000'
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0800ff93cd02bdaa70675f636174616c6f67a6666c6f617438'
    'c0c0c0'
    '97050191cb3fb999999999999a91cbc44b1ae4d6e2ef5091cb'  -- Insert
    'fff000000000000091cb800000000000000091cb3e19c511dc'
    '3a41df'
);
-- "char": none, ASCII, other
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0900ff9312aa70675f636174616c6f67a463686172c0c0c0'
    '96050191c4010091c4016191c4012291c401ff'  -- Insert
);
-- uuid, bytea
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0c00ff93cd0b86aa70675f636174616c6f67a475756964c0c0'
    'c0'
    '93050191c410000102030405060708090a0b0c0d0e0f'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0b00ff9311aa70675f636174616c6f67a56279746561c0c0c0'
    '94050191c40091c40200ff'  -- Insert
);
-- oid, xid8, pg_lsn
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0500ff931aaa70675f636174616c6f67a36f6964c0c0c0'
    '940501910091ceffffffff'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0600ff93cd13cdaa70675f636174616c6f67a478696438c0c0'
    'c0'
    '93050191cfffffffffffffffff'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0600ff93cd0c94aa70675f636174616c6f67a670675f6c736e'
    'c0c0c0'
    '940501910091cfffffffffffffffff'  -- Insert
);
-- date: the infinities, the first and the last day
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0d00ff93cd043aaa70675f636174616c6f67a464617465c0c0'
    'c0'
    '97050191d28000000091ce7fffffff910091d2ffda97a791ce'  -- Insert
    '7fda970c'
);
-- time, timetz, timestamp, timestamptz, interval
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0e00ff93cd043baa70675f636174616c6f67a474696d65c0c0'
    'c0'
    '950501910091cf000000141dd760009101'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1100ff93cd04f2aa70675f636174616c6f67a674696d65747a'
    'c0c0c0'
    '93050191c40c00000000d693a400ffffb2a8'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '0f00ff93cd045aaa70675f636174616c6f67a974696d657374'
    '616d70c0c0c0'
    '97050191d3800000000000000091cf7fffffffffffffff9100'  -- Insert
    '91ff91d3fd0f7cc1411fa000'
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1000ff93cd04a0aa70675f636174616c6f67ab74696d657374'
    '616d70747ac0c0c0'
    '95050191d3800000000000000091cf7fffffffffffffff9101'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1200ff93cd04a2aa70675f636174616c6f67a8696e74657276'
    '616cc0c0c0'
    '93050191c4100000000000000001fffffffe0000000e'  -- Insert
);
-- money is the number of smallest units
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1300ff93cd0316aa70675f636174616c6f67a56d6f6e6579c0'
    'c0c0'
    '94050191d3800000000000000091cd3039'  -- Insert
);
-- numeric: 12.50, NaN, Infinity, -Infinity, 0.000
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1400ff93cd06a4aa70675f636174616c6f67a76e756d657269'
    '63c0c0c0'
    '97050191c407000002000c138891c4010291c4010391c4010491c403000003'  -- Insert
);
-- jsonb, enum and text forms are strings
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1500ff93cd0edaaa70675f636174616c6f67a56a736f6e62c0'
    'c0c0'
    '93050191ae7b2261223a5b312c22c3a9225d7d'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1600ff93cd4010a67075626c6963a46d6f6f64c0c0c0'
    '93050191a96974277320226f6b22'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1b00ff93cd089daa70675f636174616c6f67a8726567636c61'
    '7373c0c0c0'
    '93050191a870675f636c617373'  -- Insert
);
-- int4[]: {{1,NULL}} with lower bound 0
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1700ff93cd03efaa70675f636174616c6f67a55f696e7434c0'
    '9317aa70675f636174616c6f67a4696e743403'
    '93050191c4081a01020200010200'  -- Insert
);
-- int4range, int4multirange, inet
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1800ff93cd0f40aa70675f636174616c6f67a9696e74347261'
    '6e6765c09317aa70675f636174616c6f67a4696e743403'
    '94050191c411020000000400000001000000040000000591c4'  -- Insert
    '0101'
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1900ff93cd1163aa70675f636174616c6f67ae696e74346d75'
    '6c746972616e6765c093cd0f40aa70675f636174616c6f67a9'
    '696e743472616e676503'
    '93050191c41900000001000000110200000004000000010000'  -- Insert
    '000400000005'
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1a00ff93cd0365aa70675f636174616c6f67a4696e6574c0c0'
    'c0'
    '93050191c408022000047f000001'  -- Insert
);
-- a type that is not here, or is another here, or is no type with a send form: bytes
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1a00ff93cd0365a56f74686572a4696e6574c0c0c0'
    '93050191c40101'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1a00ff93ceee6b2800aa70675f636174616c6f67a4696e6574'
    'c0c0c0'
    '93050191c40101'  -- Insert
);
SELECT * FROM rows_of('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'  -- Relation
    '1a00ff93cd08e6aa70675f636174616c6f67a4766f6964c0c0'
    'c0'
    '93050191c40101'  -- Insert
);
-- text of another encoding is converted; send forms cannot be, and stay bytes
SELECT * FROM walpack.decode('\x'
    '980101a5312e302e30ce00024a0401c404636166e9a64c4154'  -- Hello from a LATIN1 database
    '494e3180'
    '9a020101cd4001a67075626c6963a174a172a164c09298c401'  -- Relation
    'e90a00ff9319aa70675f636174616c6f67a474657874c0c0c0'
    '98a1721800ff93cd0f40aa70675f636174616c6f67a9696e74'
    '3472616e6765c09317aa70675f636174616c6f67a4696e7434'
    '03'
    '93050192c403e974e9c40101'  -- Insert
);

-- What is not allowed. Each error says where and what.
-- nothing
SELECT * FROM walpack.decode('\x');
-- cut inside a record
SELECT * FROM walpack.decode('\x9403cd02e6ce01500028');
-- cut after a record head
SELECT * FROM walpack.decode('\x9504');
-- not an array: a newline of pg_recvlogical, a map, nil
SELECT * FROM walpack.decode('\x0a');
SELECT * FROM walpack.decode('\x810102');
-- an empty record
SELECT * FROM walpack.decode('\x90');
-- unknown record types
SELECT * FROM walpack.decode('\x9100');
SELECT * FROM walpack.decode('\x921c01');
SELECT * FROM walpack.decode('\x91ff');
SELECT * FROM walpack.decode('\x91a178');
-- the byte that MessagePack never uses
SELECT * FROM walpack.decode('\x930e01c1');
-- lengths and counts far larger than the message: refused before anything is allocated
SELECT * FROM walpack.decode('\xddffffffff0501');
SELECT * FROM walpack.decode('\x930f01c6ffffffff00');
SELECT * FROM walpack.decode('\x930e01dbffffffff00');
SELECT * FROM walpack.decode('\x930501dd7fffffff00');
SELECT * FROM walpack.decode('\x980101a1310101a164a455544638df80000000');
SELECT * FROM walpack.decode('\x93050191c9ffffffff0100');
-- nested where a value belongs, once and very deep
SELECT * FROM walpack.decode('\x930501919101');
SELECT * FROM walpack.decode('\x930501'::bytea || decode(repeat('91', 100000), 'hex'));
-- a map as a value
SELECT * FROM walpack.decode('\x93050191810102');
-- records with too few or too many fields
SELECT * FROM walpack.decode('\x93030102');
SELECT * FROM walpack.decode('\x950301020304');
SELECT * FROM walpack.decode('\x9105');
-- another protocol version
SELECT * FROM walpack.decode('\x980102a5322e302e30ce00024a0401a164a45554463880');
-- an encoding that does not exist, then bin text
SELECT * FROM walpack.decode('\x980101a5312e302e30ce00024a0401c40164a44b4f493980');
-- text that is not UTF8, or holds a zero byte
SELECT * FROM walpack.decode('\x930e01a2fffe');
SELECT * FROM walpack.decode('\x930e01a26100');
-- unknown flags, codes, letters
SELECT * FROM walpack.decode('\x930c049101');
SELECT * FROM walpack.decode('\x950d0200a170c400');
SELECT * FROM walpack.decode('\x930e02a178');
SELECT * FROM walpack.decode('\x930f08c400');
SELECT * FROM walpack.decode('\x9a02010101a173a174a176a164c090');
SELECT * FROM walpack.decode('\x9a02010101a173a174a172a178c090');
SELECT * FROM walpack.decode('\x9a02010101a173a174a172a1640590');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0000ff9317aa70675f636174616c6f67a4696e7434c0c0c0');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '1c00ff9317aa70675f636174616c6f67a4696e7434c0c0c0');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0320ff9317aa70675f636174616c6f67a4696e7434c0c0c0');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '1700ff93cd03efaa70675f636174616c6f67a55f696e7434c0'
    '9317aa70675f636174616c6f67a4696e743463');
-- rows: none, an odd number of tuples, a row without identity that has a value
SELECT * FROM walpack.decode('\x920501');
SELECT * FROM walpack.decode('\x9307019101');
SELECT * FROM walpack.decode('\x930b019101');
-- a relation t (id int4 key, note text), for what follows
\set t '\\x9a020101cd4001a67075626c6963a174a172a164c09298a269640311ff93'
\set t :t '17aa70675f636174616c6f67a4696e7434c0c0c098a46e6f74650a00ff93'
\set t :t '19aa70675f636174616c6f67a474657874c0c0c0'
-- tuples that do not fit the relation
SELECT * FROM walpack.decode((:'t' || '9305019101')::bytea);
SELECT * FROM walpack.decode((:'t' || '9305019301a161a162')::bytea);
SELECT * FROM walpack.decode((:'t' || '93090190')::bytea);
SELECT * FROM walpack.decode((:'t' || '9309019201a161')::bytea);
-- unchanged TOAST in a key; other extensions
SELECT * FROM walpack.decode((:'t' || '93090191d40100')::bytea);
SELECT * FROM walpack.decode((:'t' || '9305019201d40101')::bytea);
SELECT * FROM walpack.decode((:'t' || '9305019201d40200')::bytea);
-- values of another kind, or out of its range
SELECT * FROM walpack.decode((:'t' || '93050192a131c0')::bytea);
SELECT * FROM walpack.decode((:'t' || '93050192ce80000000c0')::bytea);
SELECT * FROM walpack.decode((:'t' || '930501920102')::bytea);
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0100ff9310aa70675f636174616c6f67a4626f6f6cc0c0c0'
    '9305019101');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0500ff931aaa70675f636174616c6f67a36f6964c0c0c0'
    '93050191ff');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0700ff93cd02bcaa70675f636174616c6f67a6666c6f617434'
    'c0c0c0'
    '93050191cb3ff8000000000000');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0900ff9312aa70675f636174616c6f67a463686172c0c0c0'
    '93050191c4026162');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0b00ff9311aa70675f636174616c6f67a56279746561c0c0c0'
    '93050191a474657874');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0d00ff93cd043aaa70675f636174616c6f67a464617465c0c0'
    'c0'
    '93050191ce7ffffffe');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0e00ff93cd043baa70675f636174616c6f67a474696d65c0c0'
    'c0'
    '93050191ff');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0c00ff93cd0b86aa70675f636174616c6f67a475756964c0c0'
    'c0'
    '93050191c40f000000000000000000000000000000');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '0c00ff93cd0b86aa70675f636174616c6f67a475756964c0c0'
    'c0'
    '93050191c4110000000000000000000000000000000000');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '1400ff93cd06a4aa70675f636174616c6f67a76e756d657269'
    '63c0c0c0'
    '93050191c40105');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '1700ff93cd03efaa70675f636174616c6f67a55f696e7434c0'
    '9317aa70675f636174616c6f67a4696e743403'
    '93050191c40107');
SELECT * FROM walpack.decode('\x'
    '9a020101cd4001a67075626c6963a174a172a164c09198a176'
    '1700ff93cd03efaa70675f636174616c6f67a55f696e7434c0'
    '9317aa70675f636174616c6f67a4696e743403'
    '93050191c406018080808004');
-- a truncate of nothing
SELECT * FROM walpack.decode('\x930c0090');
-- a fragment that is not alone, or abandoned and not empty
SELECT * FROM walpack.decode('\x930f03c400930e01a178');
SELECT * FROM walpack.decode('\x9403cd02e6ce0150002800930f03c400');
SELECT * FROM walpack.decode('\x930f04c40161');
SELECT * FROM walpack.decode('\x930f05c400');
-- LSNs that overflow
SELECT * FROM walpack.decode('\x9504cfffffffffffffffff010000');
-- a time out of range
SELECT * FROM walpack.decode('\x94030101cf7ffffffffffffffe');

-- NULL gives no rows, and the library survives all of this.
SELECT count(*) FROM walpack.decode(NULL);
SELECT count(*) FROM walpack.decode('\x'
    '9403cd02e6ce0150002800');
SELECT walpack.version() ~ '^\d+\.\d+\.\d+';

-- Cut anywhere, a message is an error or its first records; no byte makes it crash.
CREATE FUNCTION decodes(message bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM walpack.decode(message)) || ' records';
EXCEPTION WHEN invalid_binary_representation THEN
    RETURN 'invalid';
WHEN feature_not_supported OR program_limit_exceeded THEN
    RETURN 'refused';
END
$$;
CREATE TABLE whole AS SELECT '\x'
    '980101a5312e302e30ce00024a04cf6124fee993bc0001a473686f70a455'
    '54463881a86d65737361676573a36f66669403cd02e6ce01500028009a02'
    '0101cd4001a67075626c6963a174a172a164c09298a269640311ff9317aa'
    '70675f636174616c6f67a4696e7434c0c0c098a46e6f74650a00ff9319aa'
    '70675f636174616c6f67a474657874c0c0c09305019201a36f6e659504ce'
    '01500028300101'::bytea AS message;
SELECT decodes(substring(message, 1, bytes)) AS outcome, count(*), min(bytes), max(bytes)
FROM whole, generate_series(0, length(message)) bytes GROUP BY 1 ORDER BY 3;
SELECT count(*) = 16 * max(byte + 1) AS survived
FROM whole, generate_series(0, length(message) - 1) byte,
    unnest('{0,1,4,23,127,128,145,160,192,193,198,203,207,212,221,255}'::int[]) value
WHERE decodes(set_byte(message, byte, value)) IS NOT NULL;
DROP TABLE whole;
DROP FUNCTION decodes, rows_of;
