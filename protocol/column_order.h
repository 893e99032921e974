/*
 * A message in column order: the same bytes, arranged so that they compress well.
 *
 * Values of one column resemble each other more than their neighbours in the row, and the high
 * bytes of numbers more than the low ones. So the values of rows are taken out of the message and
 * put together column by column, the bytes of numbers plane by plane. What is left of the message
 * (heads of records and tuples, all other records) says how to put them back. docs/protocol.md,
 * Column order, is the specification.
 *
 * The plugin arranges, readers restore. Both sides are here, as they have to agree on every byte;
 * the file needs nothing but the language, allocates nothing and throws nothing, so that it can
 * live inside the server. Restoring trusts nothing that it reads.
 */
#ifndef WALPACK_PROTOCOL_COLUMN_ORDER_H
#define WALPACK_PROTOCOL_COLUMN_ORDER_H

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "protocol/byte_walk.h"
#include "protocol/format.h"

namespace walpack::column_order {

/* Columns of one row: two tuples of as many attributes as a table can have. */
inline constexpr size_t kColumnsMax = 2 * 1664;
inline constexpr int kPlanes = 8;

/* Sizes of one column's parts, or the places in them where the next byte belongs. */
struct Column {
    uint32_t heads;
    uint32_t planes[kPlanes];
    uint32_t tail;
    uint32_t heads_end; /* when restoring */
};

/* The arranged message is longer than the message by at most this much. */
constexpr size_t arranged_overhead(size_t columns) {
    return 16 + columns * 16;
}

inline bool is_row_record(uint8_t type) {
    return type >= WALPACK_INSERT && type <= WALPACK_DELETE_NONE;
}

inline unsigned tuples_per_row(uint8_t type) {
    return type == WALPACK_UPDATE_KEY || type == WALPACK_UPDATE_FULL ? 2 : 1;
}

/*
 * Takes records from `from`: `keep(bytes, count)` gets what stays in the skeleton, `value(column)`
 * is to take one value. False when something is malformed or a callback says so.
 */
template <typename Keep, typename Value>
bool walk_message(Span& from, Keep keep, Value value) {
    while (from.left > 0) {
        const uint8_t* start = from.at;
        uint64_t elements = 0;
        if (!take_array_head(from, &elements) || elements == 0 || from.left == 0) return false;
        const uint8_t type = *from.at;
        if (!is_row_record(type)) {
            if (!skip_values(from, elements)) return false;
            if (!keep(start, static_cast<size_t>(from.at - start))) return false;
            continue;
        }
        if (elements < 2 || !skip_values(from, 2)) return false;
        if (!keep(start, static_cast<size_t>(from.at - start))) return false;

        const unsigned tuples = tuples_per_row(type);
        size_t column = 0;
        for (uint64_t tuple = 0; tuple < elements - 2; ++tuple) {
            if (tuple % tuples == 0) column = 0;
            start = from.at;
            uint64_t values = 0;
            if (!take_array_head(from, &values) || values > kColumnsMax - column) return false;
            if (!keep(start, static_cast<size_t>(from.at - start))) return false;
            for (; values > 0; --values)
                if (!value(column++)) return false;
        }
    }
    return true;
}

/* ---- arranging ---- */

/* Takes one value and adds what it has to the sizes of its column. */
inline bool measure_value(Span& from, Column& column) {
    const uint8_t* first = from.take(1);
    if (first == nullptr) return false;
    const int fixed = short_rest(*first);
    if (fixed == kIsNoValue) return false;
    ++column.heads;
    size_t rest = static_cast<size_t>(fixed);
    if (fixed == kIsLong) {
        if (!long_rest(*first, from.at, from.left, &rest)) return false;
        column.tail += static_cast<uint32_t>(rest);
    } else {
        for (int plane = 0; plane < fixed; ++plane) ++column.planes[plane];
    }
    return from.take(rest) != nullptr;
}

/* Takes one value, known to be sound, and puts it where it belongs. */
inline void place_value(Span& from, Column& column, uint8_t* out) {
    const uint8_t* first = from.take(1);
    out[column.heads++] = *first;
    const int fixed = short_rest(*first);
    if (fixed >= 0) {
        const uint8_t* rest = from.take(static_cast<size_t>(fixed));
        for (int plane = 0; plane < fixed; ++plane)
            out[column.planes[plane]++] = rest[fixed - 1 - plane];
        return;
    }
    size_t count = 0;
    long_rest(*first, from.at, from.left, &count);
    memcpy(out + column.tail, from.take(count), count);
    column.tail += static_cast<uint32_t>(count);
}

/* Writes the column's heading and turns its sizes into places; returns where the next begins. */
inline uint8_t* lay_out_column(Column& column, uint8_t* at, uint8_t* out) {
    at = store_varint(at, column.heads);
    at = store_varint(at, column.tail);
    auto place = static_cast<uint32_t>(at - out);
    const auto move = [&place](uint32_t& size) {
        const uint32_t next = place + size;
        size = place;
        place = next;
    };
    move(column.heads);
    for (uint32_t& plane : column.planes) move(plane);
    move(column.tail);
    return out + place;
}

/*
 * Arranges a message of whole records. `columns` has kColumnsMax elements, all of them zero, and is
 * left so; `out` has room for count + arranged_overhead(kColumnsMax). Returns the bytes written, or
 * 0 when the message holds no rows or cannot be arranged.
 */
inline size_t arrange(const uint8_t* message, size_t count, Column* columns, uint8_t* out) {
    size_t skeleton = 0;
    size_t column_count = 0;
    Span from{message, count};
    const bool is_sound = walk_message(
        from,
        [&skeleton](const uint8_t*, size_t bytes) {
            skeleton += bytes;
            return true;
        },
        [&](size_t column) {
            if (column >= column_count) column_count = column + 1;
            return measure_value(from, columns[column]);
        });

    size_t written = 0;
    if (is_sound && column_count > 0) {
        uint8_t* at = store_varint(out, skeleton);
        uint8_t* skeleton_at = at;
        at = store_varint(at + skeleton, column_count);
        for (size_t column = 0; column < column_count; ++column)
            at = lay_out_column(columns[column], at, out);
        from = {message, count};
        walk_message(
            from,
            [&skeleton_at](const uint8_t* bytes, size_t kept) {
                memcpy(skeleton_at, bytes, kept);
                skeleton_at += kept;
                return true;
            },
            [&](size_t column) {
                place_value(from, columns[column], out);
                return true;
            });
        written = static_cast<size_t>(at - out);
    }
    memset(columns, 0, column_count * sizeof(Column));
    return written;
}

/* ---- restoring ---- */

/* Reads a column's heading, and finds its parts from its heads. Places count from `start`. */
inline bool find_column(Span& from, const uint8_t* start, Column& column) {
    uint64_t values = 0;
    uint64_t tail = 0;
    if (!take_varint(from, &values) || !take_varint(from, &tail)) return false;
    const auto place = [&from, start] { return static_cast<uint32_t>(from.at - start); };
    column.heads = place();
    const uint8_t* heads = from.take(values);
    if (heads == nullptr) return false;
    column.heads_end = place();
    size_t sizes[kPlanes] = {};
    for (uint64_t value = 0; value < values; ++value) {
        const int fixed = short_rest(heads[value]);
        if (fixed == kIsNoValue) return false;
        for (int plane = 0; plane < fixed; ++plane) ++sizes[plane];
    }
    for (int plane = 0; plane < kPlanes; ++plane) {
        column.planes[plane] = place();
        if (from.take(sizes[plane]) == nullptr) return false;
    }
    column.tail = place();
    return from.take(tail) != nullptr;
}

struct Output {
    uint8_t* at;
    size_t left;

