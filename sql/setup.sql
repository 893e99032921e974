-- What the other tests share: records as text, without what differs from run to run.
SET client_min_messages = warning;
CREATE FUNCTION shown(record jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE record->>'record'
        WHEN 'begin' THEN (record - '{xid,time,commit_lsn}'::text[])::text
        WHEN 'commit' THEN (record - '{digest,commit_lsn,end_lsn}'::text[])::text
        WHEN 'hello' THEN (record -
            '{plugin_version,server_version,system_identifier,database}'::text[])::text
        WHEN 'message' THEN (record - 'lsn')::text
        WHEN 'relation' THEN regexp_replace(record::text, ', "(\w+_)?oid": \d+', '', 'g')
        ELSE record::text END
$$;
-- All records of a slot, which are taken out of it.
CREATE FUNCTION all_changes(slot name, VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT shown(record) FROM walpack.get_changes(slot, NULL, NULL, VARIADIC options)
$$;
-- The same without Hello and Relation.
CREATE FUNCTION changes(slot name, VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT shown(record) FROM walpack.get_changes(slot, NULL, NULL, VARIADIC options)
    WHERE record->>'record' NOT IN ('hello', 'relation')
$$;
-- Only the rows.
CREATE FUNCTION row_changes(slot name, VARIADIC options text[] DEFAULT '{}') RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT record::text FROM walpack.get_changes(slot, NULL, NULL, VARIADIC options)
    WHERE record ? 'rows'
$$;
