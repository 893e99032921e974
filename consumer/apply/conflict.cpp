#include "apply/conflict.h"

#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apply/cascades.h"
#include "apply/row_key.h"
#include "base/sqlstate.h"
#include "pg/error_kind.h"

namespace walpack {
namespace {

std::string_view verb_of(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::insert:
            return "insert into";
        case ChangeKind::update:
        case ChangeKind::update_key:
        case ChangeKind::update_full:
            return "update of";
        default:
            return "delete from";
    }
}

std::string change_of(const SentStatement& sent) {
    return fmt::format("{} \"{}\"", verb_of(sent.row->shape.kind),
                       sent.row->mapping->relation->qualified_name());
}

std::string hint_of(const SentStatement& sent, ConflictKind kind) {
    const TargetTable& table = *sent.row->mapping->table;
    return fmt::format(
        "Make the row agree on the target, then start again; or set the policy \"{}\" in "
        "[conflict] "
        "or [table.\"{}.{}\"] of the configuration file, which decides such cases.",
        name_of(kind), table.schema, table.name);
}

std::string key_sentence(const SentStatement& sent) {
    // Of a row out of a batch: applied by itself again it will have one.
    if (sent.key.empty() && !sent.row->identity.empty()) return "";
    const std::string key = describe_row_key(sent.row->identity, sent.key);
    return key.empty() ? "The row has no key on the target." : fmt::format("Key {}.", key);
}

std::string where_of(const std::string& column, const std::string& constraint) {
    std::string text;
    if (!column.empty()) text += fmt::format(" Column \"{}\".", column);
    if (!constraint.empty()) text += fmt::format(" Constraint \"{}\".", constraint);
    return text;
}

std::string where_of(const Result& result) {
    return where_of(result.column_name(), result.constraint_name());
}

// The modifier in the detail of a numeric overflow, as format_type() writes it: numeric(5,2).
std::string overflown_numeric(const std::string& detail) {
    const auto start = detail.find("precision ");
    int precision = 0;
    int scale = 0;
    if (start == std::string::npos ||
        std::sscanf(detail.c_str() + start, "precision %d, scale %d", &precision, &scale) != 2) {
        return "";
    }
    return fmt::format("numeric({},{})", precision, scale);
}

// Names the columns that a value error can be about: the one that the server tells, else those
// whose type it mentions.
std::string columns_of(const SentStatement& sent, const Result& result) {
    if (!result.column_name().empty())
        return fmt::format(" for column \"{}\"", result.column_name());
    const std::string message = result.primary_message();
    const std::string overflown = overflown_numeric(result.detail());
    std::string names;
    std::size_t count = 0;
    for (const ColumnMapping& column : sent.row->mapping->columns) {
        const std::string& type = column.column->declared_type;
        if (type != overflown && message.find(type) == std::string::npos) continue;
        names += fmt::format("{}\"{}\"", count++ == 0 ? "" : ", ", column.column->name);
    }
    if (count == 0) return "";
    return count == 1 ? " for column " + names : " for one of the columns " + names;
}

Error refused_value(const SentStatement& sent, const Result& result) {
    return Error(ErrorKind::value,
                 fmt::format("{} failed: the target refuses a value{}: {}", change_of(sent),
                             columns_of(sent, result), message_without_values(result)))
        .detail(key_sentence(sent) + where_of(result))
        .hint("Make the target table accept the value, then start again.");
}

Error refused_in_function(const SentStatement& sent, const Result& result) {
    return Error(ErrorKind::value,
                 fmt::format("{} failed in a trigger or function of the target: {}",
                             change_of(sent), message_without_values(result)))
        .detail(key_sentence(sent))
        .hint("Mend the function or give it what it needs, then start again.");
}

Error wrong_count(const SentStatement& sent, std::uint64_t rows) {
    const ChangeKind kind = sent.row->shape.kind;
    if (kind == ChangeKind::insert) {
        return Error(ErrorKind::conflict,
                     fmt::format("{} stored {} rows instead of one", change_of(sent), rows))
            .detail(key_sentence(sent))
            .hint("A trigger or rule of the target diverts or suppresses the row.");
    }
    if (rows > 1 && sent.row->shape.may_replace) return refused_replacement(*sent.row->mapping);
    if (rows > 1) {
        return Error(ErrorKind::conflict,
                     fmt::format("{} touched {} rows instead of one", change_of(sent), rows))
            .detail(key_sentence(sent))
            .hint("The columns of the replica identity must be unique on the target.");
    }
    const bool is_delete = kind == ChangeKind::delete_key || kind == ChangeKind::delete_full ||
                           kind == ChangeKind::delete_none;
    const ConflictKind conflict =
        is_delete ? ConflictKind::delete_missing : ConflictKind::update_missing;
    return Error(ErrorKind::conflict, fmt::format("{} found no row", change_of(sent)))
        .detail(fmt::format("{} Conflict {}.", key_sentence(sent), name_of(conflict)))
        .hint(hint_of(sent, conflict));
}

Error refused_row(const SentStatement& sent, const Result& result) {
    const std::string state = result.sqlstate();
    if (sent.is_checked && state == kDivisionByZero) return wrong_count(sent, 0);
    if (state == kUniqueViolation || state == kExclusionViolation) {
        const bool is_insert = sent.row->shape.kind == ChangeKind::insert;
        return existing_key(sent,
                            is_insert ? ConflictKind::insert_exists : ConflictKind::update_exists,
                            result.constraint_name());
    }
    const ErrorKind kind = row_error_kind_of(result);
    const ErrorKind by_itself = error_kind_of(result);
    const bool is_in_function = kind == ErrorKind::value && (by_itself == ErrorKind::schema ||
                                                             by_itself == ErrorKind::connection);
    if (is_in_function) return refused_in_function(sent, result);
    if (kind == ErrorKind::value) return refused_value(sent, result);
    return Error(kind,
                 fmt::format("{} failed: {}", change_of(sent), message_without_values(result)))
        .hint(hint_without_values(result));
}

Error refused_truncate(const SentStatement& sent, const Result& result) {
    const std::string failed =
        fmt::format("truncate of \"{}\" failed", sent.relation->qualified_name());
    if (!sent.check.empty() && result.sqlstate() == kDivisionByZero) {
        return Error(ErrorKind::conflict, fmt::format("{}: {}", failed, sent.check))
            .hint(
                "It is made of DELETE, as truncate_referenced says. Remove what is in the way on "
                "the target, then start again.");
    }
    Error error(error_kind_of(result),
                fmt::format("{}: {}", failed, message_without_values(result)));
    // The foreign key was made a moment ago.
    if (result.sqlstate() == kFeatureNotSupported)
        error.hint("A table outside of this TRUNCATE references it on the target: start again.");
    if (result.sqlstate() == kInsufficientPrivilege) {
        error.hint(
            "Grant TRUNCATE on the table to the role that walpack connects as, or with "
            "truncate_referenced = \"delete\" DELETE and SELECT; restarting identities takes the "
            "owner of the sequence. Then start again.");
    }
    return error;
}

bool has_expected_count(const SentStatement& sent, std::uint64_t rows) {
    if (sent.expected == Expected::one_row || sent.expected == Expected::one_row_maybe_moved ||
        sent.expected == Expected::same_table)
        return rows == 1;
    if (sent.expected == Expected::batch_rows) return rows == sent.batch_rows;
    return sent.expected != Expected::one_row_or_cascaded || rows <= 1;
}

// Which row is to blame is found out by applying them one by one.
std::string batch_of(const SentStatement& sent) {
    const RowStatement& single = *sent.batch->single;
    return fmt::format("{} \"{}\" of {} rows at once", verb_of(single.shape.kind),
                       single.mapping->relation->qualified_name(), sent.batch_rows);
}

Error refused_batch(const SentStatement& sent, const Result& result) {
    ErrorKind kind = row_error_kind_of(result);
    // Row by row it may well do, so it is worth another try as every refused row is.
    const bool is_retried =
        kind == ErrorKind::connection || kind == ErrorKind::value || kind == ErrorKind::schema;
    if (!is_retried) kind = ErrorKind::conflict;
    return Error(kind,
                 fmt::format("{} failed: {}", batch_of(sent), message_without_values(result)));
}

Error wrong_batch_count(const SentStatement& sent, std::uint64_t rows) {
    return Error(ErrorKind::conflict, fmt::format("{} touched {} rows", batch_of(sent), rows));
}

// Another try looks at the table anew.
Error altered_table(const SentStatement& sent) {
    return Error(ErrorKind::connection,
                 fmt::format("table \"{}\" was altered on the target while changes were applied",
                             sent.relation->qualified_name()));
}

// Deferred constraints speak up at COMMIT, where no single row is to blame.
Error refused_command(const SentStatement& sent, const Result& result) {
    const bool is_position = sent.expected == Expected::position;
    const ErrorKind kind = is_position ? ErrorKind::connection : row_error_kind_of(result);
    Error error(
        kind, fmt::format("could not {}: {}", sent.doing,
                          is_position ? result.primary_message() : message_without_values(result)));
    const std::string where = where_of(result);
    if (!where.empty()) error.detail(where.substr(1));
    return error;
}

}  // namespace

