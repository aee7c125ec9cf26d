#include "oci/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

/* ---- looking */

json_t *config_at(const struct config *config, const char *const *names)
{
    json_t *at = config->tree;
    while (at && *names)
        at = json_object_get(at, *names++);
    return at;
}

const char *config_annotation(const struct config *config, const char *name)
{
    const char *const where[] = {"annotations", name, NULL};
    return json_string_value(config_at(config, where));
}

bool mount_is_bind(const json_t *mount)
{
    const char *type = json_string_value(json_object_get(mount, "type"));
    size_t i;
    const json_t *option;
    json_array_foreach (json_object_get(mount, "options"), i, option)
        if (strcmp(json_string_value(option), "bind") == 0 ||
            strcmp(json_string_value(option), "rbind") == 0)
            return true;
    return type && strcmp(type, "bind") == 0;
}

uint32_t config_host_id(const struct config *config, const char *id, const char *mappings)
{
    const char *const where[] = {"process", "user", id, NULL}, *const maps[] = {"linux", mappings,
                                                                                NULL};
    const json_int_t inside = json_integer_value(config_at(config, where));
    size_t i;
    const json_t *map;
    json_array_foreach (config_at(config, maps), i, map) {
        json_int_t first = json_integer_value(json_object_get(map, "containerID")),
                   count = json_integer_value(json_object_get(map, "size"));
        if (inside >= first && inside - first < count)
            return (uint32_t)(json_integer_value(json_object_get(map, "hostID")) + inside - first);
    }
    return (uint32_t)inside;
}

/* ---- checks */

static bool bad(struct error *error, const char *where, const char *wanted)
{
    return error_set(error, ERROR_USAGE, "config.json: %s: not %s", where, wanted);
}

static bool is_id(const json_t *number)
{
    return json_is_integer(number) && json_integer_value(number) >= 0 &&
           json_integer_value(number) <= UINT32_MAX;
}

/* A text that can be a word of a command line or a path: jansson has refused bytes of zero. */
static bool texts(const json_t *array, const char *where, struct error *error)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(array))
        return bad(error, where, "a list");
    json_array_foreach (array, i, item)
        if (!json_is_string(item))
            return bad(error, where, "a list of texts");
    return true;
}

static bool is_absolute(const json_t *path)
{
    return json_is_string(path) && json_string_value(path)[0] == '/';
}

static bool check_user(const json_t *user, struct error *error)
{
    const json_t *uid = json_object_get(user, "uid"), *gid = json_object_get(user, "gid"),
                 *more = json_object_get(user, "additionalGids"), *item;
    size_t i;
    if (user && !json_is_object(user))
        return bad(error, "process.user", "an object");
    if ((uid && !is_id(uid)) || (gid && !is_id(gid)) || (more && !json_is_array(more)))
        return bad(error, "process.user", "the number of a user and of its groups");
    json_array_foreach (more, i, item)
        if (!is_id(item))
            return bad(error, "process.user.additionalGids", "numbers of groups");
    return true;
}

static bool check_process(const json_t *process, struct error *error)
{
    const json_t *args = json_object_get(process, "args"), *env = json_object_get(process, "env");
    if (!json_is_object(process))
        return bad(error, "process", "an object");
    if (!texts(args, "process.args", error) || (env && !texts(env, "process.env", error)))
        return false;
    if (json_array_size(args) == 0 || !*json_string_value(json_array_get(args, 0)))
        return bad(error, "process.args", "a command");
    if (!is_absolute(json_object_get(process, "cwd")))
        return bad(error, "process.cwd", "an absolute path");
    return check_user(json_object_get(process, "user"), error);
}

static bool check_mounts(const json_t *mounts, struct error *error)
{
    size_t i;
    const json_t *mount;
    if (mounts && !json_is_array(mounts))
        return bad(error, "mounts", "a list");
    json_array_foreach (mounts, i, mount) {
        const json_t *type = json_object_get(mount, "type"),
                     *source = json_object_get(mount, "source"),
                     *options = json_object_get(mount, "options");
        if (!json_is_object(mount) || !json_is_string(json_object_get(mount, "destination")))
            return bad(error, "mounts", "a list of objects with a destination");
        if ((type && !json_is_string(type)) || (source && !json_is_string(source)))
            return bad(error, "mounts", "a list of objects whose type and source are texts");
        if (options && !texts(options, "mounts.options", error))
            return false;
        if (mount_is_bind(mount) && !source)
            return bad(error, "mounts", "a list in which binds have a source");
    }
    return true;
}

