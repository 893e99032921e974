// What decoding takes from the heap. Suite Decoder, like its other tests.
//
// This file replaces operator new for the whole test program, to count. Not in a sanitizer's build,
// whose own operators find more.
#include <cstddef>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "base/error.h"
#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WALPACK_COUNTS_ALLOCATIONS 0
#else
#define WALPACK_COUNTS_ALLOCATIONS 1
#endif

namespace {

thread_local std::size_t allocation_count = 0;
thread_local std::size_t largest_allocation = 0;

}  // namespace

#if WALPACK_COUNTS_ALLOCATIONS
[[gnu::noinline]] void* operator new(std::size_t bytes) {
    ++allocation_count;
    if (bytes > largest_allocation) largest_allocation = bytes;
    void* block = std::malloc(bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}

[[gnu::noinline]] void operator delete(void* block) noexcept {
    std::free(block);
}

[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
    std::free(block);
}
#endif

namespace walpack {
namespace {

using namespace wire;

void ignore(const Record&, std::size_t) {}

class DecoderAllocation : public testing::Test {
  protected:
    void SetUp() override {
        if (!WALPACK_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer has operator new";
        decoder_.decode(hello() + relation(), ignore_);
    }

    // The largest block that was asked for until the message was refused.
    std::size_t largest_until_refusal(const Bytes& message) {
        largest_allocation = 0;
        EXPECT_THROW(decoder_.decode(message, ignore_), Error);
        return largest_allocation;
    }

    std::size_t count_of(const Bytes& message) {
        const std::size_t before = allocation_count;
        decoder_.decode(message, ignore_);
        return allocation_count - before;
    }

    static constexpr std::size_t kSmall = 64 * 1024;
    Decoder::Sink ignore_ = ignore;
    Decoder decoder_;
};

Bytes run_of(int count) {
    std::vector<Bytes> tuples(static_cast<std::size_t>(count), row({integer(1), str("some text")}));
    return insert(1, tuples);
}

TEST_F(DecoderAllocation, DoesNotGrowWithTheRowsOnceWarm) {
    decoder_.decode(run_of(10), ignore_);
    const std::size_t for_ten = count_of(run_of(10));
    EXPECT_EQ(count_of(run_of(10'000)), for_ten);
}

TEST_F(DecoderAllocation, IsOnePerRecordOfRowsOnceWarm) {
    decoder_.decode(run_of(10), ignore_);
    EXPECT_LE(count_of(run_of(10)), 1);
}

TEST_F(DecoderAllocation, StaysSmallForTextThatIsNotThere) {
    const Bytes record = Bytes("\x93\x05\x01\x92\x01\xdb\xff\xff\xff\xff", 10) + "abc";
    EXPECT_LT(largest_until_refusal(record), kSmall);
}

TEST_F(DecoderAllocation, StaysSmallForAFragmentThatIsNotThere) {
    const Bytes record = Bytes("\x93\x0f\x01\xc6\xff\xff\xff\xff", 8) + "abc";
    EXPECT_LT(largest_until_refusal(record), kSmall);
}

TEST_F(DecoderAllocation, StaysSmallForAnExtensionThatIsNotThere) {
    const Bytes record = Bytes("\x93\x05\x01\x92\x01\xc9\xff\xff\xff\xff", 10) + "abc";
    EXPECT_LT(largest_until_refusal(record), kSmall);
}

TEST_F(DecoderAllocation, StaysSmallForATupleThatIsNotThere) {
    EXPECT_LT(largest_until_refusal(Bytes("\x93\x05\x01\xdd\xff\xff\xff\xff\x01", 9)), kSmall);
}

TEST_F(DecoderAllocation, StaysSmallForColumnsThatAreNotThere) {
    Bytes record = relation({.id = 2});
    record.resize(record.find(str("d") + nil()) + 3);
    EXPECT_LT(largest_until_refusal(record + Bytes("\xdd\xff\xff\xff\xff", 5)), kSmall);
}

TEST_F(DecoderAllocation, StaysSmallForNestingOfTenThousandArrays) {
    EXPECT_LT(largest_until_refusal(Bytes("\x92\x0e") + Bytes(10'000, '\x91')), kSmall);
}

}  // namespace
}  // namespace walpack
