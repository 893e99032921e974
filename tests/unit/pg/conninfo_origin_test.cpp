#include "pg/conninfo_origin.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr const char* kFirst = "host=h port=1 dbname=d user=u password=before";

// What is written can be changed by the test.
class ConninfoOriginTest : public ::testing::Test {
  protected:
    void write(const std::string& text) { written_ = text; }
    Conninfo read_again() {
        origin_.read_again();
        return origin_.latest(first_);
    }
    static std::string password_of(const Conninfo& conninfo) {
        return conninfo.keywords().at("password");
    }

    std::string written_ = kFirst;
    Conninfo first_ = Conninfo::parse(kFirst);
    ConninfoOrigin origin_{"source", first_, [this] { return Conninfo::parse(written_); }};
};

TEST_F(ConninfoOriginTest, GivesWhatItWasMadeWithUntilItIsReadAgain) {
    write("host=h port=1 dbname=d user=u password=after");
    EXPECT_EQ(password_of(origin_.latest(first_)), "before");
    EXPECT_EQ(password_of(read_again()), "after");
}

TEST_F(ConninfoOriginTest, TakesUpAnotherRoleAndAnOptionThatIsGone) {
    write("host=h port=1 dbname=d user=other");
    const Conninfo now = read_again();
    EXPECT_EQ(now.keywords().at("user"), "other");
    EXPECT_FALSE(now.keywords().contains("password"));
}

TEST_F(ConninfoOriginTest, KeepsWhatWasSetOver) {
    Conninfo replication = first_;
    replication.set("replication", "database");
    replication.set("host", "one of several");
    write("host=h port=1 dbname=d user=u password=after");
    origin_.read_again();
    const Conninfo now = origin_.latest(replication);
    EXPECT_EQ(now.keywords().at("replication"), "database");
    EXPECT_EQ(now.keywords().at("host"), "one of several");
    EXPECT_EQ(password_of(now), "after");
}

TEST_F(ConninfoOriginTest, LeavesAnotherDatabaseToARestart) {
    for (const char* text : {"host=h port=1 dbname=other user=u password=after",
                             "host=h port=1 dbname=d service=s password=after",
                             "host=h port=1 user=u password=after"}) {
        write(text);
        EXPECT_EQ(password_of(read_again()), "before") << text;
    }
}

TEST_F(ConninfoOriginTest, LeavesAnotherServerToARestartUnlessItsSystemIsKnown) {
    write("host=other port=1 dbname=d user=u password=after");
    EXPECT_EQ(password_of(read_again()), "before");
    EXPECT_FALSE(origin_.must_be_looked_at());
    origin_.expect_system(7);
    EXPECT_EQ(password_of(read_again()), "after");
    EXPECT_TRUE(origin_.must_be_looked_at());
    EXPECT_NO_THROW(origin_.require_system(7));
    EXPECT_THROW(origin_.require_system(8), Error);
}

TEST_F(ConninfoOriginTest, LeavesWhatItHasWhenNothingCanBeRead) {
    write("host=h port=1 dbname=d user=u password=after");
    (void)read_again();
    write("nonsense");
    EXPECT_EQ(password_of(read_again()), "after");
}

}  // namespace
}  // namespace walpack
