/*
 * The compact forms of numeric, arrays and jsonb (docs/protocol.md, Compact forms).
 *
 * Their send forms spend most of their bytes on heads: eight bytes for a numeric, twenty and four
 * more per element for an array. These forms are written straight from the stored value, without
 * the type's send function. They only hold what the send form holds, so a reader can make that from
 * them.
 */
#ifndef WALPACK_PLUGIN_COMPACT_VALUE_H
#define WALPACK_PLUGIN_COMPACT_VALUE_H

#include "server.h"

namespace walpack::plugin {

/* How the elements of an array are stored, and the function for those that need one. */
struct ArrayElements {
    uint8_t kind;
    int16 length;
    bool is_by_value;
    char alignment;
    FmgrInfo send; /* unset for the kinds that are written without */
};

/* Whether elements of this kind are written without their send function. */
bool is_plain_element(uint8_t kind, int16 length);

/* Each empties `out` first. The varlena is in line and not compressed, its header may be short. */
void write_compact_numeric(StringInfo out, const struct varlena* numeric);
void write_compact_array(StringInfo out, ArrayElements& elements, struct varlena* array);
void write_compact_jsonb(StringInfo out, struct varlena* jsonb);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_COMPACT_VALUE_H
