-- walpack.decode unpacks a message that was compressed, and is not fooled by one that lies.
\pset format unaligned
\pset tuples_only
SET client_min_messages = warning;
-- Eight notices, 40 bytes, by each method.
\set plain '930e01a17a930e01a17a930e01a17a930e01a17a930e01a17a930e01a17a930e01a17a930e01a17a'
\set lz4 'c40f5f930e01a17a05000b50930e01a17a'
\set zstd 'c41428b52ffd20285d000028930e01a17a010040162d'
SELECT count(*), min(record::text), max(record::text)
FROM walpack.decode(('\x' || :'plain')::bytea) record;
SELECT count(*), min(record::text), max(record::text)
FROM walpack.decode(('\x941b0128' || :'lz4')::bytea) record;
SELECT count(*), min(record::text), max(record::text)
FROM walpack.decode(('\x941b0228' || :'zstd')::bytea) record;
-- Integers of any width.
SELECT count(*) FROM walpack.decode(('\xdc0004cd001bcc01ce00000028' || :'lz4')::bytea);

-- A whole transaction.
SELECT record->>'record' FROM walpack.decode('\x'
    '941b02cd0101c4a528b52ffd600100dd0400d408980101a5312e302e30ce'
    '00024a04cf6124fee993bc0001a473686f70a45554463881a86d65737361'
    '676573a36f66669403cd02e6ce01500028009a020101cd4001a67075626c'
    '6963a174a172a164c09298a269640311ff9317aa70675f636174616c6f67'
    'a4696e7434c0c0c098a46e6f74650a00ff931974657874c0c0c093050192'
    '01d9647895043006cd303903004623600097d63b702a0a'
) record;

-- Refused: what is inside is shorter or longer than announced, cut, or something else.
SELECT * FROM walpack.decode(('\x941b0127' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b0129' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b0227' || :'zstd')::bytea);
SELECT * FROM walpack.decode(('\x941b0229' || :'zstd')::bytea);
SELECT * FROM walpack.decode(('\x941b0128' || :'zstd')::bytea);
SELECT * FROM walpack.decode(('\x941b0228' || :'lz4')::bytea);
SELECT * FROM walpack.decode('\x941b0128c40e5f930e01a17a05000b50930e01a1');
SELECT * FROM walpack.decode('\x941b0228c41328b52ffd20285d000028930e01a17a01004016');
SELECT * FROM walpack.decode('\x941b0128c400');
SELECT * FROM walpack.decode('\x941b0228c400');
-- two frames, of which the first has the length
SELECT * FROM walpack.decode(('\x941b0228c428' ||
    repeat('28b52ffd20285d000028930e01a17a010040162d', 2))::bytea);
-- lengths that are none: nothing is allocated
SELECT * FROM walpack.decode(('\x941b0100' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b01ce04000001' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b01ce04000000' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b02ce04000000' || :'zstd')::bytea);
SELECT * FROM walpack.decode(('\x941b02cfffffffffffffffff' || :'zstd')::bytea);
SELECT * FROM walpack.decode(('\x941b02ff' || :'zstd')::bytea);
-- an unknown method, too few fields, data of another type
SELECT * FROM walpack.decode(('\x941b0028' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x941b0528' || :'lz4')::bytea);
SELECT * FROM walpack.decode(('\x931b28' || :'lz4')::bytea);
SELECT * FROM walpack.decode('\x941b0128a17a');
SELECT * FROM walpack.decode('\x941b');
-- not alone, or inside of another one
SELECT * FROM walpack.decode(('\x941b0128' || :'lz4' || '930e01a17a')::bytea);
SELECT * FROM walpack.decode(('\x930e01a17a' || '941b0128' || :'lz4')::bytea);
SELECT * FROM walpack.decode('\x941b0115c417f006941b0128c40f5f930e01a17a05000b50930e01a17a');
-- damaged inside: the byte is counted in the message that was unpacked
SELECT * FROM walpack.decode(('\x941b0128' || replace(:'lz4', 'a17a05', 'a1ff05'))::bytea);

-- No byte makes it crash.
CREATE FUNCTION unpacks(message bytea) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM walpack.decode(message)) > 0;
EXCEPTION WHEN invalid_binary_representation OR program_limit_exceeded THEN
    RETURN false;
END
$$;
SELECT count(unpacks(set_byte(message, byte, value))) = 256 * (21 + 26) AS survived
FROM (VALUES (('\x941b0128' || :'lz4')::bytea, 20), (('\x941b0228' || :'zstd')::bytea, 25))
        AS m (message, bytes),
    generate_series(0, bytes) byte, generate_series(0, 255) value;
DROP FUNCTION unpacks;
