/*
 * The settings that values in output form depend on, and the encoding that text travels in.
 *
 * A walsender decodes outside transactions and does nothing else, so its settings are simply set.
 * An SQL function decodes inside the caller's transaction: the settings are pushed on the GUC stack
 * and popped at shutdown; after an error the abort pops them.
 */
#ifndef WALPACK_PLUGIN_SESSION_SETTINGS_H
#define WALPACK_PLUGIN_SESSION_SETTINGS_H

#include "server.h"

namespace walpack::plugin {

/*
 * Send functions convert to client_encoding, and a character that cannot be converted would stop
 * the slot for good. So any difference between client and database encoding is refused.
 */
void require_server_encoding();

/* Returns the level to release, or 0 when there is nothing to release. */
int pin_output_settings();
void release_output_settings(int level);

}  // namespace walpack::plugin

#endif  // WALPACK_PLUGIN_SESSION_SETTINGS_H
