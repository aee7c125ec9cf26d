/* program.c - which file a container's program is, and whether that is WebAssembly. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci/config.h"

int open_in_root(const char *root, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                                 .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    int file = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    close(directory);
    return file;
}

/* The last mount that has `path`: what of it lies behind its destination, or NULL. */
static const char *find_mount(const struct config *config, const char *path, const json_t **found)
{
    const char *rest = NULL;
    size_t i;
    const json_t *mount;
    json_array_foreach (json_object_get(config->tree, "mounts"), i, mount) {
        const char *at = json_string_value(json_object_get(mount, "destination"));
        size_t length = strlen(at);
        while (length > 1 && at[length - 1] == '/')
            length--;
        if (mount_is_bind(mount) && strncmp(path, at, length) == 0 &&
            (path[length] == '/' || path[length] == 0)) {
            *found = mount;
            rest = path + length;
        }
    }
    return rest;
}

/* A file of the container's before that is there: in the image, or in what is bound into it. */
static int open_inside(const struct config *config, const char *path)
{
    char source[PATH_ROOM];
    const json_t *mount = NULL;
    const char *rest = find_mount(config, path, &mount);
    if (!rest)
        return open_in_root(config->rootfs, path);
    const char *from = json_string_value(json_object_get(mount, "source"));
    if (!config_path(config, from, source, NULL))
        return -1;
    return *rest ? open_in_root(source, rest) : open(source, O_PATH | O_CLOEXEC);
}

/* Reads the first bytes: 0 asm. */
static bool is_module(int file)
{
    char path[64], bytes[4] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int readable = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = readable >= 0 && read(readable, bytes, sizeof bytes) == sizeof bytes &&
                memcmp(bytes, "\0asm", 4) == 0;
    if (readable >= 0)
        close(readable);
    return good;
}

enum found { FOUND_NOTHING, FOUND_OTHER, FOUND_MODULE };

/* `directory` "": the path is absolute. */
static enum found try_path(struct config *config, const char *directory, size_t length,
                           const char *name)
{
    char path[PATH_ROOM];
    if (!path_set(path, NULL, "%.*s%s%s", (int)length, directory,
                  length && directory[length - 1] != '/' ? "/" : "", name))
        return FOUND_NOTHING;
    int file = open_inside(config, path);
    if (file < 0)
        return FOUND_NOTHING;
    bool module = is_module(file);
    close(file);
    if (module)
        (void)path_set(config->program, NULL, "%s", path);
    return module ? FOUND_MODULE : FOUND_OTHER;
}

static const char *search_path(const struct config *config)
{
    static const char *const where[] = {"process", "env", NULL};
    const char *path = "/bin:/usr/bin";
    size_t i;
    const json_t *variable;
    json_array_foreach (config_at(config, where), i, variable)
        if (strncmp(json_string_value(variable), "PATH=", 5) == 0)
            path = json_string_value(variable) + 5;
    return path;
}

/* As a shell looks, and then where images of a single module have it: in the working directory. */
static enum found find_program(struct config *config, const char *name)
{
    static const char *const where[] = {"process", "cwd", NULL};
    const char *cwd = json_string_value(config_at(config, where)), *at = search_path(config);
    enum found found = FOUND_NOTHING;
    if (*name == '/')
        return try_path(config, "", 0, name);
    while (!strchr(name, '/') && !found && *at) {
        size_t length = strcspn(at, ":");
        if (*at == '/')
            found = try_path(config, at, length, name);
        at += length + (at[length] == ':');
    }
    return found ? found : try_path(config, cwd, strlen(cwd), name);
}

/* What image builders and crun say of an image with a module. */
static bool is_said_to_be(const struct config *config)
{
    const char *variant = config_annotation(config, "module.wasm.image/variant"),
               *handler = config_annotation(config, "run.oci.handler");
    return (variant && strncmp(variant, "compat", 6) == 0) ||
           (handler && strncmp(handler, "wasm", 4) == 0);
}

bool config_is_wasm(struct config *config, bool *good, struct error *error)
{
    static const char *const where[] = {"process", "args", NULL};
    const char *name = json_string_value(json_array_get(config_at(config, where), 0));
    enum found found = find_program(config, name);
    /* "compat-smart" and the like: the image has native programs too. */
    *good = found == FOUND_MODULE || found == FOUND_OTHER || !is_said_to_be(config) ||
            error_set(error, ERROR_USAGE, "%s: there is no such module in the container", name);
    return found == FOUND_MODULE;
}

bool config_suits_wasm(const struct config *config, struct error *error)
{
    static const char *const where[] = {"linux", "devices", NULL},
                             *const known[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                               "/dev/random", "/dev/urandom", "/dev/tty",
                                               "/dev/console"};
    size_t i;
    const json_t *device;
    json_array_foreach (config_at(config, where), i, device) {
        const char *path = json_string_value(json_object_get(device, "path"));
        bool good = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            good |= strcmp(path, known[k]) == 0;
        if (!good)
            return error_set(error, ERROR_USAGE,
                             "a WebAssembly guest has no use for the device %s (linux.devices)",
                             path);
    }
    return true;
}
