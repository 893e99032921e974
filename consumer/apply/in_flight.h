// What was sent to the target and not answered yet: the pipeline, bounded.
//
// Every send is remembered with what its result must be; every result is read, in order, and given
// to the judge together with that. So no statement's outcome can be overlooked, and memory is
// bounded on both sides whatever the size of a transaction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "apply/prepared_statements.h"
#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

// What the result of something sent must be.
enum class Expected : std::uint8_t {
    command,              // success
    one_row,              // success, one row touched
    one_row_or_cascaded,  // the same, or none: an earlier DELETE may have cascaded to it
    position,             // success of the compare-and-set of the progress row
    commit,               // success of a COMMIT
    sync,                 // the end of a pipeline segment
};

struct SentStatement {
    Expected expected = Expected::command;
    const char* doing = "";  // completes "could not ..."
    // Of a row change.
    std::shared_ptr<const PreparedStatement> row;
    std::string key;                           // see row_key.h
    std::shared_ptr<const Relation> relation;  // of another statement about one relation
    Lsn commit_lsn;                            // of the change's transaction; of COMMIT its end
    std::size_t bytes = 0;
};

class InFlight {
  public:
    struct Limits {
        std::uint64_t statements_max = 0;
        std::uint64_t bytes_max = 0;
    };
    // Sees every result; throws when it is not what was expected (after abandon()).
    using Judge = std::function<void(const SentStatement& sent, const Result& result)>;

    // Puts the connection into pipeline mode, for good: it is of no other use afterwards. `target`
    // must outlive this object.
    InFlight(Connection& target, Limits limits, Judge judge);
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

    // The sends return at once, unless the limits are reached: then they first read results until
    // half of them is free.
    void send_prepare(const std::shared_ptr<const PreparedStatement>& statement);
    void send_prepare(const std::string& name, const std::string& sql);
    void send_row(SentStatement sent, Parameters& parameters);
    void send_prepared(const std::string& name, Parameters& parameters, SentStatement sent);
    void send_command(const std::string& sql, const char* doing);
    void send_command(const std::string& sql, SentStatement sent);
    void send_sync();
    void flush();

    // Reads every result that is outstanding.
    void drain();
    // Runs `work` outside of pipeline mode, after all results were read; inside the open
    // transaction if there is one.
    void outside_pipeline(const std::function<void()>& work);
    // After an error: reads and drops everything up to a sync, leaves pipeline mode and rolls back.
    // Nothing may be sent afterwards; the connection can run single statements.
    void abandon();

  private:
    void remember(SentStatement sent);
    void make_room();
    void request_results();
    void read_one();
    void take_ready();

    Connection& target_;
    Limits limits_;
    Judge judge_;
    std::deque<SentStatement> queue_;
    std::uint64_t bytes_ = 0;
    std::uint64_t since_request_ = 0;
    std::uint64_t since_look_ = 0;
    bool is_abandoned_ = false;
};

}  // namespace walpack
