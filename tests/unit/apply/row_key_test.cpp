#include "apply/row_key.h"

#include <gtest/gtest.h>

#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::integer;
using test::MappingBuilder;
using test::OwnedChange;
using test::text;

std::string described(const MappingBuilder& builder, const OwnedChange& owned) {
    const auto mapping = builder.map();
    const auto identity = identity_of(*mapping, owned.change.kind);
    return describe_row_key(identity, pack_row_key(identity, owned.change));
}

TEST(RowKey, NamesColumnsAndValues) {
    EXPECT_EQ(described(MappingBuilder("t").key("id", "int4").key("name", "text"),
                        {ChangeKind::insert, {}, {integer(-5), text("abc")}}),
              "(id, name)=(-5, abc)");
}

TEST(RowKey, IsTheOldKeyOfAChangedOne) {
    EXPECT_EQ(described(MappingBuilder("t").column("v", "text").key("id", "int4"),
                        {ChangeKind::update_key, {integer(1)}, {text("x"), integer(2)}}),
              "(id)=(1)");
}

TEST(RowKey, HoldsNothingButTheKey) {
    EXPECT_EQ(described(MappingBuilder("t").key("id", "int4").column("secret", "text"),
                        {ChangeKind::insert, {}, {integer(1), text("hidden")}}),
              "(id)=(1)");
}

TEST(RowKey, IsEmptyWithoutAKey) {
    EXPECT_EQ(described(MappingBuilder("t").column("v", "text").full(),
                        {ChangeKind::delete_full, {text("x")}, {}}),
              "");
}

TEST(RowKey, CutsLongValues) {
    const std::string key = described(MappingBuilder("t").key("id", "text"),
                                      {ChangeKind::insert, {}, {text(std::string(500, 'x'))}});
    EXPECT_EQ(key, "(id)=(" + std::string(100, 'x') + "...)");
}

TEST(RowKey, DoesNotCutACharacterInHalf) {
    std::string umlauts;
    for (int count = 0; count < 60; ++count) umlauts += "\u00e4";
    const std::string value = "x" + umlauts;
    const std::string key =
        described(MappingBuilder("t").key("id", "text"), {ChangeKind::insert, {}, {text(value)}});
    EXPECT_EQ(key, "(id)=(" + value.substr(0, 99) + "...)");
}

TEST(RowKey, ShowsWhatHasNoTextInHexadecimal) {
    EXPECT_EQ(described(MappingBuilder("t").key("id", "inet"),
                        {ChangeKind::insert, {}, {text("\x02\x20")}}),
              "(id)=(\\x0220)");
}

}  // namespace
}  // namespace walpack
