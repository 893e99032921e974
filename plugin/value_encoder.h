/*
 * One Datum -> one MessagePack value.
 *
 * An encoder is made once per column when a relation is met, with everything it needs (function
 * look-up, label cache), so that encoding a value looks nothing up: the exception is the first
 * sight of an enum's label. What the type's own functions allocate goes to the current memory
 * context, which is the one that is emptied after each change.
 */
#ifndef WALPACK_PLUGIN_VALUE_ENCODER_H
#define WALPACK_PLUGIN_VALUE_ENCODER_H

#include "server.h"

#include "compact_value.h"
#include "pack_buffer.h"
#include "type_kind.h"

namespace walpack::plugin {

/* A label once looked up; a slot is found by the low bits of the label's oid. */
struct EnumLabel {
    Oid oid;
    uint32_t bytes;
    char text[NAMEDATALEN];
};

struct ValueEncoder {
    uint8_t kind;
    int16_t length;          /* pg_type.typlen: -1 for a varlena */
    FmgrInfo function;       /* send or output function, for the kinds that call one */
    EnumLabel* labels;       /* kEnumLabels slots, for enums */
    ArrayElements* elements; /* for arrays */
    StringInfo scratch;      /* for compact forms; shared by all encoders of the session */
};

static_assert(std::is_trivially_destructible_v<ValueEncoder>);

/* Memory that the encoder keeps comes from `keep`. Reads the system caches. */
ValueEncoder make_value_encoder(const TypeShape& shape, StringInfo scratch, MemoryContext keep);

/*
 * The value must not be NULL, nor stored out of line on disk: fetching that could fail, as the row
 * of the TOAST table may be gone by the time it is decoded.
 */
void encode_value(PackBuffer& out, ValueEncoder& encoder, Datum value);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_VALUE_ENCODER_H
