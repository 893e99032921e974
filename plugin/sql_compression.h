/*
 * A Compressed record back into the message it holds.
 *
 * Trusts nothing: the message is at most kMessageBytesMax long whatever the record says, nothing is
 * written beyond the announced length, and what does not decompress to exactly that is an error.
 */
#ifndef WALPACK_PLUGIN_SQL_COMPRESSION_H
#define WALPACK_PLUGIN_SQL_COMPRESSION_H

#include "sql_msgpack_reader.h"
#include "sql_server.h"

namespace walpack::sql {

// A message is about twice frame_bytes at most, which ends at 16 MiB.
constexpr uint64_t kMessageBytesMax = uint64_t{64} * 1024 * 1024;

// The message inside, allocated in the current memory context; or `message` itself when it is not
// one Compressed record. An error names a byte of the record; an error that comes later, one of the
// message inside.
Bytes uncompressed(Bytes message);

}  // namespace walpack::sql

#endif  // WALPACK_PLUGIN_SQL_COMPRESSION_H
