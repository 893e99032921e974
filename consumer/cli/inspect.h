// `walpack inspect`: a stream of messages as JSON lines, proven complete on the way.
#pragma once

#include <iosfwd>

namespace walpack {

// Reads what `pg_recvlogical -P walpack -f -` writes and prints one JSON object per record, with
// bounded memory. Several sessions may follow one another; a transaction that its session did not
// finish is reported by an object of its own. Returns 0.
//
// Throws Error(protocol) with the offset in the stream at the first thing that is wrong; all that
// was whole before it is printed by then. A stream that ends inside of a message or of a
// transaction is such a thing.
int run_inspect(std::istream& in, std::ostream& out);

}  // namespace walpack
