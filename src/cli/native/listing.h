/* listing.h - what `ps` and `hosts` have in common: a command without arguments. */
#ifndef CLI_NATIVE_LISTING_H
#define CLI_NATIVE_LISTING_H

#include "cli/play.h"

/* Parses the arguments, of which there must be none, and calls `list`. Returns the exit code. */
int listing(enum command command, int argc, const char **argv,
            bool (*list)(const struct options *options, struct error *error));

#endif
