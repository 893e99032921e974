/*
 * The server headers that the SQL functions need, once, in C linkage, with the differences between
 * server versions hidden. Every sql_*.cpp that talks to the server includes this first.
 *
 * Frames below an SQL function are left by longjmp when the server reports an error, so no type
 * with a destructor may live on them.
 */
#ifndef WALPACK_PLUGIN_SQL_SERVER_H
#define WALPACK_PLUGIN_SQL_SERVER_H

// The standard headers come first: postgres.h redefines names of the printf family.
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

// The order below matters to the server, which a sorting formatter does not know.
// clang-format off
#include "pg_config.h"
#if PG_VERSION_NUM < 160000
// Empty before 16, where PGXS does not hide symbols either; this library is built with all hidden.
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wregister"
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}
#pragma GCC diagnostic pop
// clang-format on

#endif  // WALPACK_PLUGIN_SQL_SERVER_H
