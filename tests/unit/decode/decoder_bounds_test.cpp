// Input that is cut, deep, or claims to be large. Suite Decoder, like its other tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using namespace wire;

// One record of each type, all of one session.
std::vector<Bytes> sample_records() {
    return {hello(),
            relation(),
            relation(with_full_identity({.id = 2, .name = "f"})),
            relation(without_identity({.id = 3, .name = "n"})),
            begin(),
            insert(1, {row({integer(1), str("a")}), row({integer(-70000), unchanged_toast()})}),
            rows(WALPACK_UPDATE, 1, {row({integer(1), nil()})}),
            rows(WALPACK_UPDATE_KEY, 1, {row({integer(1)}), row({integer(2), str("b")})}),
            rows(WALPACK_UPDATE_FULL, 2, {row({integer(1), nil()}), row({integer(2), str("b")})}),
            rows(WALPACK_DELETE_KEY, 1, {row({integer(1)})}),
            rows(WALPACK_DELETE_FULL, 2, {row({integer(1), str("a")})}),
            rows(WALPACK_DELETE_NONE, 3, {row({})}),
            truncate(3, {integer(1), integer(2)}),
            message(1, "prefix", "content"),
            notice("publication"),
            commit()};
}

struct Cut {
    std::string name;
    Bytes message;
};

// The sample, cut at every byte that is no border between records.
std::vector<Cut> every_cut() {
    std::vector<Cut> cuts;
    Bytes whole;
    int number = 0;
    for (const Bytes& record : sample_records()) {
        for (std::size_t bytes = 1; bytes < record.size(); ++bytes)
            cuts.push_back({"Record" + std::to_string(number) + "After" + std::to_string(bytes),
                            whole + record.substr(0, bytes)});
        whole += record;
        ++number;
    }
    return cuts;
}

class DecoderCut : public testing::TestWithParam<Cut> {};

TEST_P(DecoderCut, IsRejectedAtItsEnd) {
    const Bytes& message = GetParam().message;
    EXPECT_EQ(error_of([&] { decode_all({message}); }),
              "ERROR:  message ends inside of a record at byte " + std::to_string(message.size()) +
                  " of a message");
}

INSTANTIATE_TEST_SUITE_P(Message, DecoderCut, testing::ValuesIn(every_cut()),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(Decoder, ReadsTheSampleThatIsCutElsewhere) {
    Bytes whole;
    for (const Bytes& record : sample_records()) whole += record;
    EXPECT_THAT(decode_all({whole}), testing::SizeIs(17));
}

TEST(Decoder, RejectsArrayThatClaimsElementsThatAreNotThere) {
    EXPECT_THAT(error_of([] { decode_all({hello() + Bytes("\xdd\xff\xff\xff\xff\x0e", 6)}); }),
                HasSubstr("message ends inside of a record"));
}

TEST(Decoder, RejectsMapThatClaimsPairsThatAreNotThere) {
    EXPECT_THAT(error_of([] { decode_all({"\x98\x01\x01\xdf\xff\xff\xff\xff"}); }),
                HasSubstr("message ends inside of a record"));
}

TEST(Decoder, RejectsNestingOfTenThousandArrays) {
    EXPECT_THAT(error_of([] { decode_all({hello() + Bytes("\x92\x0e") + Bytes(10'000, '\x91')}); }),
                HasSubstr("values are nested too deeply"));
}

TEST(Decoder, RejectsNestingOfTenThousandMaps) {
    EXPECT_THAT(error_of([] { decode_all({hello() + Bytes("\x92\x0e") + Bytes(10'000, '\x81')}); }),
                HasSubstr("values are nested too deeply"));
}

TEST(Decoder, RejectsNestingInsideOfARow) {
    EXPECT_THAT(error_of([] {
                    decode_all({hello() + relation() + "\x93\x05\x01" + Bytes(10'000, '\x92')});
                }),
                HasSubstr("value of column \"id\" of kind int4 is an array"));
}

TEST(Decoder, RejectsRecordOfMoreThanAMillionFields) {
    Bytes record("\x93\x0c\x00\xdd\x00\x10\x00\x00", 8);
    record += Bytes(1 << 20, '\x01');
    EXPECT_THAT(error_of([&] { decode_all({hello() + relation() + record}); }),
                HasSubstr("record has too many fields"));
}

TEST(Decoder, RejectsMoreRelationsThanItsLimit) {
    EXPECT_THAT(error_of([] {
                    decode_all(
                        {hello() + relation({.id = 1}) + relation({.id = 2}) + relation({.id = 3})},
                        {.relations_max = 2});
                }),
                HasSubstr("session describes more than 2 relations"));
}

TEST(Decoder, RejectsMessageBeyondItsLimit) {
    EXPECT_THAT(error_of([] { decode_all({hello()}, {.record_bytes_max = 20}); }),
                HasSubstr("message is larger than 20 bytes"));
}

}  // namespace
}  // namespace walpack
