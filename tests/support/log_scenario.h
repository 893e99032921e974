// Scenarios about the log: how much of it is on the disk, and how much the source still keeps.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "support/scenario.h"

namespace walpack::e2e {

constexpr std::int64_t kMegabyte = 1 << 20;

class LogScenario : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id bigserial PRIMARY KEY, n int NOT NULL, payload text)");
        consumer().set("retry_delay_max", "\"200ms\"");
    }
    void begin() {
        consumer().init();
        consumer().start();
        catch_up();
    }

    // About a megabyte of WAL and of messages, in transactions of a hundred rows.
    void write_megabytes(int count) {
        for (int i = 0; i < count * 10; ++i)
            source().execute(
                "INSERT INTO t (n, payload) SELECT g, repeat(md5(g::text), 30) FROM "
                "generate_series(1, 100) g");
    }

    // WAL that the slot keeps, in bytes.
    std::int64_t retained() {
        return source().number(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM "
            "pg_replication_slots WHERE slot_name = " +
            literal(slot()));
    }
    void wait_until_source_may_remove_wal() {
        wait_until("the source may remove WAL", seconds(20),
                   [&] { return retained() < kMegabyte; });
    }

    std::int64_t bytes_of_log() {
        std::int64_t bytes = 0;
        for_each_file([&bytes](const std::filesystem::path&, std::int64_t size) { bytes += size; });
        return bytes;
    }

    std::vector<std::filesystem::path> segments() {
        std::vector<std::filesystem::path> found;
        for_each_file([&found](const std::filesystem::path& file, std::int64_t size) {
            if (size > 100'000) found.push_back(file);
        });
        std::sort(found.begin(), found.end());
        return found;
    }

  private:
    // Files may go while they are listed.
    template <typename Use>
    void for_each_file(const Use& use) {
        for (const auto& file : std::filesystem::directory_iterator(log_directory())) {
            std::error_code gone;
            const auto size = std::filesystem::file_size(file, gone);
            if (!gone) use(file.path(), static_cast<std::int64_t>(size));
        }
    }
};

}  // namespace walpack::e2e
