#include "differential/pgoutput_reader.h"

#include <stdexcept>
#include <type_traits>

#include <fmt/format.h>

namespace walpack::differential {

// Big-endian numbers and zero-terminated text, as on the wire of the server.
class MessageBytes {
  public:
    explicit MessageBytes(std::string_view bytes) : rest_(bytes) {}

    std::string_view take(std::size_t count) {
        if (count > rest_.size()) throw std::runtime_error("a message of pgoutput is cut");
        const std::string_view piece = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return piece;
    }
    template <typename Number>
    Number number() {
        std::make_unsigned_t<Number> bits = 0;
        for (const char byte : take(sizeof(Number))) {
            bits = static_cast<std::make_unsigned_t<Number>>(bits << (sizeof(Number) > 1 ? 8 : 0)) |
                   static_cast<unsigned char>(byte);
        }
        return static_cast<Number>(bits);
    }
    std::string text() {
        const std::size_t length = rest_.find('\0');
        if (length == std::string_view::npos) throw std::runtime_error("a text does not end");
        const std::string_view piece = take(length);
        rest_.remove_prefix(1);
        return std::string(piece);
    }
    Lsn lsn() { return {number<std::uint64_t>()}; }
    char letter() { return take(1)[0]; }
    void expect_end() const {
        if (!rest_.empty()) throw std::runtime_error("a message of pgoutput is too long");
    }

  private:
    std::string_view rest_;
};

namespace {

std::vector<Field> read_tuple(MessageBytes& bytes) {
    std::vector<Field> fields(bytes.number<std::uint16_t>());
    for (Field& field : fields) {
        switch (const char form = bytes.letter(); form) {
            case 'n':
                break;
            case 'u':
                field.form = Field::Form::unchanged_toast;
                break;
            case 't':
                field.form = Field::Form::text;
                field.text = bytes.take(bytes.number<std::uint32_t>());
                break;
            default:
                throw std::runtime_error(fmt::format("a value of pgoutput has form '{}'", form));
        }
    }
    return fields;
}

}  // namespace

void PgoutputReader::feed(std::string_view message) {
    MessageBytes bytes(message);
    switch (const char type = bytes.letter(); type) {
        case 'B':
            read_begin(bytes);
            break;
        case 'C':
            read_commit(bytes);
            break;
        case 'O':
            bytes.lsn();
            open_transaction().origin = bytes.text();
            break;
        case 'R':
            read_relation(bytes);
            break;
        case 'Y':  // the name of a type; its oid stands in the Relation message too
            return;
        case 'I':
        case 'U':
        case 'D':
            read_change(type, bytes);
            break;
        case 'T':
            read_truncate(bytes);
            break;
        case 'M':
            read_message(bytes);
            break;
        default:
            throw std::runtime_error(fmt::format("pgoutput sent a message '{}'", type));
    }
    bytes.expect_end();
}

void PgoutputReader::read_begin(MessageBytes& bytes) {
    if (is_inside_transaction_) throw std::runtime_error("pgoutput began inside a transaction");
    is_inside_transaction_ = true;
    DecodedTransaction& transaction = decoded_.emplace_back();
    transaction.commit_lsn = bytes.lsn();
    transaction.commit_time = bytes.number<std::int64_t>();
    transaction.xid = bytes.number<std::uint32_t>();
}

void PgoutputReader::read_commit(MessageBytes& bytes) {
    DecodedTransaction& transaction = open_transaction();
    bytes.letter();  // flags, unused
    if (bytes.lsn() != transaction.commit_lsn) throw std::runtime_error("another commit LSN");
    transaction.end_lsn = bytes.lsn();
    if (bytes.number<std::int64_t>() != transaction.commit_time)
        throw std::runtime_error("another commit time");
    is_inside_transaction_ = false;
}

void PgoutputReader::read_relation(MessageBytes& bytes) {
    const auto oid = bytes.number<std::uint32_t>();
    Relation relation;
    const std::string schema = bytes.text();
    relation.name = (schema.empty() ? "pg_catalog" : schema) + '.' + bytes.text();
    relation.replica_identity = bytes.letter();
    relation.columns.resize(bytes.number<std::uint16_t>());
    for (Column& column : relation.columns) {
        column.is_key = (bytes.letter() & 1) != 0;
        column.name = bytes.text();
        column.type_oid = bytes.number<std::uint32_t>();
        column.typmod = bytes.number<std::int32_t>();
    }
    relations_[oid] = std::move(relation);
}

void PgoutputReader::read_change(char action, MessageBytes& bytes) {
    const Relation& table = relation(bytes.number<std::uint32_t>());
    DecodedChange change;
    change.columns = columns_text(table.columns);
    change.key_columns = key_columns_text(table.columns);
    change.replica_identity = table.replica_identity;
    change.text = action == 'I' ? "insert " : action == 'U' ? "update " : "delete ";
    change.text += table.name;
    char part = bytes.letter();
    if (part == 'K' || part == 'O') {
        change.old_tuple = part;
        change.text += " old" + old_row_text(table.columns, read_tuple(bytes));
        part = action == 'D' ? 0 : bytes.letter();
    }
    if (action != 'D') {
        if (part != 'N') throw std::runtime_error("pgoutput sent no new tuple");
        change.text += " new" + row_text(table.columns, read_tuple(bytes));
    }
    open_transaction().changes.push_back(std::move(change));
}

void PgoutputReader::read_truncate(MessageBytes& bytes) {
    const auto count = bytes.number<std::uint32_t>();
    const char flags = bytes.letter();
    std::vector<std::string> names;
    for (std::uint32_t at = 0; at < count; ++at)
        names.push_back(relation(bytes.number<std::uint32_t>()).name);
    open_transaction().changes.push_back(
        truncate_change((flags & 1) != 0, (flags & 2) != 0, std::move(names)));
}

void PgoutputReader::read_message(MessageBytes& bytes) {
    const bool is_transactional = bytes.letter() != 0;
    const Lsn lsn = bytes.lsn();
    const std::string prefix = bytes.text();
    const std::string_view content = bytes.take(bytes.number<std::uint32_t>());
    DecodedChange change = message_change(is_transactional, lsn, prefix, content);
    if (is_transactional)
        open_transaction().changes.push_back(std::move(change));
    else
        add_outside_message(decoded_, std::move(change), lsn);
}

const PgoutputReader::Relation& PgoutputReader::relation(std::uint32_t oid) const {
    const auto found = relations_.find(oid);
    if (found == relations_.end())
        throw std::runtime_error(fmt::format("pgoutput did not describe relation {}", oid));
    return found->second;
}

DecodedTransaction& PgoutputReader::open_transaction() {
    if (!is_inside_transaction_)
        throw std::runtime_error("pgoutput sent a change outside a transaction");
    return decoded_.back();
}

}  // namespace walpack::differential
