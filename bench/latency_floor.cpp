// The least that applying from outside of the target's server can take: a program that does nothing
// but hand on the inserts of table `latency`.
//
//   walpack_latency_floor SOURCE SLOT TARGET
//
// Reads the slot by pgoutput and executes a prepared INSERT, each in a transaction by itself, as
// soon as it is received, in one thread. It keeps no position, checks nothing, and confirms
// nothing: what is left of the time is the price of two processes more on a change's way, which
// any consumer that is not part of the target has to pay.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <libpq-fe.h>

namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

constexpr int kMessageHead = 1 + 3 * 8;  // of XLogData: type, two positions, time
constexpr int kInsertHead = 1 + 4 + 1;   // type, relation, 'N'

void check(PGconn* connection, PGresult* result, ExecStatusType expected) {
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != expected) throw std::runtime_error(PQerrorMessage(connection));
}

Connection connect(const std::string& conninfo) {
    Connection connection(PQconnectdb(conninfo.c_str()), PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection.get()));
    return connection;
}

// The columns of an Insert message of pgoutput, in text.
std::vector<std::string> columns_of(const char* message) {
    std::uint16_t count = 0;
    std::memcpy(&count, message + kInsertHead, sizeof count);
    const char* next = message + kInsertHead + sizeof count;
    std::vector<std::string> columns;
    for (int i = 0; i < ntohs(count); ++i) {
        if (*next++ != 't') {
            columns.emplace_back();
            continue;
        }
        std::uint32_t length = 0;
        std::memcpy(&length, next, sizeof length);
        next += sizeof length;
        columns.emplace_back(next, ntohl(length));
        next += ntohl(length);
    }
    return columns;
}

void insert(PGconn* target, const std::vector<std::string>& columns) {
    const char* values[] = {columns.at(0).c_str(), columns.at(1).c_str()};
    check(target, PQexecPrepared(target, "insert", 2, values, nullptr, nullptr, 0),
          PGRES_COMMAND_OK);
}

void run(const std::string& source_conninfo, const std::string& slot,
         const std::string& target_conninfo) {
    const Connection target = connect(target_conninfo);
    check(target.get(), PQexec(target.get(), "SET synchronous_commit = off"), PGRES_COMMAND_OK);
    check(target.get(),
          PQprepare(target.get(), "insert",
                    "INSERT INTO latency VALUES ($1, $2) ON CONFLICT DO NOTHING", 2, nullptr),
          PGRES_COMMAND_OK);
    const Connection source = connect(source_conninfo + " replication=database");
    const std::string start = "START_REPLICATION SLOT " + slot +
                              " LOGICAL 0/0 (proto_version '1', publication_names 'bench')";
    check(source.get(), PQexec(source.get(), start.c_str()), PGRES_COPY_BOTH);
    char* message = nullptr;
    while (PQgetCopyData(source.get(), &message, 0) > 0) {
        if (message[0] == 'w' && message[kMessageHead] == 'I')
            insert(target.get(), columns_of(message + kMessageHead));
        PQfreemem(message);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: walpack_latency_floor SOURCE SLOT TARGET\n");
        return 2;
    }
    try {
        run(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "walpack_latency_floor: %s\n", error.what());
        return 1;
    }
}
