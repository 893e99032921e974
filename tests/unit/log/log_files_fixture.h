// A log whose files are looked at.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/log/log_fixture.h"

namespace walpack {

class OrderedLogFilesTest : public LogTest {
  protected:
    std::unique_ptr<OrderedLog> open() const {
        return std::make_unique<OrderedLog>(options(), identity());
    }
    std::set<std::string> files() const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_ / "log"))
            names.insert(entry.path().filename());
        return names;
    }
    std::string message_of_open_error() const {
        try {
            open();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::config);
            return error.what();
        }
        return "";
    }
    // A log with the transactions that end at 110, 120, ... up to `end`, all durable, of which
    // the target has nothing.
    void write_log(std::uint64_t end) const {
        const auto log = open();
        const auto reader = log->add_reader("", Lsn{100});
        ASSERT_TRUE(reader->rewind(Lsn{100}));
        log->set_durable(true);
        log->begin_session(Lsn{100});
        for (std::uint64_t lsn = 110; lsn <= end; lsn += 10) {
            append_transaction(*log, lsn, 300);
            read_up_to_now(*reader, Lsn{100});
        }
        wait_until([&] { return log->state().durable == Lsn{end}; });
    }
};

}  // namespace walpack
