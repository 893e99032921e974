#include "quarantine/held_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;
using test::OwnedChange;
using testing::ElementsAre;

HeldColumn text_column(const std::string& name, const std::string& text) {
    return {name, {HeldValue::Form::text, text}};
}

TEST(HeldJson, KeepsEveryForm) {
    const HeldTuple tuple = {text_column("a", "1"),
                             {"n", {}},
                             {"u", {HeldValue::Form::unchanged, ""}},
                             {"b", {HeldValue::Form::binary, std::string("\0\xff", 2)}}};
    EXPECT_EQ(to_json(tuple, true),
              R"({"a": "1", "n": null, "u": {"unchanged": true}, "b": {"binary": "00ff"}})");
    EXPECT_EQ(parse_held_tuple(to_json(tuple, true)), tuple);
}

TEST(HeldJson, IsAsciiWhateverTheTextHolds) {
    const HeldTuple tuple = {text_column("naïve \"x\"", "\n\t\\ \x7f € 🐘 \x01")};
    const std::string json = to_json(tuple, true);
    EXPECT_TRUE(std::ranges::all_of(json, [](char c) { return c >= 0x20 && c < 0x7f; })) << json;
    EXPECT_EQ(parse_held_tuple(json), tuple);
}

TEST(HeldJson, KeepsBytesOfOtherEncodings) {
    const HeldTuple tuple = {text_column("a", "caf\xe9")};
    EXPECT_EQ(to_json(tuple, false), R"({"a": {"text": "636166e9"}})");
    EXPECT_EQ(to_json(tuple, true), R"({"a": {"text": "636166e9"}})") << "it is not UTF-8";
    EXPECT_EQ(parse_held_tuple(to_json(tuple, false)), tuple);
}

TEST(HeldJson, ReadsWhatOthersWouldWrite) {
    EXPECT_THAT(parse_held_tuple("{\"a\" :\"\\u00e9\\n\", \"b\": \"\xc3\xa9\"}"),
                ElementsAre(text_column("a", "\xc3\xa9\n"), text_column("b", "\xc3\xa9")));
    EXPECT_THAT(parse_held_names("[\"a\", \"b c\"]"), ElementsAre("a", "b c"));
    EXPECT_TRUE(parse_held_tuple("{}").empty());
}

class BadHeldJson : public testing::TestWithParam<const char*> {};

TEST_P(BadHeldJson, IsRefused) {
    EXPECT_THROW(parse_held_tuple(GetParam()), Error);
}

INSTANTIATE_TEST_SUITE_P(All, BadHeldJson,
                         testing::Values("", "{", "[]", "{\"a\"}", "{\"a\": 1}", "{\"a\": \"x}",
                                         "{\"a\": null} x", "{\"a\": {\"other\": \"x\"}}",
                                         "{\"a\": \"\\u12\"}", "{\"a\": \"\\ud800\"}"));

TEST(HeldRow, BecomesTheSameChangeAgain) {
    const auto mapping = MappingBuilder("t").key("id", "int4").column("v", "text").map();
    OwnedChange owned(ChangeKind::update_key, {test::integer(1)},
                      {test::integer(2), test::unchanged()});
    owned.change.relation = mapping->relation;
    RefusedRow refused{owned.change, mapping, {Lsn{16}, 7, 0, 3}, "23514", "no", "c", "v", "value"};
    const HeldRow row = held_row(refused, "UTF8");
    EXPECT_THAT(row.old_row, ElementsAre(text_column("id", "1")));
    EXPECT_THAT(row.key_columns, ElementsAre("id"));
    const HeldChange held(row, false);
    EXPECT_EQ(held.change().kind, ChangeKind::update_key);
    EXPECT_EQ(held.change().old_tuple[0].bytes, "1");
    EXPECT_EQ(held.change().new_tuple[0].bytes, "2");
    EXPECT_TRUE(held.change().new_tuple[1].is_unchanged_toast());
    EXPECT_THAT(held.change().relation->key_attributes, ElementsAre(0U));
}

TEST(HeldRow, TakesTheValuesOfAnEdit) {
    HeldRow row;
    row.new_row = {text_column("id", "1"), text_column("v", "bad")};
    row.edits = {text_column("v", "good")};
    EXPECT_EQ(HeldChange(row, true).change().new_tuple[1].bytes, "good");
    EXPECT_EQ(HeldChange(row, false).change().new_tuple[1].bytes, "bad");
}

TEST(HeldRow, KeepsMoneyInItsBinaryForm) {
    const auto mapping = MappingBuilder("t").key("id", "int4").column("m", "money").map();
    OwnedChange owned(ChangeKind::insert, {}, {test::integer(1), test::integer(150)});
    owned.change.relation = mapping->relation;
    const HeldRow row = held_row({owned.change, mapping, {}, "", "", "", "", ""}, "UTF8");
    EXPECT_EQ(row.new_row[1].value.form, HeldValue::Form::binary);
    EXPECT_EQ(row.new_row[1].value.bytes, std::string("\0\0\0\0\0\0\0\x96", 8));
}

TEST(HeldRow, OfAMissingColumnNamesItWhenItIsApplied) {
    HeldRow row;
    row.table = {"public", "t"};
    row.new_row = {text_column("gone", "1")};
    const HeldChange held(row, false);
    try {
        (void)held.map(std::make_shared<const TargetTable>());
        FAIL() << "it was mapped";
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), testing::HasSubstr("\"gone\""));
    }
}

TEST(HeldRow, NamesAllKindsOfChanges) {
    for (const ChangeKind kind :
         {ChangeKind::insert, ChangeKind::update, ChangeKind::update_key, ChangeKind::update_full,
          ChangeKind::delete_key, ChangeKind::delete_full, ChangeKind::delete_none})
        EXPECT_EQ(change_of(name_of(kind)), kind);
    EXPECT_THROW(change_of("replace"), Error);
}

}  // namespace
}  // namespace walpack