    bool put(const uint8_t* bytes, size_t count) {
        if (count > left) return false;
        memcpy(at, bytes, count);
        at += count;
        left -= count;
        return true;
    }
};

/* `arranged` is all of it. As many bytes are taken of each plane as find_column() counted. */
inline bool restore_value(const Span& arranged, Column& column, Output& out) {
    if (column.heads >= column.heads_end) return false;
    const uint8_t first = arranged.at[column.heads++];
    if (!out.put(&first, 1)) return false;
    const int fixed = short_rest(first);
    if (fixed >= 0) {
        for (int plane = fixed; plane-- > 0;)
            if (!out.put(&arranged.at[column.planes[plane]++], 1)) return false;
        return true;
    }
    size_t count = 0;
    const uint8_t* tail = arranged.at + column.tail;
    if (!long_rest(first, tail, arranged.left - column.tail, &count)) return false;
    column.tail += static_cast<uint32_t>(count);
    return out.put(tail, count);
}

/* Whether every value was put back. */
inline bool is_used_up(const Column* columns, size_t count) {
    for (size_t column = 0; column < count; ++column)
        if (columns[column].heads != columns[column].heads_end) return false;
    return true;
}

/*
 * Puts the message back together. It is shorter than what it was arranged to: `message` has room
 * for `bytes_count`. `columns` has kColumnsMax elements. Returns the length of the message, or 0
 * when the arranged bytes are malformed.
 */
inline size_t restore(const uint8_t* bytes, size_t bytes_count, Column* columns, uint8_t* message) {
    if (bytes_count > UINT32_MAX) return 0;
    const Span arranged{bytes, bytes_count};
    Span from = arranged;
    uint64_t skeleton_bytes = 0;
    if (!take_varint(from, &skeleton_bytes) || skeleton_bytes > from.left) return 0;
    Span skeleton{from.at, static_cast<size_t>(skeleton_bytes)};
    from.take(skeleton.left);
    uint64_t column_count = 0;
    if (!take_varint(from, &column_count) || column_count > kColumnsMax) return 0;
    for (uint64_t column = 0; column < column_count; ++column)
        if (!find_column(from, bytes, columns[column])) return 0;
    if (from.left != 0) return 0;

    Output out{message, bytes_count};
    const bool is_sound = walk_message(
        skeleton, [&out](const uint8_t* kept, size_t size) { return out.put(kept, size); },
        [&](size_t column) {
            return column < column_count && restore_value(arranged, columns[column], out);
        });
    return is_sound && is_used_up(columns, column_count) ? bytes_count - out.left : 0;
}

}  // namespace walpack::column_order

#endif  // WALPACK_PROTOCOL_COLUMN_ORDER_H
