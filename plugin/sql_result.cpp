#include "sql_result.h"

namespace walpack::sql {

namespace {

constexpr int kNothingToUndo = -1;

}  // namespace

// The server's own function for this has another name in each version.
ResultRows begin_result(FunctionCallInfo fcinfo) {
    auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (info == nullptr || !IsA(info, ReturnSetInfo) ||
        (info->allowedModes & SFRM_Materialize) == 0) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    }
    MemoryContext old_context = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
    ResultRows result = {};
    Oid type = InvalidOid;
    const TypeFuncClass type_class = get_call_result_type(fcinfo, &type, &result.descriptor);
    if (type_class == TYPEFUNC_SCALAR) {
        result.descriptor = CreateTemplateTupleDesc(1);
        TupleDescInitEntry(result.descriptor, 1, "record", type, -1, 0);
#if PG_VERSION_NUM >= 190000
        TupleDescFinalize(result.descriptor);
#endif
    } else if (type_class != TYPEFUNC_COMPOSITE) {
        elog(ERROR, "return type must be a row type");
    }
    const bool random_access = (info->allowedModes & SFRM_Materialize_Random) != 0;
    result.rows = tuplestore_begin_heap(random_access, false, work_mem);
    info->returnMode = SFRM_Materialize;
    info->setResult = result.rows;
    info->setDesc = result.descriptor;
    MemoryContextSwitchTo(old_context);
    return result;
}

int begin_own_encoding() {
    if (pg_get_client_encoding() == GetDatabaseEncoding()) {
        return kNothingToUndo;
    }
    const int level = NewGUCNestLevel();
    (void)set_config_option("client_encoding", GetDatabaseEncodingName(), PGC_USERSET,
                            PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
}

void end_own_encoding(int level) {
    if (level != kNothingToUndo) {
        AtEOXact_GUC(true, level);
    }
}

}  // namespace walpack::sql
