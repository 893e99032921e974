#include "cli/json_writer.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

template <typename Write>
std::string written(Write write) {
    std::string out;
    JsonWriter json(out);
    write(json);
    return out;
}

std::string text(std::string_view value) {
    return written([&](JsonWriter& json) { json.text(value); });
}

TEST(JsonWriter, PutsCommasBetweenMembersAndElements) {
    EXPECT_EQ(written([](JsonWriter& json) {
                  json.begin_object();
                  json.key("a");
                  json.begin_array();
                  json.integer(-1);
                  json.unsigned_integer(UINT64_MAX);
                  json.end_array();
                  json.key("b");
                  json.begin_object();
                  json.end_object();
                  json.key("c");
                  json.null();
                  json.end_object();
              }),
              "{\"a\":[-1,18446744073709551615],\"b\":{},\"c\":null}");
}

TEST(JsonWriter, StartsEachLineWithoutComma) {
    EXPECT_EQ(written([](JsonWriter& json) {
                  json.boolean(true);
                  json.newline();
                  json.boolean(false);
              }),
              "true\nfalse");
}

TEST(JsonWriter, EscapesQuotesAndBackslashes) {
    EXPECT_EQ(text("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
}

TEST(JsonWriter, EscapesControlCharacters) {
    EXPECT_EQ(text(std::string_view("\0\x1f\b\f\n\r\t\x7f", 8)),
              "\"\\u0000\\u001f\\b\\f\\n\\r\\t\x7f\"");
}

TEST(JsonWriter, EscapesKeys) {
    EXPECT_EQ(written([](JsonWriter& json) { json.key("\"\n"); }), "\"\\\"\\n\":");
}

TEST(JsonWriter, KeepsTextOfEveryUtf8Length) {
    EXPECT_EQ(text("aé€😀\U0010FFFF"), "\"aé€😀\U0010FFFF\"");
}

struct Invalid {
    std::string name;
    std::string bytes;
    std::string hex;
};

class JsonWriterInvalidUtf8 : public testing::TestWithParam<Invalid> {};

TEST_P(JsonWriterInvalidUtf8, IsWrittenAsHex) {
    EXPECT_EQ(text(GetParam().bytes), "\"\\\\x" + GetParam().hex + "\"");
}

INSTANTIATE_TEST_SUITE_P(Of, JsonWriterInvalidUtf8,
                         testing::Values(Invalid{"LoneContinuation", "\x80", "80"},
                                         Invalid{"CutSequence", "a\xe2\x82", "61e282"},
                                         Invalid{"Overlong", "\xc0\x80", "c080"},
                                         Invalid{"OverlongOfThree", "\xe0\x80\x80", "e08080"},
                                         Invalid{"OverlongOfFour", "\xf0\x80\x80\x80", "f0808080"},
                                         Invalid{"Surrogate", "\xed\xa0\x80", "eda080"},
                                         Invalid{"BeyondTheLast", "\xf4\x90\x80\x80", "f4908080"},
                                         Invalid{"Latin1", "\xe4", "e4"},
                                         Invalid{"WrongThirdByte",
                                                 "\xe2\x82"
                                                 "a",
                                                 "e28261"}),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace walpack
