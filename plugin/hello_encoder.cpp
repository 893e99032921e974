#include "hello_encoder.h"

#include "protocol/format.h"

namespace walpack::plugin {
namespace {

constexpr size_t kFirstBlockBytes = 512;

/* A walsender starts to decode outside a transaction, where catalogues cannot be read. */
const char* source_database() {
    if (IsTransactionState()) return get_database_name(MyDatabaseId);

    MemoryContext caller = CurrentMemoryContext;
    StartTransactionCommand();
    const char* name = MemoryContextStrdup(caller, get_database_name(MyDatabaseId));
    CommitTransactionCommand();
    MemoryContextSwitchTo(caller);
    return name;
}

bool is_ascii(const StringInfoData& value) {
    for (int index = 0; index < value.len; ++index)
        if (IS_HIGHBIT_SET(value.data[index])) return false;
    return true;
}

/* A str wherever that is valid: only a publication's name can make it a bin, outside UTF8. */
void encode_option_value(PackBuffer& out, const StringInfoData& value) {
    if (is_ascii(value))
        out.str(value.data, value.len);
    else
        out.text(value.data, value.len);
}

}  // namespace

HelloBytes encode_hello(const Options& options, bool text_is_utf8) {
    PackBuffer out;
    out.open(grow_block, nullptr, text_is_utf8);
    out.give_block(static_cast<char*>(palloc(kFirstBlockBytes)), kFirstBlockBytes, 0);

    out.array(8);
    out.unsigned_integer(WALPACK_HELLO);
    out.unsigned_integer(WALPACK_PROTOCOL_VERSION);
    out.str(WALPACK_VERSION);
    out.unsigned_integer(PG_VERSION_NUM);
    out.unsigned_integer(GetSystemIdentifier());
    out.text(source_database());
    out.str(GetDatabaseEncodingName());

    out.map(option_specs().size());
    for (const OptionSpec& spec : option_specs()) {
        StringInfoData value;
        initStringInfo(&value);
        spec.print(options, &value);
        out.str(spec.name);
        encode_option_value(out, value);
    }
    return {out.block(), out.size()};
}

}  // namespace walpack::plugin
