#include "copy/source_snapshot.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

SourceSnapshot snapshot(const std::string& text) {
    const auto parsed = SourceSnapshot::parse(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return parsed.value_or(SourceSnapshot());
}

bool sees(const SourceSnapshot& of, std::uint32_t xid) {
    return of.sees(xid, Lsn{1});
}

TEST(SourceSnapshot, SeesWhatEndedAndNothingThatRuns) {
    const auto of = snapshot("100:105:101,103");
    EXPECT_TRUE(sees(of, 99));
    EXPECT_TRUE(sees(of, 100));
    EXPECT_FALSE(sees(of, 101));
    EXPECT_TRUE(sees(of, 102));
    EXPECT_FALSE(sees(of, 103));
    EXPECT_FALSE(sees(of, 105));
    EXPECT_FALSE(sees(of, 2'000'000'000));
}

TEST(SourceSnapshot, TakesAnXidFromTheNearestEpoch) {
    const auto behind_a_wraparound = snapshot("8589934582:8589934602:8589934590");  // 2^33 +- 10
    EXPECT_TRUE(sees(behind_a_wraparound, 4294967280U));
    EXPECT_FALSE(sees(behind_a_wraparound, 4294967294U));
    EXPECT_TRUE(sees(behind_a_wraparound, 3));
    EXPECT_FALSE(sees(behind_a_wraparound, 10));
    const auto before_one = snapshot("4294967290:4294967295:");
    EXPECT_FALSE(sees(before_one, 3));
    EXPECT_TRUE(sees(before_one, 4294967291U));
}

// As slots export them after transactions without a commit that is decoded.
TEST(SourceSnapshot, SeesWhatIsBeforeItsBeginThoughItEndsBelow) {
    const auto of = snapshot("105:102:");
    EXPECT_TRUE(sees(of, 104));
    EXPECT_FALSE(sees(of, 105));
    EXPECT_EQ(of.to_string(), "105:105:");
}

TEST(SourceSnapshot, ReadsAndWritesTheServersText) {
    for (const char* text : {"100:100:", "100:105:100", "1:9999999999999:5,6,9999999999998"}) {
        EXPECT_EQ(snapshot(text).to_string(), text);
    }
    EXPECT_EQ(snapshot("lsn:0/16B3748"), SourceSnapshot::of_standby({0x16B3748}));
    EXPECT_EQ(SourceSnapshot::of_standby({0x16B3748}).to_string(), "lsn:0/16B3748");
}

// A commit record begins where the last replayed record ends, or behind the head of a page.
TEST(SourceSnapshot, OfAStandbyLeavesInDoubtWhoseCommitIsTheNextRecord) {
    auto of = SourceSnapshot::of_standby({0x1000});
    EXPECT_FALSE(of.is_doubtful({0xFFF}));
    EXPECT_TRUE(of.is_doubtful({0x1000}));
    EXPECT_TRUE(of.is_doubtful({0x1000 + 24}));
    EXPECT_FALSE(of.is_doubtful({0x1000 + 65}));
    EXPECT_FALSE(snapshot("100:105:").is_doubtful({0x1000}));

    of.settle_doubt();

    EXPECT_FALSE(of.is_doubtful({0x1000}));
    EXPECT_EQ(of.to_string(), "lsn:0/1000:settled");
    EXPECT_EQ(snapshot("lsn:0/1000:settled"), of);
    EXPECT_EQ(SourceSnapshot::parse("lsn::settled"), std::nullopt);
}

TEST(SourceSnapshot, RefusesOtherText) {
    for (const char* text : {"",
                             "100",
                             "100:",
                             "100:105",
                             "0:5:",
                             "5:0:",
                             "100:105:99",
                             "100:105:105",
                             "100:105:103,102",
                             "100:105:102,102",
                             "100:105:101,",
                             "100:105:,101",
                             "100:105:101;103",
                             " 100:105:",
                             "-1:105:",
                             "100:105:x",
                             "99999999999999999999:99999999999999999999:",
                             "lsn:",
                             "lsn:0/0",
                             "lsn:5"}) {
        EXPECT_FALSE(SourceSnapshot::parse(text).has_value()) << text;
    }
}

TEST(SourceSnapshot, OfAStandbySeesWhatWasReplayed) {
    const auto of = SourceSnapshot::of_standby({100});
    EXPECT_TRUE(of.is_of_standby());
    EXPECT_TRUE(of.sees(7, {100}));
    EXPECT_FALSE(of.sees(7, {101}));
    EXPECT_TRUE(of.includes(SourceSnapshot::of_standby({100})));
    EXPECT_TRUE(of.includes(SourceSnapshot::of_standby({99})));
    EXPECT_FALSE(of.includes(SourceSnapshot::of_standby({101})));
}

TEST(SourceSnapshot, OfAStandbyIsNotComparedWithOneOfAPrimary) {
    const auto standby = SourceSnapshot::of_standby({100});
    const auto primary = snapshot("100:100:");
    EXPECT_FALSE(primary.is_of_standby());
    EXPECT_THROW((void)standby.includes(primary), Error);
    EXPECT_THROW((void)primary.includes(standby), Error);
}

// --- against a model: a set of the xids that are seen ---

struct Modelled {
    SourceSnapshot made;
    std::set<std::uint64_t> seen;
};

constexpr std::uint64_t kXids = 14;

Modelled random_snapshot(std::mt19937& random, std::uint64_t first) {
    std::string running;
    Modelled modelled;
    const std::uint64_t xmin = first + random() % kXids;
    const std::uint64_t xmax = xmin + random() % (first + kXids - xmin + 1);
    for (std::uint64_t xid = first; xid < xmax; ++xid) {
        const bool runs = xid >= xmin && random() % 3 == 0;
        if (runs) running += (running.empty() ? "" : ",") + std::to_string(xid);
        if (!runs) modelled.seen.insert(xid);
    }
    modelled.made = snapshot(std::to_string(xmin) + ':' + std::to_string(xmax) + ':' + running);
    return modelled;
}

class RandomSnapshots : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomSnapshots, AgreeWithASetOfXids) {
    std::mt19937 random(static_cast<unsigned>(GetParam() % 1'000'003));
    int included = 0;
    for (int round = 0; round < 20'000; ++round) {
        const Modelled one = random_snapshot(random, GetParam());
        const Modelled other = random_snapshot(random, GetParam());
        for (std::uint64_t xid = GetParam(); xid < GetParam() + kXids + 2; ++xid) {
            ASSERT_EQ(sees(one.made, static_cast<std::uint32_t>(xid)), one.seen.contains(xid))
                << one.made.to_string() << " and " << xid;
        }
        const bool expected = std::ranges::includes(one.seen, other.seen);
        ASSERT_EQ(one.made.includes(other.made), expected)
            << one.made.to_string() << " and " << other.made.to_string();
        included += expected ? 1 : 0;
    }
    EXPECT_GT(included, 500);
}

// Early, around the middle of an epoch, and where an epoch ends.
INSTANTIATE_TEST_SUITE_P(Epochs, RandomSnapshots,
                         ::testing::Values(3, 2147483641, 4294967289, 12884901881, 1ULL << 40));

}  // namespace
}  // namespace walpack
