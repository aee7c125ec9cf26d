/* supervisor.h - `yado run` and `yado restore` look after the guest, wherever it is: they start it,
 * have its standard streams, move it when `yado migrate` asks, and end with its exit code.
 *
 *     yado migrate ──control socket──▶ yado run ─┬─▶ the host that the guest is in
 *                                                └─▶ the one that it is going to
 *
 * The socket is `control` in the guest's directory: lines "key=value" and the end of the stream
 * there, then lines "word text" back: phase, progress, error, usage, done. */
#ifndef CLI_NATIVE_SUPERVISOR_H
#define CLI_NATIVE_SUPERVISOR_H

#include "cli/native/place.h"

/* Looks after what has been started in supervisor->place until it ends; returns the exit code. */
int supervise(struct supervisor *supervisor);

/* The same of a guest whose `yado run` is elsewhere and has let it go. Frees its place. */
void supervise_alone(struct supervisor *supervisor);

/* Withdraws what a client that was killed has asked of the guest, now and then. */
void supervisor_tidy(struct supervisor *supervisor);

/* A line to the client, which need not read it: it never makes the guest wait. False when there is
 * no client. */
bool supervisor_tell(struct supervisor *supervisor, const char *word, const char *format, ...)
    ERROR_PRINTF(3, 4);

#endif
