#include "cli/record_printer.h"

#include <cstddef>
#include <ostream>
#include <string_view>

#include "cli/relation_json.h"
#include "cli/value_json.h"
#include "model/time_text.h"

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
    write_xid(begin.xid);
    write_lsn("commit_lsn", begin.commit_lsn);
    write_time("time", begin.commit_time);
    end_record();
}

void RecordPrinter::origin(const Origin& origin) {
    begin_record("origin");
    write_text("name", origin.name);
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
    write_lsn("lsn", message.lsn);
    write_text("prefix", message.prefix);
    write_text("content", message.content);
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
    write_lsn("commit_lsn", commit.commit_lsn);
    write_lsn("end_lsn", commit.end_lsn);
    write_totals(commit.totals);
    end_record();
}

TransactionSink& RecordPrinter::stream_start(const StreamStart& start) {
    begin_record("stream_start");
    write_xid(start.xid);
    end_record();
    return *this;
}

void RecordPrinter::stream_stop(const StreamStop& /*stop*/) {
    begin_record("stream_stop");
    end_record();
}

void RecordPrinter::subtransaction(const Subtransaction& subtransaction) {
    begin_record("subtransaction");
    write_xid(subtransaction.xid);
    end_record();
}

void RecordPrinter::stream_abort(const StreamAbort& abort) {
    begin_record("stream_abort");
    write_xid(abort.xid);
    json_.key("subxid");
    json_.unsigned_integer(abort.subtransaction_xid);
    end_record();
}

void RecordPrinter::stream_commit(const StreamCommit& commit) {
    begin_record("stream_commit");
    write_xid(commit.xid);
    write_lsn("commit_lsn", commit.commit_lsn);
    write_lsn("end_lsn", commit.end_lsn);
    write_time("time", commit.commit_time);
    write_totals(commit.totals);
    end_record();
}

TransactionSink& RecordPrinter::begin_prepare(const BeginPrepare& begin) {
    begin_record("begin_prepare");
    write_xid(begin.xid);
    write_lsn("prepare_lsn", begin.prepare_lsn);
    write_time("time", begin.prepare_time);
    write_text("gid", begin.gid);
    end_record();
    return *this;
}

void RecordPrinter::prepare(const Prepare& prepare) {
    begin_record("prepare");
    write_lsn("prepare_lsn", prepare.prepare_lsn);
    write_lsn("end_lsn", prepare.end_lsn);
    write_totals(prepare.totals);
    end_record();
}

void RecordPrinter::stream_prepare(const StreamPrepare& prepare) {
    begin_record("stream_prepare");
    write_xid(prepare.xid);
    write_lsn("prepare_lsn", prepare.prepare_lsn);
    write_lsn("end_lsn", prepare.end_lsn);
    write_time("time", prepare.prepare_time);
    write_text("gid", prepare.gid);
    write_totals(prepare.totals);
    end_record();
}

void RecordPrinter::commit_prepared(const CommitPrepared& commit) {
    begin_record("commit_prepared");
    write_xid(commit.xid);
    write_text("gid", commit.gid);
    write_lsn("commit_lsn", commit.commit_lsn);
    write_lsn("end_lsn", commit.end_lsn);
    write_time("time", commit.commit_time);
    end_record();
}

void RecordPrinter::rollback_prepared(const RollbackPrepared& rollback) {
    begin_record("rollback_prepared");
    write_xid(rollback.xid);
    write_text("gid", rollback.gid);
    write_lsn("prepare_end_lsn", rollback.prepare_end_lsn);
    write_time("prepare_time", rollback.prepare_time);
    write_lsn("end_lsn", rollback.end_lsn);
    write_time("time", rollback.rollback_time);
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

void RecordPrinter::write_xid(std::uint32_t xid) {
    json_.key("xid");
    json_.unsigned_integer(xid);
}

void RecordPrinter::write_lsn(const char* key, Lsn lsn) {
    json_.key(key);
    json_.text(lsn.to_string());
}

void RecordPrinter::write_time(const char* key, std::int64_t time) {
    json_.key(key);
    json_.text(timestamptz_text(time));
}

void RecordPrinter::write_text(const char* key, std::string_view text) {
    json_.key(key);
    json_.text(text);
}

// They were found right before.
void RecordPrinter::write_totals(const Totals& totals) {
    json_.key("changes");
    json_.unsigned_integer(totals.changes);
    json_.key("digest");
    json_.text("ok");
}

void RecordPrinter::flush() {
    out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
    line_.clear();
}

}  // namespace walpack
