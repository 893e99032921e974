#include "decode/decompressor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using testing::HasSubstr;
using namespace wire;

const Bytes kMessage = hello() + begin() + Bytes(10'000, 'x');

class EachMethod : public testing::TestWithParam<int> {
  protected:
    // The error of the message inside, said to have that many bytes.
    std::string error_of_inside(std::uint64_t bytes, std::string_view data) const {
        return error_of([&] { decompressor_->open(compressed_record(GetParam(), bytes, data)); });
    }
    std::unique_ptr<Decompressor> decompressor_ = std::make_unique<Decompressor>(1 << 20);
};

TEST_P(EachMethod, GivesBackTheMessage) {
    EXPECT_EQ(decompressor_->open(compressed(GetParam(), kMessage)), kMessage);
}

TEST_P(EachMethod, GivesBackOneMessageAfterAnother) {
    for (const std::size_t size : {1U, 1000U, 10U, 1'000'000U, 3U, 500'000U}) {
        const Bytes message(size, 'y');
        EXPECT_EQ(decompressor_->open(compressed(GetParam(), message)), message) << size;
    }
}

TEST_P(EachMethod, RejectsAMessageLargerThanItsBound) {
    EXPECT_THAT(
        error_of([&] { decompressor_->open(compressed(GetParam(), Bytes((1 << 20) + 1, 'x'))); }),
        HasSubstr("compressed message is larger than 1048576 bytes"));
}

TEST_P(EachMethod, RejectsASizeThatNothingCouldFill) {
    EXPECT_THAT(error_of_inside(1 << 20, "abc"),
                HasSubstr("compressed message cannot have 1048576 bytes inside of 3"));
}

TEST_P(EachMethod, RejectsAnEmptyMessage) {
    EXPECT_THAT(error_of_inside(0, "abc"), HasSubstr("compressed message has nothing inside"));
}

TEST_P(EachMethod, RejectsNoBytesAtAll) {
    EXPECT_THAT(error_of_inside(300, ""), HasSubstr("compressed message"));
}

TEST_P(EachMethod, RejectsBytesOfSomethingElse) {
    EXPECT_THAT(error_of_inside(100, "\xff\xff\xff\xff\xff\xff\xff\xff"),
                HasSubstr("compressed message is"));
}

// Whatever byte is damaged, and wherever it is cut: an error, or other bytes of the same number.
TEST_P(EachMethod, StaysInsideOfItsMemoryWhenDamaged) {
    const Bytes record = compressed(GetParam(), kMessage.substr(0, 300));
    for (std::size_t at = 0; at < record.size(); ++at) {
        for (const int bits : {1, 0x80, 0xff}) {
            Bytes damaged = record;
            damaged[at] = static_cast<char>(damaged[at] ^ bits);
            error_of([&] { decompressor_->open(damaged); });
        }
        if (at > 2) {
            EXPECT_NE(error_of([&] { decompressor_->open(record.substr(0, at)); }), "no error");
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Decompressor, EachMethod,
                         testing::Values(WALPACK_COMPRESSION_LZ4, WALPACK_COMPRESSION_ZSTD),
                         [](const auto& param_info) {
                             return param_info.param == WALPACK_COMPRESSION_LZ4 ? "Lz4" : "Zstd";
                         });

// A record around what the library made of `message`, which claims another size.
Bytes claiming(int method, const Bytes& message, std::int64_t more) {
    const Bytes right = compressed(method, message);
    const Bytes head = compressed_record(method, message.size(), "");
    // Behind the head of an empty bin there is nothing; one of up to 255 bytes has a head as long.
    const Bytes data = right.substr(head.size());
    return compressed_record(method, message.size() + static_cast<std::uint64_t>(more), data);
}

TEST(Decompressor, RejectsALargerSizeThanIsInside) {
    const Bytes message(300, 'x');
    for (const int method : {WALPACK_COMPRESSION_LZ4, WALPACK_COMPRESSION_ZSTD})
        EXPECT_THAT(error_of([&] { Decompressor().open(claiming(method, message, 1)); }),
                    HasSubstr("compressed message has 300 bytes inside instead of 301"));
}

TEST(Decompressor, RejectsASmallerSizeThanIsInside) {
    const Bytes message(300, 'x');
    for (const int method : {WALPACK_COMPRESSION_LZ4, WALPACK_COMPRESSION_ZSTD})
        EXPECT_THAT(error_of([&] { Decompressor().open(claiming(method, message, -1)); }),
                    HasSubstr("compressed message"));
}

TEST(Decompressor, RejectsASecondFrame) {
    const Bytes head = compressed_record(WALPACK_COMPRESSION_ZSTD, 300, "");
    const Bytes frame = compressed(WALPACK_COMPRESSION_ZSTD, Bytes(300, 'x')).substr(head.size());
    EXPECT_THAT(
        error_of([&] {
            Decompressor().open(compressed_record(WALPACK_COMPRESSION_ZSTD, 600, frame + frame));
        }),
        HasSubstr("compressed message is not one Zstandard frame"));
}

TEST(Decompressor, LeavesOtherMessagesAsTheyAre) {
    const Bytes message = hello() + begin();
    EXPECT_EQ(Decompressor().open(message).data(), message.data());
}

TEST(Decompressor, LeavesWhatIsNoMessageToTheDecoder) {
    EXPECT_EQ(Decompressor().open(""), "");
    EXPECT_EQ(Decompressor().open("\xc1"), "\xc1");
}

TEST(Decompressor, RejectsAnUnknownMethod) {
    EXPECT_EQ(error_of([] { Decompressor().open(compressed_record(5, 10, "abc")); }),
              "ERROR:  compression method 5 is unknown at byte 2 of a message");
}

TEST(Decompressor, RejectsARecordBehindTheCompressedOne) {
    EXPECT_THAT(error_of([] {
                    Decompressor().open(compressed(WALPACK_COMPRESSION_LZ4, kMessage) + begin());
                }),
                HasSubstr("compressed message is not alone"));
}

TEST(Decompressor, RejectsARecordOfAnotherShape) {
    EXPECT_THAT(error_of([] {
                    Decompressor().open(array({integer(WALPACK_COMPRESSED), integer(1)}));
                }),
                HasSubstr("record has 2 elements instead of 4"));
    EXPECT_THAT(error_of([] {
                    Decompressor().open(
                        array({integer(WALPACK_COMPRESSED), integer(1), integer(9), str("abc")}));
                }),
                HasSubstr("compressed bytes is a str"));
}

}  // namespace
}  // namespace walpack
