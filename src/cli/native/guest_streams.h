/* guest_streams.h - this process's own standard input, on its way to a guest that does not have it itself:
 *
 *     standard input ──▶ supervisor->input ─┬─▶ a pipe, for a guest that has come back here
 *                                           └─▶ messages, for one that is elsewhere (abroad.c) */
#ifndef CLI_NATIVE_STREAMS_H
#define CLI_NATIVE_STREAMS_H

#include "cli/native/place.h"

enum { STREAMS_WAITS = 2 };

/* What to wait for; and what to do then. */
nfds_t streams_waits(struct supervisor *supervisor, struct pollfd waits[STREAMS_WAITS]);
void streams_service(struct supervisor *supervisor);

#endif
