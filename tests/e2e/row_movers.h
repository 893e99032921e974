// Sessions that change rows everywhere, and move some to another chunk of the copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/random.h"
#include "support/session.h"

namespace walpack::e2e {

// A value that is stored out of line, and so is missing from an update that leaves it alone.
inline constexpr const char* kToasted =
    "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 90))";

// A copy that begins after a TRUNCATE has nothing to cut into chunks.
enum class Truncate { from_the_start, when_told };

// The tables have columns id, n and big; ids lie between 1 and ten times `rows`. Two differ: those
// of by_uuid are made of the numbers up to `rows`, by_pair has another key column behind id.
class RowMovers {
  public:
    RowMovers(const std::string& conninfo, const std::vector<std::string>& tables, int rows,
              Truncate truncate = Truncate::from_the_start);
    ~RowMovers() { (void)stop(); }
    RowMovers(const RowMovers&) = delete;
    RowMovers& operator=(const RowMovers&) = delete;

    void truncate_too() { may_truncate_ = true; }
    // The first error that is no conflict of two of them.
    std::string stop();
    std::int64_t committed() const { return committed_; }

  private:
    void run(int number);
    std::string row(Random& random) const { return std::to_string(random.between(1, rows_ * 10)); }
    std::string change(Random& random) const;
    std::string transaction(Random& random) const;
    void prepare(Session& session, Random& random, int number);
    static bool is_ended(Session& session, const std::string& sql);

    std::string conninfo_;
    std::vector<std::string> tables_;
    int rows_;
    std::atomic<bool> may_truncate_;
    std::atomic<bool> is_stopping_{false};
    std::atomic<std::int64_t> committed_{0};
    std::atomic<int> prepared_{0};
    std::string failure_;
    std::vector<std::thread> threads_;
};

}  // namespace walpack::e2e
