// Records as lines of text, so that a test compares what was decoded with what it reads like:
//
//     insert public.t new(1, 'a')
//     update public.t key(1) new(2, unchanged)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assemble/assembler.h"
#include "base/error.h"
#include "model/record.h"

namespace walpack {

std::string describe(const Record& record);

// Decodes messages of one session with a Decoder of its own.
std::vector<std::string> decode_all(const std::vector<std::string>& messages,
                                    DecoderLimits limits = {});

// The report of the Error that the call ends with; "no error" without one.
template <typename Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.report();
    }
    return "no error";
}

// A sink that keeps a line per call.
class RecordLog : public TransactionSink {
  public:
    void hello(const Hello& hello) override { add(hello); }
    void relation(const RelationRecord& relation) override { add(relation); }
    void begin(const Begin& begin) override { add(begin); }
    void origin(const Origin& origin) override { add(origin); }
    void change(const RowChange& change) override { add(change); }
    void truncate(const Truncate& truncate) override { add(truncate); }
    void message(const LogicalMessage& message) override { add(message); }
    void notice(const Notice& notice) override { add(notice); }
    void commit(const Commit& commit) override { add(commit); }

    const std::vector<std::string>& lines() const { return lines_; }

  private:
    void add(const Record& record) { lines_.push_back(describe(record)); }

    std::vector<std::string> lines_;
};

}  // namespace walpack
