// Random use of the log beside a model of it: a list of whole transactions.
#include <algorithm>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "unit/log/log_fixture.h"

namespace walpack {
namespace {

// A target: what it has read of transactions, and what of that it has durably.
struct Target {
    std::unique_ptr<LogReader> reader;
    Lsn read;
    Lsn durable;
    std::vector<std::string> open;  // of a transaction that is not over
};

class OrderedLogModelTest : public LogTest, public testing::WithParamInterface<unsigned> {
  protected:
    OrderedLogModelTest() : random_(GetParam()) {}

    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    void open() {
        OrderedLogOptions chosen = options();
        // Half of the seeds have less disk than memory.
        if (GetParam() % 2 == 0) {
            chosen.disk_bytes_max = 20'000;
            chosen.memory_bytes_max = 16'000;
        }
        chosen.standstill = std::chrono::milliseconds(5);
        chosen.left_behind = std::chrono::milliseconds(5);
        log_ = std::make_unique<OrderedLog>(chosen, identity());
        for (Target& target : targets_) target.reader = log_->add_reader("", target.durable);
        for (Target& target : targets_) begin_again(target);
        log_->set_durable(is_durable_);
        begin_session();
    }

    // What was not called durable, and every target has, may be gone; so may what the source still
    // has, which is everything behind the confirmed LSN.
    void restart() {
        const bool is_killed = below(2) == 0;
        if (is_killed) copy_files();
        for (Target& target : targets_) target.reader.reset();
        log_.reset();
        if (is_killed) bring_copy_back();
        open();
    }

    // As a process leaves them that is killed while the log's thread writes and removes: the last
    // file first, so that none is older than the one behind it, and again when one came or went
    // meanwhile, as all of them were never there at one time.
    void copy_files() const {
        std::vector<std::filesystem::path> files;
        do {
            std::filesystem::remove_all(copy());
            std::filesystem::create_directory(copy());
            files = files_of_log();
            std::error_code is_gone;
            for (const auto& file : files)
                std::filesystem::copy_file(file, copy() / file.filename(), is_gone);
        } while (files != files_of_log());
    }
    std::vector<std::filesystem::path> files_of_log() const {
        std::vector<std::filesystem::path> files;
        for (const auto& file : std::filesystem::directory_iterator(options().directory))
            files.push_back(file.path());
        std::ranges::sort(files, [](const auto& one, const auto& other) {
            if (one.stem() != other.stem()) return one.stem() > other.stem();
            return one.extension() == ".log" && other.extension() != ".log";
        });
        return files;
    }
    void bring_copy_back() const {
        std::filesystem::remove_all(options().directory);
        std::filesystem::rename(copy(), options().directory);
    }
    std::filesystem::path copy() const { return folder_ / "copy"; }

    void begin_session() {
        if (below(2) == 0) {
            is_ending_ = true;
            log_->end_session();
            for (Target& target : targets_)
                if (below(2) == 0) read(target);
            is_ending_ = false;
        }
        const Lsn end = log_->state().end;
        Lsn from = end.is_valid() ? std::max(end, confirmed_) : confirmed_;
        ASSERT_GE(from, confirmed_) << "what was confirmed is not there";
        log_->begin_session(from);
        sent_ = from;
    }

    void begin_again(Target& target) {
        target.open.clear();
        target.read = target.durable;
        if (target.reader->rewind(target.durable)) return;
        if (log_->state().has_hole) return cut_hole(target);
        // Only what the source can send again may be gone.
        ASSERT_GE(target.durable, confirmed_);
        log_->reset();
        for (Target& other : targets_) {
            other.open.clear();
            other.read = other.durable;
            ASSERT_TRUE(other.reader->rewind(other.durable));
        }
    }

    // What follows comes again; the others notice it when they read on.
    void cut_hole(Target& target) {
        ASSERT_TRUE(log_->end_session());
        if (!target.reader->rewind(target.durable)) return begin_again(target);
        if (!is_ending_) begin_session();
    }

    std::vector<std::string> messages_of(Lsn end) const {
        std::mt19937_64 random(end.value);
        std::vector<std::string> messages;
        for (std::uint64_t left = random() % 5; left > 0; --left)
            messages.push_back("of " + end.to_string() + std::string(random() % 900, '.'));
        messages.push_back("end of " + end.to_string());
        return messages;
    }

