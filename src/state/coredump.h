/* coredump.h - a snapshot as a WebAssembly core dump, for debuggers. */
#ifndef STATE_COREDUMP_H
#define STATE_COREDUMP_H

#include "state/snapshot.h"

/* Appends a core dump (WebAssembly tool-conventions, Coredump.md) of a snapshot that snapshot_open
 * has accepted to `dump`: the stack, innermost frame first, if `values` with its locals and
 * operands; globals; memory as data segments. References are given as missing. `module` is the
 * snapshot's, loaded; `name` is what the dump calls it. ERROR_SNAPSHOT where a section is
 * malformed. */
bool snapshot_coredump(const struct snapshot *snapshot, const struct module *module,
                       const char *name, bool values, struct buffer *dump, struct error *error);

#endif
