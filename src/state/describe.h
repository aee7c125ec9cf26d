/* describe.h - a snapshot for a person. */
#ifndef STATE_DESCRIBE_H
#define STATE_DESCRIBE_H

#include "state/snapshot.h"

/* Tells what is in a snapshot that snapshot_open has accepted, as lines of text. `module` (may be
 * NULL) gives the names. Reads the sections without restoring anything; ERROR_SNAPSHOT where one is
 * malformed. */
bool snapshot_describe(const struct snapshot *snapshot, const struct module *module,
                       void (*line)(void *context, const char *text), void *context,
                       struct error *error);

#endif
