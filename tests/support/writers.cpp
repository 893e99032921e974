#include "support/writers.h"

#include "support/session.h"

namespace walpack::e2e {

Writers::Writers(const std::string& conninfo, int sessions, const Change& change) {
    for (int i = 0; i < sessions; ++i) {
        threads_.emplace_back(
            [this, conninfo, i, change] { run(conninfo, static_cast<std::uint64_t>(i), change); });
    }
}

Writers::~Writers() {
    (void)stop();
}

std::string Writers::stop() {
    is_stopping_ = true;
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
    return failure_;
}

void Writers::run(const std::string& conninfo, std::uint64_t seed, const Change& change) {
    Random random(500 + seed);
    Session session(conninfo);
    while (!is_stopping_) {
        try {
            session.execute(change(random));
            ++committed_;
        } catch (const SqlError& error) {
            const bool is_conflict = error.sqlstate() == "23505" || error.sqlstate() == "40P01" ||
                                     error.sqlstate() == "40001" || error.sqlstate() == "23503";
            if (is_conflict) continue;
            const std::lock_guard lock(mutex_);
            if (failure_.empty()) failure_ = error.what();
            return;
        }
    }
}

}  // namespace walpack::e2e
