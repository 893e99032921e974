#include "cli/inspect.h"

#include <algorithm>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "assemble/message_reader.h"
#include "base/error.h"
#include "cli/record_printer.h"
#include "decode/decompressor.h"
#include "decode/first_record.h"
#include "decode/message_splitter.h"

namespace walpack {
namespace {

// Waits for a byte, then takes what has come with it, so that a live stream is printed at once.
// False at the end.
bool read_some(std::istream& in, std::string& chunk) {
    constexpr std::streamsize kBytesMax = 64 * 1024;
    const int first = in.get();
    if (first == std::istream::traits_type::eof()) return false;
    const std::streamsize more =
        std::clamp<std::streamsize>(in.rdbuf()->in_avail(), 0, kBytesMax - 1);
    chunk.resize(static_cast<std::size_t>(more) + 1);
    chunk[0] = static_cast<char>(first);
    in.read(chunk.data() + 1, more);
    return true;
}

class Inspection {
  public:
    explicit Inspection(std::ostream& out) : printer_(out) {}
    // Whatever ended the reading, what is printed is whole.
    ~Inspection() { printer_.end_message(); }

    void add(std::string_view message, std::uint64_t offset) {
        try {
            const std::string_view opened = decompressor_.open(message);
            if (!reader_ || starts_session(opened)) begin_session();
            reader_->feed(opened);
        } catch (Error& error) {
            error.detail(fmt::format("{}{}The message starts at byte {} of the stream.",
                                     error.detail(), error.detail().empty() ? "" : " ", offset));
            throw;
        }
        printer_.end_message();
    }

    void finish() const {
        if (is_inside_transaction())
            throw Error(ErrorKind::protocol, "stream ends inside of a transaction");
    }

  private:
    void begin_session() {
        if (is_inside_transaction()) printer_.abandon_transaction();
        reader_.emplace(printer_, printer_);
    }

    // Or inside of a block of one. A streamed one that is not over between its blocks is no reason
    // for complaint: a stream may be cut there.
    bool is_inside_transaction() const {
        return reader_ && (reader_->is_inside_transaction() || reader_->is_inside_block());
    }

    RecordPrinter printer_;
    Decompressor decompressor_;
    std::optional<MessageReader> reader_;
};

}  // namespace

int run_inspect(std::istream& in, std::ostream& out) {
    Inspection inspection(out);
    MessageSplitter splitter;
    const auto add = [&inspection](std::string_view message, std::uint64_t offset) {
        inspection.add(message, offset);
    };
    std::string chunk;
    while (read_some(in, chunk)) {
        splitter.feed(chunk, add);
        out.flush();
    }
    splitter.finish(add);
    inspection.finish();
    out.flush();
    return 0;
}

}  // namespace walpack
