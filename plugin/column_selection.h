/*
 * Publications -> the columns of a relation that are published.
 *
 * A column list names them (from 15 on; 18 lets it name stored generated columns too). Without one
 * they are all but the generated columns, and from 18 on the stored generated ones as well where
 * publish_generated_columns says so. Publications that disagree about a relation are an error, as
 * in the server's own plugin: the server checks some, but not all ways to make them.
 *
 * Reads catalogues: only inside a change or truncate callback.
 */
#ifndef WALPACK_PLUGIN_COLUMN_SELECTION_H
#define WALPACK_PLUGIN_COLUMN_SELECTION_H

#include "server.h"

namespace walpack::plugin {

/*
 * The attribute numbers. `published` is the relation that rows are published as, `publications` a
 * list of the Publications that hold for it; NIL when none was named. In the current memory
 * context.
 */
Bitmapset* selected_columns(Relation published, const List* publications);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_COLUMN_SELECTION_H
