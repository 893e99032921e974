#include "copy/chunk_load.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "copy/binary_copy.h"
#include "copy/copy_error.h"
#include "copy/source_rows.h"
#include "pg/error_kind.h"
#include "schema/catalog_query.h"

namespace walpack {
namespace {

constexpr std::size_t kPieceBytes = 128 * 1024;  // rows are handed on in pieces of this size

// Text as the plugin's documentation promises it for the stream, so that a value looks the same
// whichever way it came; and no time limit or hidden row may get in the way. There is nothing in
// reading rows that compiling would make faster.
constexpr const char* kPinSettings = R"(
SELECT pg_catalog.count(pg_catalog.set_config(s.name, v.setting, false))
FROM (VALUES
    ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('lc_monetary', 'C'),
    ('standard_conforming_strings', 'on'), ('row_security', 'off'), ('statement_timeout', '0'),
    ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'), ('transaction_timeout', '0'), ('jit', 'off')
) v(name, setting)
JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = v.name)";

std::string sql_type(const std::string& schema, const std::string& name) {
    return quote_identifier(schema) + '.' + quote_identifier(name);
}

bool is_plain_text(const TargetColumn& column) {
    return column.type_schema == "pg_catalog" &&
           (column.type_name == "text" || column.type_name == "varchar");
}

std::string in_hex(const KeyBound& bound) {
    return "\\x" + to_hex(bound.sort_key);
}

// A range whose bounds are written as bytea.
KeyRange in_hex(const KeyRange& range) {
    KeyRange hex;
    if (range.from) hex.from = KeyBound{in_hex(*range.from), ""};
    if (range.to) hex.to = KeyBound{in_hex(*range.to), ""};
    return hex;
}

std::uint64_t count_of(const std::optional<std::string>& text) {
    return text ? std::stoull(*text) : 0;
}

class Loading {
  public:
    Loading(const TableLoad& load, Connection& source, Connection& target, const OnPiece& on_piece)
        : load_(load), source_(source), target_(target), on_piece_(on_piece) {}

    LoadedRows run(const std::string& select, const StopRequest& stop) {
        const std::string format = load_.is_binary ? " (FORMAT binary)" : "";
        source_.copy_out_begin(fmt::format("COPY ({}) TO STDOUT{}", select, format));
        target_.copy_in_begin(load_.copy_in_sql);
        while (const auto row = source_.copy_out_get()) {
            // The last message of binary form is not a row, but the end of the copy.
            if (piece_.size() >= kPieceBytes) {
                stop.throw_if_requested();
                hand_on();
            }
            ++rows_in_piece_;
            piece_ += *row;
        }
        loaded_.rows = source_.copied_out();
        rows_in_piece_ = loaded_.rows - rows_handed_on_;
        if (!piece_.empty()) hand_on();
        const Result result = target_.copy_in_end();
        if (result.kind() == ResultKind::error) {
            refuse(row_error(result, "copy rows"));
        } else {
            check_count(result.affected_rows());
        }
        return loaded_;
    }

    // A table without columns still has rows, and COPY cannot name no columns.
    LoadedRows run_without_columns(const std::string& select) {
        const auto count = source_.query_value(
            fmt::format("SELECT pg_catalog.count(*) FROM ({}) selected", select));
        const Result stored = target_.execute(
            fmt::format("INSERT INTO {} SELECT FROM pg_catalog.generate_series(1, $1::int8)",
                        load_.mapping->table->sql_name()),
            {count});
        loaded_.rows = count_of(count);
        check_count(stored.affected_rows());
        if (on_piece_) on_piece_(loaded_.rows, 0);
        return loaded_;
    }

  private:
    void hand_on() {
        target_.copy_in_put(piece_);
        loaded_.bytes += piece_.size();
        rows_handed_on_ += rows_in_piece_;
        if (on_piece_) on_piece_(rows_in_piece_, piece_.size());
        rows_in_piece_ = 0;
        piece_.clear();
    }

    // A trigger that fires for us or a rule may have kept rows away.
    void check_count(std::uint64_t stored) {
        if (stored == loaded_.rows) return;
        refuse(Error(ErrorKind::conflict,
                     fmt::format("the target stored {} of {} rows", stored, loaded_.rows))
                   .hint("A trigger or rule of the target diverts or suppresses rows."));
    }

    void refuse(const Error& error) {
        if (!is_about_values(error.kind())) throw error;
        loaded_.refusal = copy_error(*load_.mapping, error);
    }

