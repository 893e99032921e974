// Records in fragments. Suite Decoder, like its other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace wire;

const Bytes kInsert = insert(1, {row({integer(1), str("a long text")})});

// The lines behind a Hello and the relation t.
std::vector<std::string> decode_behind_relation(std::vector<Bytes> messages) {
    messages.insert(messages.begin(), hello() + relation());
    auto lines = decode_all(messages);
    lines.erase(lines.begin(), lines.begin() + 2);
    return lines;
}

std::string error_of_messages(const std::vector<Bytes>& messages) {
    return error_of([&] { decode_behind_relation(messages); });
}

TEST(Decoder, ReadsRecordInFragmentsOfOneByte) {
    EXPECT_THAT(decode_behind_relation(fragments_of(kInsert, 1)),
                ElementsAre("insert public.t new(1, 'a long text')"));
}

TEST(Decoder, ReadsRecordInASingleFragment) {
    EXPECT_THAT(decode_behind_relation(fragments_of(kInsert, 1000)),
                ElementsAre("insert public.t new(1, 'a long text')"));
}

TEST(Decoder, ReadsRelationInFragments) {
    EXPECT_THAT(decode_all({hello(), fragments_of(relation(), 1000)[0], kInsert}),
                testing::Contains("insert public.t new(1, 'a long text')"));
}

TEST(Decoder, DropsAnAbandonedRecord) {
    EXPECT_THAT(decode_behind_relation({fragments_of(kInsert, 10)[0],
                                        fragment(WALPACK_FRAGMENT_ABANDONED, ""),
                                        insert(1, {row({integer(2), nil()})})}),
                ElementsAre("insert public.t new(2, null)"));
}

TEST(Decoder, ReadsFragmentsBehindAnAbandonedRecord) {
    std::vector<Bytes> messages = {fragments_of(kInsert, 10)[0],
                                   fragment(WALPACK_FRAGMENT_ABANDONED, "")};
    for (const Bytes& each : fragments_of(kInsert, 10)) messages.push_back(each);
    EXPECT_THAT(decode_behind_relation(messages),
                ElementsAre("insert public.t new(1, 'a long text')"));
}

TEST(Decoder, KnowsThatItIsInsideOfFragments) {
    Decoder decoder;
    const auto ignore = [](const Record&, std::size_t) {};
    decoder.decode(hello(), ignore);
    EXPECT_FALSE(decoder.is_inside_fragments());
    decoder.decode(fragment(WALPACK_FRAGMENT_FIRST, "\x93"), ignore);
    EXPECT_TRUE(decoder.is_inside_fragments());
    decoder.decode(fragment(WALPACK_FRAGMENT_ABANDONED, ""), ignore);
    EXPECT_FALSE(decoder.is_inside_fragments());
}

TEST(Decoder, RejectsFragmentBehindAnotherRecord) {
    EXPECT_THAT(error_of_messages({begin() + fragments_of(kInsert, 100)[0]}),
                HasSubstr("fragment is not alone"));
}

TEST(Decoder, RejectsRecordBehindAFragment) {
    EXPECT_THAT(error_of_messages({fragments_of(kInsert, 100)[0] + begin()}),
                HasSubstr("fragment is not alone"));
}

TEST(Decoder, RejectsContinuationWithoutFirstFragment) {
    EXPECT_THAT(error_of_messages({fragment(0, "abc")}),
                HasSubstr("fragment has no first one before it"));
}

TEST(Decoder, RejectsLastFragmentWithoutFirst) {
    EXPECT_THAT(error_of_messages({fragment(WALPACK_FRAGMENT_LAST, kInsert)}),
                HasSubstr("fragment has no first one before it"));
}

TEST(Decoder, RejectsAbandonedFragmentWithoutFirst) {
    EXPECT_THAT(error_of_messages({fragment(WALPACK_FRAGMENT_ABANDONED, "")}),
                HasSubstr("fragment has no first one before it"));
}

TEST(Decoder, RejectsSecondFirstFragment) {
    const Bytes first = fragments_of(kInsert, 10)[0];
    EXPECT_THAT(error_of_messages({first, first}),
                HasSubstr("first fragment stands among other fragments"));
}

TEST(Decoder, RejectsRecordAmongFragments) {
    EXPECT_THAT(error_of_messages({fragments_of(kInsert, 10)[0], kInsert}),
                HasSubstr("record stands among fragments of another"));
}

TEST(Decoder, RejectsFragmentWithUnknownFlag) {
    EXPECT_THAT(error_of_messages({fragment(8, "abc")}),
                HasSubstr("fragment flags have unknown bits"));
}

TEST(Decoder, RejectsAbandonedFragmentThatIsALastOne) {
    EXPECT_THAT(
        error_of_messages({fragments_of(kInsert, 10)[0],
                           fragment(WALPACK_FRAGMENT_ABANDONED | WALPACK_FRAGMENT_LAST, "")}),
        HasSubstr("abandoned fragment is also a first or last one"));
}

TEST(Decoder, RejectsAbandonedFragmentWithBytes) {
    EXPECT_THAT(error_of_messages(
                    {fragments_of(kInsert, 10)[0], fragment(WALPACK_FRAGMENT_ABANDONED, "x")}),
                HasSubstr("abandoned fragment has bytes"));
}

TEST(Decoder, RejectsFragmentInsideOfFragments) {
    EXPECT_THAT(error_of_messages(fragments_of(fragment(3, "abc"), 100)),
                HasSubstr("record is of a type that is never in fragments"));
}

TEST(Decoder, RejectsCommitInFragments) {
    EXPECT_THAT(error_of_messages(fragments_of(commit(), 100)),
                HasSubstr("record is of a type that is never in fragments"));
}

TEST(Decoder, RejectsTwoRecordsInFragments) {
    EXPECT_THAT(error_of_messages(fragments_of(kInsert + kInsert, 100)),
                HasSubstr("bytes follow the record at byte " + std::to_string(kInsert.size()) +
                          " of a record in fragments"));
}

TEST(Decoder, RejectsFragmentsThatEndInsideOfTheRecord) {
    EXPECT_THAT(error_of_messages(fragments_of(kInsert.substr(0, 9), 4)),
                HasSubstr("message ends inside of a record at byte 9 of a record in fragments"));
}

TEST(Decoder, RejectsRecordInFragmentsThatIsEmpty) {
    EXPECT_THAT(error_of_messages({fragment(WALPACK_FRAGMENT_FIRST | WALPACK_FRAGMENT_LAST, "")}),
                HasSubstr("message ends inside of a record at byte 0 of a record in fragments"));
}

TEST(Decoder, RejectsRecordInFragmentsBeyondItsLimit) {
    std::vector<Bytes> messages = fragments_of(Bytes(1000, 'x'), 100);
    messages.insert(messages.begin(), hello());
    EXPECT_THAT(error_of([&] { decode_all(messages, {.record_bytes_max = 550}); }),
                HasSubstr("record in fragments is larger than 550 bytes"));
}

}  // namespace
}  // namespace walpack
