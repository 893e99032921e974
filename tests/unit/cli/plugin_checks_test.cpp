#include "cli/plugin_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PluginLibrariesFix, KeepsThePresentEntries) {
    const std::string fix = plugin_libraries_fix("pgoutput, wal2json", {});
    EXPECT_THAT(fix, HasSubstr("ALTER SYSTEM SET output_plugin_libraries = pgoutput, wal2json, "
                               "walpack;"));
    EXPECT_THAT(fix, HasSubstr("output_plugin_libraries = 'pgoutput, wal2json, walpack'"));
    EXPECT_THAT(fix, Not(HasSubstr("hidden")));
}

TEST(PluginLibrariesFix, AddsThePluginsOfExistingSlots) {
    EXPECT_THAT(plugin_libraries_fix("pgoutput", {"decoderbufs", "pgoutput"}),
                HasSubstr("= pgoutput, decoderbufs, walpack;"));
}

TEST(PluginLibrariesFix, StartsFromTheDefaultWhenTheSettingIsHidden) {
    const std::string fix = plugin_libraries_fix(std::nullopt, {});
    EXPECT_THAT(fix, HasSubstr("= pgoutput, test_decoding, walpack;"));
    EXPECT_THAT(fix, HasSubstr("hidden"));
}

TEST(PluginLibrariesFix, ListsEachNameOnceAlsoWhenItWasOneOddName) {
    // What ALTER SYSTEM makes of 'pgoutput, walpack' written as one text.
    EXPECT_THAT(plugin_libraries_fix("\"pgoutput, walpack\"", {"walpack"}),
                HasSubstr("= pgoutput, walpack;"));
}

TEST(PluginLibrariesFix, QuotesPathsAndUpperCase) {
    EXPECT_THAT(plugin_libraries_fix("$libdir/Old", {}), HasSubstr("= '$libdir/Old', walpack;"));
}

TEST(PluginLibrariesFix, WorksOnAnEmptyList) {
    EXPECT_THAT(plugin_libraries_fix("", {}), HasSubstr("= walpack;"));
}

}  // namespace
}  // namespace walpack
