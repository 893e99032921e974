// Databases in different encodings: names and values arrive as the same characters.
#include "support/scenario.h"

namespace walpack::e2e {
namespace {

constexpr const char* kLatin1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";

class LatinSource : public Scenario {
  protected:
    LatinSource() : Scenario({.source = kLatin1}) {}
};

class LatinTarget : public Scenario {
  protected:
    LatinTarget() : Scenario({.target = kLatin1}) {}
};

class LatinBothEnds : public Scenario {
  protected:
    LatinBothEnds() : Scenario({.source = kLatin1, .target = kLatin1}) {}
};

// Statements are written in UTF8; the servers convert.
constexpr const char* kSchema =
    "CREATE TYPE \"Größe\" AS ENUM ('klein', 'groß'); "
    "CREATE TABLE \"Straße\" (\"Schlüssel\" text PRIMARY KEY, v varchar(20), c char(5), "
    "a text[], e \"Größe\", es \"Größe\"[], j jsonb, js json, n name, x \"char\", "
    "r int4range, b bytea)";

std::string rows(const std::string& prefix) {
    return "INSERT INTO \"Straße\" SELECT '" + prefix +
           "é' || g, 'naïve', 'ñ', ARRAY['ü', NULL, '\"ö\"'], 'groß', "
           "ARRAY['groß', 'klein']::\"Größe\"[], '{\"ä\": \"ÿ\"}', '{\"ä\": \"ÿ\"}', "
           "'ß', 'x', '[1,2)', '\\xe4ff' FROM generate_series(1, 5) g";
}

constexpr const char* kChanges =
    "UPDATE \"Straße\" SET v = 'über', \"Schlüssel\" = 'ø' || "
    "\"Schlüssel\" WHERE \"Schlüssel\" LIKE '%2'; "
    "DELETE FROM \"Straße\" WHERE \"Schlüssel\" LIKE '%3'";

TEST_F(LatinSource, ArrivesInAUtf8Target) {
    on_both(kSchema);
    source().execute(rows("copied "));
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute(rows("streamed "));
    source().execute(kChanges);
    catch_up();
    expect_equal();
    EXPECT_EQ(target().value("SELECT count(*) FROM \"Straße\""), "8");
}

TEST_F(LatinBothEnds, ArrivesUnconverted) {
    on_both(kSchema);
    source().execute(rows("copied "));
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute(rows("streamed "));
    source().execute(kChanges);
    catch_up();
    expect_equal();
}

TEST_F(LatinTarget, TakesWhatItCanRepresentAndRefusesTheRest) {
    on_both(kSchema);
    source().execute(rows("copied "));
    consumer().init();
    consumer().start();
    wait_until_streaming();
    source().execute(rows("streamed "));
    source().execute(kChanges);
    catch_up();
    expect_equal();
    source().execute("INSERT INTO \"Straße\" (\"Schlüssel\") VALUES ('€')");
    const std::string log = expect_refusal();
    EXPECT_TRUE(contains(log, "Straße"));
    EXPECT_TRUE(names_an_lsn(log));
}

// The string that holds the statement does not get past the conversion.
TEST_F(LatinTarget, WhatCannotBeConvertedOfTheStructureIsListed) {
    source().execute(
        "CREATE TABLE other (id int PRIMARY KEY, n int); "
        "COMMENT ON TABLE other IS 'таблица'");
    const Finished init = consumer().command("init");
    EXPECT_TRUE(contains(init.output, "COMMENT ON TABLE public.other")) << init.output;
    EXPECT_FALSE(contains(init.output, "3B001")) << init.output;
    EXPECT_EQ(target().value("SELECT to_regclass('public.other') IS NOT NULL"), "t");
    EXPECT_TRUE(contains(consumer().command("status").output,
                         "COMMENT ON TABLE public.other IS '" + std::string(7, '?')));
}

}  // namespace
}  // namespace walpack::e2e
