/* diff.h - what changed between two snapshots of one guest. */
#ifndef STATE_DIFF_H
#define STATE_DIFF_H

#include "state/snapshot.h"

/* Tells it in lines of text. `module` (may be NULL) gives the names. The notes are not compared.
 * *differ is set when anything else does. ERROR_SNAPSHOT when a section is malformed or the two are
 * of different modules. */
bool snapshot_diff(const struct snapshot *a, const struct snapshot *b, const struct module *module,
                   void (*line)(void *context, const char *text), void *context, bool *differ,
                   struct error *error);

#endif
