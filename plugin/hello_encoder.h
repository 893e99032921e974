/*
 * The Hello record: what a reader must know about the source before the first change.
 *
 * Packed once, at startup, since nothing in it can change during a session.
 */
#ifndef WALPACK_PLUGIN_HELLO_ENCODER_H
#define WALPACK_PLUGIN_HELLO_ENCODER_H

#include "server.h"

#include "message_writer.h"
#include "options.h"

namespace walpack::plugin {

/* The bytes live in the current memory context. */
HelloBytes encode_hello(const Options& options, bool text_is_utf8);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_HELLO_ENCODER_H
