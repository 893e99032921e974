// What the log holds: messages of the plugin and what the server said between them.
#pragma once

#include "log/message_bytes.h"
#include "model/lsn.h"

namespace walpack {

// One message of the plugin, as XLogData carried it.
struct ReceivedMessage {
    Lsn lsn;               // the header's LSN: an end LSN for a message with a Commit, else 0
    MessageBytes payload;  // the plugin's bytes
};

// The server had nothing to send up to wal_end, apart from what was received before this entry.
struct ReceivedKeepalive {
    Lsn wal_end;
    bool reply_requested = false;
};

// A decoding session begins here, or goes on here for a reader that did not see its beginning: what
// was held of streamed transactions is void, and the next message is for a new decoder.
struct SessionStart {};

}  // namespace walpack
