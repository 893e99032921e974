#include "structure/post_data.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/sqlstate.h"
#include "base/text.h"
#include "progress/walpack_table.h"
#include "schema/catalog_query.h"
#include "structure/structure_session.h"

namespace walpack {
namespace {

constexpr std::array<std::string_view, 7> kKindNames = {
    "key", "index", "cluster", "foreign_key", "validation", "trigger", "other"};

constexpr const char* kCreateTable = R"(
CREATE TABLE IF NOT EXISTS walpack.post_data (
    pipeline pg_catalog.text COLLATE "C" NOT NULL,
    number pg_catalog.int4 NOT NULL,
    kind pg_catalog.text NOT NULL,
    schema_name pg_catalog.text,
    table_name pg_catalog.text,
    description pg_catalog.text NOT NULL,
    statement pg_catalog.text NOT NULL,
    state pg_catalog.text NOT NULL DEFAULT 'pending',
    message pg_catalog.text,
    PRIMARY KEY (pipeline, number)
))";

constexpr const char* kInsert = R"(
INSERT INTO walpack.post_data
    (pipeline, number, kind, schema_name, table_name, description, statement, state, message)
VALUES ($1, $2::pg_catalog.int4, $3, $4, $5, $6, $7, $8, $9))";

constexpr const char* kRead = R"(
SELECT number, kind, schema_name, table_name, description, statement, message
FROM walpack.post_data WHERE pipeline = $1 AND state = $2 ORDER BY number)";

// Names of indexes and of statistics belong to the schema: the one that is there may be another
// table's. pg_dump quotes by the words of its version, so a name may stand with and without quotes.
constexpr const char* kIsOfTable = R"(
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL (
        SELECT c.relname FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = t.oid
        UNION ALL
        SELECT stxname FROM pg_catalog.pg_statistic_ext WHERE stxrelid = t.oid) own(name)
    CROSS JOIN LATERAL (VALUES (pg_catalog.quote_ident(own.name)),
        ('"' || pg_catalog.replace(own.name, '"', '""') || '"')) v(name)
    WHERE n.nspname = $1 AND t.relname = $2 AND (
        pg_catalog.strpos($3, ' INDEX ' || v.name || ' ON ') > 0
        OR pg_catalog.strpos($3, ' CONSTRAINT ' || v.name || ' ') > 0
        OR pg_catalog.strpos($3, '.' || v.name || ' ') > 0)))";

bool has_name_in_schema(const PostDataItem& item) {
    return item.kind == PostDataKind::key || item.kind == PostDataKind::index ||
           item.statement.starts_with("CREATE STATISTICS ");
}

bool counts_as_made(Connection& session, const PostDataItem& item, const Error& error) {
    if (says_exists(error)) {
        if (!item.table || !has_name_in_schema(item)) return true;
        return session.query_value(kIsOfTable,
                                   {item.table->schema, item.table->table, item.statement}) == "t";
    }
    // A second primary key of a table: the first one is there under another name.
    return item.kind == PostDataKind::key && error.sqlstate() == kInvalidTableDefinition;
}

// With a question mark for each character beyond ASCII.
std::string without_foreign(const std::string& text) {
    std::string plain;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) plain += c;
        if (byte >= 0xC0) plain += '?';
    }
    return plain;
}

bool may_be_replica(Connection& session) {
    const Transaction rolled_back(session);
    const Result result = session.execute_any("SET LOCAL session_replication_role = replica");
    return result.kind() != ResultKind::error;
}

constexpr const char* kNewTriggers = R"(
SELECT t.tgrelid::pg_catalog.regclass, pg_catalog.quote_ident(t.tgname),
    CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = pg_catalog.to_regclass($1) AND NOT t.tgisinternal
    AND t.tgenabled IN ('O', 'A') AND t.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid)";

