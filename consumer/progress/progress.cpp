#include "progress/progress.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "progress/activity.h"
#include "progress/advisory_lock.h"
#include "progress/conflict_log.h"
#include "progress/request_table.h"
#include "progress/walpack_table.h"

namespace walpack {
namespace {

// Without it every commit of a session that has an origin would get the time of its first one.
constexpr const char* kNoteOrigin =
    ", pg_catalog.pg_replication_origin_xact_setup($1::pg_catalog.pg_lsn, "
    "CASE {0}::pg_catalog.float8 WHEN 0 THEN pg_catalog.clock_timestamp() "
    "ELSE '2000-01-01 00:00:00+00'::pg_catalog.timestamptz + "
    "{0}::pg_catalog.float8 * '1 microsecond'::pg_catalog.interval END)";

// With rows of pipelines: see request_table.h, and copy/copy_catalog.h and
// quarantine/quarantine_table.h for those that are made where they are needed.
constexpr std::array<const char*, 8> kOtherTables = {
    "request", "held_transaction", "copy_chunk", "copy_table",
    "copy",    "copy_activity",    "quarantine", "quarantine_history"};

// Half-filled pages, so that each move of a position finds room beside its old version: no index
// entry is written, and the dead versions go without VACUUM.
constexpr const char* kCreateTable = R"(
CREATE TABLE IF NOT EXISTS walpack.progress (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    worker pg_catalog.int4 NOT NULL,
    applied_lsn pg_catalog.pg_lsn,
    source_system_identifier pg_catalog."numeric" NOT NULL,
    slot pg_catalog.text COLLATE "C" NOT NULL,
    copy_complete pg_catalog.bool NOT NULL DEFAULT false,
    applied_at pg_catalog.timestamptz,
    timeline pg_catalog.int4,
    PRIMARY KEY (pipeline, worker)
) WITH (fillfactor = 50))";

// Nothing of someone else's may go: the schema could be a DBA's, or hold the source-side extension
// of a cascaded setup.
constexpr const char* kSchemaIsOurs = R"(
SELECT pg_catalog.pg_has_role(n.nspowner, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE (d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                           AND d.refobjid = n.oid)
                       OR (d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                           AND d.objid = n.oid AND d.deptype = 'e'))
FROM pg_catalog.pg_namespace n WHERE n.nspname = 'walpack')";

void pin_search_path(Connection& target) {
    target.execute("SET search_path = pg_catalog");
}

bool table_exists(Connection& target) {
    return has_walpack_table(target, "progress");
}

// False where it is missing and cannot be added.
bool has_timeline_column(Connection& target) {
    const Result result = target.execute(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid "
        "AND a.attname = 'timeline' AND NOT a.attisdropped), "
        "pg_catalog.pg_has_role(c.relowner, 'USAGE') "
        "FROM pg_catalog.pg_class c WHERE c.oid = 'walpack.progress'::pg_catalog.regclass");
    if (result.value(0, 0) == "t") return true;
    if (result.value(0, 1) != "t") return false;
    target.execute(
        "ALTER TABLE walpack.progress ADD COLUMN IF NOT EXISTS timeline pg_catalog.int4");
    return true;
}

void create_schema(Connection& target) {
    // CREATE SCHEMA IF NOT EXISTS asks for CREATE on the database even when there is nothing to
    // do.
    const auto exists =
        target.query_value("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'walpack'");
    if (!exists) target.execute("CREATE SCHEMA walpack");
}

void remove_rows(Connection& target, const char* table, const std::string& pipeline) {
    const auto exists = target.query_value(
        "SELECT 1 FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'walpack' AND c.relname = $1",
        {table});
    if (!exists) return;
    target.execute(fmt::format("DELETE FROM walpack.{} WHERE pipeline = $1", table), {pipeline});
}

