/*
 * The options of a decoding session, as START_REPLICATION or an SQL function gives them.
 *
 * One table (option_specs) holds each option's name, its parser, its printer and what it expects.
 * The check for unknown names, the defaults, the hints and the echo in Hello are all made from that
 * table, so a new option is one row there and one field here.
 */
#ifndef WALPACK_PLUGIN_OPTIONS_H
#define WALPACK_PLUGIN_OPTIONS_H

#include "server.h"

#include "compressor.h"

namespace walpack::plugin {

inline constexpr long kFrameBytesMin = 64;
inline constexpr long kFrameBytesMax = 16777216;

enum class OriginRule : uint8_t { kAny, kNone };

struct Options {
    List* publication_names = NIL; /* of char*; NIL means every user table and every action */
    uint32_t frame_bytes = 65536;
    OriginRule origin = OriginRule::kAny;
    bool messages = false;
    List* message_prefixes = NIL; /* of char*; NIL means every prefix */
    bool streaming = false;
    bool two_phase = false;
    CompressionMethod compression = CompressionMethod::kNone;
};

struct OptionSpec {
    const char* name;
    const char* expects; /* a sentence, shown as the hint of a malformed value */
    /* False when malformed. The value is null when the option was given without one. */
    bool (*parse)(Options& options, const char* value);
    void (*print)(const Options& options, StringInfo out);
};

std::span<const OptionSpec> option_specs();

/*
 * Reads a list of DefElem. Lists in the result live in the current memory context. Reports
 * INVALID_PARAMETER_VALUE for an option that is unknown, repeated or malformed.
 */
Options parse_options(const List* given);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_OPTIONS_H
