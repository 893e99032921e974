// A walsender connection: replication commands and the copy-both stream.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/lsn.h"
#include "pg/connection.h"

namespace walpack {

// XLogData. The bytes are valid until the next receive().
struct XLogData {
    Lsn lsn;
    Lsn wal_end;
    std::string_view payload;
};

struct PrimaryKeepalive {
    Lsn wal_end;
    bool reply_requested = false;
};

using StreamMessage = std::variant<XLogData, PrimaryKeepalive>;

struct CreatedSlot {
    Lsn consistent_point;
    std::string snapshot_name;  // empty unless a snapshot was exported
};

class ReplicationConnection : private Connection {
  public:
    // Adds replication=database to the conninfo, and pins client_encoding to the database's
    // encoding. `silence_limit` as Connection::limit_silence(), from the first command on.
    ReplicationConnection(Conninfo conninfo, const StopRequest& stop,
                          const std::string& application_name,
                          std::chrono::milliseconds silence_limit = {});

    // Creates a logical slot with plugin walpack. A temporary slot lives as long as this
    // connection. With export_snapshot the snapshot lives until the next command on this
    // connection.
    CreatedSlot create_slot(const std::string& slot, bool temporary, bool export_snapshot);

    struct Identity {
        std::uint64_t system_identifier = 0;
        std::uint32_t timeline = 0;
        Lsn flush_lsn;
        std::string database;
    };
    Identity identify_system();
    // The content of the history file of a timeline above 1.
    std::string timeline_history(std::uint32_t timeline);

    // Starts streaming from `from` with the plugin's options. Errors that name
    // output_plugin_libraries get the fix as a hint.
    void start(const std::string& slot, Lsn from,
               const std::map<std::string, std::string>& options);

    // What has arrived, or nullopt when nothing has. Never waits. Throws Error(connection) at the
    // end of the stream.
    std::optional<StreamMessage> receive();
    // A standby status update: written = flushed = applied = `confirmed`. Never blocks on a full
    // socket for longer than the server takes to read.
    void send_status(Lsn confirmed, bool request_reply);
    // Ends the stream in order: a last status, then CopyDone, so that the slot is free at once.
    // Best effort, takes at most a second, and works although a stop was requested.
    void finish(Lsn confirmed) noexcept;

    // The walsender of a database takes SQL as well until start(): one statement at a time, and
    // without parameters.
    Connection& session() { return *this; }

    using Connection::description;
    using Connection::end_waits_with;
    using Connection::limit_silence;
    using Connection::same_server;
    using Connection::server_version;
    using Connection::socket;
};

}  // namespace walpack