// Where they would fire for applied rows, triggers would change those, or write once more what the
// stream brings. They wait for the switch-over. Returns what enables them.
std::string make_disabled(const PostDataItem& item, Connection& session) {
    Transaction transaction(session);
    session.execute(item.statement);
    const Result made = session.execute(kNewTriggers, {quote_identifier(item.table->schema) + '.' +
                                                       quote_identifier(item.table->table)});
    std::string enabling;
    for (int row = 0; row < made.rows(); ++row) {
        const std::string table = "ALTER TABLE " + text_at(made, row, 0) + ' ';
        const std::string trigger = " TRIGGER " + text_at(made, row, 1) + ';';
        session.execute(table + "DISABLE" + trigger);
        enabling += (row == 0 ? "" : " ") + table + text_at(made, row, 2) + trigger;
    }
    transaction.commit();
    return enabling;
}

// One that was made so by a run that ended before it could say so.
constexpr const char* kDisabledTriggers = R"(
SELECT 'ALTER TABLE ' || t.tgrelid::pg_catalog.regclass || ' ENABLE TRIGGER ' || v.name || ';'
FROM pg_catalog.pg_trigger t
CROSS JOIN LATERAL (VALUES (pg_catalog.quote_ident(t.tgname)),
    ('"' || pg_catalog.replace(t.tgname, '"', '""') || '"')) v(name)
WHERE t.tgrelid = pg_catalog.to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled = 'D'
    AND pg_catalog.strpos($2, ' TRIGGER ' || v.name || ' ') > 0
    AND pg_catalog.strpos($2, ' DISABLE TRIGGER ') = 0
LIMIT 1)";

std::string find_disabled(const PostDataItem& item, Connection& session) {
    return session
        .query_value(kDisabledTriggers, {quote_identifier(item.table->schema) + '.' +
                                             quote_identifier(item.table->table),
                                         item.statement})
        .value_or("");
}

std::optional<std::string> note_of(const std::string& enabling) {
    if (enabling.empty()) return std::nullopt;
    return "made and disabled, as it would fire for applied rows; for the switch-over: " + enabling;
}

std::string refusal_of(const Error& error) {
    return server_message(error) + (says_exists(error) ? ", and is not of this table" : "");
}

}  // namespace

std::string_view to_string(PostDataKind kind) {
    return kKindNames[static_cast<std::size_t>(kind)];
}

std::optional<PostDataKind> parse_post_data_kind(std::string_view text) {
    const auto found = std::find(kKindNames.begin(), kKindNames.end(), text);
    if (found == kKindNames.end()) return std::nullopt;
    return static_cast<PostDataKind>(found - kKindNames.begin());
}

PostData::PostData(Connection& target, std::string pipeline)
    : target_(target), pipeline_(std::move(pipeline)) {}

bool PostData::table_exists() {
    return has_walpack_table(target_, "post_data");
}

void PostData::store(std::vector<PostDataItem> items) {
    if (!table_exists()) target_.execute(kCreateTable);
    // Before anything goes: who runs the items knows them by their numbers.
    const Result last = target_.execute(
        "SELECT pg_catalog.max(number) FROM walpack.post_data WHERE pipeline = $1", {pipeline_});
    std::set<TableName> tables;
    for (const PostDataItem& item : items) {
        if (!item.table) {
            target_.execute(
                "DELETE FROM walpack.post_data WHERE pipeline = $1 AND schema_name IS NULL "
                "AND description = $2 AND statement = $3",
                {pipeline_, item.description, item.statement});
            continue;
        }
        if (!tables.insert(*item.table).second) continue;
        target_.execute(
            "DELETE FROM walpack.post_data "
            "WHERE pipeline = $1 AND schema_name = $2 AND table_name = $3",
            {pipeline_, item.table->schema, item.table->table});
    }
    std::uint32_t number = oid_at(last, 0, 0);
    for (PostDataItem& item : items) {
        item.number = ++number;
        std::optional<std::string> schema;
        std::optional<std::string> table;
        if (item.table) schema = item.table->schema;
        if (item.table) table = item.table->table;
        std::optional<std::string> message;
        if (!item.refusal.empty()) message = item.refusal;
        const auto insert = [&](const std::string& description, const std::string& statement) {
            target_.execute(kInsert, {pipeline_, std::to_string(item.number),
                                      std::string(to_string(item.kind)), schema, table, description,
                                      statement, message ? "refused" : "pending", message});
        };
        if (!message) {
            insert(item.description, item.statement);
            continue;
        }
        // It may have been refused for that very reason.
        target_.execute("SAVEPOINT walpack_item");
        try {
            insert(item.description, item.statement);
        } catch (const Error& error) {
            if (error.sqlstate() != kUntranslatableCharacter) throw;
            target_.execute("ROLLBACK TO SAVEPOINT walpack_item");
            insert(without_foreign(item.description), without_foreign(item.statement));
        }
        target_.execute("RELEASE SAVEPOINT walpack_item");
    }
}

