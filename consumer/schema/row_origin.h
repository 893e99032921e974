// Who wrote a row of the target: this pipeline, or anyone else.
//
// The server keeps it with the time of each commit, where track_commit_timestamp is on: the
// replication origin of the session that committed. Each session of the pipeline that writes rows
// takes one, as the server gives an origin to one session at a time. What is older than the
// server's memory of commits, or frozen by pg_upgrade, counts as this pipeline's, as it does for
// the server's own apply worker.
//
// The source: pg_xact_commit_timestamp_origin() and GetTupleTransactionInfo() of PostgreSQL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pg/connection.h"

namespace walpack {

class RowOrigins {
  public:
    // Throws Error(config) when the server does not keep who committed, or when the role may not use
    // origins; the hint says what to set or to grant.
    static void require(Connection& target);

    // Makes what is missing of `sessions` origins on the target. Throws as require() does.
    RowOrigins(Connection& target, const std::string& pipeline, std::size_t sessions);

    // From now on what the session commits is this pipeline's. Outside of a transaction; again in
    // the same session it changes nothing. Throws Error(connection) while all of them are in use.
    void take(Connection& session) const;
    // True for a row that this pipeline wrote, of a statement that has one table with a xmin.
    std::string is_own_row() const;

    // For a session that has one: its next commit gets the time at which it is made.
    static const char* reset_sql();

    // Removes those of the pipeline that nobody uses; returns how many. Throws Error when the role
    // may not.
    static std::size_t drop(Connection& target, const std::string& pipeline);

  private:
    std::vector<std::string> names_;
    std::vector<std::uint32_t> ids_;
};

}  // namespace walpack
