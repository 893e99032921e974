// RandomTargets: the course of a test, from the initial copy to the end.
#include <algorithm>
#include <filesystem>
#include <limits>

#include "e2e/random_refusals.h"
#include "e2e/random_targets.h"
#include "support/log_files.h"
#include "support/standby_slot.h"

namespace walpack::e2e {
namespace {

constexpr std::size_t kOpenMax = 3;

std::string change_refusable(Random& random) {
    switch (random.between(0, 3)) {
        case 0:
            return change_stock(random, 2);
        case 1:
            return "INSERT INTO refused SELECT coalesce(max(id), 0) + 1, 'good' FROM refused "
                   "WHERE id > 0 ON CONFLICT DO NOTHING";
        default:
            return change_users(random);
    }
}

}  // namespace

void RandomTargets::start_workload() {
    workload_ = std::make_unique<RandomWorkload>(primary_conninfo(), 2);
    refusable_workload_ = std::make_unique<RandomWorkload>(primary_conninfo(), 1, change_refusable);
    prepared_ = std::make_unique<RandomPrepared>(primary_conninfo());
    wait_until("the writers write", seconds(20), [&] { return workload_->committed() > 50; });
}

void RandomTargets::stop_workload() {
    EXPECT_EQ(workload_->stop(), "");
    EXPECT_EQ(refusable_workload_->stop(), "");
    prepared_->stop();
    committed_ += workload_->committed() + refusable_workload_->committed();
    counts_["prepared and committed"] += static_cast<int>(prepared_->committed());
    counts_["prepared and rolled back"] += static_cast<int>(prepared_->rolled_back());
}

void RandomTargets::begin() {
    for (const Kind& kind : kinds()) counts_[kind.name] = 0;
    for (const char* answer :
         {"held transaction released", "transaction skipped", "quarantine retried",
          "quarantine discarded", "conflict answered", "deadlock detected"})
        counts_[answer] = 0;
    start_workload();
    choose_settings();
    // It reads the structure with pg_dump, which a TRUNCATE of the workload may deadlock with.
    wait_until("init succeeds", seconds(60), [&] { return service_->command("init").status == 0; });
    service_->start();
    for (const auto& target : targets_) {
        wait_until("the initial copy is complete", seconds(120), [&] {
            if (service_->has_given_up()) throw std::runtime_error("the consumer has given up");
            return attempt([&] { return target->is_copied(pipeline()); });
        });
        wait_until("it is ready", seconds(60), [&] {
            return attempt([&] {
                target->settle();
                return true;
            });
        });
    }
}

void RandomTargets::disturb(Clock::time_point end) {
    while (Clock::now() < end && !service_->has_given_up()) {
        std::this_thread::sleep_for(milliseconds(random_.between(20, 700)));
        end_faults(false);
        operate(false);
        if (open_.size() < kOpenMax) begin_one();
    }
    EXPECT_FALSE(service_->has_given_up());
}

// Every other time one of those that came least often. What is not possible now comes later.
void RandomTargets::begin_one() {
    std::vector<Kind> order = kinds();
    for (std::size_t i = order.size() - 1; i > 0; --i)
        std::swap(order[i], order[random_.index(i + 1)]);
    if (random_.chance(0.5))
        std::ranges::stable_sort(order, {},
                                 [this](const Kind& kind) { return counts_[kind.name]; });
    for (const Kind& kind : order) {
        if (!attempt([&] { return (this->*kind.begin)(); })) continue;
        note(kind.name);
        count(kind.name);
        return;
    }
}

int RandomTargets::rounds() const {
    int least = std::numeric_limits<int>::max();
    for (const Kind& kind : kinds()) least = std::min(least, counts_.at(kind.name));
    return least;
}

void RandomTargets::end_faults(bool all) {
    for (std::size_t i = 0; i < open_.size();) {
        const bool is_due = all || Clock::now() >= open_[i].until;
        if (is_due && attempt([&] { return open_[i].end(); })) {
            note("over: " + open_[i].name);
            open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
}

// What is left to a human beside the faults.
void RandomTargets::operate(bool at_once) {
    for (const auto& target : targets_) {
        if (!target->traits().holds || !is_reachable(*target)) continue;
        if (!at_once && random_.chance(0.7)) continue;
        (void)attempt([&] {
            const std::string held = target->session().value(
                "SELECT commit_lsn FROM walpack.held_transaction WHERE is_counted");
            if (held.empty() || command("release", *target).status != 0) return true;
            if (released_.insert(target->name() + held).second) count("held transaction released");
            return true;
        });
    }
}

void RandomTargets::catch_up_all() {
    const std::string mark = std::to_string(++marks_);
    primary().execute("INSERT INTO public.mark VALUES (" + mark + ")");
    for (const auto& target : targets_) {
        wait_until("target " + target->name() + " has caught up", seconds(300), [&] {
            if (service_->has_given_up()) throw std::runtime_error("the consumer has given up");
            operate(true);
            return attempt([&] {
                return target->session().number("SELECT count(*) FROM public.mark WHERE id = " +
                                                mark) == 1 &&
                       !target->is_being_copied();
            });
        });
    }
}

void RandomTargets::expect_all_equal() {
    for (const auto& target : targets_) {
        const std::string report = target->difference_from(primary());
        EXPECT_EQ(report, "") << "target " << target->name() << "\n" << report;
    }
}

void RandomTargets::heal() {
    set_clock("0");
    note("no more faults");
    wait_until("no fault is left", seconds(300), [&] {
        if (service_->has_given_up()) throw std::runtime_error("the consumer has given up");
        end_faults(true);
        operate(true);
        return open_.empty();
    });
    stop_workload();
    note("no more changes");
    EXPECT_EQ(service_->terminate(), 0);
    service_->start();
    primary().execute(kSweepStock);
    catch_up_all();
    note("caught up");
    for (const auto& target : targets_) {
        // A row that was refused once may be held after the target would accept it.
        bool is_accepted = true;
        wait_until("nothing is held", seconds(60),
                   [&] { return has_taken_back(*target, "", is_accepted); });
        EXPECT_EQ(target->stop_watching(), std::nullopt) << "target " << target->name();
        EXPECT_EQ(target->session().value("SELECT count(*) FROM walpack.quarantine"), "0");
        counts_["conflict answered"] +=
            static_cast<int>(target->session().number("SELECT count(*) FROM walpack.conflict_log"));
    }
    const std::string log = service_->log();
    std::size_t at = 0;
    while ((at = log.find("deadlock detected", at + 1)) != std::string::npos)
        count("deadlock detected");
    expect_all_equal();
}

// The old primary has sent all that it had when it stops.
void RandomTargets::promote() {
    if (!standby_) return;
    carry_slot_over(source_cluster(), *standby_, slot());
    standby_->start();
    start_workload();
    stop_workload();
    source_cluster().stop("fast");
    to_source_.reset();  // where nobody answers any more
    promoted_ = std::make_unique<Session>(standby_->conninfo(source_database()));
    promoted_->execute("SELECT pg_promote()");
    note("promoted");
    count("standby promoted");
    start_workload();
    std::this_thread::sleep_for(seconds(2));
    stop_workload();
    catch_up_all();
    expect_all_equal();
}

// With a log that is written only when it has to be, all files go.
void RandomTargets::expect_nothing_left() {
    EXPECT_EQ(service_->terminate(), 0);
    service_->set("confirm", "\"applied\"");
    service_->set("wal_budget", "\"1GB\"");
    service_->start();
    catch_up_all();
    EXPECT_TRUE(
        holds_within(seconds(30), [&] { return files_left_in_log(log_directory()).empty(); }));
    EXPECT_EQ(service_->terminate(), 0);
    EXPECT_EQ(files_left_in_log(log_directory()), std::vector<std::string>{});
    const Finished dropped = service_->command("drop");
    EXPECT_EQ(dropped.status, 0) << dropped.output;
    EXPECT_FALSE(std::filesystem::exists(log_directory()));
    for (const auto& target : targets_) EXPECT_EQ(target->left_behind(), "");
    EXPECT_EQ(primary().value("SELECT count(*) FROM pg_replication_slots WHERE database = " +
                              literal(source_database())),
              "0");
    EXPECT_EQ(primary().value("SELECT count(*) FROM pg_publication"), "0");
    EXPECT_EQ(primary().value("SELECT count(*) FROM pg_prepared_xacts"), "0");
}

std::int64_t RandomTargets::times_right() const {
    std::int64_t times = 0;
    for (const auto& target : targets_) times += target->times_right();
    return times;
}

}  // namespace walpack::e2e
