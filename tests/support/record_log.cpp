#include "support/record_log.h"

#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace walpack {
namespace {

bool is_printable(std::string_view bytes) {
    for (const char c : bytes)
        if (c < 0x20 || c == 0x7F) return false;
    return true;
}

std::string describe_value(const Value& value) {
    switch (value.form) {
        case Value::Form::null:
            return "null";
        case Value::Form::unchanged_toast:
            return "unchanged";
        case Value::Form::boolean:
            return value.boolean ? "true" : "false";
        case Value::Form::integer:
            return std::to_string(value.integer);
        case Value::Form::unsigned_integer:
            return std::to_string(value.unsigned_integer);
        case Value::Form::real:
            return fmt::format("{}", value.real);
        case Value::Form::bytes:
            return is_printable(value.bytes) ? fmt::format("'{}'", value.bytes)
                                             : "\\x" + to_hex(value.bytes);
    }
    return "?";
}

std::string describe_tuple(const char* name, Tuple tuple) {
    std::vector<std::string> values;
    for (const Value& value : tuple) values.push_back(describe_value(value));
    return fmt::format(" {}({})", name, fmt::join(values, ", "));
}

struct Describe {
    std::string operator()(const Hello& hello) const {
        return fmt::format("hello {} {} {} {} {} {} {}", hello.protocol_version,
                           hello.plugin_version, hello.server_version, hello.system_identifier,
                           hello.database, hello.encoding, hello.options);
    }
    std::string operator()(const RelationRecord& relation) const {
        std::vector<std::string> columns;
        for (const Attribute& attribute : relation->attributes)
            columns.push_back(fmt::format("{} {}{}", attribute.name, to_string(attribute.kind),
                                          attribute.is_key ? " key" : ""));
        const std::string leaf = relation->leaf ? " leaf " + *relation->leaf : "";
        return fmt::format("relation {} version {} {}{} ({})", relation->id, relation->version,
                           relation->qualified_name(), leaf, fmt::join(columns, ", "));
    }
    std::string operator()(const Begin& begin) const {
        return fmt::format("begin {} {} {}", begin.xid, begin.commit_lsn.to_string(),
                           begin.commit_time);
    }
    std::string operator()(const RowChange& change) const {
        static constexpr const char* kNames[] = {"insert", "update", "update", "update",
                                                 "delete", "delete", "delete"};
        const ChangeKind kind = change.kind;
        const bool has_key = kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
        const bool has_old = kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
        std::string line =
            fmt::format("{} {}", kNames[static_cast<int>(kind)], change.relation->qualified_name());
        if (has_key) line += describe_tuple("key", change.old_tuple);
        if (has_old) line += describe_tuple("old", change.old_tuple);
        if (kind <= ChangeKind::update_full) line += describe_tuple("new", change.new_tuple);
        return line;
    }
    std::string operator()(const Truncate& truncate) const {
        std::string line = "truncate";
        for (const auto& relation : truncate.relations) line += ' ' + relation->qualified_name();
        if (truncate.cascade) line += " cascade";
        if (truncate.restart_identity) line += " restart identity";
        return line;
    }
    std::string operator()(const LogicalMessage& message) const {
        return fmt::format("{}message {} '{}' '{}'",
                           message.is_transactional ? "transactional " : "",
                           message.lsn.to_string(), message.prefix, message.content);
    }
    std::string operator()(const Notice& notice) const {
        return fmt::format("notice {} {}", notice.code, notice.text);
    }
    std::string operator()(const Commit& commit) const {
        return fmt::format("commit {} {} {}", commit.commit_lsn.to_string(),
                           commit.end_lsn.to_string(), commit.totals.changes);
    }
    std::string operator()(const Origin& origin) const {
        return fmt::format("origin '{}'", origin.name);
    }
    std::string operator()(const StreamStart& start) const {
        return fmt::format("stream start {}", start.xid);
    }
    std::string operator()(const StreamStop&) const { return "stream stop"; }
    std::string operator()(const Subtransaction& subtransaction) const {
        return fmt::format("subtransaction {}", subtransaction.xid);
    }
    std::string operator()(const StreamAbort& abort) const {
        return fmt::format("stream abort {} {}", abort.xid, abort.subtransaction_xid);
    }
    std::string operator()(const StreamCommit& commit) const {
        return fmt::format("stream commit {} {} {} {} {}", commit.xid,
                           commit.commit_lsn.to_string(), commit.end_lsn.to_string(),
                           commit.commit_time, commit.totals.changes);
    }
    std::string operator()(const BeginPrepare& begin) const {
        return fmt::format("begin prepare {} {} {} '{}'", begin.xid, begin.prepare_lsn.to_string(),
                           begin.prepare_time, begin.gid);
    }
    std::string operator()(const Prepare& prepare) const {
        return fmt::format("prepare {} {} {}", prepare.prepare_lsn.to_string(),
                           prepare.end_lsn.to_string(), prepare.totals.changes);
    }
    std::string operator()(const StreamPrepare& prepare) const {
        return fmt::format("stream prepare {} {} {} {} '{}' {}", prepare.xid,
                           prepare.prepare_lsn.to_string(), prepare.end_lsn.to_string(),
                           prepare.prepare_time, prepare.gid, prepare.totals.changes);
    }
    std::string operator()(const CommitPrepared& commit) const {
        return fmt::format("commit prepared {} '{}' {} {} {}", commit.xid, commit.gid,
                           commit.commit_lsn.to_string(), commit.end_lsn.to_string(),
                           commit.commit_time);
    }
    std::string operator()(const RollbackPrepared& rollback) const {
        return fmt::format("rollback prepared {} '{}' {} {} {} {}", rollback.xid, rollback.gid,
                           rollback.prepare_end_lsn.to_string(), rollback.prepare_time,
                           rollback.end_lsn.to_string(), rollback.rollback_time);
    }
};

}  // namespace

std::string describe(const Record& record) {
    return std::visit(Describe(), record);
}

std::vector<std::string> decode_all(const std::vector<std::string>& messages,
                                    DecoderLimits limits) {
    std::vector<std::string> lines;
    Decoder decoder(limits);
    for (const std::string& message : messages)
        decoder.decode(
            message, [&](const Record& record, std::size_t) { lines.push_back(describe(record)); });
    return lines;
}

}  // namespace walpack
