/* keep.h - snapshots of guests that nobody can say of whether they run, kept for the user. */
#ifndef CLI_NATIVE_KEEP_H
#define CLI_NATIVE_KEEP_H

#include "cli/native/kept.h"
#include "cli/native/place.h"

/* Makes one snapshot of those in incoming/, and adds to the error's message where it is. */
void keep_snapshot(const struct supervisor *supervisor, struct error *error);

#endif
