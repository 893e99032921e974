#include "slot/receiver.h"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <span>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "pg/replication_connection.h"
#include "slot/shutdown_probe.h"

namespace walpack {
namespace {

using Clock = std::chrono::steady_clock;

// Four messages, each soon after the one before: a stream, and not a single transaction. It ends
// where fewer gather in a nap: somebody may wait for them.
constexpr int kQuickWakes = 4;
constexpr std::uint64_t kGatheredMin = 4;
constexpr int kNapMilliseconds = 1;
constexpr std::chrono::microseconds kQuickWait{100};

constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();
// A lent stream that nobody uses is taken back after this long, twice this at most.
constexpr std::chrono::milliseconds kUnusedMax{100};
// What is read by the thread that has to apply it, before it begins to.
constexpr std::size_t kLookBytesMax = 16 << 10;

// What was received this long ago and is not confirmed yet makes the source worth a question.
constexpr std::chrono::seconds kBehindMax{3};

// A request to end a session is for the one that runs, or that is about to.
class SessionEnd {
  public:
    explicit SessionEnd(std::atomic<bool>& is_requested) : is_requested_(is_requested) {}
    ~SessionEnd() { is_requested_ = false; }
    SessionEnd(const SessionEnd&) = delete;
    SessionEnd& operator=(const SessionEnd&) = delete;

  private:
    std::atomic<bool>& is_requested_;
};

void drain(int event_fd) {
    std::uint64_t ignored = 0;
    // Non-blocking: nothing to read means that nothing was signalled.
    [[maybe_unused]] const auto got = read(event_fd, &ignored, sizeof ignored);
}

int milliseconds_until(Clock::time_point when) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

}  // namespace

// One established stream, from START_REPLICATION to its end.
class Receiver::Stream {
  public:
    Stream(Receiver& owner, std::unique_ptr<ReplicationConnection> connection, Lsn from)
        : owner_(owner), connection_(std::move(connection)) {
        connection_->start(owner.options_.slot, from, owner.options_.plugin_options);
        last_heard_ = Clock::now();
    }

    // Reads, sends what is due, and waits for the next thing when there was nothing to read.
    void turn() {
        const bool reading = owner_.log_.has_room();
        const bool got_something = reading && take_in(kUnbounded);
        if (reading) watch_for_silence();
        send_status_when_due();
        leave_when_source_stops();
        if (!got_something) wait(reading);
    }

    // The same in the thread that takes from the log, until there is something to take.
    void turn_until(const LogReader& reader, Clock::time_point deadline) {
        send_status_when_due();
        while (!look(reader)) {
            watch_for_silence();
            send_status_when_due();
            const auto now = Clock::now();
            if (now >= deadline || owner_.is_to_end()) return;
            std::array<pollfd, 2> fds{pollfd{connection_->socket(), POLLIN, 0},
                                      pollfd{owner_.stop_.fd(), POLLIN, 0}};
            poll(fds.data(), fds.size(), milliseconds_until(std::min(deadline, next_status())));
        }
    }

    // Returns whether the reader has something. What asks for an answer gets it at once.
    bool look(const LogReader& reader) {
        take_in(kLookBytesMax);
        if (status_is_due_) send_status_when_due();
        return !reader.is_drained();
    }

    void finish() { connection_->finish(current_confirmed()); }

  private:
    // Moves what has arrived into the log, about `bytes_max` of it; returns whether there was
    // anything.
    bool take_in(std::size_t bytes_max) {
        bool got_something = false;
        const std::uint64_t before = owner_.stats_.bytes;
        while (owner_.log_.has_room() && owner_.stats_.bytes - before < bytes_max) {
            const std::optional<StreamMessage> message = connection_->receive();
            if (!message) break;
            got_something = true;
            std::visit([this](const auto& arrived) { store(arrived); }, *message);
            if (Clock::now() >= next_status()) break;
        }
        if (got_something) {
            last_heard_ = Clock::now();
            reply_requested_ = false;
        }
        return got_something;
    }

