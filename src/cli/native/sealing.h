/* sealing.h - sealed modules in the user's cache. */
#ifndef CLI_NATIVE_SEALING_H
#define CLI_NATIVE_SEALING_H

#include "base/error.h"
#include "wasm/module.h"

/* The sealed form of the module in `bytes` (of the file `path`, for messages), made unless that has
 * been done by this version of the command: its path. A snapshot of `snapshot` bytes, or 0, is to
 * be restored in it. */
bool sealed_module(const char *path, struct span bytes, uint64_t snapshot, char sealed[1024],
                   struct error *error);
/* Whether that has been done. */
bool sealed_is_there(struct span bytes);

#endif
