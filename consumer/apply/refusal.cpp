#include "apply/refusal.h"

#include <string_view>

#include <fmt/format.h>

#include "apply/mapped_relations.h"
#include "base/sqlstate.h"

namespace walpack {
namespace {

constexpr std::string_view kClassOfNames = "42";

// May be the consequence of DDL on the target since the statement was made, or a session made the
// plans of a function.
bool may_come_from_target_ddl(const Error& error) {
    return error.kind() == ErrorKind::schema || error.sqlstate() == kInvalidSqlStatementName ||
           error.sqlstate() == kFeatureNotSupported ||
           (error.kind() == ErrorKind::value && error.sqlstate().starts_with(kClassOfNames));
}

// The mapping that a statement was made with; nullptr for one that changes no rows.
const RelationMapping* mapping_of(const SentStatement& sent) {
    if (sent.row != nullptr) return sent.row->mapping.get();
    return sent.batch != nullptr ? sent.batch->single->mapping.get() : nullptr;
}

void throw_if_altered(const RelationMapping& mapping, const Error& error, Connection& control) {
    const auto fresh = read_mapping(control, mapping.relation);
    if (is_equivalent(*fresh, mapping) && error.sqlstate() != kInvalidSqlStatementName) return;
    throw Error(ErrorKind::connection,
                fmt::format("table \"{}\" was altered on the target while changes were applied",
                            mapping.relation->qualified_name()))
        .detail(error.message())
        .sqlstate(error.sqlstate())
        .at_lsn(error.lsn());
}

}  // namespace

void throw_if_altered(const SentStatement& sent, const Error& error, Connection& control) {
    const RelationMapping* mapping = mapping_of(sent);
    if (mapping != nullptr && may_come_from_target_ddl(error))
        throw_if_altered(*mapping, error, control);
}

void throw_refusal(const SentStatement& sent, const Error& error, Connection& control,
                   UnbatchedTables& unbatched) {
    const RelationMapping* mapping = mapping_of(sent);
    const bool is_refused_batch = sent.batch != nullptr && error.kind() != ErrorKind::connection;
    throw_if_altered(sent, error, control);
    if (is_refused_batch) unbatched.add(*mapping->table);
    throw error;
}

}  // namespace walpack