    void store(const XLogData& data) {
        owner_.stats_.bytes += data.payload.size();
        owner_.stats_.messages += 1;
        owner_.stats_.source_wal_end = data.wal_end.value;
        if (data.lsn.is_valid()) owner_.stats_.received_lsn = data.lsn.value;
        owner_.log_.append(ReceivedMessage{data.lsn, data.payload});
    }

    void store(const PrimaryKeepalive& keepalive) {
        owner_.stats_.source_wal_end = keepalive.wal_end.value;
        owner_.log_.append(ReceivedKeepalive{keepalive.wal_end, keepalive.reply_requested});
        if (keepalive.reply_requested) status_is_due_ = true;
    }

    Clock::time_point next_status() const { return last_status_ + owner_.options_.status_interval; }

    Lsn current_confirmed() {
        const Lsn confirmed{owner_.confirmed_.load(std::memory_order_acquire)};
        WALPACK_CHECK(confirmed >= sent_confirmed_);
        return confirmed;
    }

    void send_status_when_due() {
        const Lsn confirmed = current_confirmed();
        const bool moved = confirmed > sent_confirmed_;
        if (!status_is_due_ && !moved && Clock::now() < next_status()) return;
        connection_->send_status(confirmed, false);
        sent_confirmed_ = confirmed;
        last_status_ = Clock::now();
        status_is_due_ = false;
    }

    // Only while reading: what is not read cannot be counted as silence.
    void watch_for_silence() {
        const auto silence = Clock::now() - last_heard_;
        if (silence > owner_.options_.receive_timeout) {
            throw Error(ErrorKind::connection,
                        "the source has been silent for longer than receive_timeout");
        }
        if (silence > owner_.options_.receive_timeout / 2 && !reply_requested_) {
            connection_->send_status(current_confirmed(), true);
            reply_requested_ = true;
        }
    }

    // Only in the receiver's own thread: it asks while the other one is stuck.
    void leave_when_source_stops() {
        const auto now = Clock::now();
        if (now - noted_ < kBehindMax) return;
        const bool is_behind = sent_confirmed_ < noted_received_ || !owner_.log_.has_room();
        noted_ = now;
        noted_received_ = Lsn{owner_.stats_.received_lsn};
        if (!is_behind) return;
        const std::string& name = owner_.options_.application_name;
        if (!is_shutting_down(connection_->same_server(owner_.options_.source), owner_.stop_, name))
            return;
        throw Error(ErrorKind::connection,
                    "the source is shutting down and would wait until the target has caught up");
    }

    void wait(bool reading) {
        const short events = reading ? POLLIN : 0;
        std::array<pollfd, 4> fds{
            pollfd{connection_->socket(), events, 0}, pollfd{owner_.stop_.fd(), POLLIN, 0},
            pollfd{owner_.wake_fd_, POLLIN, 0}, pollfd{owner_.log_.room_fd(), POLLIN, 0}};
        if (reading) let_gather(std::span(fds).subspan(1));
        const auto started = Clock::now();
        poll(fds.data(), fds.size(), milliseconds_until(next_status()));
        const auto waited = Clock::now() - started;
        const bool is_quick = fds[0].revents != 0 && waited < kQuickWait;
        quick_wakes_ = is_quick ? quick_wakes_ + 1 : 0;
        if (!reading) count_without_room(waited);
        if (fds[2].revents != 0) drain(owner_.wake_fd_);
        if (fds[3].revents != 0) {
            drain(owner_.log_.room_fd());
            last_heard_ = Clock::now();
        }
        // A dead connection shows even when nothing is read, and must not spin.
        const bool lost = (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
        if (lost && !reading)
            throw Error(ErrorKind::connection, "lost the connection to the source");
    }

    // While messages come without a pause, each would wake this thread by itself. `others` wake it.
    void let_gather(std::span<pollfd> others) {
        const std::uint64_t messages = owner_.stats_.messages;
        const std::uint64_t gathered = messages - std::exchange(messages_before_nap_, messages);
        if (is_gathering_ && gathered < kGatheredMin) quick_wakes_ = 0;
        is_gathering_ = quick_wakes_ >= kQuickWakes;
        if (is_gathering_) poll(others.data(), others.size(), kNapMilliseconds);
    }

    void count_without_room(std::chrono::nanoseconds waited) {
        owner_.stats_.without_room += static_cast<std::uint64_t>(waited.count());
    }

    Receiver& owner_;
    std::unique_ptr<ReplicationConnection> connection_;
    Clock::time_point last_heard_;
    Clock::time_point last_status_;
    Lsn sent_confirmed_;
    bool status_is_due_ = true;
    bool reply_requested_ = false;
    int quick_wakes_ = 0;  // one behind the other
    bool is_gathering_ = false;
    std::uint64_t messages_before_nap_ = 0;
    Clock::time_point noted_ = Clock::now();
    Lsn noted_received_;  // by then; unknown amid a transaction
};

// The stream as others see it.
class Receiver::Established {
  public:
    Established(Receiver& owner, Stream& stream) : owner_(owner), lock_(owner.mutex_) {
        owner_.stream_ = &stream;
        owner_.error_ = nullptr;
        owner_.is_streaming_.store(true, std::memory_order_release);
    }
    ~Established() {
        owner_.is_streaming_.store(false, std::memory_order_release);
        owner_.stream_ = nullptr;
    }
    Established(const Established&) = delete;
    Established& operator=(const Established&) = delete;

