#include "progress/activity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walpack {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ActivityJson, NamesTheSlowStageAndEveryFigure) {
    Activity activity;
    activity.slow_stage = "target";
    activity.applied_rows_per_second = 81234.56789;
    const std::string json = activity_json(activity);
    EXPECT_THAT(json, StartsWith("{\"slow_stage\":\"target\","));
    EXPECT_THAT(json, HasSubstr(",\"applied_rows_per_second\":81234.568,"));
    for (const ActivityFigure& figure : kActivityFigures) {
        EXPECT_THAT(json, HasSubstr(std::string("\"") + figure.name + "\":"));
    }
    EXPECT_THAT(json, EndsWith("}"));
}

}  // namespace
}  // namespace walpack
