#include "cli/inspect.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using namespace wire;

struct Inspected {
    std::string lines;
    std::string error;
};

Inspected inspect(const Bytes& stream) {
    std::istringstream in(stream);
    std::ostringstream out;
    const std::string error = error_of([&] { run_inspect(in, out); });
    return {out.str(), error};
}

// As pg_recvlogical writes them.
Bytes stream_of(const std::vector<Bytes>& messages) {
    Bytes stream;
    for (const Bytes& message : messages) stream += message + "\n";
    return stream;
}

// The line of a transaction's changes, with a relation of the columns given.
std::string line_of(const Bytes& change, const RelationFields& table = {}) {
    const auto inspected = inspect(
        stream_of(with_commit({hello() + begin() + relation(table) + change}, {.changes = 1})));
    EXPECT_EQ(inspected.error, "no error");
    std::istringstream lines(inspected.lines);
    std::string line;
    for (int i = 0; i < 4; ++i) std::getline(lines, line);
    return line;
}

std::string value_of(const ColumnFields& column, const Bytes& value) {
    RelationFields table;
    table.columns = {column};
    const std::string before = R"({"record":"insert","relation":"public.t","rows":[{"new":{"a":)";
    const std::string line = line_of(insert(1, {row({value})}), table);
    EXPECT_THAT(line, testing::StartsWith(before));
    EXPECT_THAT(line, EndsWith("}}]}"));
    return line.substr(before.size(), line.size() - before.size() - 4);
}

const Bytes kRow = insert(1, {row({integer(1), str("a")})});

TEST(Inspect, PrintsNothingForAnEmptyStream) {
    EXPECT_EQ(inspect("").lines, "");
    EXPECT_EQ(inspect("").error, "no error");
}

TEST(Inspect, SaysThatTheDigestOfACommitIsRight) {
    EXPECT_THAT(inspect(stream_of(with_commit({hello() + begin()}, {}))).lines,
                HasSubstr(R"({"record":"commit","commit_lsn":"0/1000","end_lsn":"0/1030",)"
                          R"("changes":0,"digest":"ok"})"));
}

TEST(Inspect, PrintsRowsAsObjectsByColumnName) {
    EXPECT_EQ(line_of(kRow),
              R"({"record":"insert","relation":"public.t","rows":[{"new":{"id":1,"v":"a"}}]})");
}

TEST(Inspect, PrintsKeyAndNewTuple) {
    EXPECT_EQ(line_of(rows(WALPACK_UPDATE_KEY, 1, {row({integer(1)}), row({integer(2), nil()})})),
              R"({"record":"update","relation":"public.t",)"
              R"("rows":[{"key":{"id":1},"new":{"id":2,"v":null}}]})");
}

TEST(Inspect, PrintsOldRow) {
    EXPECT_EQ(
        line_of(rows(WALPACK_DELETE_FULL, 1, {row({integer(1), nil()})}), with_full_identity({})),
        R"({"record":"delete","relation":"public.t","rows":[{"old":{"id":1,"v":null}}]})");
}

TEST(Inspect, NamesUnchangedToastBesideTheRow) {
    EXPECT_EQ(line_of(rows(WALPACK_UPDATE, 1, {row({integer(1), unchanged_toast()})})),
              R"({"record":"update","relation":"public.t",)"
              R"("rows":[{"new":{"id":1},"unchanged_toast":["v"]}]})");
}

TEST(Inspect, PrintsBooleansIntegersAndFloatsAsJson) {
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_BOOL}, boolean(true)), "true");
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_INT8}, integer(INT64_MIN)),
              "-9223372036854775808");
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_FLOAT8}, float64(-0.0)), "-0");
}

TEST(Inspect, PrintsInfiniteFloatsAsText) {
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_FLOAT4}, float32(-INFINITY)),
              "\"-Infinity\"");
}

TEST(Inspect, PrintsLsnsAsTextAndTransactionIdsAsNumbers) {
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_UINT8, .type = "pg_lsn"}, integer(16)),
              "\"0/10\"");
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_UINT8, .type = "xid8"}, integer(16)),
              "16");
}