    const TableLoad& load_;
    Connection& source_;
    Connection& target_;
    const OnPiece& on_piece_;
    LoadedRows loaded_;
    std::string piece_;
    std::uint64_t rows_in_piece_ = 0;
    std::uint64_t rows_handed_on_ = 0;
};

}  // namespace

TableLoad make_table_load(const std::shared_ptr<const PublishedTable>& published,
                          const std::shared_ptr<const RelationMapping>& mapping,
                          const ChunkPlan& plan) {
    TableLoad load;
    load.published = published;
    load.mapping = mapping;
    load.selected_columns = columns_at_source(*mapping);
    load.format_reason = reason_against_binary(*mapping, published->server_version);
    load.is_binary = load.format_reason.empty();
    if (!load.selected_columns.empty())
        load.copy_in_sql = copy_in_sql(*mapping) + (load.is_binary ? " (FORMAT binary)" : "");
    if (plan.method != ChunkMethod::key) return load;
    for (const std::size_t attribute : plan.key_attributes) {
        const Attribute& key = published->relation->attributes.at(attribute);
        const auto found =
            std::ranges::find(mapping->columns, attribute, &ColumnMapping::attribute);
        WALPACK_CHECK(found != mapping->columns.end());
        load.keys.push_back(
            {{quote_identifier(key.name), sql_type(key.value_type().schema, key.value_type().name)},
             key.kind,
             &*found});
    }
    return load;
}

std::vector<std::size_t> TableLoad::key_attributes() const {
    std::vector<std::size_t> attributes;
    for (const LoadKey& key : keys) attributes.push_back(key.mapping->attribute);
    return attributes;
}

std::string select_rows_sql(const TableLoad& load, const KeyRange& range) {
    std::vector<KeyOperand> operands;
    for (const LoadKey& key : load.keys) operands.push_back(key.operand);
    return select_sql(*load.published, load.selected_columns, range_condition(operands, range));
}

std::string select_rows_sql(const TableLoad& load, const PageRange& pages) {
    std::string condition;
    if (pages.from > 0) condition = fmt::format("ctid >= '({},0)'::pg_catalog.tid", pages.from);
    if (pages.to) {
        condition += fmt::format("{}ctid < '({},0)'::pg_catalog.tid",
                                 condition.empty() ? "" : " AND ", *pages.to);
    }
    return select_sql(*load.published, load.selected_columns, condition);
}

std::string range_condition_on_target(const TableLoad& load, const KeyRange& range) {
    if (!range.from && !range.to) return "true";
    WALPACK_CHECK(!load.keys.empty());
    if (is_ordered_by_bytes(load)) {
        const std::string bytes = fmt::format(
            "pg_catalog.convert_to({}::pg_catalog.text, "
            "pg_catalog.current_setting('client_encoding')::pg_catalog.name)",
            quote_identifier(load.keys.front().mapping->column->name));
        return range_condition({{bytes, "pg_catalog.bytea"}}, in_hex(range));
    }
    std::vector<KeyOperand> operands;
    for (const LoadKey& key : load.keys) {
        const TargetColumn& column = *key.mapping->column;
        const std::string name = quote_identifier(column.name);
        // As text, "10" comes before "9".
        operands.push_back(is_plain_text(column)
                               ? KeyOperand{name + "::" + key.operand.type, key.operand.type}
                               : KeyOperand{name, sql_type(column.type_schema, column.type_name)});
    }
    return range_condition(operands, range);
}

std::string range_condition_on_values(const TableLoad& load, const KeyRange& range) {
    if (is_ordered_by_bytes(load))
        return range_condition({{"$1::pg_catalog.bytea", "pg_catalog.bytea"}}, in_hex(range));
    std::vector<KeyOperand> operands;
    for (const LoadKey& key : load.keys)
        operands.push_back(
            {fmt::format("${}::{}", operands.size() + 1, key.operand.type), key.operand.type});
    return range_condition(operands, range);
}

bool is_ordered_by_bytes(const TableLoad& load) {
    return load.keys.size() == 1 && load.keys.front().mapping->sent_as.kind == ValueKind::text;
}

LoadedRows load_rows(const TableLoad& load, const std::string& select, Connection& source,
                     Connection& target, const OnPiece& on_piece, const StopRequest& stop) {
    Loading loading(load, source, target, on_piece);
    try {
        stop.throw_if_requested();
        return load.copy_in_sql.empty() ? loading.run_without_columns(select)
                                        : loading.run(select, stop);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::cancelled) throw;
        throw copy_error(*load.mapping, error);
    }
}

void set_up_source_session(Connection& source) {
    pin_search_path(source);
    source.execute(kPinSettings);
}

}  // namespace walpack
