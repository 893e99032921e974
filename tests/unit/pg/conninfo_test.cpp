#include "pg/conninfo.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

TEST(Conninfo, ReadsKeywordValuePairs) {
    const Conninfo conninfo = Conninfo::parse("host=h port=5433 dbname='my db'");
    EXPECT_EQ(conninfo.keywords().at("host"), "h");
    EXPECT_EQ(conninfo.keywords().at("dbname"), "my db");
}

TEST(Conninfo, ReadsUris) {
    const Conninfo conninfo = Conninfo::parse("postgresql://u@h:5433/d?sslmode=require");
    EXPECT_EQ(conninfo.keywords().at("user"), "u");
    EXPECT_EQ(conninfo.keywords().at("sslmode"), "require");
}

TEST(Conninfo, RefusesTextThatLibpqCannotRead) {
    EXPECT_THROW(Conninfo::parse("host=h nonsense"), Error);
}

TEST(Conninfo, DoesNotRepeatAnUnreadableTextInItsError) {
    try {
        Conninfo::parse("password=hunter2 'oops");
        FAIL() << "it was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.report().find("hunter2"), std::string::npos);
    }
}

TEST(Conninfo, KnowsWhetherItHoldsASecret) {
    EXPECT_TRUE(Conninfo::parse("password=x").has_secret());
    EXPECT_TRUE(Conninfo::parse("postgresql://u:x@h/d").has_secret());
    EXPECT_TRUE(Conninfo::parse("sslpassword=x").has_secret());
    EXPECT_FALSE(Conninfo::parse("host=h passfile=/x").has_secret());
}

TEST(Conninfo, DescribesItselfWithoutThePassword) {
    const std::string text = Conninfo::parse("postgresql://u:hunter2@h/d").describe();
    EXPECT_EQ(text, "host=h dbname=d user=u");
}

TEST(Conninfo, HidesAConnectionStringGivenAsDatabaseName) {
    const std::string text = Conninfo::parse("dbname='password=hunter2'").describe();
    EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(Conninfo, DefaultsDoNotOverrideWhatWasGiven) {
    Conninfo conninfo = Conninfo::parse("keepalives_idle=5");
    conninfo.set_default("keepalives_idle", "20");
    EXPECT_EQ(conninfo.keywords().at("keepalives_idle"), "5");
}

}  // namespace
}  // namespace walpack
