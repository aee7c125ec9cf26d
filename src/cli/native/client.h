/* client.h - the `yado migrate` that a supervisor serves (supervisor.h): what it wants, and what it is
 * told. It may be gone, or may have stopped: it never makes the guest wait. */
#ifndef CLI_NATIVE_CLIENT_H
#define CLI_NATIVE_CLIENT_H

#include "cli/native/place.h"

/* Reads what it wants: lines "key=value", terminated. False when they do not come whole. */
bool client_wish(int client, struct buffer *text);

/* A line to it. False when there is no client. */
bool client_tell(struct supervisor *supervisor, const char *word, const char *format, ...)
    ERROR_PRINTF(3, 4);
/* What it has not taken yet, as far as it takes it now. */
void client_tell_more(struct supervisor *supervisor);

/* Whether there was one, and it has gone away. */
bool client_is_gone(const struct supervisor *supervisor);

/* Its last words, for as long as a client that is there needs for them; then there is none. */
void client_end(struct supervisor *supervisor);

#endif
