/* config.h - a bundle's config.json as far as it is used here (the OCI runtime specification 1.x):
 *
 *     ociVersion     "1..."
 *     process        args, env, cwd (absolute), user {uid, gid, additionalGids}, terminal
 *     root           path (absolute, or below the bundle), readonly
 *     mounts         [{destination, type, source, options}]
 *     annotations    {name: text}
 *     linux          resources.memory.limit, uidMappings, gidMappings, devices
 *
 * It is somebody else's file: whatever of that is there has been looked at, so that who reads it
 * afterwards finds the types above; everything else is the runtime's below and stays as it is. */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <jansson.h>
#include <stdint.h>

#include "base/path.h"

struct config {
    json_t *tree; /* owned */
    char bundle[PATH_ROOM];
    char rootfs[PATH_ROOM];
    char program[PATH_ROOM]; /* of a WebAssembly container: its module as the guest sees it */
};

/* Of bytes that may be anything. `bundle` is an absolute path. ERROR_USAGE says what is wrong and
 * where. After a failure there is nothing to free. */
bool config_parse(struct config *config, const void *text, size_t size, const char *bundle,
                  struct error *error);
/* Reads BUNDLE/config.json. `bundle` NULL: the working directory. */
bool config_read(struct config *config, const char *bundle, struct error *error);
void config_free(struct config *config);

/* Where a path of config.json is, which is absolute or below the bundle. */
bool config_path(const struct config *config, const char *path, char found[PATH_ROOM],
                 struct error *error);

/* Whether the container's program is WebAssembly, and then sets `program`: a file that begins as a
 * module does, whatever it is called. An annotation that says WebAssembly of another file is an
 * error: `good` is false then. */
bool config_is_wasm(struct config *config, bool *good, struct error *error);
/* What a WebAssembly guest cannot have: devices of the machine's. */
bool config_suits_wasm(const struct config *config, struct error *error);

/* "linux", "resources" and so on, ended by NULL; NULL when one is not there. */
json_t *config_at(const struct config *config, const char *const *names);
/* NULL when it is not there. */
const char *config_annotation(const struct config *config, const char *name);
/* Whether a mount (an object of `mounts`) is a bind of a file or directory of the machine's. */
bool mount_is_bind(const json_t *mount);
/* The user or group of the container's program as the machine numbers it. */
uint32_t config_host_id(const struct config *config, const char *id, const char *mappings);

/* Opens a path as it is below a directory: links do not lead out of it. O_PATH; -1. */
int open_in_root(const char *root, const char *path);

#endif
