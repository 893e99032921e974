// Who wrote a row of the target: this pipeline, or anyone else.
//
// The server keeps it with the time of each commit, where track_commit_timestamp is on: the
// replication origin of the session that committed. Each session of the pipeline that writes rows
// takes one, as the server gives an origin to one session at a time. Not known counts as this
// pipeline's: what is older than the server's memory of commits, as for the server's own apply
// worker; and what was committed before the origins were made, which may well be the pipeline's.
//
// The source: pg_xact_commit_timestamp_origin() and GetTupleTransactionInfo() of PostgreSQL.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pg/connection.h"

namespace walpack {

class ReplicationOrigins {
  public:
    // Throws Error(config) when the server does not keep who committed, has no room for that many
    // sessions, or does not let the role use origins; the hint says what to set or to grant.
    static void require(Connection& target, const std::string& pipeline, std::size_t sessions);

    // Makes what is missing of `sessions` origins on the target. Throws as require() does.
    ReplicationOrigins(Connection& target, const std::string& pipeline, std::size_t sessions);

    // From now on what the session commits is this pipeline's. Outside of a transaction; again in
    // the same session it changes nothing. By any thread. Throws Error(connection) while all of
    // them are in use, and Error(config) when the server has no room for another one: it keeps room
    // for each that was ever taken, until it is dropped.
    void take(Connection& session) const;
    // True for a row that this pipeline wrote, in a statement where only one table has a xmin.
    std::string is_own_row() const;

    // For a session that has one: its next commit gets the time at which it is made.
    static const char* reset_sql();

    // Removes those of the pipeline; returns how many. Waits for sessions that are just ending, for
    // `timeout` at most. Throws Error when one is still in use, or when the role may not.
    static std::size_t drop(Connection& target, const std::string& pipeline,
                            std::chrono::milliseconds timeout);

  private:
    std::vector<std::string> names_;
    std::vector<std::uint32_t> ids_;
    std::int64_t made_at_ = 0;  // the first of them: microseconds since 1970 of the target's clock
    mutable std::atomic<std::size_t> next_{0};  // whose turn it is to be taken
};

}  // namespace walpack
