// SQLSTATEs of the server that the consumer asks for, by their names in appendix A of PostgreSQL's
// documentation. What kind of error each is: pg/error_kind.h.
#pragma once

#include <string_view>

namespace walpack {

inline constexpr std::string_view kFeatureNotSupported = "0A000";
inline constexpr std::string_view kDataException = "22000";
inline constexpr std::string_view kDatetimeFieldOverflow = "22008";
inline constexpr std::string_view kDivisionByZero = "22012";
inline constexpr std::string_view kCharacterNotInRepertoire = "22021";
inline constexpr std::string_view kUntranslatableCharacter = "22P05";
inline constexpr std::string_view kForeignKeyViolation = "23503";
inline constexpr std::string_view kUniqueViolation = "23505";
inline constexpr std::string_view kExclusionViolation = "23P01";
inline constexpr std::string_view kInvalidSqlStatementName = "26000";
inline constexpr std::string_view kInvalidSchemaName = "3F000";
inline constexpr std::string_view kDeadlockDetected = "40P01";
inline constexpr std::string_view kInsufficientPrivilege = "42501";
inline constexpr std::string_view kUndefinedObject = "42704";
inline constexpr std::string_view kDuplicateObject = "42710";
inline constexpr std::string_view kUndefinedTable = "42P01";
inline constexpr std::string_view kInvalidTableDefinition = "42P16";
inline constexpr std::string_view kOutOfMemory = "53200";
inline constexpr std::string_view kConfigurationLimitExceeded = "53400";
inline constexpr std::string_view kProgramLimitExceeded = "54000";
inline constexpr std::string_view kObjectInUse = "55006";
inline constexpr std::string_view kLockNotAvailable = "55P03";
inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kCannotConnectNow = "57P03";
inline constexpr std::string_view kUndefinedFile = "58P01";

}  // namespace walpack
