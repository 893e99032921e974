#include "differential/server_text.h"

#include <stdexcept>

#include <libpq-fe.h>

#include "support/session.h"

namespace walpack::differential {

ServerText::ServerText(std::string conninfo) : conninfo_(std::move(conninfo)) {}

ServerText::~ServerText() {
    PQfinish(connection_);
}

void ServerText::connect() {
    connection_ = PQconnectdb((conninfo_ + " client_encoding=UTF8").c_str());
    if (PQstatus(connection_) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection_));
    PQclear(PQexec(connection_, kTextSettings));
}

const std::string& ServerText::of(std::uint32_t type_oid, const std::string& send_form) {
    const auto key = std::make_pair(type_oid, send_form);
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    if (connection_ == nullptr) connect();

    const char* value = send_form.data();
    const int length = static_cast<int>(send_form.size());
    const int is_binary = 1;
    const Oid type = type_oid;
    PGresult* result = PQexecParams(connection_, "SELECT $1", 1, &type, &value, &length, &is_binary,
                                    /*resultFormat=*/0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        const std::string message = PQerrorMessage(connection_);
        PQclear(result);
        throw std::runtime_error("a value of type " + std::to_string(type_oid) +
                                 " is refused: " + message);
    }
    std::string text(PQgetvalue(result, 0, 0), static_cast<std::size_t>(PQgetlength(result, 0, 0)));
    PQclear(result);
    return known_.emplace(key, std::move(text)).first->second;
}

}  // namespace walpack::differential
