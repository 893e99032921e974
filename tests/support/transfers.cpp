#include "support/transfers.h"

#include "support/random.h"
#include "support/session.h"
#include "support/wait.h"

namespace walpack::e2e {

Transfers::Transfers(const std::string& conninfo)
    : conninfo_(conninfo), thread_([this] { write(); }) {}

void Transfers::stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
}

void Transfers::let_pass(std::int64_t more) const {
    const std::int64_t before = committed_;
    wait_until("more is committed", seconds(30), [&] { return committed_ >= before + more; });
}

void Transfers::write() {
    Random random(77);
    Session session(conninfo_);
    while (!is_stopping_) {
        const std::string from = std::to_string(random.between(1, 50));
        const std::string to = std::to_string(random.between(1, 50));
        const bool done = session.try_execute(
            "BEGIN; UPDATE accounts SET balance = balance - 3 WHERE id = " + from +
            "; UPDATE accounts SET balance = balance + 3 WHERE id = " + to +
            "; INSERT INTO moves (f, t) VALUES (" + from + ", " + to + "); COMMIT");
        if (done) ++committed_;
        if (!done) std::this_thread::sleep_for(milliseconds(50));
    }
}

}  // namespace walpack::e2e
