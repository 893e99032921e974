#include "cli/record_printer.h"

#include <cmath>
#include <cstddef>
#include <ostream>
#include <string_view>

#include "cli/relation_json.h"
#include "model/time_text.h"
#include "model/value_form.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr std::size_t kHeldBytesMax = 64 * 1024;

const char* record_name(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::insert:
            return "insert";
        case ChangeKind::update:
        case ChangeKind::update_key:
        case ChangeKind::update_full:
            return "update";
        default:
            return "delete";
    }
}

bool has_key(ChangeKind kind) {
    return kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
}

bool has_old(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

bool has_new(ChangeKind kind) {
    return kind <= ChangeKind::update_full;
}

void write_text(JsonWriter& json, const Attribute& attribute, const Value& value) {
    const auto text = to_text(attribute, value);
    if (text)
        json.text(*text);
    else
        json.hex(value.bytes);
}

void write_uint8(JsonWriter& json, const Attribute& attribute, const Value& value) {
    const auto text = to_text(attribute, value);
    const bool is_lsn = text && text->find('/') != std::string::npos;
    if (is_lsn)
        json.text(*text);
    else
        json.unsigned_integer(unsigned_of(attribute, value));
}

void write_value(JsonWriter& json, const Attribute& attribute, const Value& value) {
    if (value.is_null()) return json.null();
    switch (attribute.kind) {
        case ValueKind::boolean:
            return json.boolean(boolean_of(attribute, value));
        case ValueKind::int2:
        case ValueKind::int4:
        case ValueKind::int8:
        case ValueKind::money:
            return json.integer(integer_of(attribute, value));
        case ValueKind::oid:
            return json.unsigned_integer(unsigned_of(attribute, value));
        case ValueKind::uint8:
            return write_uint8(json, attribute, value);
        case ValueKind::float4:
        case ValueKind::float8:
            if (!std::isfinite(float8_of(attribute, value)))
                return write_text(json, attribute, value);
            return json.number(*to_text(attribute, value));
        default:
            write_text(json, attribute, value);
    }
}

}  // namespace

void RecordPrinter::hello(const Hello& hello) {
    begin_record("hello");
    json_.key("protocol");
    json_.unsigned_integer(hello.protocol_version);
    json_.key("plugin_version");
    json_.text(hello.plugin_version);
    json_.key("server_version");
    json_.unsigned_integer(hello.server_version);
    json_.key("system_identifier");
    json_.unsigned_integer(hello.system_identifier);
    json_.key("database");
    json_.text(hello.database);
    json_.key("encoding");
    json_.text(hello.encoding);
    json_.key("options");
    json_.begin_object();
    for (const auto& [name, value] : hello.options) {
        json_.key(name);
        json_.text(value);
    }
    json_.end_object();
    end_record();
}

void RecordPrinter::relation(const RelationRecord& relation) {
    begin_record("relation");
    write_relation(json_, *relation);
    end_record();
}

void RecordPrinter::begin(const Begin& begin) {
    begin_record("begin");
    json_.key("xid");
    json_.unsigned_integer(begin.xid);
    json_.key("commit_lsn");
    json_.text(begin.commit_lsn.to_string());
    json_.key("time");
    json_.text(timestamptz_text(begin.commit_time));
    end_record();
}

void RecordPrinter::change(const RowChange& change) {
    const bool continues = run_relation_ == change.relation && run_kind_ == change.kind;
    if (!continues) {
        begin_record(record_name(change.kind));
        json_.key("relation");
        json_.text(change.relation->qualified_name());
        json_.key("rows");
        json_.begin_array();
        run_relation_ = change.relation;
        run_kind_ = change.kind;
    }
    const Relation& relation = *change.relation;
    row_start_ = line_.size();
    json_.begin_object();
    if (has_key(change.kind)) write_tuple("key", relation, change.old_tuple, true);
    if (has_old(change.kind)) write_tuple("old", relation, change.old_tuple, false);
    if (has_new(change.kind)) {
        write_tuple("new", relation, change.new_tuple, false);
        write_unchanged_toast(relation, change.new_tuple);
    }
    json_.end_object();
    row_start_.reset();
    if (line_.size() > kHeldBytesMax) flush();
}

void RecordPrinter::write_tuple(const char* name, const Relation& relation, Tuple tuple,
                                bool is_key) {
    json_.key(name);
    json_.begin_object();
    for (std::size_t i = 0; i < tuple.size(); ++i) {
        const std::size_t place = is_key ? relation.key_attributes[i] : i;
        if (tuple[i].is_unchanged_toast()) continue;
        json_.key(relation.attributes[place].name);
        write_value(json_, relation.attributes[place], tuple[i]);
    }
    json_.end_object();
}

void RecordPrinter::write_unchanged_toast(const Relation& relation, Tuple tuple) {
    bool is_open = false;
    for (std::size_t i = 0; i < tuple.size(); ++i) {
        if (!tuple[i].is_unchanged_toast()) continue;
        if (!is_open) {
            json_.key("unchanged_toast");
            json_.begin_array();
            is_open = true;
        }
        json_.text(relation.attributes[i].name);
    }
    if (is_open) json_.end_array();
}

void RecordPrinter::truncate(const Truncate& truncate) {
    begin_record("truncate");
    json_.key("cascade");
    json_.boolean(truncate.cascade);
    json_.key("restart_identity");
    json_.boolean(truncate.restart_identity);
    json_.key("relations");
    json_.begin_array();
    for (const auto& relation : truncate.relations) json_.text(relation->qualified_name());
    json_.end_array();
    end_record();
}

void RecordPrinter::message(const LogicalMessage& message) {
    begin_record("message");
    json_.key("transactional");
    json_.boolean(message.is_transactional);
    json_.key("lsn");
    json_.text(message.lsn.to_string());
    json_.key("prefix");
    json_.text(message.prefix);
    json_.key("content");
    json_.text(message.content);
    end_record();
}

void RecordPrinter::notice(const Notice& notice) {
    begin_record("notice");
    json_.key("code");
    json_.text("publication_missing");  // the only one there is
    json_.key("text");
    json_.text(notice.text);
    end_record();
}

void RecordPrinter::commit(const Commit& commit) {
    begin_record("commit");
    json_.key("commit_lsn");
    json_.text(commit.commit_lsn.to_string());
    json_.key("end_lsn");
    json_.text(commit.end_lsn.to_string());
    json_.key("changes");
    json_.unsigned_integer(commit.changes);
    json_.key("digest");
    json_.text("ok");
    end_record();
}

void RecordPrinter::abandon_transaction() {
    begin_record("incomplete_transaction");
    end_record();
}

void RecordPrinter::end_message() {
    if (!run_relation_) return;
    if (row_start_) line_.resize(*row_start_);
    row_start_.reset();
    json_.end_array();
    end_record();
    run_relation_ = nullptr;
}

void RecordPrinter::begin_record(const char* name) {
    end_message();
    json_.begin_object();
    json_.key("record");
    json_.text(name);
}

void RecordPrinter::end_record() {
    json_.end_object();
    json_.newline();
    flush();
}

void RecordPrinter::flush() {
    out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
    line_.clear();
}

}  // namespace walpack
