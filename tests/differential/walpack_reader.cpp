#include "differential/walpack_reader.h"

#include <stdexcept>

#include "model/value_binary.h"
#include "model/value_text.h"

namespace walpack::differential {
namespace {

std::string name_of(const Relation& relation) {
    return relation.schema + '.' + relation.name;
}

std::vector<Column> columns_of(const Relation& relation) {
    std::vector<Column> columns;
    for (const Attribute& attribute : relation.attributes) {
        columns.push_back({.name = attribute.name,
                           .type_oid = attribute.type.oid,
                           // pgoutput does not know that of a domain.
                           .typmod = attribute.base ? -1 : attribute.typmod,
                           .is_key = attribute.is_key});
    }
    return columns;
}

bool has_whole_old_row(ChangeKind kind) {
    return kind == ChangeKind::update_full || kind == ChangeKind::delete_full;
}

bool has_old_key(ChangeKind kind) {
    return kind == ChangeKind::update_key || kind == ChangeKind::delete_key;
}

const char* action_of(ChangeKind kind) {
    if (kind == ChangeKind::insert) return "insert ";
    return kind <= ChangeKind::update_full ? "update " : "delete ";
}

// The consumer's text of these is not every server's: money is a plain number, "char" has the style
// of version 16, pg_lsn that of versions before 19.
bool is_text_of_server(ValueKind kind) {
    return kind == ValueKind::money || kind == ValueKind::character || kind == ValueKind::uint8;
}

// A key of which a column is left out by the list: pgoutput flags the rest, walpack none, as part
// of a key identifies nothing. The server lets such a table publish no updates and deletes.
bool has_no_whole_key(const Relation& relation) {
    return relation.key_attributes.empty() &&
           (relation.replica_identity == ReplicaIdentity::default_key ||
            relation.replica_identity == ReplicaIdentity::index);
}

}  // namespace

WalpackReader::WalpackReader(ServerText& server_text)
    : server_text_(server_text), assembler_(*this) {}

void WalpackReader::hello(const Hello& hello) {
    is_streaming_ = hello.options.at("streaming") == "on";
}

void WalpackReader::begin(const Begin& begin) {
    has_rows_ = false;
    origin_.clear();
    DecodedTransaction& transaction = decoded_.emplace_back();
    transaction.xid = begin.xid;
    transaction.commit_lsn = begin.commit_lsn;
    transaction.commit_time = begin.commit_time;
}

// pgoutput names the origin of the whole transaction. The server tells a plugin that of a row, but
// not of a logical message before the commit.
void WalpackReader::origin(const Origin& origin) {
    origin_ = origin.name;
}

void WalpackReader::commit(const Commit& commit) {
    decoded_.back().end_lsn = commit.end_lsn;
    if (is_streaming_ && !has_rows_ && decoded_.back().origin.empty()) decoded_.back().origin = "*";
}

void WalpackReader::add(DecodedChange change) {
    decoded_.back().changes.push_back(std::move(change));
}

void WalpackReader::change(const RowChange& row) {
    has_rows_ = true;
    decoded_.back().origin = origin_;
    // pgoutput sends nothing where nothing says which row it was.
    if (row.kind == ChangeKind::delete_none) return;

    const Relation& relation = *row.relation;
    const bool is_root = relation.relkind == 'p';
    const std::vector<Column> columns = columns_of(relation);
    DecodedChange change;
    change.columns = columns_text(columns);
    change.key_columns = is_root || has_no_whole_key(relation) ? "*" : key_columns_text(columns);
    change.replica_identity = is_root ? '*' : static_cast<char>(relation.replica_identity);
    change.text = action_of(row.kind) + name_of(relation);
    if (has_whole_old_row(row.kind)) {
        change.old_tuple = is_root ? '*' : 'O';
        change.text += " old" + old_row_text(columns, fields_of(relation, row.old_tuple));
    } else if (has_old_key(row.kind)) {
        change.old_tuple = is_root ? '*' : 'K';
        change.text += " old" + old_row_text(columns, fields_of_key(relation, row.old_tuple));
    }
    if (row.kind <= ChangeKind::update_full)
        change.text += " new" + row_text(columns, fields_of(relation, row.new_tuple));
    add(std::move(change));
}

void WalpackReader::truncate(const Truncate& truncate) {
    has_rows_ = true;
    decoded_.back().origin = origin_;
    std::vector<std::string> names;
    for (const auto& relation : truncate.relations) names.push_back(name_of(*relation));
    add(truncate_change(truncate.cascade, truncate.restart_identity, std::move(names)));
}

void WalpackReader::message(const LogicalMessage& message) {
    DecodedChange change =
        message_change(message.is_transactional, message.lsn, message.prefix, message.content);
    if (message.is_transactional) {
        if (!is_streaming_) decoded_.back().origin = origin_;
        add(std::move(change));
        return;
    }
    add_outside_message(decoded_, std::move(change), message.lsn);
}

std::vector<Field> WalpackReader::fields_of(const Relation& relation, Tuple tuple) {
    if (tuple.size() != relation.attributes.size())
        throw std::runtime_error("walpack sent a tuple of another width");
    std::vector<Field> fields(tuple.size());
    for (std::size_t at = 0; at < tuple.size(); ++at) {
        if (tuple[at].is_null()) continue;
        if (tuple[at].is_unchanged_toast()) {
            fields[at].form = Field::Form::unchanged_toast;
            continue;
        }
        fields[at] = {.form = Field::Form::text,
                      .text = text_of(relation.attributes[at], tuple[at])};
    }
    return fields;
}

std::vector<Field> WalpackReader::fields_of_key(const Relation& relation, Tuple tuple) {
    if (tuple.size() != relation.key_attributes.size())
        throw std::runtime_error("walpack sent a key of another width");
    std::vector<Field> fields(relation.attributes.size());
    for (std::size_t at = 0; at < tuple.size(); ++at) {
        const Attribute& attribute = relation.attributes[relation.key_attributes[at]];
        if (tuple[at].is_null()) continue;
        fields[relation.key_attributes[at]] = {.form = Field::Form::text,
                                               .text = text_of(attribute, tuple[at])};
    }
    return fields;
}

std::string WalpackReader::text_of(const Attribute& attribute, const Value& value) {
    if (!is_text_of_server(attribute.kind)) {
        std::optional<std::string> text = to_text(attribute, value);
        if (text) return std::move(*text);
    }
    std::string send_form;
    append_binary(attribute, value, send_form);
    return server_text_.of(attribute.value_type().oid, send_form);
}

}  // namespace walpack::differential
