/* compiled.h - what a host's own compiler made of a module, kept in the user's cache directory.
 *
 *   HOST-HASH.compiled       what the compiler wrote; HASH is of the module's bytes, the host's
 *                            version, its compiler's file and the compiler's arguments
 *   HOST-HASH.checksum       lines size=, checksum= (XXH3-64, hexadecimal) of that; written after
 * it */
#ifndef CLI_NATIVE_HOSTS_COMPILED_H
#define CLI_NATIVE_HOSTS_COMPILED_H

#include "cli/native/hosts.h"

/* Compiles `module` unless that has been done, and what came of it is undamaged. `program` is the
 * host's. */
bool compiled_module(const struct host *host, const char *program, const char *module,
                     char path[1024], struct error *error);

#endif
