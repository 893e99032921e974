// The fields of the records that are neither a Relation nor rows. Each function takes what follows
// the record's type and throws Error(protocol) for what is not as docs/protocol.md says.
#pragma once

#include <cstdint>
#include <string_view>

#include "decode/field_reader.h"
#include "decode/relation_map.h"
#include "model/record.h"

namespace walpack {

struct Fragment {
    bool is_first = false;
    bool is_last = false;
    bool is_abandoned = false;
    std::string_view bytes;
};

// A message that was compressed as a whole.
struct Compressed {
    std::uint32_t method = 0;         // WALPACK_COMPRESSION_*
    std::uint64_t message_bytes = 0;  // as the wire claims
    std::string_view compressed;
};

Hello read_hello(FieldReader& fields);
Begin read_begin(FieldReader& fields);
Commit read_commit(FieldReader& fields);
Truncate read_truncate(FieldReader& fields, const RelationMap& relations);
LogicalMessage read_message(FieldReader& fields);
Notice read_notice(FieldReader& fields);
Fragment read_fragment(FieldReader& fields);
Origin read_origin(FieldReader& fields);
StreamStart read_stream_start(FieldReader& fields);
StreamStop read_stream_stop(FieldReader& fields);
Subtransaction read_subtransaction(FieldReader& fields);
StreamAbort read_stream_abort(FieldReader& fields);
StreamCommit read_stream_commit(FieldReader& fields);
BeginPrepare read_begin_prepare(FieldReader& fields);
Prepare read_prepare(FieldReader& fields);
StreamPrepare read_stream_prepare(FieldReader& fields);
CommitPrepared read_commit_prepared(FieldReader& fields);
RollbackPrepared read_rollback_prepared(FieldReader& fields);
Compressed read_compressed(FieldReader& fields);

}  // namespace walpack
