#include "apply/cell.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/big_endian.h"
#include "base/error.h"
#include "support/mapping_builder.h"

namespace walpack {
namespace {

using test::MappingBuilder;
using test::text;

std::string word(std::int32_t number) {
    std::string bytes(4, '\0');
    store_big_endian(bytes.data(), number);
    return bytes;
}

std::string interval(std::int64_t microseconds, std::int32_t days, std::int32_t months) {
    std::string bytes(8, '\0');
    store_big_endian(bytes.data(), microseconds);
    return bytes + word(days) + word(months);
}

const std::string kInfinity = interval(INT64_MAX, INT32_MAX, INT32_MAX);
const std::string kMinusInfinity = interval(INT64_MIN, INT32_MIN, INT32_MIN);

// One dimension, no NULLs; the elements' type does not matter here.
std::string array_of(std::initializer_list<std::string> elements) {
    std::string bytes =
        word(1) + word(0) + word(1186) + word(static_cast<std::int32_t>(elements.size())) + word(1);
    for (const std::string& element : elements)
        bytes += word(static_cast<std::int32_t>(element.size())) + element;
    return bytes;
}

bool takes(int server_version, const MappingBuilder& builder, const std::string& value) {
    const std::shared_ptr<const RelationMapping> mapping = builder.map();
    const ColumnMapping& column = mapping->columns.front();
    std::string cell;
    try {
        CellEncoder(server_version).append(column, form_of(column.binding), text(value), cell);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::value);
        return false;
    }
    EXPECT_EQ(cell.size(), Cell::kHeadBytes + value.size());
    return true;
}

TEST(Cell, AnInfiniteIntervalIsRefusedForAServerThatHasNone) {
    const MappingBuilder table = MappingBuilder("t").column("v", "interval");
    for (const std::string& infinite : {kInfinity, kMinusInfinity}) {
        EXPECT_FALSE(takes(160000, table, infinite));
        EXPECT_TRUE(takes(170000, table, infinite));
    }
    EXPECT_TRUE(takes(160000, table, interval(INT64_MAX, INT32_MAX, 0)));
}

TEST(Cell, SoIsAnArrayThatHasOne) {
    const MappingBuilder table = MappingBuilder("t").array("v", "interval");
    const std::string finite = interval(1, 2, 3);
    for (const std::string& infinite : {kInfinity, kMinusInfinity}) {
        EXPECT_FALSE(takes(160000, table, array_of({infinite})));
        EXPECT_FALSE(takes(160000, table, array_of({finite, infinite, finite})));
        EXPECT_TRUE(takes(170000, table, array_of({finite, infinite, finite})));
    }
    EXPECT_TRUE(takes(160000, table, array_of({finite, interval(INT64_MIN, 0, INT32_MIN)})));
}

}  // namespace
}  // namespace walpack
