/* supervisor.h - `yado run` and `yado restore` look after the guest, wherever it is: they start it,
 * have its standard streams, move it when `yado migrate` asks, and end with its exit code.
 *
 *     yado migrate ──control socket──▶ yado run ─┬─▶ the host that the guest is in
 *                                                └─▶ the one that it is going to
 *
 * The socket is `control` in the guest's directory: lines "key=value" and the end of the stream
 * there, then lines "word text" back: phase, progress, error, usage, done (client.h). */
#ifndef CLI_NATIVE_SUPERVISOR_H
#define CLI_NATIVE_SUPERVISOR_H

#include "cli/native/place.h"

/* Starts the guest here, in `host` (NULL: natively) that is called `name`, and looks after it until
 * its end; returns the exit code. */
int supervisor_begin(struct supervisor *supervisor, const struct host *host, const char *name);

/* Looks after what has been started in supervisor->place until it ends; returns the exit code. */
int supervise(struct supervisor *supervisor);

/* The same of a guest whose `yado run` is elsewhere and has let it go. Frees its place. */
void supervise_alone(struct supervisor *supervisor);

/* Withdraws what a client that was killed has asked of the guest, now and then. */
void supervisor_tidy(struct supervisor *supervisor);

/* What is to be done while something else is waited for (struct supervisor). */
void supervisor_service(struct supervisor *supervisor);

#endif
