// What every differential test stands on: a database of its own on a server with both plugins, two
// slots that see the same WAL, and the question whether both plugins say the same about it.
//
//     start_decoding();
//     source().execute("INSERT INTO t VALUES (1)");
//     expect_same();
//
// Slots are only peeked at, so one workload is compared under as many options as a test likes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "differential/decoded.h"
#include "differential/server_text.h"
#include "support/session.h"

namespace walpack::differential {

using e2e::Session;

// How both plugins are asked.
struct Reading {
    std::vector<std::string> publications = {"p"};
    // Options of walpack only: they may not change what is said.
    std::map<std::string, std::string> walpack_options = {};
    // Settings of walpack's session, such as logical_decoding_work_mem.
    std::map<std::string, std::string> settings = {};
    bool over_replication = false;    // walpack by a walsender, else by an SQL function
    bool leaves_out_origins = false;  // origin 'none' of both; pgoutput knows it from 16 on
    bool may_be_refused = false;      // by both

    std::string describe() const;
};

// What a session with one of the plugins came to.
struct Outcome {
    Decoded decoded;
    std::string refusal;  // the server's error; empty when there was none
    std::size_t messages = 0;
    std::size_t bytes = 0;
    std::size_t blocks = 0;  // of streamed transactions, not compressed, behind the first message
};

// Changes of a transaction in progress are sent when they pass this little memory.
Reading streamed(std::vector<std::string> publications = {"p"});

class Differential : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    Session& source() { return *source_; }
    std::string conninfo() const;
    int server_version();  // as server_version_num

    // Makes both slots; what is written from now on is compared.
    void start_decoding();
    Outcome read_pgoutput(const Reading& reading);
    Outcome read_walpack(const Reading& reading);

    // Returns what both said.
    Decoded expect_same(const Reading& reading = {});
    // Both refuse, each with a message that contains `part`.
    void expect_refusal(const std::string& part, const Reading& reading = {});
    // Both say the same under every option of walpack that changes how it is said.
    Decoded expect_same_in_every_form(const std::vector<std::string>& publications = {"p"});

    // Of the source's own process-wide state: gone at the end of the test.
    void create_origin(const std::string& name);

  private:
    void drop_slots();
    std::vector<std::string> receive(const Reading& reading);

    std::string database_;
    std::unique_ptr<Session> admin_;
    std::unique_ptr<Session> source_;
    std::unique_ptr<ServerText> server_text_;
    std::vector<std::string> origins_;
    std::string slots_;  // common beginning of their names
    int starts_ = 0;
};

}  // namespace walpack::differential
