// A COPY .. FROM STDIN between the statements of a session's pipeline, as a part of its
// transaction.
//
// libpq has no COPY in pipeline mode, so that has to be left and entered again:
//
//   none --begin()--> leaving --> opening --> taking --end()--> ending --> none
//                     results     COPY is     put()             the result
//                     are read    answered                      is judged
//
// takes_bytes() and is_over() go as far as they can without waiting, so one thread can serve
// several sessions and gather the next rows meanwhile; wait() is for who has nothing else to do. A
// row that the server refuses ends with the judge, after end(). Destroying the connection gives up
// a COPY under way, and with it the transaction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apply/in_flight.h"
#include "pg/connection.h"

namespace walpack {

class SessionCopy {
  public:
    // Both must outlive this object.
    SessionCopy(Connection& target, InFlight& in_flight) : target_(target), in_flight_(in_flight) {}

    bool is_open() const { return phase_ != Phase::none; }
    // Behind everything that was sent so far. `sent` says what the result must be; how many rows
    // is told by end().
    void begin(std::string sql, SentStatement sent);
    // Whether put() can be called now; then it does not wait.
    bool takes_bytes();
    void put(std::string_view bytes) { target_.copy_in_put(bytes); }
    // Every row was put: that many.
    void end(std::uint64_t rows);
    // After end(): whether the result was there and was right; the session is a pipeline again.
    bool is_over();
    // Until takes_bytes() or is_over() may have another answer.
    void wait();

  private:
    enum class Phase : std::uint8_t { none, leaving, opening, taking, ending };

    void judge(const Result& result);

    Connection& target_;
    InFlight& in_flight_;
    Phase phase_ = Phase::none;
    std::string sql_;
    SentStatement sent_;
};

}  // namespace walpack
