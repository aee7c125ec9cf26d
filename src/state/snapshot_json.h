/* snapshot_json.h - a snapshot as JSON; native only. docs/snapshot-format.md has the shape. */
#ifndef STATE_SNAPSHOT_JSON_H
#define STATE_SNAPSHOT_JSON_H

#include "base/tree.h"
#include "state/snapshot.h"

/* Everything in a snapshot that snapshot_open has accepted. `module` (may be NULL) gives the names.
 * Without `contents`, the bytes of memory, embedded module and files are left out. ERROR_SNAPSHOT
 * where a section is malformed. */
bool snapshot_json(const struct snapshot *snapshot, const struct module *module, bool contents,
                   json_t **json, struct error *error);

#endif
