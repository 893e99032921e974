/*
 * Which kind of value (protocol/format.h) the values of a type travel as.
 *
 * Native kinds for types whose meaning is fixed, the send form where that is stable between
 * servers, the output form for all else. Looked up once per column when a relation is met; reads
 * the system caches, so only inside a change callback.
 */
#ifndef WALPACK_PLUGIN_TYPE_KIND_H
#define WALPACK_PLUGIN_TYPE_KIND_H

#include "server.h"

namespace walpack::plugin {

struct TypeShape {
    Oid declared;
    Oid base;    /* below all domains; equals declared when it is no domain */
    Oid element; /* of an array; subtype of a range; range type of a multirange; else invalid */
    uint8_t kind;
    uint8_t element_kind; /* of an array's elements or a range's bounds; 0 when there are none */
};

TypeShape shape_of_type(Oid declared);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_TYPE_KIND_H
