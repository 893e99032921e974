// Messages of walpack -> what they say, by the consumer's own assembler: so counts, digests and the
// order of records are checked too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assemble/assembler.h"
#include "differential/decoded.h"
#include "differential/server_text.h"

namespace walpack::differential {

class WalpackReader : private TransactionSink {
  public:
    // `server_text` must outlive the reader.
    explicit WalpackReader(ServerText& server_text);

    // One message, in order.
    void feed(std::string_view message) { assembler_.feed(message); }

    const Decoded& decoded() const { return decoded_; }

  private:
    void hello(const Hello& hello) override;
    void relation(const RelationRecord&) override {}
    void begin(const Begin& begin) override;
    void origin(const Origin& origin) override;
    void change(const RowChange& change) override;
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override;
    void notice(const Notice&) override {}
    void commit(const Commit& commit) override;

    std::vector<Field> fields_of(const Relation& relation, Tuple tuple);
    std::vector<Field> fields_of_key(const Relation& relation, Tuple tuple);
    std::string text_of(const Attribute& attribute, const Value& value);
    void add(DecodedChange change);

    ServerText& server_text_;
    Assembler assembler_;
    Decoded decoded_;
    std::string origin_;  // of what comes next in the open transaction
    bool is_streaming_ = false;
    bool has_rows_ = false;  // the open transaction, beside logical messages
};

}  // namespace walpack::differential
