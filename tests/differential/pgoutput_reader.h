// Messages of pgoutput -> what they say. Written from the server's documentation ("Logical
// Replication Message Formats"), protocol version 1, text format.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "differential/decoded.h"

namespace walpack::differential {

class MessageBytes;

class PgoutputReader {
  public:
    // One message, in order. Throws for what does not follow the documentation.
    void feed(std::string_view message);

    const Decoded& decoded() const { return decoded_; }

  private:
    struct Relation {
        std::uint32_t oid = 0;
        std::string name;  // schema.name
        char replica_identity = 0;
        std::vector<Column> columns;
    };

    void read_begin(MessageBytes& bytes);
    void read_commit(MessageBytes& bytes);
    void read_relation(MessageBytes& bytes);
    void read_change(char action, MessageBytes& bytes);
    void read_truncate(MessageBytes& bytes);
    void read_message(MessageBytes& bytes);
    const Relation& relation(std::uint32_t oid) const;
    DecodedTransaction& open_transaction();

    std::map<std::uint32_t, Relation> relations_;
    Decoded decoded_;
    bool is_inside_transaction_ = false;
};

}  // namespace walpack::differential