    // Of the mutex, which is held here unless the stream is lent.
    std::unique_lock<std::mutex>& lock() { return lock_; }

  private:
    Receiver& owner_;
    std::unique_lock<std::mutex> lock_;
};

Receiver::Receiver(ReceiverOptions options, OrderedLog& log, const StopRequest& stop)
    : options_(std::move(options)),
      log_(log),
      stop_(stop),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    WALPACK_CHECK(wake_fd_ >= 0);
}

Receiver::~Receiver() {
    close(wake_fd_);
}

void Receiver::run(std::unique_ptr<ReplicationConnection> connection, Lsn from) {
    const SessionEnd end(session_ends_);
    Stream stream(*this, std::move(connection), from);
    if (options_.on_streaming) options_.on_streaming();
    Established established(*this, stream);
    while (!is_to_end()) {
        is_lent() ? wait_while_lent(established.lock()) : stream.turn();
        if (error_) std::rethrow_exception(error_);
    }
    stream.finish();
}

void Receiver::end_session() {
    session_ends_ = true;
    wake();
}

void Receiver::wait_while_lent(std::unique_lock<std::mutex>& lock) {
    std::uint64_t seen = uses_;
    lock.unlock();
    while (is_lent() && !is_to_end()) {
        std::array<pollfd, 2> fds{pollfd{wake_fd_, POLLIN, 0}, pollfd{stop_.fd(), POLLIN, 0}};
        poll(fds.data(), fds.size(), static_cast<int>(kUnusedMax.count()));
        const bool is_woken = fds[0].revents != 0;
        if (is_woken) drain(wake_fd_);
        if (!lock.try_lock()) continue;  // it is used at this moment
        if (!is_woken && uses_ == seen) is_lent_ = false;
        seen = uses_;
        lock.unlock();
    }
    lock.lock();
}

void Receiver::borrow() {
    if (!is_lent_.exchange(true)) wake();
}

void Receiver::give_back() {
    if (is_lent_.exchange(false)) wake();
}

template <typename Work>
bool Receiver::with_lent_stream(const Work& work) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || stream_ == nullptr || error_ || !is_lent()) return false;
    ++uses_;
    try {
        work(*stream_);
    } catch (...) {
        error_ = std::current_exception();
        give_back();
    }
    return true;
}

bool Receiver::receive(const LogReader& reader, std::chrono::nanoseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    return with_lent_stream([&](Stream& stream) { stream.turn_until(reader, deadline); });
}

void Receiver::look(const LogReader& reader) {
    with_lent_stream([&](Stream& stream) { stream.look(reader); });
}

void Receiver::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
}

void Receiver::confirm(Lsn lsn) {
    std::uint64_t known = confirmed_.load(std::memory_order_relaxed);
    while (lsn.value > known) {
        if (!confirmed_.compare_exchange_weak(known, lsn.value, std::memory_order_release))
            continue;
        // Whoever has borrowed the stream is the caller, and sends it with his next use.
        if (!is_lent()) wake();
        return;
    }
}

}  // namespace walpack
