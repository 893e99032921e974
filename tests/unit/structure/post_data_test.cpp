// The names under which kinds stand in walpack.post_data.
#include "structure/post_data.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

TEST(PostDataKindName, IsReadAsItIsWritten) {
    for (int number = 0; number <= static_cast<int>(PostDataKind::other); ++number) {
        const auto kind = static_cast<PostDataKind>(number);
        EXPECT_EQ(parse_post_data_kind(to_string(kind)), kind) << to_string(kind);
    }
    EXPECT_EQ(parse_post_data_kind("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace walpack