static bool check_maps(const json_t *maps, const char *where, struct error *error)
{
    size_t i;
    const json_t *map;
    if (maps && !json_is_array(maps))
        return bad(error, where, "a list");
    json_array_foreach (maps, i, map)
        if (!is_id(json_object_get(map, "containerID")) || !is_id(json_object_get(map, "hostID")) ||
            !is_id(json_object_get(map, "size")))
            return bad(error, where, "a list of containerID, hostID and size");
    return true;
}

/* Resources: only the limit of memory is looked at. */
static bool check_linux(const struct config *config, struct error *error)
{
    static const char *const at[] = {"linux", NULL},
                             *const resources[] = {"linux", "resources", NULL},
                             *const memory[] = {"linux", "resources", "memory", NULL},
                             *const limit[] = {"linux", "resources", "memory", "limit", NULL};
    const json_t *linux_ = config_at(config, at), *number = config_at(config, limit),
                 *devices = json_object_get(linux_, "devices"), *device;
    const char *const *objects[] = {at, resources, memory};
    size_t i;
    for (i = 0; i < sizeof objects / sizeof *objects; i++)
        if (config_at(config, objects[i]) && !json_is_object(config_at(config, objects[i])))
            return bad(error, "linux, linux.resources or .memory", "an object");
    if (number && !json_is_integer(number))
        return bad(error, "linux.resources.memory.limit", "a number");
    if (devices && !json_is_array(devices))
        return bad(error, "linux.devices", "a list");
    json_array_foreach (devices, i, device)
        if (!is_absolute(json_object_get(device, "path")))
            return bad(error, "linux.devices", "a list of objects with an absolute path");
    return check_maps(json_object_get(linux_, "uidMappings"), "linux.uidMappings", error) &&
           check_maps(json_object_get(linux_, "gidMappings"), "linux.gidMappings", error);
}

bool config_path(const struct config *config, const char *path, char found[PATH_ROOM],
                 struct error *error)
{
    return *path == '/' ? path_set(found, error, "%s", path)
                        : path_set(found, error, "%s/%s", config->bundle, path);
}

static bool check(struct config *config, struct error *error)
{
    static const char *const where[] = {"root", "path", NULL};
    const json_t *annotations = json_object_get(config->tree, "annotations"), *text;
    const char *version = json_string_value(json_object_get(config->tree, "ociVersion")),
               *path = json_string_value(config_at(config, where)), *name;
    if (!version || strncmp(version, "1.", 2) != 0)
        return bad(error, "ociVersion", "a version 1.x of the specification");
    if (!path || !*path)
        return bad(error, "root.path", "a path");
    if (annotations && !json_is_object(annotations))
        return bad(error, "annotations", "an object");
    json_object_foreach ((json_t *)(uintptr_t)annotations, name, text)
        if (!json_is_string(text))
            return bad(error, "annotations", "an object of texts");
    return check_process(json_object_get(config->tree, "process"), error) &&
           check_mounts(json_object_get(config->tree, "mounts"), error) &&
           check_linux(config, error) && config_path(config, path, config->rootfs, error);
}

/* ---- reading */

bool config_parse(struct config *config, const void *text, size_t size, const char *bundle,
                  struct error *error)
{
    json_error_t why;
    memset(config, 0, sizeof *config);
    if (!path_set(config->bundle, error, "%s", bundle))
        return false;
    config->tree = json_loadb(text, size, 0, &why);
    if (!config->tree)
        return error_set(error, ERROR_USAGE, "config.json: line %d: %s", why.line, why.text);
    if (!json_is_object(config->tree))
        bad(error, "the whole", "an object");
    else if (check(config, error))
        return true;
    config_free(config);
    return false;
}

bool config_read(struct config *config, const char *bundle, struct error *error)
{
    char absolute[PATH_MAX], path[PATH_ROOM];
    struct buffer text = {0};
    if (!realpath(bundle ? bundle : ".", absolute))
        return error_set(error, ERROR_IO, "there is no bundle %s", bundle ? bundle : ".");
    bool good = path_set(path, error, "%s/config.json", absolute) &&
                file_read(path, &text, error) &&
                config_parse(config, text.data, text.size, absolute, error);
    buffer_free(&text);
    return good;
}

void config_free(struct config *config)
{
    json_decref(config->tree);
    config->tree = NULL;
}
