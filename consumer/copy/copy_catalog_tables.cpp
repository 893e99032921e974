// The tables of the catalogue themselves.
#include "copy/copy_activity.h"
#include "copy/copy_catalog.h"

namespace walpack {
namespace {

constexpr const char* kCreateTables = R"(
CREATE TABLE IF NOT EXISTS walpack.copy (
    pipeline pg_catalog.text COLLATE "C" NOT NULL PRIMARY KEY,
    unseen pg_catalog.text[] NOT NULL DEFAULT '{}',
    kept_from pg_catalog.pg_lsn
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS walpack.copy_table (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    table_oid pg_catalog.oid NOT NULL,
    schema_name pg_catalog.text NOT NULL,
    table_name pg_catalog.text NOT NULL,
    state pg_catalog.text NOT NULL,
    method pg_catalog.text NOT NULL,
    key_column pg_catalog.text NOT NULL DEFAULT '',
    key_kind pg_catalog.text NOT NULL DEFAULT '',
    more_key_columns pg_catalog.text[] NOT NULL DEFAULT '{}',
    publishing pg_catalog.text NOT NULL DEFAULT '',
    required_snapshot pg_catalog.text,
    required_lsn pg_catalog.pg_lsn,
    rows_estimated pg_catalog.int8 NOT NULL DEFAULT 0,
    bytes_estimated pg_catalog.int8 NOT NULL DEFAULT 0,
    rows pg_catalog.int8 NOT NULL DEFAULT 0,
    bytes pg_catalog.int8 NOT NULL DEFAULT 0,
    started_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (pipeline, table_oid)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS walpack.copy_chunk (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    table_oid pg_catalog.oid NOT NULL,
    chunk pg_catalog.int4 NOT NULL,
    key_from pg_catalog.text,
    key_to pg_catalog.text,
    order_from pg_catalog.bytea,
    order_to pg_catalog.bytea,
    page_from pg_catalog.int8 NOT NULL DEFAULT 0,
    page_to pg_catalog.int8,
    snapshot pg_catalog.text,
    settled_lsn pg_catalog.pg_lsn,
    rows pg_catalog.int8 NOT NULL DEFAULT 0,
    bytes pg_catalog.int8 NOT NULL DEFAULT 0,
    is_live pg_catalog.bool NOT NULL DEFAULT false,
    loaded_at pg_catalog.timestamptz,
    PRIMARY KEY (pipeline, table_oid, chunk)
) WITH (fillfactor = 70))";

// Those of earlier versions lack one or another.
constexpr const char* kAddColumns = R"(
ALTER TABLE walpack.copy_table
    ADD COLUMN IF NOT EXISTS key_kind pg_catalog.text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS more_key_columns pg_catalog.text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS publishing pg_catalog.text NOT NULL DEFAULT '')";

}  // namespace

void CopyCatalog::add_missing_columns(Connection& target) {
    const auto lacks_some = target.query_value(
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = 'walpack' AND c.relname = 'copy_table' "
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid "
        "AND a.attname = 'publishing')");
    if (lacks_some) target.execute(kAddColumns);
}

void CopyCatalog::create(Connection& target) const {
    target.execute(kCreateTables);
    create_copy_activity_table(target);
    target.execute("INSERT INTO walpack.copy (pipeline) VALUES ($1) ON CONFLICT DO NOTHING",
                   {pipeline_});
}

}  // namespace walpack
