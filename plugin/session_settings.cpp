#include "session_settings.h"

namespace walpack::plugin {
namespace {

struct Setting {
    const char* name;
    const char* value;
};

constexpr Setting kOutputSettings[] = {
    {"DateStyle", "ISO"},    {"IntervalStyle", "postgres"}, {"extra_float_digits", "1"},
    {"bytea_output", "hex"}, {"TimeZone", "UTC"},           {"search_path", ""},
};

}  // namespace

void require_server_encoding() {
    const int client = pg_get_client_encoding();
    const int server = GetDatabaseEncoding();
    if (client == server || client == PG_SQL_ASCII) return;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("walpack needs client encoding \"%s\", but it is \"%s\"",
                           GetDatabaseEncodingName(), pg_encoding_to_char(client)),
                    errhint("Set client_encoding to \"%s\" for the session that decodes.",
                            GetDatabaseEncodingName())));
}

int pin_output_settings() {
    const int level = IsTransactionState() ? NewGUCNestLevel() : 0;
    const GucAction action = level > 0 ? GUC_ACTION_SAVE : GUC_ACTION_SET;
    for (const Setting& setting : kOutputSettings)
        set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION, action, true, 0,
                          false);
    return level;
}

void release_output_settings(int level) {
    if (level > 0) AtEOXact_GUC(true, level);
}

}  // namespace walpack::plugin
