#include "options.h"

namespace walpack::plugin {
namespace {

bool parse_publication_names(Options& options, const char* value) {
    List* split = NIL;
    /* SplitIdentifierString scribbles on its input, and its result points into it. */
    if (value == nullptr || !SplitIdentifierString(pstrdup(value), ',', &split)) return false;

    ListCell* cell;
    foreach (cell, split) {
        bool is_repeated = false;
        ListCell* known;
        foreach (known, options.publication_names)
            is_repeated |= strcmp((char*)lfirst(known), (char*)lfirst(cell)) == 0;
        if (!is_repeated)
            options.publication_names = lappend(options.publication_names, lfirst(cell));
    }
    return options.publication_names != NIL;
}

void print_publication_names(const Options& options, StringInfo out) {
    const char* separator = "";
    ListCell* cell;
    foreach (cell, options.publication_names) {
        appendStringInfo(out, "%s%s", separator, quote_identifier((char*)lfirst(cell)));
        separator = ", ";
    }
}

/* An option without a value is switched on, as elsewhere in the server. */
template <bool Options::*field>
bool parse_switch(Options& options, const char* value) {
    if (value != nullptr) return parse_bool(value, &(options.*field));
    options.*field = true;
    return true;
}

template <bool Options::*field>
void print_switch(const Options& options, StringInfo out) {
    appendStringInfoString(out, options.*field ? "on" : "off");
}

/* Unlike the names of publications, prefixes keep their case. */
bool parse_message_prefixes(Options& options, const char* value) {
    return value != nullptr && SplitGUCList(pstrdup(value), ',', &options.message_prefixes) &&
           options.message_prefixes != NIL;
}

void print_message_prefixes(const Options& options, StringInfo out) {
    const char* separator = "";
    ListCell* cell;
    foreach (cell, options.message_prefixes) {
        appendStringInfo(out, "%s\"", separator);
        for (const char* at = (char*)lfirst(cell); *at != '\0'; ++at)
            appendStringInfo(out, *at == '"' ? "\"\"" : "%c", *at);
        appendStringInfoChar(out, '"');
        separator = ", ";
    }
}

struct CompressionName {
    const char* name;
    CompressionMethod method;
};

constexpr CompressionName kCompressions[] = {{"none", CompressionMethod::kNone},
                                             {"lz4", CompressionMethod::kLz4},
                                             {"zstd", CompressionMethod::kZstd}};

bool parse_compression(Options& options, const char* value) {
    if (value == nullptr) return false;
    for (const CompressionName& known : kCompressions) {
        if (pg_strcasecmp(value, known.name) != 0) continue;
        options.compression = known.method;
        return true;
    }
    return false;
}

void print_compression(const Options& options, StringInfo out) {
    for (const CompressionName& known : kCompressions)
        if (known.method == options.compression) appendStringInfoString(out, known.name);
}

bool parse_origin(Options& options, const char* value) {
    if (value == nullptr) return false;
    if (pg_strcasecmp(value, "none") == 0)
        options.origin = OriginRule::kNone;
    else if (pg_strcasecmp(value, "any") == 0)
        options.origin = OriginRule::kAny;
    else
        return false;
    return true;
}

void print_origin(const Options& options, StringInfo out) {
    appendStringInfoString(out, options.origin == OriginRule::kNone ? "none" : "any");
}

bool parse_frame_bytes(Options& options, const char* value) {
    if (value == nullptr || *value < '0' || *value > '9') return false;
    char* end = nullptr;
    errno = 0;
    const long bytes = strtol(value, &end, 10);
    if (errno != 0 || *end != '\0' || bytes < kFrameBytesMin || bytes > kFrameBytesMax)
        return false;
    options.frame_bytes = static_cast<uint32_t>(bytes);
    return true;
}

void print_frame_bytes(const Options& options, StringInfo out) {
    appendStringInfo(out, "%u", options.frame_bytes);
}

constexpr const char* kSwitchExpects = "Give a Boolean value, such as \"on\" or \"off\".";

constexpr OptionSpec kSpecs[] = {
    {"publication_names", "Give a comma-separated list of publication names.",
     parse_publication_names, print_publication_names},
    {"messages", kSwitchExpects, parse_switch<&Options::messages>,
     print_switch<&Options::messages>},
    {"message_prefixes", "Give a comma-separated list of prefixes.", parse_message_prefixes,
     print_message_prefixes},
    {"origin", "Give \"any\" or \"none\".", parse_origin, print_origin},
    {"frame_bytes", "Give a whole number from 64 to 16777216.", parse_frame_bytes,
     print_frame_bytes},
    {"streaming", kSwitchExpects, parse_switch<&Options::streaming>,
     print_switch<&Options::streaming>},
    {"two_phase", kSwitchExpects, parse_switch<&Options::two_phase>,
     print_switch<&Options::two_phase>},
    {"compression", "Give \"none\", \"lz4\" or \"zstd\".", parse_compression, print_compression},
};

char* list_valid_names() {
    StringInfoData names;
    initStringInfo(&names);
    for (const OptionSpec& spec : kSpecs)
        appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "", spec.name);
    return names.data;
}

size_t find_spec(const char* name) {
    for (size_t index = 0; index < std::size(kSpecs); ++index)
        if (strcmp(kSpecs[index].name, name) == 0) return index;

    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unrecognized walpack option \"%s\"", name),
                    errhint("Valid options are %s.", list_valid_names())));
}

}  // namespace

std::span<const OptionSpec> option_specs() {
    return kSpecs;
}

Options parse_options(const List* given) {
    Options options;
    uint32_t seen = 0;
    ListCell* cell;
    foreach (cell, given) {
        const DefElem* element = static_cast<const DefElem*>(lfirst(cell));
        const size_t index = find_spec(element->defname);
        const OptionSpec& spec = kSpecs[index];

        if ((seen & (1U << index)) != 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("walpack option \"%s\" is given more than once", spec.name),
                            errhint("Give each option once.")));
        seen |= 1U << index;

        const char* value = element->arg == nullptr ? nullptr : strVal(element->arg);
        if (!spec.parse(options, value))
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     value == nullptr ? errmsg("walpack option \"%s\" needs a value", spec.name)
                                      : errmsg("invalid value for walpack option \"%s\": \"%s\"",
                                               spec.name, value),
                     errhint("%s", spec.expects)));
    }
    return options;
}

}  // namespace walpack::plugin
