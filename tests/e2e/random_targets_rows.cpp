// RandomTargets: what the rows themselves bring about, and what an operator does about it.
#include "e2e/random_faults.h"
#include "e2e/random_refusals.h"
#include "e2e/random_targets.h"

namespace walpack::e2e {
namespace {

// The LSN that the error about a row of table refused names; empty when there is none.
std::string refused_at(const std::string& log) {
    const std::size_t error = log.find("ERROR:  23514: insert into \"public.refused\"");
    const std::size_t lsn = log.find("(LSN ", error);
    if (error == std::string::npos || lsn > log.find('\n', error)) return "";
    return log.substr(lsn + 5, log.find(')', lsn) - lsn - 5);
}

constexpr const char* kHeldUsers =
    "SELECT count(*) FROM walpack.quarantine WHERE table_name IN ('users', 'orders', 'plain')";

}  // namespace

bool RandomTargets::write_large() {
    source().execute(kLargeTransaction);
    return true;
}

// Until the limit is lifted, which is not before something is held; then that is wanted.
bool RandomTargets::refuse_rows() {
    RandomTarget* target =
        pick([](const RandomTarget& one) { return one.has("users") && one.has("plain"); });
    if (target == nullptr || is_open("rows refused")) return false;
    const Refusing refusing = random_.chance(0.5) ? Refusing::at_once : Refusing::at_commit;
    target->session().execute(refuse_large("users", refusing) + "; " +
                              refuse_large("plain", refusing));
    const std::string accepting =
        accept_large("users", refusing) + "; " + accept_large("plain", refusing);
    open({.name = "rows refused",
          .of = target,
          .until = Clock::now() + long_time(),
          .end = [this, target, accepting, is_accepted = false,
                  last = Clock::now() + seconds(20)]() mutable {
              const bool is_awaited = target->traits().quarantines && !is_accepted &&
                                      target->session().number(kHeldUsers) == 0;
              if (is_awaited && Clock::now() < last) return false;
              return has_taken_back(*target, accepting, is_accepted);
          }});
    return true;
}

bool RandomTargets::has_taken_back(RandomTarget& target, const std::string& accepting,
                                   bool& is_accepted) {
    if (!is_accepted) target.session().execute(accepting);
    is_accepted = true;
    if (!target.traits().quarantines) return true;
    if (target.session().number(kHeldUsers) == 0) return true;
    if (!is_reachable(target)) return false;
    for (const char* table : {"public.users", "public.orders", "public.plain"})
        (void)command("quarantine", target, {"retry", "--table", table});
    count("quarantine retried");
    return target.session().number(kHeldUsers) == 0;
}

// A row that the operator has to deal with, each target's in its own way.
bool RandomTargets::refuse_for_ever() {
    if (!are_all_in() || is_open("row refused for ever")) return false;
    const std::size_t log_from = service_->log().size();
    source().execute("INSERT INTO refused VALUES (-" + std::to_string(++refused_) + ", 'bad')");
    const std::string behind = source().value("SELECT pg_current_wal_insert_lsn()");
    open({.name = "row refused for ever", .until = Clock::now(), .end = [=, this] {
              return is_refused_row_over(behind, log_from);
          }});
    return true;
}

bool RandomTargets::is_refused_row_over(const std::string& behind, std::size_t log_from) {
    bool is_over = true;
    for (const auto& target : targets_)
        if (target->has("refused")) is_over = is_over_at(*target, behind, log_from) && is_over;
    if (!is_over) return false;
    source().execute("TRUNCATE refused");
    return true;
}

bool RandomTargets::is_over_at(RandomTarget& target, const std::string& behind,
                               std::size_t log_from) {
    using OfRefused = TargetTraits::OfRefused;
    if (!is_reachable(target)) return false;
    const bool is_past =
        target.session().value("SELECT applied_lsn >= " + literal(behind) +
                               " FROM walpack.progress WHERE pipeline = " + literal(pipeline())) ==
        "t";
    const OfRefused what = target.traits().of_refused;
    if (what == OfRefused::skip_transaction && !is_past) {
        const std::string place = refused_at(service_->log().substr(log_from));
        if (place.empty()) return false;
        if (command("skip", target, {"--lsn", place}).status == 0) count("transaction skipped");
    }
    if (what == OfRefused::discard && is_past) {
        const std::string held =
            "SELECT count(*) FROM walpack.quarantine WHERE table_name = 'refused'";
        if (target.session().number(held) == 0) return true;
        (void)command("quarantine", target, {"discard", "--table", "public.refused"});
        count("quarantine discarded");
        return target.session().number(held) == 0;
    }
    return is_past;
}

bool RandomTargets::change_locally() {
    RandomTarget* target = pick([](const RandomTarget& one) { return one.traits().source_wins; });
    if (target == nullptr) return false;
    target->session().execute(change_stock(random_, 20));
    return true;
}

}  // namespace walpack::e2e
