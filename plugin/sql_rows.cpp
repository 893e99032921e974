#include "sql_rows.h"

#include "protocol/format.h"
#include "sql_value.h"

namespace walpack::sql {

namespace {

enum class Tuple : uint8_t { kNone, kNew, kOld, kKey };

// The tuples of one row, in the order of the wire.
struct RowShape {
    Tuple first;
    Tuple second;
};

RowShape shape_of(int record_type) {
    switch (record_type) {
        case WALPACK_UPDATE_KEY:
            return {Tuple::kKey, Tuple::kNew};
        case WALPACK_UPDATE_FULL:
            return {Tuple::kOld, Tuple::kNew};
        case WALPACK_DELETE_KEY:
            return {Tuple::kKey, Tuple::kNone};
        case WALPACK_DELETE_FULL:
            return {Tuple::kOld, Tuple::kNone};
        case WALPACK_DELETE_NONE:
            return {Tuple::kNone, Tuple::kNone};
        default:
            return {Tuple::kNew, Tuple::kNone};
    }
}

const char* name_of(Tuple tuple) {
    switch (tuple) {
        case Tuple::kOld:
            return "old";
        case Tuple::kKey:
            return "key";
        default:
            return "new";
    }
}

// The marker is allowed in new tuples only.
bool is_left_out(const Item& item, Tuple tuple) {
    if (!is_unchanged_toast(item)) {
        return false;
    }
    if (tuple != Tuple::kNew) {
        report_invalid(item.offset, psprintf("unchanged TOAST in %s tuple",
                                             tuple == Tuple::kOld ? "an old" : "a key"));
    }
    return true;
}

void write_unchanged(JsonWriter& json, const SourceRelation* relation, const List* unchanged) {
    if (unchanged == NIL) {
        return;
    }
    json.key("unchanged_toast");
    json.begin_array();
    const ListCell* cell = nullptr;
    foreach (cell, unchanged) {
        if (relation != nullptr) {
            json.text(relation->columns[lfirst_int(cell)].name);
        } else {
            json.integer(lfirst_int(cell) + 1);
        }
    }
    json.end_array();
}

List* write_named_values(JsonWriter& json, RecordReader& reader, const SourceRelation& relation,
                         Tuple tuple) {
    const size_t offset = reader.position();
    const uint32_t count = reader.take_array("tuple");
    List* unchanged = NIL;
    uint32_t taken = 0;
    json.begin_object();
    for (uint32_t i = 0; i < relation.column_count; i++) {
        const Column& column = relation.columns[i];
        if (tuple == Tuple::kKey && !column.is_key()) {
            continue;
        }
        if (++taken > count) {
            break;
        }
        const Item item = reader.take();
        if (is_left_out(item, tuple)) {
            unchanged = lappend_int(unchanged, static_cast<int>(i));
            continue;
        }
        json.key(column.name);
        write_value(json, reader, column, item);
    }
    json.end_object();
    if (taken != count) {
        report_invalid(offset, psprintf("tuple of %u values does not fit relation %s", count,
                                        relation.qualified_name));
    }
    return unchanged;
}

List* write_raw_values(JsonWriter& json, RecordReader& reader, Tuple tuple) {
    const uint32_t count = reader.take_array("tuple");
    List* unchanged = NIL;
    json.begin_array();
    for (uint32_t i = 0; i < count; i++) {
        const Item item = reader.take();
        if (is_left_out(item, tuple)) {
            unchanged = lappend_int(unchanged, static_cast<int>(i));
            json.null();
        } else {
            write_raw_value(json, reader, item);
        }
    }
    json.end_array();
    return unchanged;
}

void write_tuple(JsonWriter& json, RecordReader& reader, const SourceRelation* relation,
                 Tuple tuple) {
    json.key(name_of(tuple));
    List* unchanged = relation != nullptr ? write_named_values(json, reader, *relation, tuple)
                                          : write_raw_values(json, reader, tuple);
    write_unchanged(json, relation, unchanged);
    list_free(unchanged);
}

void write_row(JsonWriter& json, RecordReader& reader, const SourceRelation* relation,
               const RowShape& shape) {
    json.begin_object();
    if (shape.first == Tuple::kNone) {
        reader.take_array_of(0, "row without identity");
    } else {
        write_tuple(json, reader, relation, shape.first);
    }
    if (shape.second != Tuple::kNone) {
        write_tuple(json, reader, relation, shape.second);
    }
    json.end_object();
}

}  // namespace

uint64_t write_rows(JsonWriter& json, RecordReader& reader, const SourceRelation* relation,
                    int record_type, uint32_t tuples) {
    const RowShape shape = shape_of(record_type);
    const uint32_t tuples_each = shape.second == Tuple::kNone ? 1 : 2;
    const size_t offset = reader.position();
    if (tuples == 0 || tuples % tuples_each != 0) {
        report_invalid(offset,
                       psprintf("record of type %d cannot have %u tuples", record_type, tuples));
    }
    json.key("rows");
    json.begin_array();
    for (uint32_t i = 0; i < tuples; i += tuples_each) {
        write_row(json, reader, relation, shape);
    }
    json.end_array();
    return tuples / tuples_each;
}

}  // namespace walpack::sql