Error other_origin(const SentStatement& sent, ConflictKind kind) {
    const TargetTable& table = *sent.row->mapping->table;
    return Error(ErrorKind::conflict,
                 fmt::format("{} met a row that another origin wrote", change_of(sent)))
        .detail(fmt::format("{} Conflict {}.", key_sentence(sent), name_of(kind)))
        .hint(fmt::format("Set \"{0}\" to \"apply\", \"keep\" or \"newest\" in [conflict] or "
                          "[table.\"{1}.{2}\"] of the configuration file, then start again.",
                          name_of(kind), table.schema, table.name));
}

Error refused_at_commit(const SentStatement& sent, const std::string& text,
                        const std::string& constraint) {
    return Error(ErrorKind::value,
                 fmt::format("{} is refused at the commit: {}", change_of(sent), text))
        .detail(key_sentence(sent) + where_of("", constraint))
        .hint("Make the row agree with the constraint on the target, then start again.");
}

Error existing_key(const SentStatement& sent, ConflictKind kind, const std::string& constraint) {
    return Error(ErrorKind::conflict, fmt::format("{} met an existing key", change_of(sent)))
        .detail(fmt::format("{}{} Conflict {}.", key_sentence(sent), where_of("", constraint),
                            name_of(kind)))
        .hint(hint_of(sent, kind));
}

