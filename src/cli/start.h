/* start.h - what `run` and `restore` have in common: options, and where it runs. */
#ifndef CLI_START_H
#define CLI_START_H

#include "cli/play.h"

/* Parses the arguments; `argument` names the one that must be there, or NULL in a sealed module,
 * whose name then stands at argv[-1]. Natively, registers the guest and starts it in its host; else
 * calls `session`. Returns the exit code. */
int start(enum command command, int argc, const char **argv, const char *argument,
          int (*session)(const struct options *options));

/* native/supervisor.c: runs the guest under options->host, or in a child of this process. */
int start_native(enum command command, const struct options *options);

#endif
