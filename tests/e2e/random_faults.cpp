#include "e2e/random_faults.h"

#include "e2e/random_schema.h"

namespace walpack::e2e {

const char* const kLargeTransaction =
    "WITH gone AS (DELETE FROM large) INSERT INTO large (payload) SELECT "
    "repeat(md5(g::text), 30) FROM generate_series(1, 4000) g";

std::string random_tables() {
    std::string everything = "CREATE TABLE everything (id bigint PRIMARY KEY";
    for (const TypedColumn& column : typed_columns())
        everything += ", " + column.name + " " + column.type;
    return kRandomSchema + everything +
           "); CREATE TABLE large (id bigserial PRIMARY KEY, payload text)";
}

std::string through(const Proxy& proxy, const std::string& database) {
    return "host=127.0.0.1 user=postgres port=" + std::to_string(proxy.port()) +
           " dbname=" + database;
}

void choose_stream_settings(Consumer& consumer, Random& random) {
    consumer.set("confirm", random.chance(0.5) ? "\"logged\"" : "\"applied\"");
    consumer.set("wal_budget", random.chance(0.7) ? "\"1MB\"" : "\"0B\"");
    consumer.set("log_memory_max", random.chance(0.5) ? "\"1MB\"" : "\"16MB\"");
    consumer.set("log_bytes_max", random.chance(0.3) ? "\"1MB\"" : "\"1GB\"");
    consumer.set("streaming", random.chance(0.5) ? "true" : "false");
    consumer.set("compression", random.chance(0.3) ? "\"lz4\"" : "\"none\"");
}

void end_backends(Session& server) {
    (void)server.try_execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
        "'walpack%' AND datname = current_database()");
}

}  // namespace walpack::e2e
