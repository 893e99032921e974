#include "row_encoder.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

constexpr unsigned char kUnchangedToast[] = {0xd4, WALPACK_EXT_UNCHANGED_TOAST, 0};

bool is_stored_on_disk(const Column& column, Datum value) {
    return column.length == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value));
}

[[noreturn]] void report_missing_identity_value() {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("an old value is stored out of line"),
                    errdetail("WAL should hold the replica identity's values in line.")));
}

}  // namespace

void encode_row(PackBuffer& out, RelationEntry& relation, const RowValues& row, RowRole role,
                EncodingPosition& position) {
    out.array(role == RowRole::kKey ? relation.key_count : relation.column_count);

    for (int index = 0; index < relation.column_count; ++index) {
        Column& column = relation.columns[index];
        if (role == RowRole::kKey && !column.is_key) continue;

        position.column = &column;
        const Datum value = row.values[column.index];
        if (row.nulls[column.index]) {
            out.nil();
        } else if (is_stored_on_disk(column, value)) {
            if (role != RowRole::kNew) report_missing_identity_value();
            out.append(kUnchangedToast, sizeof(kUnchangedToast));
        } else {
            encode_value(out, column.encoder, value);
        }
    }
    position.column = nullptr;
}

}  // namespace walpack::plugin
