#include "pg/error_kind.h"

#include <gtest/gtest.h>

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

INSTANTIATE_TEST_SUITE_P(
    States, ErrorKindOf,
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
                    Case{"InternalError", "XX000", ErrorKind::connection},
                    Case{"DataCorrupted", "XX001", ErrorKind::connection},
                    Case{"SerializationFailure", "40001", ErrorKind::connection},
                    Case{"QueryCanceled", "57014", ErrorKind::connection},
                    Case{"OutOfMemory", "53200", ErrorKind::connection},
                    Case{"IoError", "58030", ErrorKind::connection},
                    Case{"IdleInTransaction", "25P03", ErrorKind::connection},
                    Case{"SnapshotTooOld", "72000", ErrorKind::connection},
                    Case{"FailedTransaction", "25P02", ErrorKind::protocol},
                    Case{"UndefinedStatement", "26000", ErrorKind::protocol},
                    Case{"RaisedByATrigger", "P0001", ErrorKind::value},
                    Case{"MadeUpByAFunction", "U0815", ErrorKind::value},
                    Case{"ExternalRoutine", "38000", ErrorKind::value},
                    Case{"CardinalityViolation", "21000", ErrorKind::value},
                    Case{"ProgramLimit", "54000", ErrorKind::limit}),
    [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

// Authentication while connected, a privilege of the server's user, a full counter: by their
// numbers they would be faults of the configuration, the schema, a row.
TEST(ErrorKindOfOrigin, WhatEndsTheSessionIsAFaultOfTheConnection) {
    EXPECT_EQ(error_kind_of("28000", {.ends_session = true}), ErrorKind::connection);
    EXPECT_EQ(error_kind_of("22P02", {.ends_session = true}), ErrorKind::connection);
}

TEST(ErrorKindOfOrigin, WhatTheStorageReportsIsAFaultOfTheConnection) {
    EXPECT_EQ(error_kind_of("42501", {.source_file = "md.c"}), ErrorKind::connection);
    EXPECT_EQ(error_kind_of("54000", {.source_file = "varsup.c"}), ErrorKind::connection);
}

TEST(ErrorKindOfOrigin, TheSameNumberFromElsewhereKeepsItsMeaning) {
    EXPECT_EQ(error_kind_of("55006", {.source_file = "slot.c"}), ErrorKind::connection);
    EXPECT_EQ(error_kind_of("55006", {.source_file = "tablecmds.c"}), ErrorKind::schema);
    EXPECT_EQ(error_kind_of("42501", {.source_file = "aclchk.c"}), ErrorKind::schema);
    EXPECT_EQ(error_kind_of("54000", {.source_file = "nbtutils.c"}), ErrorKind::limit);
}

TEST(RowErrorKind, AValueIsToBlameForASizeThatTheServerDoesNotTake) {
    EXPECT_EQ(row_error_kind_of("54000", {.source_file = "nbtutils.c"}), ErrorKind::value);
    EXPECT_EQ(row_error_kind_of("54000", {.source_file = "hio.c"}), ErrorKind::value);
}

TEST(RowErrorKind, NoRowIsToBlameForStatementsAndTransactionsThatAreTooLarge) {
    EXPECT_EQ(row_error_kind_of("54001"), ErrorKind::limit);
    EXPECT_EQ(row_error_kind_of("54011"), ErrorKind::limit);
    EXPECT_EQ(row_error_kind_of("54000", {.source_file = "xact.c"}), ErrorKind::limit);
    EXPECT_EQ(row_error_kind_of("54000", {.source_file = "varsup.c"}), ErrorKind::connection);
    EXPECT_EQ(row_error_kind_of("53200"), ErrorKind::connection);
}

TEST(RowErrorKind, TheRowIsToBlameForWhatAFunctionDoesNotFindOrMayNotDo) {
    for (const char* state : {"42P01", "42703", "42883", "42501", "3F000"}) {
        EXPECT_EQ(row_error_kind_of(state, {.is_in_function = true}), ErrorKind::value) << state;
        EXPECT_EQ(row_error_kind_of(state), ErrorKind::schema) << state;
        EXPECT_EQ(error_kind_of(state, {.is_in_function = true}), ErrorKind::schema) << state;
    }
}

TEST(RowErrorKind, WhatIsTriedAgainIsSoInsideOfAFunctionToo) {
    for (const char* state : {"40P01", "53100", "57014", "55P03", "25006", "XX001", "XX002"}) {
        EXPECT_EQ(row_error_kind_of(state, {.is_in_function = true}), ErrorKind::connection)
            << state;
    }
    EXPECT_EQ(row_error_kind_of("42501", {.source_file = "md.c", .is_in_function = true}),
              ErrorKind::connection);
    EXPECT_EQ(row_error_kind_of("0A000", {.is_in_function = true}), ErrorKind::schema);
}

TEST(RowErrorKind, TheRowIsToBlameForAnInternalErrorThatAFunctionReports) {
    EXPECT_EQ(row_error_kind_of("XX000", {.source_file = "plpy_elog.c", .is_in_function = true}),
              ErrorKind::value);
    EXPECT_EQ(row_error_kind_of("XX000"), ErrorKind::connection);
    EXPECT_EQ(error_kind_of("XX000", {.is_in_function = true}), ErrorKind::connection);
}

TEST(RowErrorKind, NoRowIsToBlameForWhatOtherSessionsCauseInAFunction) {
    for (const char* file : {"heapam.c", "relation.c", "syscache.c", "md.c"}) {
        EXPECT_EQ(row_error_kind_of("XX000", {.source_file = file, .is_in_function = true}),
                  ErrorKind::connection)
            << file;
    }
}

TEST(ContextOfFunction, IsKnownByTheLanguageOfTheFunction) {
    EXPECT_TRUE(is_context_of_function("PL/pgSQL function f() line 3 at SQL statement"));
    EXPECT_TRUE(is_context_of_function(
        "SQL statement \"INSERT INTO gone VALUES (1)\"\nPL/pgSQL function public.f() line 1 at SQL "
        "statement\nCOPY t, line 1"));
    EXPECT_TRUE(is_context_of_function("SQL function \"f\" statement 1"));
    EXPECT_TRUE(is_context_of_function("PL/Perl function \"f\""));
    EXPECT_TRUE(is_context_of_function("PL/pgSQL-Funktion f() Zeile 3 bei SQL-Anweisung"));
}

TEST(ContextOfFunction, IsNotThatOfAStatementOrACopy) {
    EXPECT_FALSE(is_context_of_function(""));
    EXPECT_FALSE(is_context_of_function("COPY t, line 1, column v: \"PL/pgSQL function f()\""));
    EXPECT_FALSE(is_context_of_function("SQL statement \"SELECT 1 FROM ONLY public.p x\""));
    EXPECT_FALSE(is_context_of_function("unnamed portal with parameters: $1 = 'PL/pgSQL'"));
}

TEST(MessageWithoutValues, KeepsNamesOfConstraints) {
    EXPECT_EQ(message_without_values("23514", "new row violates check constraint \"c\"", false),
              "new row violates check constraint \"c\"");
}

TEST(MessageWithoutValues, LeavesOutAQuotedValue) {
    EXPECT_EQ(message_without_values("22003", "value \"99999\" is out of range", false),
              "value \"...\" is out of range");
}

TEST(MessageWithoutValues, LeavesOutAValueThatHoldsQuotes) {
    EXPECT_EQ(message_without_values("22P02", "invalid input: \"a\" secret \"b\"", false),
              "invalid input: \"...\"");
}

TEST(MessageWithoutValues, LeavesOutTheBytesOfACharacter) {
    EXPECT_EQ(message_without_values("22021", "invalid byte sequence: 0x80", false),
              "a value is not valid in its encoding");
}

TEST(MessageWithoutValues, LeavesOutWhatAFunctionRaised) {
    EXPECT_EQ(message_without_values("P0001", "no secret here", false),
              "a trigger or function raised an exception with SQLSTATE P0001");
    EXPECT_EQ(message_without_values("U0815", "no secret here", false),
              "a trigger or function raised an exception with SQLSTATE U0815");
    EXPECT_EQ(message_without_values("23514", "no secret here", true),
              "a trigger or function raised an exception with SQLSTATE 23514");
}

TEST(MessageWithoutValues, KeepsWhatTheServerSaysOfItself) {
    EXPECT_EQ(message_without_values("53100", "could not extend file \"base/1\"", false),
              "could not extend file \"base/1\"");
}

}  // namespace
}  // namespace walpack
