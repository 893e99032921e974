// The configuration as an operator meets it: what a file and flags give together, and what is
// refused with which words.
#include "config/config.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/config/config_file_text.h"

namespace walpack {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Flags = std::map<std::string, std::string>;

constexpr const char* kEnds = "source = \"dbname=from\"\ntarget = \"dbname=to\"\n";
constexpr std::filesystem::perms kGroupReadable =
    std::filesystem::perms::owner_read | std::filesystem::perms::group_read;

Config load(const std::string& lines, const Flags& flags = {}) {
    const ConfigFileText file(kEnds + lines);
    return load_config(file.path(), flags);
}

Error error_of(const std::string& text, const Flags& flags = {},
               std::filesystem::perms mode = std::filesystem::perms::owner_read) {
    const ConfigFileText file(text, mode);
    try {
        load_config(file.path(), flags);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was refused";
    return {ErrorKind::cancelled, ""};
}

Error error_of_line(const std::string& line) {
    return error_of(kEnds + line);
}

TEST(Config, DerivesSlotAndPublicationFromThePipeline) {
    const Config config = load("pipeline = \"shop\"");
    EXPECT_EQ(config.slot, "walpack_shop");
    EXPECT_THAT(config.publications, ElementsAre("walpack_shop"));
}

TEST(Config, NeedsNoFile) {
    const Config config =
        load_config(std::nullopt, {{"source", "dbname=from"}, {"target", "dbname=to"}});
    EXPECT_EQ(config.source.describe(), "dbname=from");
}

TEST(Config, TakesValuesOfEveryKind) {
    const Config config = load(
        "copy = false\ngroup_rows_max = 7\nlog_memory_max = \"2MB\"\nframe_bytes = 4096\n"
        "receive_timeout = \"2min\"\nlog_level = \"debug\"\npublications = [\"a\", '\"B b\"']\n");
    EXPECT_FALSE(config.copy);
    EXPECT_EQ(config.group_rows_max, 7U);
    EXPECT_EQ(config.log_memory_max, 2U << 20);
    EXPECT_EQ(config.frame_bytes, 4096U);
    EXPECT_EQ(config.receive_timeout, milliseconds(120'000));
    EXPECT_EQ(config.log_level, log::Level::debug);
    EXPECT_THAT(config.publications, ElementsAre("a", "B b"));
}

TEST(Config, QuotesTables) {
    const Config config = load("tables = [\"public.Orders\", 'public.\"My \"\"Table\"']");
    EXPECT_THAT(config.tables, ElementsAre("\"public\".\"orders\"", "\"public\".\"My \"\"Table\""));
}

TEST(Config, LetsFlagsOverrideTheFile) {
    const Config config = load("group_rows_max = 7\nslot = \"of_file\"", {{"slot", "of_flag"}});
    EXPECT_EQ(config.slot, "of_flag");
    EXPECT_EQ(config.group_rows_max, 7U);
}

TEST(Config, TakesListsWithCommasFromFlags) {
    const Config config = load("", {{"tables", "public.a, public.\"B,c\""}, {"copy", "off"}});
    EXPECT_THAT(config.tables, ElementsAre("\"public\".\"a\"", "\"public\".\"B,c\""));
    EXPECT_FALSE(config.copy);
}

TEST(Config, NamesFileLineKeyAndTheNearestKeyOfAnUnknownOne) {
    const Error error = error_of_line("grup_rows_max = 5");
    EXPECT_EQ(error.kind(), ErrorKind::config);
    EXPECT_THAT(error.message(), HasSubstr("line 3, key \"grup_rows_max\": there is no such key"));
    EXPECT_THAT(error.hint(), HasSubstr("\"group_rows_max\""));
}

TEST(Config, ListsTheKeysWhenNothingIsAlike) {
    EXPECT_THAT(error_of_line("zzzzzzzzzzzz = 5").hint(), HasSubstr("pipeline, source, target"));
}

TEST(Config, RefusesSections) {
    EXPECT_THAT(error_of_line("[slot]\nname = 1").message(),
                HasSubstr("line 3, table [slot]: there is no such table"));
}

TEST(Config, RefusesTextWhereAnIntegerIsNeeded) {
    EXPECT_THAT(error_of_line("group_rows_max = \"5\"").message(), HasSubstr("needs an integer"));
}

TEST(Config, RefusesCountsOutOfRange) {
    EXPECT_THAT(error_of_line("group_rows_max = 0").hint(), HasSubstr("from 1 to"));
    EXPECT_THAT(error_of_line("group_rows_max = -1").message(), HasSubstr("in range"));
}

TEST(Config, RefusesUnknownUnitsOfBytes) {
    EXPECT_THAT(error_of_line("log_bytes_max = \"64mb\"").hint(), HasSubstr("MB"));
}

TEST(Config, RefusesBytesThatOverflow) {
    EXPECT_THAT(error_of_line("log_bytes_max = \"99999999999999TB\"").message(),
                HasSubstr("not a number of bytes"));
}

TEST(Config, RefusesDurationsWithoutAUnit) {
    EXPECT_THAT(error_of_line("status_interval = 10").message(), HasSubstr("needs a unit"));
    EXPECT_THAT(error_of_line("status_interval = \"10\"").message(), HasSubstr("needs a unit"));
}

TEST(Config, RefusesNamesThatASlotCannotHave) {
    EXPECT_THAT(error_of_line("pipeline = \"Main\"").hint(), HasSubstr("lower case"));
    EXPECT_THAT(error_of_line("slot = \"\"").message(), HasSubstr("key \"slot\""));
    EXPECT_THAT(error_of_line("pipeline = \"" + std::string(41, 'a') + "\"").hint(),
                HasSubstr("1 to 40"));
}

TEST(Config, RefusesTablesWithoutSchema) {
    EXPECT_THAT(error_of_line("tables = [\"orders\"]").message(), HasSubstr("needs its schema"));
}

TEST(Config, RefusesWhatIsNotToml) {
    EXPECT_THAT(error_of_line("slot = ").message(), HasSubstr("line 3: not valid TOML"));
}

TEST(Config, RefusesAFileThatIsNotThere) {
    EXPECT_THROW(load_config("/nowhere/walpack.toml", {}), Error);
}

TEST(Config, AsksForRequiredKeys) {
    EXPECT_THAT(error_of("source = \"dbname=x\"").message(), HasSubstr("\"target\" is not set"));
    EXPECT_THAT(error_of("target = \"dbname=x\"").message(), HasSubstr("\"source\" is not set"));
}

TEST(Config, RefusesKeysThatContradictEachOther) {
    EXPECT_THAT(error_of_line("retry_delay_min = \"1min\"").message(),
                HasSubstr("retry_delay_max"));
    EXPECT_THAT(error_of_line("receive_timeout = \"1s\"").message(), HasSubstr("status_interval"));
}

TEST(ConfigSecrets, TakesAPasswordFromAFileThatIsTheOwnersAlone) {
    const ConfigFileText file("source = \"password=geheim\"\ntarget = \"\"");
    EXPECT_TRUE(load_config(file.path(), {}).source.has_secret());
}

TEST(ConfigSecrets, RefusesAPasswordInAFileThatTheGroupCanRead) {
    const Error error = error_of("source = \"password=geheim\"\ntarget = \"\"", {}, kGroupReadable);
    EXPECT_THAT(error.hint(), HasSubstr("chmod 600"));
    EXPECT_THAT(error.report(), Not(HasSubstr("geheim")));
}

TEST(ConfigSecrets, LetsOthersReadAFileWithoutPasswords) {
    const ConfigFileText file(kEnds, kGroupReadable);
    EXPECT_NO_THROW(load_config(file.path(), {}));
}

TEST(ConfigSecrets, RefusesAPasswordOnTheCommandLine) {
    const Error error = error_of(kEnds, {{"source", "postgresql://u:geheim@db/x"}});
    EXPECT_THAT(error.message(), HasSubstr("flag --source"));
    EXPECT_THAT(error.hint(), HasSubstr(".pgpass"));
    EXPECT_THAT(error.report(), Not(HasSubstr("geheim")));
}

TEST(ConfigSecrets, KeepsAnInvalidConnectionStringOutOfTheMessage) {
    const Error error = error_of("source = \"pasword=geheim\"\ntarget = \"\"");
    EXPECT_THAT(error.message(), HasSubstr("line 1, key \"source\""));
    EXPECT_THAT(error.report(), Not(HasSubstr("geheim")));
}

TEST(ConfigSecrets, KeepsPasswordsOutOfTheDescription) {
    const ConfigFileText file("source = \"host=db password=geheim\"\ntarget = \"dbname=to\"");
    const std::string text = describe(load_config(file.path(), {}));
    EXPECT_THAT(text, HasSubstr("source = \"host=db\"\n"));
    EXPECT_THAT(text, Not(HasSubstr("geheim")));
}

TEST(ConfigSecrets, TellTargetsApartThoughTheyAreNotShown) {
    const auto with_target = [](const std::string& conninfo) {
        const ConfigFileText file("source = \"dbname=from\"\ntarget = \"" + conninfo + "\"\n");
        return load_config(file.path(), {});
    };
    const Config before = with_target("dbname=to password=old");
    EXPECT_TRUE(is_same_target(before, with_target("password=old dbname=to")));
    for (const char* conninfo :
         {"dbname=to password=new", "dbname=to", "dbname=to password=old sslmode=require",
          "dbname=to password=old sslcert=/tls/client.crt",
          "dbname=to password=old options=-cwork_mem=1MB"}) {
        const Config after = with_target(conninfo);
        EXPECT_EQ(describe(before), describe(after));
        EXPECT_FALSE(is_same_target(before, after)) << conninfo;
    }
}

TEST(Config, DescribesEveryKeyOnALineOfItsOwn) {
    const std::string text = describe(load(""));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
              static_cast<std::ptrdiff_t>(config_keys().size()));
    EXPECT_THAT(text, HasSubstr("durable_interval = \"1s\"\n"));
    EXPECT_THAT(text, HasSubstr("log_memory_max = \"64MB\"\n"));
}

TEST(ConfigKeys, HaveHelpAndADefaultThatTheFileWouldTake) {
    for (const ConfigKey& key : config_keys()) {
        SCOPED_TRACE(key.name);
        EXPECT_THAT(key.description, Not(IsEmpty()));
        EXPECT_THAT(key.value_name, Not(IsEmpty()));
        const bool is_explained =
            key.default_text == "required" || key.default_text.find('<') != std::string::npos;
        if (is_explained) continue;
        EXPECT_NO_THROW(load(key.name + " = " + key.default_text));
    }
}

TEST(Config, AsksForNoStreamingAndNoCompressionUnlessTold) {
    const Config config = load("");
    EXPECT_FALSE(config.streaming);
    EXPECT_EQ(config.compression, "none");
}

TEST(Config, TakesStreamingAndCompression) {
    const Config config =
        load("streaming = true\ncompression = \"zstd\"\nspool_directory = \"/var/spool\"");
    EXPECT_TRUE(config.streaming);
    EXPECT_EQ(config.compression, "zstd");
    EXPECT_EQ(config.spool_directory, "/var/spool");
}

TEST(Config, AppliesInGroupsOverOneConnectionUnlessTold) {
    const Config config = load("");
    EXPECT_EQ(config.apply_workers, 1U);
    EXPECT_TRUE(config.grouping);
    EXPECT_TRUE(config.batching);
    EXPECT_TRUE(config.coalescing);
    EXPECT_EQ(config.group_rows_max, 10'000U);
    EXPECT_EQ(config.group_bytes_max, 4U << 20);
    EXPECT_EQ(config.group_time_max, milliseconds(200));
}

TEST(Config, TakesHowToApply) {
    const Config config = load(
        "apply_workers = 4\ngrouping = false\nbatching = false\ncoalescing = false\n"
        "group_bytes_max = \"1MB\"\ngroup_time_max = \"50ms\"");
    EXPECT_EQ(config.apply_workers, 4U);
    EXPECT_FALSE(config.grouping);
    EXPECT_FALSE(config.batching);
    EXPECT_FALSE(config.coalescing);
    EXPECT_EQ(config.group_bytes_max, 1U << 20);
    EXPECT_EQ(config.group_time_max, milliseconds(50));
}

TEST(Config, RefusesMoreWorkersThanATargetShouldServe) {
    EXPECT_THAT(error_of_line("apply_workers = 0").hint(), HasSubstr("from 1 to 64"));
    EXPECT_THAT(error_of_line("apply_workers = 65").hint(), HasSubstr("from 1 to 64"));
}

TEST(Config, RefusesGroupLimitsOutOfRange) {
    EXPECT_THAT(error_of_line("group_bytes_max = \"1kB\"").message(), HasSubstr("out of range"));
    EXPECT_THAT(error_of_line("group_time_max = \"0ms\"").message(), HasSubstr("out of range"));
}

TEST(Config, NamesTheCompressionsThatThereAre) {
    const Error error = error_of_line("compression = \"gzip\"");
    EXPECT_THAT(error.message(), HasSubstr("not a valid compression"));
    EXPECT_EQ(error.hint(), "Write \"none\", \"lz4\" or \"zstd\".");
}

TEST(Config, RefusesASpoolDirectoryThatDependsOnWhereItIsStarted) {
    EXPECT_THAT(error_of_line("spool_directory = \"spool\"").message(),
                HasSubstr("not a whole path"));
}

TEST(Config, SpoolsToTheTemporaryFolderOfTheEnvironment) {
    const char* before = getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    setenv("TMPDIR", "/var/tmp", 1);
    EXPECT_EQ(load("").spool_directory, "/var/tmp");
    unsetenv("TMPDIR");
    EXPECT_EQ(load("").spool_directory, "/tmp");
    if (before != nullptr) setenv("TMPDIR", kept.c_str(), 1);
}

}  // namespace
}  // namespace walpack
