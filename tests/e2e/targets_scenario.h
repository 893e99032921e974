// A pipeline with two targets, whose tables are t and u.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "support/scenario.h"

namespace walpack::e2e {

class Targets : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        second_ = target_database() + "_second";
        target().execute("CREATE DATABASE " + second_);
        source().execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY); "
            "INSERT INTO t SELECT g, 'old' FROM generate_series(1, 2000) g; "
            "INSERT INTO u SELECT generate_series(1, 10)");
        target().execute("DROP TABLE mark");
    }
    void TearDown() override {
        if (consumer_) consumer_->kill();
        if (HasFailure() && consumer_) std::printf("%s", consumer_->log().c_str());
        set_standbys("");
        Session(target_cluster().conninfo("postgres"))
            .execute("DROP DATABASE IF EXISTS " + second_ + " WITH (FORCE)");
        Scenario::TearDown();
    }

    std::string second_conninfo() const { return target_cluster().conninfo(second_); }

    std::string entry(const std::string& name, const std::string& conninfo,
                      const std::string& more = "") const {
        return "[[target]]\nname = \"" + name + "\"\nconninfo = " + toml_text(conninfo) + "\n" +
               more;
    }

    // The configuration with these entries.
    void set_entries(const std::string& entries) {
        if (!consumer_) {
            consumer_ = std::make_unique<Consumer>(
                std::map<std::string, std::string>{{"pipeline", toml_text(pipeline())},
                                                   {"source", toml_text(source_conninfo())},
                                                   {"retry_delay_max", "\"200ms\""},
                                                   {"wal_budget", "\"4MB\""},
                                                   {"log_directory", toml_text(log_directory())}});
        }
        consumer_->set_more(entries);
    }

    void set_both(const std::string& more = "") {
        set_entries(entry("first", target_conninfo()) + entry("second", second_conninfo(), more));
    }

    bool has_said(const std::string& text) {
        return consumer_->log().find(text) != std::string::npos;
    }

    void set_standbys(const std::string& names) {
        Session session(source_cluster().conninfo("postgres"));
        session.execute("ALTER SYSTEM SET synchronous_standby_names = " + literal(names));
        session.execute("SELECT pg_reload_conf()");
    }

    void end_sessions_of_second() {
        Session(target_cluster().conninfo("postgres"))
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " +
                     literal(second_));
    }
    // As when its server is away; it may come back.
    void allow_second(bool is_allowed) {
        Session(target_cluster().conninfo("postgres"))
            .execute("ALTER DATABASE " + second_ + " ALLOW_CONNECTIONS " +
                     (is_allowed ? "true" : "false"));
    }

    std::int64_t retained() {
        return source().number(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM "
            "pg_replication_slots WHERE slot_name = " +
            literal(slot()));
    }

    // Of what cannot be compressed.
    void write_ten_megabytes() {
        for (int i = 0; i < 100; ++i)
            source().execute(
                "INSERT INTO t SELECT (SELECT max(id) + 1 FROM t), "
                "string_agg(md5(random()::text), '') FROM generate_series(1, 3000)");
    }
    void wait_until_source_may_remove_wal() {
        wait_until("the source may remove WAL", seconds(20), [&] { return retained() < 2 << 20; });
    }

    void wait_until_equal(const std::string& conninfo, const std::string& table) {
        const std::string sum =
            "SELECT count(*) || ':' || coalesce(sum(hashtext(x::text)), 0) FROM " + table + " x";
        wait_until("the target has table " + table, seconds(30), [&] {
            try {
                return Session(conninfo).value(sum) == source().value(sum);
            } catch (const SqlError&) {
                return false;
            }
        });
    }

    void wait_until_all_are_equal() {
        for (const std::string& conninfo : {target_conninfo(), second_conninfo()})
            for (const char* table : {"t", "u"}) wait_until_equal(conninfo, table);
    }

    std::unique_ptr<Consumer> consumer_;
    std::string second_;
};

}  // namespace walpack::e2e
