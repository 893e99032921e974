// Reads a target table as the consumer does, and shows what it found in few words.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/stop_request.h"
#include "pg/connection.h"
#include "schema/target_session.h"
#include "schema/target_table.h"
#include "support/cluster.h"
#include "support/session.h"

namespace walpack::e2e {

// "id+v" for a plain index, "(v)" for another; '*' follows the key's.
inline std::string shown(const UniqueIndex& index) {
    std::string columns;
    for (const std::string& column : index.columns) {
        columns += (columns.empty() ? "" : "+") + column;
    }
    return (index.is_plain ? columns : '(' + columns + ')') + (index.is_key ? "*" : "");
}

// All tests share one database, whose tables are dropped in between: nothing but the catalogues is
// looked at, and a database for each would take most of the time.
class TargetFacts : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        Session session(target_cluster().conninfo("postgres"));
        session.execute("CREATE DATABASE target_facts");
    }
    static void TearDownTestSuite() {
        Session session(target_cluster().conninfo("postgres"));
        session.execute("DROP DATABASE target_facts WITH (FORCE)");
    }
    void SetUp() override {
        target_ = std::make_unique<Session>(conninfo());
        target().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }

    static std::string conninfo() { return target_cluster().conninfo("target_facts"); }
    Session& target() { return *target_; }

    TargetTable read(const std::string& table) {
        const StopRequest stop;
        Connection connection(Conninfo::parse(conninfo()), stop, "test");
        set_up_target_session(connection);
        auto found = read_target_table(connection, "public", table);
        if (!found) throw std::runtime_error("table " + table + " was not found");
        return std::move(*found);
    }

    TargetColumn column(const std::string& table, const std::string& name) {
        const TargetTable found = read(table);
        const TargetColumn* column = found.find(name);
        if (column == nullptr) throw std::runtime_error("no column " + name);
        return *column;
    }

    // All unique indexes, in the order in which they are given: the likeliest key first.
    std::string indexes(const std::string& table) {
        std::string all;
        for (const UniqueIndex& index : read(table).unique_indexes) {
            all += (all.empty() ? "" : " ") + shown(index);
        }
        return all;
    }

    // The names of the columns with exact equality.
    std::string exact_columns(const std::string& table) {
        std::string names;
        for (const TargetColumn& column : read(table).columns) {
            if (column.has_exact_equality) names += (names.empty() ? "" : " ") + column.name;
        }
        return names;
    }

    // The type whose arrays array_oid stands for; "-" without.
    std::string array_type(const std::string& table, const std::string& name) {
        return target().value("SELECT " + std::to_string(column(table, name).array_oid) +
                              "::regtype");
    }

    bool is_installable(const std::string& extension) {
        return target().number("SELECT count(*) FROM pg_available_extensions WHERE name = " +
                               literal(extension)) == 1;
    }

    void create_trigger_function() {
        target().execute(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
    }

  private:
    std::unique_ptr<Session> target_;
};

}  // namespace walpack::e2e
