// Streamed, prepared and compressed transactions. Suite Inspect, like its other tests.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/inspect.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using namespace wire;

struct Inspected {
    std::string lines;
    std::string error;
};

Inspected inspect(const std::vector<Bytes>& messages) {
    Bytes stream;
    for (const Bytes& message : messages) stream += message + "\n";
    std::istringstream in(stream);
    std::ostringstream out;
    const std::string error = error_of([&] { run_inspect(in, out); });
    return {out.str(), error};
}

// What is printed behind the line of the Hello.
std::string lines_of(std::vector<Bytes> messages) {
    messages.insert(messages.begin(), hello() + notice("p"));
    const Inspected inspected = inspect(messages);
    EXPECT_EQ(inspected.error, "no error");
    const std::string notice_line =
        "{\"record\":\"notice\",\"code\":\"publication_missing\",\"text\":\"p\"}\n";
    return inspected.lines.substr(inspected.lines.find(notice_line) + notice_line.size());
}

const Bytes kRow = insert(1, {row({integer(1), str("a")})});

TEST(Inspect, PrintsBlocksAsTheyCome) {
    const auto messages = with_stream_commit(
        {stream_start() + origin("far") + subtransaction(8) + stream_stop()}, {});
    EXPECT_EQ(lines_of(messages), R"({"record":"stream_start","xid":7}
{"record":"origin","name":"far"}
{"record":"subtransaction","xid":8}
{"record":"stream_stop"}
{"record":"stream_commit","xid":7,"commit_lsn":"0/1000","end_lsn":"0/1030",)"
                                  R"("time":"2026-11-14 19:33:20+00","changes":0,"digest":"ok"}
)");
}

TEST(Inspect, PrintsRowsOfABlock) {
    EXPECT_THAT(lines_of({stream_start() + relation() + kRow + stream_stop()}),
                HasSubstr(R"("rows":[{"new":{"id":1,"v":"a"}}]})"));
}

TEST(Inspect, PrintsTheRollbackOfASubtransaction) {
    EXPECT_EQ(lines_of({stream_abort(7, 8)}),
              "{\"record\":\"stream_abort\",\"xid\":7,\"subxid\":8}\n");
}

TEST(Inspect, PrintsAPreparedTransaction) {
    EXPECT_EQ(lines_of(with_prepare({begin_prepare()}, {})),
              R"({"record":"begin_prepare","xid":7,"prepare_lsn":"0/1000",)"
              R"("time":"2026-11-14 19:33:20+00","gid":"g"}
{"record":"prepare","prepare_lsn":"0/1000","end_lsn":"0/1030","changes":0,"digest":"ok"}
)");
}

TEST(Inspect, PrintsTheEndsOfPreparedTransactions) {
    EXPECT_EQ(lines_of({stream_prepare(), commit_prepared(), rollback_prepared()}),
              R"({"record":"stream_prepare","xid":7,"prepare_lsn":"0/1000","end_lsn":"0/1030",)"
              R"("time":"2026-11-14 19:33:20+00","gid":"g","changes":0,"digest":"ok"}
{"record":"commit_prepared","xid":7,"gid":"g","commit_lsn":"0/2000","end_lsn":"0/2030",)"
              R"("time":"2026-11-14 19:33:20+00"}
{"record":"rollback_prepared","xid":7,"gid":"g","prepare_end_lsn":"0/1030",)"
              R"("prepare_time":"2026-11-14 19:33:20+00","end_lsn":"0/2030",)"
              R"("time":"2026-11-14 19:33:20+00"}
)");
}

TEST(Inspect, PrintsTheLeafOfAPartitionedTable) {
    EXPECT_THAT(lines_of({relation({.relkind = "p", .leaf = "public.t_1"})}),
                HasSubstr(R"("relkind":"partitioned table","replica_identity":"default",)"
                          R"("leaf":"public.t_1","columns")"));
}

TEST(Inspect, PrintsWhatIsInsideOfACompressedMessage) {
    const auto messages = with_commit({hello() + begin() + relation() + kRow}, {.changes = 1});
    const Inspected plain = inspect(messages);
    EXPECT_EQ(plain.error, "no error");
    EXPECT_EQ(inspect({compressed(WALPACK_COMPRESSION_LZ4, messages[0])}).lines, plain.lines);
    EXPECT_EQ(inspect({compressed(WALPACK_COMPRESSION_ZSTD, messages[0])}).lines, plain.lines);
}

TEST(Inspect, SeesASessionThatStartsInsideOfACompressedMessage) {
    const Bytes session =
        compressed(WALPACK_COMPRESSION_LZ4, with_commit({hello() + begin()}, {})[0]);
    EXPECT_EQ(inspect({session, session}).error, "no error");
}

TEST(Inspect, ChecksTheTotalsOfAStreamedTransaction) {
    const Inspected inspected =
        inspect({hello() + stream_start() + stream_stop(), stream_commit({.changes = 1})});
    EXPECT_THAT(inspected.error, HasSubstr("It has 1 changes, of which 0 arrived."));
}

TEST(Inspect, ChecksTheTotalsOfAPreparedTransaction) {
    const Inspected inspected = inspect({hello() + begin_prepare() + prepare({.digest = 1})});
    EXPECT_THAT(inspected.error, HasSubstr("Its digest is 00000001"));
}

TEST(Inspect, ReportsAStreamThatEndsInsideOfABlock) {
    EXPECT_EQ(inspect({hello() + stream_start()}).error,
              "ERROR:  stream ends inside of a transaction");
}

TEST(Inspect, AcceptsAStreamThatEndsBetweenBlocks) {
    EXPECT_EQ(inspect({hello() + stream_start() + stream_stop()}).error, "no error");
}

TEST(Inspect, ReportsADamagedCompressedMessageWithItsPlace) {
    EXPECT_THAT(
        inspect({hello() + notice("p"), compressed_record(WALPACK_COMPRESSION_ZSTD, 10, "garbage")})
            .error,
        HasSubstr("compressed message is not one Zstandard frame\n"
                  "DETAIL:  The message starts at byte"));
}

}  // namespace
}  // namespace walpack
