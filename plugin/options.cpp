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

bool parse_messages(Options& options, const char* value) {
    if (value != nullptr) return parse_bool(value, &options.messages);
    options.messages = true;
    return true;
}

void print_messages(const Options& options, StringInfo out) {
    appendStringInfoString(out, options.messages ? "on" : "off");
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

constexpr OptionSpec kSpecs[] = {
    {"publication_names", "Give a comma-separated list of publication names.",
     parse_publication_names, print_publication_names},
    {"messages", "Give a Boolean value, such as \"on\" or \"off\".", parse_messages,
     print_messages},
    {"origin", "Give \"any\" or \"none\".", parse_origin, print_origin},
    {"frame_bytes", "Give a whole number from 64 to 16777216.", parse_frame_bytes,
     print_frame_bytes},
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
