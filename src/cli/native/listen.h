/* listen.h - the sockets of --listen. */
#ifndef CLI_NATIVE_LISTEN_H
#define CLI_NATIVE_LISTEN_H

#include "cli/options.h"

/* Opens one for each "ADDRESS:PORT" ("[::1]:80" for IPv6; port 0: any, which is printed to standard
 * error). NULL without any. ERROR_IO names what cannot be listened on. */
bool listeners_open(struct wasi_listener **listeners, const struct list *addresses,
                    struct error *error);
/* The sockets stay open until the process ends: the guest may have closed some. */
void listeners_free(struct wasi_listener *listeners, uint32_t count);

#endif
