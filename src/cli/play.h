/* play.h - a guest from its module or snapshot to its end: natively and inside a host. */
#ifndef CLI_PLAY_H
#define CLI_PLAY_H

#include "cli/options.h"

/* Both print what goes wrong and return the exit code. */
int play_run(const struct options *options);
int play_restore(const struct options *options);

/* Prints "yado: message (at byte 0x...)" to standard error and returns `exit_code`. */
int report(const struct error *error, int exit_code);

/* The same for what does not end anything. */
void report_notice(const struct error *what);

#endif