    // Often as long as a log needs to go on without room on its disk.
    void wait_for_room() {
        if (below(20) == 0) return begin_session();
        if (below(10) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(12));
    }

    void send() {
        if (!log_->has_room()) return wait_for_room();
        const Lsn end{sent_.value + 1};
        for (const std::string& text : messages_of(end)) {
            // The source goes away now and then, inside of a transaction.
            if (below(200) == 0) return begin_session();
            log_->append(ReceivedMessage{text.starts_with("end") ? end : Lsn{}, text});
        }
        sent_ = end;
        if (below(10) == 0) log_->append(ReceivedKeepalive{end, false});
    }

    void read(Target& target) {
        try {
            for (std::uint64_t left = below(40); left > 0; --left) {
                target.reader->release(target.durable);
                if (target.reader->wants_state()) target.reader->note_state("state", std::nullopt);
                const auto entry = target.reader->take(kNoWait);
                if (!entry) return;
                take(target, *entry);
            }
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::connection) << error.what();
            begin_again(target);
            if (!log_->state().end.is_valid() && !is_ending_) begin_session();
        }
    }

    void take(Target& target, const LogEntry& entry) {
        if (std::holds_alternative<SessionStart>(entry)) target.open.clear();
        const auto* message = std::get_if<ReceivedMessage>(&entry);
        if (message == nullptr || message->payload == "state") return;
        target.open.push_back(message->payload.to_string());
        if (!message->lsn.is_valid()) return;
        ASSERT_EQ(target.open, messages_of(message->lsn));
        target.open.clear();
        // What it had already comes again; nothing is left out.
        if (message->lsn <= target.read) return;
        ASSERT_EQ(message->lsn.value, target.read.value + 1);
        target.read = message->lsn;
    }

    // As a slot is confirmed.
    void confirm() {
        Lsn lowest = targets_.front().durable;
        for (const Target& target : targets_) lowest = std::min(lowest, target.durable);
        const Lsn logged = is_durable_ ? log_->state().durable : Lsn{};
        confirmed_ = std::max({confirmed_, lowest, logged});
    }

    void step() {
        // One of them stands still now and then, for as long as the log needs to fill up.
        if (below(500) == 0) standing_ = below(2) == 0 ? nullptr : &targets_[below(3)];
        Target& target = targets_[below(targets_.size())];
        if (&target == standing_) return;
        switch (below(12)) {
            case 0:
                target.durable =
                    Lsn{target.durable.value + below(target.read.value - target.durable.value + 1)};
                return;
            case 1:
                return confirm();
            case 2:
                // Long enough for who stands still to be left behind.
                if (below(100) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(12));
                if (below(10) != 0) return;
                begin_again(target);
                if (!log_->state().end.is_valid()) begin_session();
                return;
            case 3:
                if (below(10) == 0) log_->set_durable(is_durable_ = !is_durable_);
                return;
            case 4:
                if (below(30) == 0) restart();
                return;
            case 5:
            case 6:
                return read(target);
            case 7:
                // One of them is slow.
                return &targets_.front() == standing_ ? void() : read(targets_.front());
            default:
                return send();
        }
    }

    // Nobody is left behind.
    void read_all() {
        wait_until([this] {
            for (Target& target : targets_) {
                read(target);
                target.durable = target.read;
            }
            return std::ranges::all_of(
                targets_, [this](const Target& target) { return target.read >= sent_; });
        });
    }

    std::mt19937_64 random_;
    std::unique_ptr<OrderedLog> log_;
    std::vector<Target> targets_{3};
    Target* standing_ = nullptr;
    bool is_durable_ = false;
    bool is_ending_ = false;  // a session, and the next one is about to begin
    Lsn confirmed_{100};
    Lsn sent_{100};
};

TEST_P(OrderedLogModelTest, EveryTargetReadsEveryTransactionOnce) {
    for (Target& target : targets_) target.read = target.durable = Lsn{100};
    open();
    for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) step();
    if (!HasFatalFailure()) read_all();
    for (Target& target : targets_) target.reader.reset();
}

INSTANTIATE_TEST_SUITE_P(Seed, OrderedLogModelTest, testing::Range(1U, 13U));

}  // namespace
}  // namespace walpack
