#include "support/scenario.h"

#include <cstdio>
#include <regex>

#include "support/scratch.h"

namespace walpack::e2e {
namespace {

constexpr std::size_t kShownLogMax = 6000;

std::string end_of(const std::string& text) {
    if (text.size() <= kShownLogMax) return text;
    return "...\n" + text.substr(text.size() - kShownLogMax);
}

// A test that failed between stop and start must not fail all that follow.
void start_if_down(Cluster& cluster) {
    if (!Session(cluster.conninfo("postgres")).try_execute("SELECT 1")) cluster.start();
}

}  // namespace

Scenario::Scenario(DatabaseOptions options) : options_(std::move(options)) {}

void Scenario::SetUp() {
    static int count = 0;
    pipeline_ = "p" + std::to_string(++count);
    source_database_ = "source_" + pipeline_;
    target_database_ = "target_" + pipeline_;
    start_if_down(source_cluster());
    start_if_down(target_cluster());
    Session(source_cluster().conninfo("postgres"))
        .execute("CREATE DATABASE " + source_database_ + " " + options_.source);
    Session(target_cluster().conninfo("postgres"))
        .execute("CREATE DATABASE " + target_database_ + " " + options_.target);
    source_ = std::make_unique<Session>(source_conninfo());
    target_ = std::make_unique<Session>(target_conninfo());
    on_both("CREATE TABLE public.mark (id int PRIMARY KEY)");
}

void Scenario::TearDown() {
    if (consumer_) {
        consumer_->kill();
        if (HasFailure()) {
            std::printf("--- log of the consumer\n%s---\n", end_of(consumer_->log()).c_str());
        }
        consumer_.reset();
    }
    source_.reset();
    target_.reset();
    drop_slots();
    drop_database(source_cluster(), source_database_);
    drop_database(target_cluster(), target_database_);
    // After the database, with all that it owns there.
    Session(target_cluster().conninfo("postgres")).execute("DROP ROLE IF EXISTS " + table_owner());
}

void Scenario::use_table_owner(const std::vector<std::string>& tables) {
    const std::string owner = table_owner();
    std::string sql = "CREATE ROLE " + owner + " LOGIN; GRANT CREATE ON DATABASE " +
                      target_database_ + " TO " + owner + "; GRANT USAGE ON SCHEMA public TO " +
                      owner + "; ALTER TABLE mark OWNER TO " + owner;
    for (const std::string& table : tables) sql += "; ALTER TABLE " + table + " OWNER TO " + owner;
    target().execute(sql);
    consumer().set("target", toml_text("host=" + target_cluster().folder() +
                                       " port=" + std::to_string(target_cluster().port()) +
                                       " user=" + owner + " dbname=" + target_database_));
}

void Scenario::drop_slots() {
    Session session(source_cluster().conninfo("postgres"));
    const std::string of_database =
        " FROM pg_replication_slots WHERE database = " + literal(source_database_);
    wait_until("no slots are left", seconds(20), [&] {
        session.execute("SELECT pg_terminate_backend(active_pid)" + of_database + " AND active");
        try {
            session.execute("SELECT pg_drop_replication_slot(slot_name)" + of_database +
                            " AND NOT active");
        } catch (const SqlError&) {
            return false;  // became active in between
        }
        return session.number("SELECT count(*)" + of_database) == 0;
    });
}

void Scenario::drop_database(Cluster& cluster, const std::string& name) {
    Session session(cluster.conninfo("postgres"));
    session.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

void Scenario::on_both(const std::string& sql) {
    source().execute(sql);
    target().execute(sql);
}

Consumer& Scenario::consumer() {
    if (!consumer_) {
        consumer_ = std::make_unique<Consumer>(
            std::map<std::string, std::string>{{"pipeline", toml_text(pipeline_)},
                                               {"source", toml_text(source_conninfo())},
                                               {"target", toml_text(target_conninfo())},
                                               {"retry_delay_max", "\"500ms\""},
                                               {"log_directory", toml_text(log_directory())},
                                               {"stopped_retry_delay", "\"0ms\""}});
    }
    return *consumer_;
}

std::string Scenario::log_directory() {
    if (log_directory_.empty()) log_directory_ = new_scratch_path("log");
    return log_directory_;
}

void Scenario::set_log_directory(const std::string& path) {
    log_directory_ = path;
    consumer().set("log_directory", toml_text(path));
}

void Scenario::keep_commits(bool is_kept) {
    Session(target_cluster().conninfo("postgres"))
        .execute(std::string("ALTER SYSTEM SET track_commit_timestamp = ") +
                 (is_kept ? "on" : "off"));
    target_cluster().stop("fast");
    target_cluster().start();
    if (is_kept) return;
    // Each takes room on the server for as long as it exists.
    Session(target_cluster().conninfo("postgres"))
        .execute(
            "SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin "
            "WHERE roname LIKE 'walpack.%'");
}

bool Scenario::catches_up(milliseconds limit) {
    const std::string mark = std::to_string(++marks_);
    source().execute("INSERT INTO public.mark VALUES (" + mark + ")");
    return holds_within(limit, [&] {
        if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
        try {
            return target().number("SELECT count(*) FROM public.mark WHERE id = " + mark) == 1 &&
                   is_copied();
        } catch (const SqlError& error) {
            if (!error.is_lost_connection()) throw;
            return false;
        }
    });
}

bool Scenario::is_copied() {
    return target().value("SELECT copy_complete FROM walpack.progress WHERE pipeline = " +
                          literal(pipeline())) == "t";
}

void Scenario::wait_until_copied(milliseconds limit) {
    wait_until("the initial copy is complete", limit, [this] {
        if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
        try {
            return is_copied();
        } catch (const SqlError& error) {
            if (!error.is_lost_connection()) throw;
            return false;
        }
    });
}

void Scenario::catch_up(milliseconds limit) {
    if (catches_up(limit)) return;
    const bool runs = consumer().is_running();
    throw std::runtime_error("the target did not catch up within " + std::to_string(limit.count()) +
                             " ms; the consumer " + (runs ? "runs" : "has ended"));
}

void Scenario::expect_equal() {
    const std::string report = difference(source(), target());
    EXPECT_EQ(report, "") << report;
}

void Scenario::wait_until_streaming(milliseconds limit) {
    wait_until("the slot is in use and the target has a position", limit, [this] {
        if (consumer().has_given_up()) throw std::runtime_error("the consumer has given up");
        const bool is_active =
            source().value("SELECT active FROM pg_replication_slots WHERE slot_name = " +
                           literal(slot())) == "t";
        return is_active && has_position();
    });
}

// The log is filled before the target has begun. One that is away had begun before.
bool Scenario::has_position() {
    try {
        return target().value(
                   "SELECT applied_lsn IS NOT NULL FROM walpack.progress "
                   "WHERE pipeline = " +
                   literal(pipeline())) == "t";
    } catch (const SqlError& error) {
        if (!error.is_lost_connection()) throw;
        return true;
    }
}

void Scenario::stop_consumer() {
    EXPECT_EQ(consumer().terminate(), 0);
    wait_until("the slot is free", seconds(20), [this] {
        return source().value(
                   "SELECT count(*) FROM pg_replication_slots WHERE active AND "
                   "slot_name = " +
                   literal(slot())) == "0";
    });
}

std::string Scenario::expect_refusal(milliseconds limit) {
    const auto status = consumer().wait_exit(limit);
    EXPECT_TRUE(status.has_value()) << "the consumer still runs";
    EXPECT_TRUE(status.value_or(1) > 0 && status.value_or(1) < 128) << "exit status " << *status;
    return consumer().log();
}

Watcher::Watcher(std::string conninfo, std::string question, std::string expected)
    : conninfo_(std::move(conninfo)),
      question_(std::move(question)),
      expected_(std::move(expected)),
      thread_([this] { watch(); }) {}

Watcher::~Watcher() {
    (void)stop();
}

std::optional<std::string> Watcher::stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return wrong_;
}

void Watcher::watch() {
    Session session(conninfo_);
    while (!is_stopping_ && !wrong_) {
        std::string answer;
        try {
            answer = session.value(question_);
        } catch (const SqlError& error) {
            if (!error.is_lost_connection()) wrong_ = error.what();
            std::this_thread::sleep_for(milliseconds(20));
            continue;
        }
        if (answer == expected_) {
            ++times_right_;
        } else if (!answer.empty() || times_right_ > 0) {
            wrong_ = "\"" + answer + "\" in place of \"" + expected_ + "\"";
        }
        std::this_thread::sleep_for(milliseconds(2));
    }
}

::testing::AssertionResult contains(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "\"" << part << "\" is not in:\n" << end_of(text);
}

::testing::AssertionResult names_an_lsn(const std::string& text) {
    static const std::regex kLsn("\\b[0-9A-F]{1,8}/[0-9A-F]{5,8}\\b");
    if (std::regex_search(text, kLsn)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "no LSN is in:\n" << end_of(text);
}

}  // namespace walpack::e2e
