// libFuzzer target: bytes as a stream of messages -> splitter -> decompressor -> decoder ->
// assembler -> the text and binary form of every value, and the JSON lines of inspect.
//
// Every error has to be an Error; anything else is a finding. Digests do not match in what a fuzzer
// makes up, so the records are also decoded without the assembler.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/inspect.h"
#include "decode/decoder.h"
#include "decode/decompressor.h"
#include "decode/message_splitter.h"
#include "model/value_binary.h"
#include "model/value_text.h"

namespace walpack {
namespace {

void read_value(const Attribute& attribute, const Value& value) {
    if (value.is_null() || value.is_unchanged_toast()) return;
    try {
        to_text(attribute, value);
        if (!has_binary_form(attribute.kind)) return;
        std::string binary;
        append_binary(attribute, value, binary);
        if (attribute.kind == ValueKind::array) set_array_element_oid(binary, 1);
    } catch (const Error&) {
    }
}

void read_tuple(const Relation& relation, Tuple tuple, bool is_key) {
    for (std::size_t i = 0; i < tuple.size(); ++i)
        read_value(relation.attributes[is_key ? relation.key_attributes[i] : i], tuple[i]);
}

void read_record(const Record& record) {
    const auto* change = std::get_if<RowChange>(&record);
    if (change == nullptr) return;
    const bool is_key =
        change->kind == ChangeKind::update_key || change->kind == ChangeKind::delete_key;
    read_tuple(*change->relation, change->old_tuple, is_key);
    read_tuple(*change->relation, change->new_tuple, false);
}

void decode_stream(std::string_view stream) {
    Decoder decoder;
    Decompressor decompressor;
    const auto read_message = [&](std::string_view message, std::uint64_t) {
        decoder.decode(decompressor.open(message),
                       [](const Record& record, std::size_t) { read_record(record); });
    };
    MessageSplitter splitter;
    // In two chunks, so that a value may lie over the border.
    splitter.feed(stream.substr(0, stream.size() / 2), read_message);
    splitter.feed(stream.substr(stream.size() / 2), read_message);
    splitter.finish(read_message);
}

// Without the splitter, which refuses some of what only a decoder should refuse.
void decode_message(std::string_view message) {
    Decoder decoder;
    decoder.decode(message, [](const Record& record, std::size_t) { read_record(record); });
}

void inspect(std::string_view stream) {
    std::istringstream in{std::string(stream)};
    std::ostringstream out;
    run_inspect(in, out);
}

template <typename Read>
void expect_error_or_nothing(Read read, std::string_view input) {
    try {
        read(input);
    } catch (const Error&) {
    }
}

}  // namespace
}  // namespace walpack

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace walpack;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    expect_error_or_nothing(decode_stream, input);
    expect_error_or_nothing(decode_message, input);
    expect_error_or_nothing(inspect, input);
    return 0;
}
