#include <gtest/gtest.h>

#include "pg/connection.h"

namespace walpack {
namespace {

struct Case {
    const char* name;
    const char* sqlstate;
    ErrorKind kind;
};

class ErrorKindOf : public testing::TestWithParam<Case> {};

TEST_P(ErrorKindOf, FollowsTheSqlstate) {
    EXPECT_EQ(error_kind_of(GetParam().sqlstate), GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(States, ErrorKindOf,
                         testing::Values(Case{"UniqueViolation", "23505", ErrorKind::conflict},
                                         Case{"ExclusionViolation", "23P01", ErrorKind::conflict},
                                         Case{"CheckViolation", "23514", ErrorKind::value},
                                         Case{"ForeignKeyViolation", "23503", ErrorKind::value},
                                         Case{"ValueTooLong", "22001", ErrorKind::value},
                                         Case{"UntranslatableCharacter", "22P05", ErrorKind::value},
                                         Case{"AdminShutdown", "57P01", ErrorKind::connection},
                                         Case{"CrashShutdown", "57P02", ErrorKind::connection},
                                         Case{"CannotConnectNow", "57P03", ErrorKind::connection},
                                         Case{"Deadlock", "40P01", ErrorKind::connection},
                                         Case{"LockNotAvailable", "55P03", ErrorKind::connection},
                                         Case{"DiskFull", "53100", ErrorKind::connection},
                                         Case{"TooManyConnections", "53300", ErrorKind::connection},
                                         Case{"SlotInUse", "55006", ErrorKind::connection},
                                         Case{"ReadOnly", "25006", ErrorKind::connection},
                                         Case{"UndefinedTable", "42P01", ErrorKind::schema},
                                         Case{"InsufficientPrivilege", "42501", ErrorKind::schema},
                                         Case{"InvalidPassword", "28P01", ErrorKind::config},
                                         Case{"InternalError", "XX000", ErrorKind::protocol}),
                         [](const testing::TestParamInfo<Case>& info) {
                             return std::string(info.param.name);
                         });

}  // namespace
}  // namespace walpack
