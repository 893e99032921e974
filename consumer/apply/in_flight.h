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

#include "apply/batch_statement.h"
#include "apply/statement.h"
#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

// What the result of something sent must be.
enum class Expected : std::uint8_t {
    command,              // success
    one_row,              // success, one row touched
    one_row_or_cascaded,  // the same, or none: an earlier DELETE may have cascaded to it
    one_row_maybe_moved,  // one row, to which an earlier change may have given its new key already
    batch_rows,           // success, as many rows touched as the batch has
    same_table,           // a row: a batch's table is still what its COPY was made for
    position,             // success of the compare-and-set of the progress row
    commit,               // success of a COMMIT
    sync,                 // the end of a pipeline segment
    commit_at_sync,       // the same, with which the server commits what the segment did
};

struct SentStatement {
    Expected expected = Expected::command;
    const char* doing = "";  // completes "could not ..."
    // Of a row change.
    std::shared_ptr<const RowStatement> row = nullptr;
    std::string key = {};     // see row_key.h
    bool is_checked = false;  // it fails unless it touches one row
    // Of a batch.
    std::shared_ptr<const BatchStatement> batch = nullptr;
    std::size_t batch_rows = 0;
    std::shared_ptr<const Relation> relation = nullptr;  // of another statement about one relation
    std::string check = {};                              // of a TRUNCATE, see TruncateStep
    // Of the change's transaction, of a batch's last one; of COMMIT its end.
    Lsn commit_lsn = {};
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

    // Puts the connection into pipeline mode. `target` must outlive this object.
    InFlight(Connection& target, Limits limits, Judge judge);
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

    // The sends return at once, unless the limits are reached: then they first read results until
    // half of them is free.
    void send_prepare(const std::string& name, const std::string& sql,
                      const std::vector<std::uint32_t>& type_oids = {}, SentStatement sent = {});
    // Parsed and planned anew each time: a plan for many rows that was made while the table was
    // small would scan it when it has grown.
    void send_unprepared(const std::string& sql, const std::vector<std::uint32_t>& type_oids,
                         Parameters& parameters, SentStatement sent);
    void send_prepared(const std::string& name, Parameters& parameters, SentStatement sent);
    void send_command(const std::string& sql, const char* doing);
    void send_command(const std::string& sql, SentStatement sent);
    void send_sync();
    void send_sync(SentStatement sent);
    void flush();
    // Without waiting: whether another statement can be sent at once.
    bool has_room();

    // Reads every result that is outstanding.
    void drain();
    // Reads what has arrived, without waiting; true when nothing is outstanding then.
    bool take_arrived();
    // Asks the server to hand out the results so far.
    void request_outstanding();
    // For what a pipeline cannot carry. Without waiting: true when every result was read and the
    // connection is out of pipeline mode. Nothing may be sent here until enter().
    bool try_leave();
    void enter();
    // Gives the result of something that was sent meanwhile to the judge.
    void judge(const SentStatement& sent, const Result& result) { judge_(sent, result); }
    // After an error: reads and drops everything up to a sync, leaves pipeline mode and rolls back.
    // Nothing may be sent afterwards; the connection can run single statements.
    void abandon();
    bool is_abandoned() const { return is_abandoned_; }

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
    bool is_synced_ = true;  // nothing was sent behind the last sync
    bool has_left_ = false;
    std::size_t syncs_to_come_ = 0;  // in whose place there was an error
    bool is_abandoned_ = false;
};

}  // namespace walpack
