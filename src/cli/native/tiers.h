/* tiers.h - interpreted, sealed, or first the one and then the other (--tier). */
#ifndef CLI_NATIVE_TIERS_H
#define CLI_NATIVE_TIERS_H

#include "cli/native/supervisor.h"

/* Runs the supervisor's guest, `host` (NULL: natively) being called `name`, until it ends; returns
 * the exit code. */
int run_in_tier(struct supervisor *supervisor, const struct host *host, const char *name);

#endif
