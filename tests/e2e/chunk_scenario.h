// What tests of the copy by chunks stand on: a source session that reads and a target session that
// writes, set up as the copy does it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "copy/chunk_load.h"
#include "copy/chunk_plan.h"
#include "schema/published_table.h"
#include "schema/target_session.h"
#include "support/scenario.h"

namespace walpack::e2e {

class ChunkScenario : public Scenario {
  protected:
    explicit ChunkScenario(DatabaseOptions options = {}) : Scenario(std::move(options)) {}

    void SetUp() override {
        Scenario::SetUp();
        read_ = std::make_unique<Connection>(Conninfo::parse(source_conninfo()), stop_, "copy");
        write_ = std::make_unique<Connection>(Conninfo::parse(target_conninfo()), stop_, "copy");
        set_up_source_session(*read_);
        set_up_target_session(*write_);
        match_client_encoding(*read_, *write_);
    }

    // Makes publication p and returns its table t.
    std::shared_ptr<const PublishedTable> publish(const std::string& rest = "FOR TABLE t") {
        source().execute("CREATE PUBLICATION p " + rest);
        const auto tables = read_published_tables(*read_, {{"p"}, {}});
        EXPECT_EQ(tables.size(), 1U);
        return std::make_shared<const PublishedTable>(tables.at(0));
    }
    ChunkPlan plan(const PublishedTable& table, std::uint64_t chunk_bytes,
                   std::uint64_t workers = 1) {
        return plan_chunks(*read_, table, {.chunk_bytes = chunk_bytes, .workers = workers});
    }
    TableLoad load(const std::shared_ptr<const PublishedTable>& table, const ChunkPlan& plan) {
        auto mappings = map_all(*write_, {*table});
        return make_table_load(
            table, std::make_shared<const RelationMapping>(std::move(mappings.at(0))), plan);
    }
    std::uint64_t copy(const TableLoad& table, const std::string& select) {
        Transaction transaction(*write_);
        std::uint64_t told = 0;
        const LoadedRows loaded = load_rows(
            table, select, *read_, *write_,
            [&told](std::uint64_t, std::uint64_t bytes) { told += bytes; }, stop_);
        if (loaded.refusal) throw *loaded.refusal;
        EXPECT_EQ(told, loaded.bytes);
        transaction.commit();
        return loaded.rows;
    }
    // Every piece of the table; returns the rows of each.
    std::vector<std::uint64_t> copy_all(const std::shared_ptr<const PublishedTable>& table,
                                        const ChunkPlan& plan) {
        const TableLoad made = load(table, plan);
        std::vector<std::uint64_t> rows;
        for (const KeyRange& range : plan.ranges)
            rows.push_back(copy(made, select_rows_sql(made, range)));
        for (const PageRange& pages : plan.pages)
            rows.push_back(copy(made, select_rows_sql(made, pages)));
        return rows;
    }
    // The rows of each range are found again on the target, by the condition that is made for it.
    void expect_found_on_target(const TableLoad& table, const ChunkPlan& plan,
                                const std::vector<std::uint64_t>& rows) {
        for (std::size_t index = 0; index < plan.ranges.size(); ++index) {
            const auto count =
                write_->query_value("SELECT count(*) FROM public.t WHERE " +
                                    range_condition_on_target(table, plan.ranges[index]));
            EXPECT_EQ(count, std::to_string(rows[index])) << "range " << index;
            EXPECT_EQ(count_of_values(table, plan.ranges[index]), count) << "range " << index;
        }
    }
    // By the condition for the text of a key by itself.
    std::optional<std::string> count_of_values(const TableLoad& table, const KeyRange& range) {
        std::string condition = range_condition_on_values(table, range);
        if (condition.empty()) condition = "true";
        for (std::size_t i = 0; i < table.keys.size(); ++i) {
            const std::string text = table.keys[i].operand.expression + "::pg_catalog.text";
            const std::string bytes = "('\\x' || pg_catalog.encode(pg_catalog.convert_to(" + text +
                                      ", pg_catalog.current_setting('client_encoding')::"
                                      "pg_catalog.name), 'hex'))";
            const std::string parameter = "$" + std::to_string(i + 1);
            for (auto at = condition.find(parameter); at != std::string::npos;
                 at = condition.find(parameter))
                condition.replace(at, parameter.size(), is_ordered_by_bytes(table) ? bytes : text);
        }
        return write_->query_value("SELECT count(*) FROM public.t WHERE " + condition);
    }
    std::string load_error(const TableLoad& table) {
        try {
            (void)copy(table, select_rows_sql(table, KeyRange{}));
        } catch (const Error& error) {
            return error.report();
        }
        return "";
    }

    Connection& read() { return *read_; }
    Connection& write() { return *write_; }
    const StopRequest& stop() const { return stop_; }

  private:
    StopRequest stop_;
    std::unique_ptr<Connection> read_;
    std::unique_ptr<Connection> write_;
};

}  // namespace walpack::e2e