std::vector<PostDataItem> PostData::pending() {
    std::vector<PostDataItem> items;
    for (Refused& each : read("pending")) items.push_back(std::move(each.item));
    std::stable_sort(items.begin(), items.end(),
                     [](const auto& left, const auto& right) { return left.kind < right.kind; });
    return items;
}

std::vector<PostData::Refused> PostData::refused() {
    return read("refused");
}

std::vector<PostData::Refused> PostData::read(const std::string& state) {
    std::vector<Refused> found;
    if (!table_exists()) return found;
    const Result result = target_.execute(kRead, {pipeline_, state});
    for (int row = 0; row < result.rows(); ++row) {
        PostDataItem item;
        item.number = oid_at(result, row, 0);
        const auto kind = parse_post_data_kind(result.value(row, 1));
        if (!kind) {
            throw Error(ErrorKind::schema, "walpack.post_data holds an unknown kind")
                .hint("Was it written by a newer walpack? Use that one.");
        }
        item.kind = *kind;
        if (!result.is_null(row, 2))
            item.table = {text_at(result, row, 2), text_at(result, row, 3)};
        item.description = text_at(result, row, 4);
        item.statement = text_at(result, row, 5);
        found.push_back({std::move(item), text_at(result, row, 6)});
    }
    return found;
}

std::optional<std::string> PostData::make(const PostDataItem& item, Connection& session) {
    set_up_structure_session(session);
    std::optional<std::string> message;
    const bool is_trigger =
        item.kind == PostDataKind::trigger && item.description.starts_with("TRIGGER ");
    const bool would_fire = is_trigger && item.table && !may_be_replica(session);
    try {
        if (would_fire) {
            message = note_of(make_disabled(item, session));
        } else {
            session.execute(item.statement);
        }
    } catch (const Error& error) {
        if (!is_refusal(error)) throw;
        if (!counts_as_made(session, item, error)) {
            message = refusal_of(error);
        } else if (would_fire) {
            message = note_of(find_disabled(item, session));
        }
    }
    note(item, message ? "refused" : "done", message);
    return message;
}

void PostData::note(const PostDataItem& item, const std::string& state,
                    const std::optional<std::string>& message) {
    target_.execute(
        "UPDATE walpack.post_data SET state = $3, message = $4 "
        "WHERE pipeline = $1 AND number = $2::pg_catalog.int4 AND state = 'pending'",
        {pipeline_, std::to_string(item.number), state, message});
}

std::size_t PostData::drop() {
    if (!table_exists()) return 0;
    const std::size_t pending_count = pending().size();
    Transaction transaction(target_);
    target_.execute("LOCK TABLE walpack.post_data IN SHARE ROW EXCLUSIVE MODE");
    target_.execute("DELETE FROM walpack.post_data WHERE pipeline = $1", {pipeline_});
    const auto is_last = target_.query_value(
        "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') "
        "AND NOT EXISTS (SELECT FROM walpack.post_data) FROM pg_catalog.pg_class c "
        "WHERE c.oid = 'walpack.post_data'::pg_catalog.regclass");
    if (is_last == "t") target_.execute("DROP TABLE walpack.post_data");
    transaction.commit();
    return pending_count;
}

}  // namespace walpack