TEST(Inspect, PrintsNumericAsTextThatKeepsItsDigits) {
    // Positive, weight 0, display scale 2, one digit.
    const Bytes compact = big_endian(0, 2) + big_endian(2, 1) + big_endian(5, 2);
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_NUMERIC}, bin(compact)), "\"5.00\"");
}

TEST(Inspect, PrintsValuesWithoutTextFormAsHex) {
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_SEND}, bin("\x02\xff")), R"("\\x02ff")");
}

TEST(Inspect, PrintsTextThatIsNoUtf8AsHex) {
    EXPECT_EQ(value_of({.name = "a", .kind = WALPACK_KIND_TEXT}, bin("\xe4")), R"("\\xe4")");
}

TEST(Inspect, QuotesNamesThatNeedIt) {
    EXPECT_THAT(line_of(kRow, {.name = "Order \"1\""}),
                HasSubstr(R"("relation":"public.\"Order \"\"1\"\"\"")"));
}

TEST(Inspect, ReadsSeveralSessions) {
    const auto session = with_commit({hello() + begin()}, {});
    const auto inspected = inspect(stream_of(session) + stream_of(session));
    EXPECT_EQ(inspected.error, "no error");
    EXPECT_THAT(inspected.lines, EndsWith("\"digest\":\"ok\"}\n"));
}

TEST(Inspect, SaysThatASessionEndedInsideOfATransaction) {
    const auto inspected =
        inspect(stream_of({hello() + begin()}) + stream_of(with_commit({hello() + begin()}, {})));
    EXPECT_EQ(inspected.error, "no error");
    EXPECT_THAT(inspected.lines, HasSubstr("{\"record\":\"incomplete_transaction\"}\n"
                                           "{\"record\":\"hello\""));
}

TEST(Inspect, PrintsWhatIsWholeBeforeATornMessage) {
    const Bytes whole = stream_of(with_commit({hello() + begin()}, {}));
    const auto inspected = inspect(whole + begin(0x2000).substr(0, 5));
    EXPECT_THAT(inspected.lines, EndsWith("\"digest\":\"ok\"}\n"));
    EXPECT_EQ(inspected.error, "ERROR:  stream ends at byte " + std::to_string(whole.size() + 5) +
                                   " inside of the message that starts at byte " +
                                   std::to_string(whole.size()));
}

TEST(Inspect, ReportsAStreamThatEndsInsideOfATransaction) {
    const auto inspected = inspect(stream_of({hello() + begin() + relation() + kRow}));
    EXPECT_EQ(inspected.error, "ERROR:  stream ends inside of a transaction");
    EXPECT_THAT(inspected.lines, EndsWith("{\"new\":{\"id\":1,\"v\":\"a\"}}]}\n"));
}

TEST(Inspect, ReportsADamagedTransactionWithItsPlace) {
    const Bytes before = stream_of({hello() + relation()});
    const auto inspected =
        inspect(before + stream_of({begin() + kRow + commit({.changes = 1, .digest = 1})}));
    EXPECT_THAT(inspected.error, HasSubstr("the transaction did not arrive as it was sent"));
    EXPECT_THAT(inspected.error, HasSubstr("The message starts at byte " +
                                           std::to_string(before.size()) + " of the stream."));
    EXPECT_THAT(inspected.lines, Not(HasSubstr("commit\"")));
}

TEST(Inspect, TakesBackARowWhoseValueHasNoText) {
    RelationFields table;
    table.columns = {{.name = "d", .kind = WALPACK_KIND_DATE}};
    const auto inspected =
        inspect(stream_of({hello() + begin() + relation(table) +
                           insert(1, {row({integer(0)}), row({integer(2'147'483'646)})})}));
    EXPECT_THAT(inspected.error, HasSubstr("date is out of range"));
    EXPECT_THAT(inspected.lines, EndsWith("\"rows\":[{\"new\":{\"d\":\"2000-01-01\"}}]}\n"));
}

TEST(Inspect, RejectsAStreamThatIsSomethingElse) {
    EXPECT_EQ(inspect("BEGIN 729\n").error,
              "ERROR:  neither a record nor a newline stands at byte 0 of the stream");
}

}  // namespace
}  // namespace walpack