template <typename Number>
Number parse_number(std::string_view text) {
    Number number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

void lock_schema(Connection& target) {
    target.execute("SELECT pg_catalog.pg_advisory_xact_lock($1::pg_catalog.int8)",
                   {std::to_string(lock_key("walpack schema"))});
}

Progress::Progress(Connection& target, std::string pipeline)
    : target_(target), pipeline_(std::move(pipeline)) {}

void Progress::create(std::uint64_t source_system_identifier, const std::string& slot) {
    pin_search_path(target_);
    Transaction transaction(target_);
    lock_schema(target_);
    if (!table_exists(target_)) {
        create_schema(target_);
        target_.execute(kCreateTable);
    }
    create_activity_table(target_);
    if (!RequestTable::is_usable(target_)) RequestTable::create(target_);
    create_conflict_log(target_);
    target_.execute(
        "INSERT INTO walpack.progress (pipeline, worker, source_system_identifier, slot) "
        "VALUES ($1, 0, $2::pg_catalog.\"numeric\", $3) ON CONFLICT DO NOTHING",
        {pipeline_, std::to_string(source_system_identifier), slot});
    transaction.commit();
    const std::optional<ProgressRow> row = read();
    if (row && row->source_system_identifier == source_system_identifier && row->slot == slot) {
        return;
    }
    throw Error(ErrorKind::config,
                fmt::format("pipeline \"{}\" exists on the target for another source", pipeline_))
        .detail(row ? fmt::format("It reads slot \"{}\" of the system {}.", row->slot,
                                  row->source_system_identifier)
                    : "Its row went away at the same moment.")
        .hint("Choose another pipeline name, or remove the old one with \"walpack drop\".");
}

void Progress::drop() {
    pin_search_path(target_);
    if (!table_exists(target_)) return;
    Transaction transaction(target_);
    target_.execute("LOCK TABLE walpack.progress IN SHARE ROW EXCLUSIVE MODE");
    target_.execute("DELETE FROM walpack.progress WHERE pipeline = $1", {pipeline_});
    remove_activity(target_, pipeline_);
    remove_conflicts(target_, pipeline_);
    for (const char* table : kOtherTables) remove_rows(target_, table, pipeline_);
    const auto is_last = target_.query_value(
        "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') "
        "AND NOT EXISTS (SELECT FROM walpack.progress) FROM pg_catalog.pg_class c "
        "WHERE c.oid = 'walpack.progress'::pg_catalog.regclass");
    if (is_last == "t") {
        target_.execute("DROP TABLE walpack.progress");
        drop_activity_table(target_);
        drop_conflict_log(target_);
        for (const char* table : kOtherTables)
            target_.execute(fmt::format("DROP TABLE IF EXISTS walpack.{}", table));
        if (target_.query_value(kSchemaIsOurs) == "t") target_.execute("DROP SCHEMA walpack");
    }
    transaction.commit();
}

std::optional<ProgressRow> Progress::read() const {
    pin_search_path(target_);
    if (!table_exists(target_)) return std::nullopt;
    const Result result = target_.execute(
        "SELECT applied_lsn, source_system_identifier, slot, copy_complete, "
        "pg_catalog.to_jsonb(p) ->> 'timeline' "  // an older table does not have it
        "FROM walpack.progress p WHERE pipeline = $1 AND worker = 0",
        {pipeline_});
    if (result.rows() == 0) return std::nullopt;
    ProgressRow row;
    if (!result.is_null(0, 0)) row.applied_lsn = Lsn::parse(result.value(0, 0)).value_or(Lsn{});
    row.source_system_identifier = parse_number<std::uint64_t>(result.value(0, 1));
    row.slot = result.value(0, 2);
    row.copy_is_complete = result.value(0, 3) == "t";
    if (!result.is_null(0, 4)) row.timeline = parse_number<std::uint32_t>(result.value(0, 4));
    return row;
}

// A commit that wrote nothing would not wait.
void Progress::make_durable(const std::string& level) {
    Transaction transaction(target_);
    target_.execute("SET LOCAL synchronous_commit = " + level);
    target_.execute("UPDATE walpack.progress SET applied_lsn = applied_lsn WHERE pipeline = $1",
                    {pipeline_});
    transaction.commit();
}

void Progress::note_timeline(std::uint32_t timeline) {
    if (!has_timeline_column(target_)) return;
    target_.execute(
        "UPDATE walpack.progress SET timeline = $2::pg_catalog.int4 WHERE pipeline = $1",
        {pipeline_, std::to_string(timeline)});
}

void Progress::lock(std::chrono::milliseconds timeout) {
    target_.execute(fmt::format("SET lock_timeout = {}", timeout.count()));
    try {
        target_.execute("SELECT pg_catalog.pg_advisory_lock($1::pg_catalog.int8)",
                        {std::to_string(pipeline_lock_key(pipeline_))});
    } catch (const Error& error) {
        if (error.sqlstate() != kLockNotAvailable) throw;
        throw Error(ErrorKind::connection,
                    fmt::format("another session applies pipeline \"{}\"", pipeline_))
            .sqlstate(error.sqlstate())
            .detail(fmt::format("It still held the pipeline's advisory lock after {} ms.",
                                timeout.count()))
            .hint(
                "Only one consumer may run per pipeline; look for another one, or for a session "
                "of a lost one that the target has not noticed yet.");
    }
    target_.execute("SET lock_timeout = 0");
}

std::string Progress::advance_sql() const {
    // Compare and set: when no row, or one with another LSN, is there, the cast of the sentence
    // fails and the server's error says what happened. Another session's move may not be committed
    // yet, so what is compared must be the row that the wait for it ended with. WHERE is evaluated
    // before the wait, and so is SET at first; only the second evaluation of SET is what RETURNING
    // sees. A row that does not compare becomes NULL, never an LSN that could be taken for the new
    // one. The sentence depends on the row, or the planner would evaluate the cast in advance.
    const std::string pipeline = quote_literal(pipeline_);
    const char* quarantine =
        watches_quarantine_
            ? " AND quarantine_version = COALESCE($3::pg_catalog.int8, quarantine_version)"
            : "";
    const std::string origin =
        notes_origin_ ? fmt::format(kNoteOrigin, watches_quarantine_ ? "$4" : "$3") : "";
    return fmt::format(
        "WITH moved AS (UPDATE walpack.progress SET applied_at = pg_catalog.now(), "
        "applied_lsn = CASE WHEN applied_lsn = $2::pg_catalog.pg_lsn{1} "
        "THEN $1::pg_catalog.pg_lsn END "
        "WHERE pipeline = {0} AND worker = 0 RETURNING applied_lsn) "
        "SELECT CASE pg_catalog.count(applied_lsn) WHEN 1 THEN 1 ELSE CAST(pg_catalog.concat("
        "'the position of pipeline ', {0}, ' is not ', $2::pg_catalog.pg_lsn, "
        "' any more (', pg_catalog.count(*), ' rows)') AS pg_catalog.int4) END{2} FROM moved",
        pipeline, quarantine, origin);
}

void Progress::watch_quarantine(std::optional<std::uint64_t> version) {
    watches_quarantine_ = true;
    quarantine_version_ = version;
}

void Progress::begin_copy(Lsn lsn) {
    const Result result = target_.execute(
        "UPDATE walpack.progress SET applied_lsn = $2::pg_catalog.pg_lsn, "
        "applied_at = pg_catalog.now() "
        "WHERE pipeline = $1 AND worker = 0 AND NOT copy_complete AND applied_lsn IS NULL",
        {pipeline_, lsn.to_string()});
    if (result.affected_rows() == 1) return;
    throw Error(ErrorKind::connection,
                fmt::format("another session began the copy of pipeline \"{}\"", pipeline_));
}

void Progress::end_copy(Connection& target, const std::string& pipeline) {
    target.execute("UPDATE walpack.progress SET copy_complete = true WHERE pipeline = $1",
                   {pipeline});
}

void Progress::complete_copy(Lsn lsn) {
    const Result result = target_.execute(
        "UPDATE walpack.progress SET applied_lsn = $2::pg_catalog.pg_lsn, copy_complete = true, "
        "applied_at = pg_catalog.now() "
        "WHERE pipeline = $1 AND worker = 0 AND NOT copy_complete",
        {pipeline_, lsn.to_string()});
    if (result.affected_rows() == 1) return;
    throw Error(ErrorKind::connection,
                fmt::format("another session completed the copy of pipeline \"{}\"", pipeline_));
}

}  // namespace walpack
