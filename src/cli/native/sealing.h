/* sealing.h - sealed modules in the user's cache. */
#ifndef CLI_NATIVE_SEALING_H
#define CLI_NATIVE_SEALING_H

#include "base/error.h"
#include "cli/native/hosts.h"
#include "wasm/module.h"

/* The sealed form of the module in `bytes` (of the file `path`, for messages) for a host, made
 * unless that has been done by this version of the command: its path. It uses what the host has
 * (hosts.h, `features`). A snapshot of `snapshot` bytes, or 0, is to be restored in it. */
bool sealed_module(const struct host *host, const char *path, struct span bytes, uint64_t snapshot,
                   char sealed[PATH_ROOM], struct error *error);
/* Whether that has been done, and what the host compiles it to is there too. */
bool sealed_is_there(const struct host *host, struct span bytes);

#endif