bool is_expected_kind(const SentStatement& sent, ResultKind kind) {
    if (sent.expected == Expected::commit_at_sync) return kind == ResultKind::pipeline_sync;
    return kind == ResultKind::command || kind == ResultKind::tuples;
}

std::optional<Error> judge_result(const SentStatement& sent, const Result& result) {
    std::optional<Error> error;
    if (result.kind() == ResultKind::error) {
        const bool is_truncate = sent.relation != nullptr && sent.expected == Expected::command;
        error = sent.row != nullptr     ? refused_row(sent, result)
                : sent.batch != nullptr ? refused_batch(sent, result)
                : is_truncate           ? refused_truncate(sent, result)
                                        : refused_command(sent, result);
        error->sqlstate(result.sqlstate());
    } else if (!is_expected_kind(sent, result.kind())) {
        error = Error(ErrorKind::connection,
                      fmt::format("unexpected result when asked to {}", sent.doing));
    } else if (!has_expected_count(sent, result.affected_rows())) {
        const std::uint64_t rows = result.affected_rows();
        error = sent.expected == Expected::same_table ? altered_table(sent)
                : sent.batch != nullptr               ? wrong_batch_count(sent, rows)
                                                      : wrong_count(sent, rows);
    }
    if (error && sent.commit_lsn.is_valid()) error->at_lsn(sent.commit_lsn.to_string());
    return error;
}

}  // namespace walpack
