/* listen.h - the sockets of --listen. */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "cli/options.h"

/* A socket for each address (host_listen), NULL without any. A port that 0 became is printed to
 * standard error. ERROR_IO names what cannot be listened on. */
bool listeners_open(struct wasi_listener **listeners, const struct list *addresses,
                    struct error *error);
/* The sockets stay open until the process ends: the guest may have closed some. */
void listeners_free(struct wasi_listener *listeners, uint32_t count);

#endif
