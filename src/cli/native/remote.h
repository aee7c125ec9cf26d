/* remote.h - the command line that starts a guest in a host. */
#ifndef CLI_NATIVE_REMOTE_H
#define CLI_NATIVE_REMOTE_H

#include "cli/native/courier.h"
#include "cli/native/hosts.h"

/* For `run` or `restore` with the options of a courier that has begun. May compile Yadokari for the
 * host first. */
bool remote_command(const struct host *host, const struct registered *entry, enum command command,
                    const struct courier *courier, struct arguments *arguments,
                    struct error *error);

/* The bytes of the module that is run, or that a snapshot was taken of. `snapshot`, unless NULL:
 * what restoring that takes, in bytes; 0 for a run. */
bool guest_module(enum command command, const struct options *options, struct buffer *bytes,
                  uint64_t *snapshot, struct error *error);

/* The absolute path of a file or directory; its last part need not exist. */
bool absolute_path(const char *path, char result[PATH_ROOM], struct error *error);

#endif
