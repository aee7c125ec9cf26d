/* keep.h - snapshots of guests that nobody can say of whether they run, kept for the user. */
#ifndef CLI_NATIVE_KEEP_H
#define CLI_NATIVE_KEEP_H

#include "cli/native/place.h"

/* ${XDG_STATE_HOME:-~/.local/state}/yadokari/FILE; its directories are made. */
bool keep_path(const char *file, char path[1024], struct error *error);

/* Makes one snapshot of those in incoming/ (0 to `rounds`, and last), and adds to the error where
 * it is and what can be done with it. */
void keep_snapshot(struct supervisor *supervisor, const struct place *place, unsigned rounds,
                   struct error *error);

#endif
