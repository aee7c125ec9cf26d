/* compiled.h - what a host's own compiler made of a module, kept in the user's cache directory.
 *
 *   HOST-HASH.compiled       what the compiler wrote, a file or a folder; HASH is of the module's
 *                            bytes, the host's version, its compiler's file and arguments
 *   HOST-HASH.checksum       lines size=, checksum= of that; written after it
 *
 * The checksum is XXH3-64, in hexadecimal; of a folder, that of its files' names and contents, in
 * the order of their names. */
#ifndef CLI_NATIVE_HOSTS_COMPILED_H
#define CLI_NATIVE_HOSTS_COMPILED_H

#include "cli/native/hosts.h"

/* Compiles `module` unless that has been done, and what came of it is undamaged. `program` is the
 * host's. */
bool compiled_module(const struct host *host, const char *program, const char *module,
                     char path[PATH_ROOM], struct error *error);

/* Whether that has been done; or the host compiles nothing. */
bool compiled_is_there(const struct host *host, const char *module);

#endif
