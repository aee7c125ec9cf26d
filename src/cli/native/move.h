/* move.h - a running guest from one place to another. docs/migration.md draws it. */
#ifndef CLI_NATIVE_MOVE_H
#define CLI_NATIVE_MOVE_H

#include "cli/native/place.h"

/* Moves the guest from supervisor->place to `to`, which then takes its place and which it owns.
 * False when the guest goes on where it was. `*lost` tells that neither is certain: `to` may run
 * it, and the snapshot is kept; the error says where. */
bool move_guest(struct supervisor *supervisor, struct place *to, const struct wanted *wanted,
                bool *lost, struct error *error);

#endif
