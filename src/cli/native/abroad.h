/* abroad.h - a guest on another machine: this side of the connection (link.h); receive.c is the
 * other. */
#ifndef CLI_NATIVE_ABROAD_H
#define CLI_NATIVE_ABROAD_H

#include <poll.h>

#include "cli/native/supervisor.h"

/* Starts ssh to `target`, "ssh://[USER@]MACHINE[:PORT]", and `yado receive` there. `wish` is what
 * `yado migrate` said (supervisor.h). */
bool abroad_open(struct place *place, const char *target, const char *host, const char *wish,
                 struct error *error);
void abroad_close(struct place *place);

bool abroad_is_cut(const struct place *place);

/* What to wait for on behalf of a guest that is there or has been, at most ABROAD_WAITS; and what
 * to do then. */
enum { ABROAD_WAITS = 5 };
nfds_t abroad_waits(struct supervisor *supervisor, struct pollfd *waits, int *timeout);
void abroad_service(struct supervisor *supervisor);

#endif
