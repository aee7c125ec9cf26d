/* session.h - a guest from its module or snapshot to its end: natively and inside a host. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/options.h"

/* Both print what goes wrong and return the exit code. */
int session_run(const struct options *options);
int session_restore(const struct options *options);

/* Prints "yado: message (at byte 0x...)" to standard error and returns `exit_code`. */
int report(const struct error *error, int exit_code);

#endif
