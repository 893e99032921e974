// A value of each kind in a form that it never has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using namespace wire;

struct WrongForm {
    std::string name;
    int kind;
    Bytes value;
};

class DecoderValueForm : public testing::TestWithParam<WrongForm> {};

TEST_P(DecoderValueForm, IsRejected) {
    RelationFields table;
    table.columns = {{.name = "a", .kind = GetParam().kind, .element_kind = WALPACK_KIND_INT4}};
    const Bytes message = hello() + relation(table) + insert(1, {row({GetParam().value})});
    EXPECT_THAT(error_of([&] { decode_all({message}); }),
                testing::StartsWith("ERROR:  value of column \"a\" of kind "));
}

INSTANTIATE_TEST_SUITE_P(
    OfKind, DecoderValueForm,
    testing::Values(WrongForm{"BoolIsInteger", WALPACK_KIND_BOOL, integer(1)},
                    WrongForm{"Int2IsText", WALPACK_KIND_INT2, str("1")},
                    WrongForm{"Int4IsFloat", WALPACK_KIND_INT4, float64(1)},
                    WrongForm{"Int8IsTooLarge", WALPACK_KIND_INT8, unsigned_integer(UINT64_MAX)},
                    WrongForm{"OidIsTooLarge", WALPACK_KIND_OID, unsigned_integer(UINT64_MAX)},
                    WrongForm{"Uint8IsText", WALPACK_KIND_UINT8, str("1")},
                    WrongForm{"Float4IsWide", WALPACK_KIND_FLOAT4, float64(1)},
                    WrongForm{"Float8IsNarrow", WALPACK_KIND_FLOAT8, float32(1)},
                    WrongForm{"CharIsText", WALPACK_KIND_CHAR, str("a")},
                    WrongForm{"TextIsInteger", WALPACK_KIND_TEXT, integer(1)},
                    WrongForm{"ByteaIsText", WALPACK_KIND_BYTEA, str("a")},
                    WrongForm{"UuidIsText", WALPACK_KIND_UUID, str("a")},
                    WrongForm{"DateIsText", WALPACK_KIND_DATE, str("2000-01-01")},
                    WrongForm{"TimeIsBoolean", WALPACK_KIND_TIME, boolean(true)},
                    WrongForm{"TimestampIsFloat", WALPACK_KIND_TIMESTAMP, float64(0)},
                    WrongForm{"TimestamptzIsText", WALPACK_KIND_TIMESTAMPTZ, str("")},
                    WrongForm{"TimetzIsInteger", WALPACK_KIND_TIMETZ, integer(0)},
                    WrongForm{"IntervalIsInteger", WALPACK_KIND_INTERVAL, integer(0)},
                    WrongForm{"MoneyIsFloat", WALPACK_KIND_MONEY, float64(0)},
                    WrongForm{"NumericIsText", WALPACK_KIND_NUMERIC, str("1")},
                    WrongForm{"JsonbIsBoolean", WALPACK_KIND_JSONB, boolean(true)},
                    WrongForm{"EnumIsInteger", WALPACK_KIND_ENUM, integer(1)},
                    WrongForm{"ArrayIsText", WALPACK_KIND_ARRAY, str("{}")},
                    WrongForm{"RangeIsText", WALPACK_KIND_RANGE, str("empty")},
                    WrongForm{"MultirangeIsText", WALPACK_KIND_MULTIRANGE, str("{}")},
                    WrongForm{"SendIsText", WALPACK_KIND_SEND, str("10.0.0.1")},
                    WrongForm{"OutputIsInteger", WALPACK_KIND_OUTPUT, integer(1)}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace walpack
