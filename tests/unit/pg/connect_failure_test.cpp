#include "pg/connect_failure.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(ConnectFailure, TellsTheSqlstateApart) {
    const ConnectFailure failure = parse_connect_failure(
        "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  57P03: the database "
        "system is shutting down\nLOCATION:  ProcessStartupPacket, postmaster.c:2371");
    EXPECT_EQ(failure.sqlstate, "57P03");
    EXPECT_EQ(failure.message,
              "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  the database "
              "system is shutting down");
}

TEST(ConnectFailure, HasNoSqlstateWhenNoServerAnswered) {
    const std::string text =
        "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n"
        "\tIs the server running on that host and accepting TCP/IP connections?";
    const ConnectFailure failure = parse_connect_failure(text);
    EXPECT_EQ(failure.sqlstate, "");
    EXPECT_EQ(failure.message, text);
}

TEST(ConnectFailure, OfSeveralServersTheLastOneCounts) {
    const ConnectFailure failure = parse_connect_failure(
        "connection to server on socket \"/a\" failed: FATAL:  57P03: starting up\n"
        "LOCATION:  x\nconnection to server on socket \"/b\" failed: FATAL:  28P01: wrong\n"
        "LOCATION:  y");
    EXPECT_EQ(failure.sqlstate, "28P01");
    EXPECT_EQ(failure.message,
              "connection to server on socket \"/a\" failed: FATAL:  starting up\n"
              "connection to server on socket \"/b\" failed: FATAL:  wrong");
}

TEST(ConnectFailure, AWordOfFiveLettersIsNoSqlstate) {
    EXPECT_EQ(parse_connect_failure("failed: FATAL:  WRONG, and more").sqlstate, "");
}

}  // namespace
}  // namespace walpack
