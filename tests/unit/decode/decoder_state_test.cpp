// A decoding session taken over from its state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace wire;

std::string state_behind(const std::vector<Bytes>& messages) {
    Decoder decoder;
    for (const Bytes& message : messages)
        decoder.decode(message, [](const Record&, std::size_t) {});
    return decoder.session_state();
}

Bytes relation_of(std::uint32_t id, std::uint32_t version, const std::string& name) {
    RelationFields fields;
    fields.id = id;
    fields.version = version;
    fields.name = name;
    return relation(fields);
}

TEST(DecoderState, HasHelloAndEachRelationAsItWasDescribedLast) {
    const std::string state =
        state_behind({hello() + relation_of(1, 1, "old"), relation_of(2, 1, "other"),
                      relation_of(1, 2, "renamed")});
    EXPECT_EQ(state, hello() + relation_of(1, 2, "renamed") + relation_of(2, 1, "other"));
}

TEST(DecoderState, IsTakenByANewDecoderThatGoesOn) {
    const std::string state =
        state_behind({hello() + relation_of(1, 1, "old"), relation_of(1, 2, "renamed")});
    const auto lines =
        decode_all({state, insert(1, {row({integer(1), str("a")})}), relation_of(1, 3, "again")});
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_THAT(lines.at(1), HasSubstr("version 2"));
    EXPECT_EQ(lines.at(2), "insert public.renamed new(1, 'a')");
    EXPECT_EQ(state_behind({state}), state);
}

TEST(DecoderState, IsHelloWhileNothingWasDescribed) {
    EXPECT_EQ(state_behind({hello()}), hello());
}

TEST(DecoderState, ALaterVersionIsRefusedBehindTheFirstMessage) {
    EXPECT_THROW(decode_all({hello(), relation_of(1, 2, "t")}), Error);
}

TEST(DecoderState, ALaterVersionIsRefusedInAMessageThatIsNoState) {
    EXPECT_THROW(decode_all({hello() + begin() + relation_of(1, 2, "t")}), Error);
    EXPECT_THROW(decode_all({hello() + relation_of(1, 2, "t") + begin()}), Error);
}

TEST(DecoderState, LeavesOutTheRelationsOfAStreamedTransaction) {
    const std::string state =
        state_behind({hello() + relation_of(1, 1, "t"),
                      stream_start(9) + relation_of(7, 1, "seen_by_one") + stream_stop()});
    EXPECT_EQ(state, hello() + relation_of(1, 1, "t"));
}

}  // namespace
}  // namespace walpack
