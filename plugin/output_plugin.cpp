/*
 * What the server sees of the library: the module's magic, the callback table, startup and
 * shutdown.
 *
 * The library does nothing when it is loaded, executes no SQL, opens no file and takes no option
 * that names a function or a path: it is safe to list in output_plugin_libraries.
 */
#include "callbacks.h"
#include "hello_encoder.h"
#include "session_settings.h"

extern "C" {
#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "walpack", .version = WALPACK_VERSION);
#else
PG_MODULE_MAGIC;
#endif

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks* callbacks);
}

namespace walpack::plugin {
namespace {

void open_session(LogicalDecodingContext* ctx) {
    MemoryContext context = AllocSetContextCreate(ctx->context, "walpack", ALLOCSET_DEFAULT_SIZES);
    MemoryContext caller = MemoryContextSwitchTo(context);
    auto* state = static_cast<PluginState*>(palloc0(sizeof(PluginState)));
    state->context = context;
    state->change_context =
        AllocSetContextCreate(context, "walpack change", ALLOCSET_DEFAULT_SIZES);

    state->options = parse_options(ctx->output_plugin_options);
    require_server_encoding();
    state->settings_level = pin_output_settings();

    const bool text_is_utf8 = GetDatabaseEncoding() == PG_UTF8;
    state->writer.open(ctx, encode_hello(state->options, text_is_utf8), state->options.frame_bytes,
                       text_is_utf8, state->options.compression);
    state->relations = open_relation_cache(ctx, context, state->options.publication_names);
    MemoryContextSwitchTo(caller);
    ctx->output_plugin_private = state;
}

/* The server joins what is asked for here with the slot's own property. */
void require_two_phase(LogicalDecodingContext* ctx) {
#if PG_VERSION_NUM >= 150000
    ctx->twophase_opt_given = true;
#else
    if (!ctx->slot->data.two_phase)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("replication slot \"%s\" was created without two-phase decoding",
                               NameStr(ctx->slot->data.name)),
                        errhint("Create a slot with two_phase => true, or leave out the option "
                                "two_phase.")));
#endif
}

}  // namespace

extern "C" {

static void walpack_startup(LogicalDecodingContext* ctx, OutputPluginOptions* options,
                            bool is_init) {
    options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
    options->receive_rewrites = false;
    /* A slot that is being created is given no options. Of the callbacks only that of origins is
     * called for it. */
    if (is_init) {
        ctx->streaming = false;
        ctx->twophase = false;
        return;
    }
    open_session(ctx);
    ctx->streaming &= state_of(ctx).options.streaming;
    if (state_of(ctx).options.two_phase)
        require_two_phase(ctx);
    else
        ctx->twophase = false;
}

/* Not called after an error: then the end of the transaction restores the settings. */
static void walpack_shutdown(LogicalDecodingContext* ctx) {
    if (ctx->output_plugin_private == nullptr) return;
    release_output_settings(state_of(ctx).settings_level);
}

/* Also for changes that come while the slot is being created, before any of them is decoded: then
 * there is no session. */
bool walpack_filter_by_origin(LogicalDecodingContext* ctx, OriginId origin) {
    if (ctx->output_plugin_private == nullptr) return false;
    return origin != kNoOrigin && state_of(ctx).options.origin == OriginRule::kNone;
}
}

}  // namespace walpack::plugin

extern "C" void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
    using namespace walpack::plugin;
    callbacks->startup_cb = walpack_startup;
    callbacks->begin_cb = walpack_begin;
    callbacks->change_cb = walpack_change;
    callbacks->truncate_cb = walpack_truncate;
    callbacks->commit_cb = walpack_commit;
    callbacks->message_cb = walpack_message;
    callbacks->filter_by_origin_cb = walpack_filter_by_origin;
    callbacks->shutdown_cb = walpack_shutdown;

    callbacks->stream_start_cb = walpack_stream_start;
    callbacks->stream_stop_cb = walpack_stream_stop;
    callbacks->stream_abort_cb = walpack_stream_abort;
    callbacks->stream_commit_cb = walpack_stream_commit;
    callbacks->stream_change_cb = walpack_change;
    callbacks->stream_message_cb = walpack_message;
    callbacks->stream_truncate_cb = walpack_truncate;

    callbacks->begin_prepare_cb = walpack_begin_prepare;
    callbacks->prepare_cb = walpack_prepare;
    callbacks->commit_prepared_cb = walpack_commit_prepared;
    callbacks->rollback_prepared_cb = walpack_rollback_prepared;
    callbacks->stream_prepare_cb = walpack_stream_prepare;
}
