#include "oci/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tree.h"
#include "cli/options.h"
#include "oci/init.h"

/* What is made, and of what. */
struct made {
    const struct config *config;
    const struct rewriting *how;
    const char *folder; /* P */
    char guest[64];     /* P/guest */
    json_t *mounts;     /* of the container */
    struct tree tree;
};

static json_t *member(const struct config *config, const char *object, const char *name)
{
    const char *const where[] = {object, name, NULL};
    return config_at(config, where);
}

static void append_text(struct made *made, json_t *array, const char *text)
{
    tree_append(&made->tree, array, json_string(text));
}

/* ---- mounts */

/* With options of its own, a space between them. */
static void add_mount(struct made *made, const char *type, const char *source,
                      const char *destination, const char *options)
{
    json_t *mount = json_object(), *list = json_array();
    tree_put(&made->tree, mount, "destination", json_string(destination));
    tree_put(&made->tree, mount, "type", json_string(type));
    tree_put(&made->tree, mount, "source", json_string(source));
    while (*options) {
        size_t length = strcspn(options, " ");
        tree_append(&made->tree, list, json_stringn(options, length));
        options += length + (options[length] == ' ');
    }
    tree_put(&made->tree, mount, "options", list);
    tree_append(&made->tree, made->mounts, mount);
}

static void bind(struct made *made, const char *source, const char *name, const char *options)
{
    char destination[PATH_ROOM];
    if (path_set(destination, NULL, "%s/%s", made->folder, name))
        add_mount(made, "bind", source, destination, options);
    else
        made->tree.failed = true;
}

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Where in the image a destination really is: a link such as /var/run must lead to the same place
 * below P/guest, where it would lead out. What is not there yet is where its name says. */
static void resolve(const struct made *made, const char *destination, char resolved[PATH_ROOM])
{
    char link[64], found[PATH_ROOM], head[PATH_ROOM];
    const size_t length = strlen(made->config->rootfs);
    (void)path_set(head, NULL, "%s", destination);
    (void)path_set(resolved, NULL, "%s", destination);
    for (char *end = head + strlen(head); end > head; end = strrchr(head, '/')) {
        *end = 0;
        int file = *head ? open_in_root(made->config->rootfs, head) : -1;
        if (file < 0)
            continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t size = readlink(link, found, sizeof found - 1);
        close(file);
        found[size > 0 ? size : 0] = 0;
        if (size > 0 && is_below(found, made->config->rootfs))
            (void)path_set(resolved, NULL, "%s%s", found + length, destination + (end - head));
        return;
    }
}

/* What the guest sees of the container's mounts: files and directories that were bound in, and
 * memory. /proc, /sys and devices are not among them. */
static bool is_for_guest(const json_t *mount)
{
    static const char *const hidden[] = {"/proc", "/sys", INIT_FOLDER_TOO, INIT_FOLDER};
    const char *at = json_string_value(json_object_get(mount, "destination")),
               *type = json_string_value(json_object_get(mount, "type"));
    bool memory = type && strcmp(type, "tmpfs") == 0;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (is_below(at, hidden[i]))
            return false;
    return *at == '/' && strcmp(at, "/dev") != 0 && strcmp(at, "/") != 0 &&
           (memory || mount_is_bind(mount));
}

/* The same mount once more, below P/guest. A tmpfs is there already, in the container. */
static void add_for_guest(struct made *made, const json_t *mount)
{
    const char *at = json_string_value(json_object_get(mount, "destination"));
    char resolved[PATH_ROOM], destination[PATH_ROOM], source[PATH_ROOM];
    resolve(made, at, resolved);
    json_t *copy = json_deep_copy(mount);
    if (!copy || !path_set(destination, NULL, "%s%s", made->guest, resolved) ||
        !path_set(source, NULL, "%s%s", made->config->rootfs, resolved)) {
        made->tree.failed = true;
        json_decref(copy);
        return;
    }
    tree_put(&made->tree, copy, "destination", json_string(destination));
    if (!mount_is_bind(mount)) {
        tree_put(&made->tree, copy, "type", json_string("bind"));
        tree_put(&made->tree, copy, "source", json_string(source));
        tree_put(&made->tree, copy, "options", json_pack("[s, s, s]", "bind", "nosuid", "nodev"));
    }
    tree_append(&made->tree, made->mounts, copy);
}

/* The devices that every container has and that give nothing away. */
static void add_devices(struct made *made)
{
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom"};
    char path[64], source[64];
    snprintf(path, sizeof path, "%s/dev", made->guest);
    add_mount(made, "tmpfs", "tmpfs", path, "nosuid noexec mode=755 size=64k");
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        snprintf(source, sizeof source, "/dev/%s", devices[i]);
        snprintf(path, sizeof path, "%s/dev/%s", made->guest, devices[i]);
        add_mount(made, "bind", source, path, "bind nosuid noexec");
    }
}

/* Our bundle is not the engine's: relative sources are the engine's. */
static void make_absolute(struct made *made, json_t *mount)
{
    char path[PATH_ROOM];
    const char *source = json_string_value(json_object_get(mount, "source"));
    if (!mount_is_bind(mount) || *source == '/')
        return;
    if (path_set(path, NULL, "%s/%s", made->config->bundle, source))
        tree_put(&made->tree, mount, "source", json_string(path));
    else
        made->tree.failed = true;
}

static bool add_mounts(struct made *made, struct error *error)
{
    const bool readonly = json_is_true(member(made->config, "root", "readonly"));
    const size_t theirs = json_array_size(made->mounts);
    for (size_t i = 0; i < theirs; i++)
        make_absolute(made, json_array_get(made->mounts, i));
    bind(made, made->how->self, "init", "bind ro nosuid nodev");
    bind(made, made->how->control, "control", "bind rw nosuid nodev noexec");
    bind(made, made->config->rootfs, "guest",
         readonly ? "bind ro nosuid nodev" : "bind rw nosuid nodev");
    add_devices(made);
    for (size_t i = 0; i < theirs; i++)
        if (is_for_guest(json_array_get(made->mounts, i)))
            add_for_guest(made, json_array_get(made->mounts, i));
    return !made->tree.failed || error_set(error, ERROR_MEMORY, "no memory for the mounts");
}

/* P lies on the container's own /dev, so that nothing of it is in the image. */
static const char *choose_folder(const json_t *mounts)
{
    size_t i;
    const json_t *mount;
    json_array_foreach (mounts, i, mount) {
        const char *type = json_string_value(json_object_get(mount, "type"));
        if (strcmp(json_string_value(json_object_get(mount, "destination")), "/dev") == 0 && type &&
            strcmp(type, "tmpfs") == 0)
            return INIT_FOLDER;
    }
    return INIT_FOLDER_TOO;
}

/* ---- the command line */

static void add_option(struct made *made, json_t *args, const char *option, const char *value)
{
    append_text(made, args, option);
    append_text(made, args, value);
}

/* The cgroup has the limit, and a guest that uses more than that is reported by the engine as out of
 * memory, which a trap is not. So what ends a guest here, growing alone, is a little more. Below 64
 * KiB yado takes no limit, and from 4 GiB on a guest needs none. */
static void add_memory(struct made *made, json_t *args)
{
    static const char *const where[] = {"linux", "resources", "memory", "limit", NULL};
    char text[32];
    json_int_t limit = json_integer_value(config_at(made->config, where));
    if (limit < 1 << 16 || limit >= (json_int_t)1 << 32)
        return;
    limit += limit / 8;
    snprintf(text, sizeof text, "%lld", (long long)limit);
    if (limit <= (json_int_t)1 << 32)
        add_option(made, args, "--max-memory", text);
}

static bool add_annotations(struct made *made, json_t *args, struct error *error)
{
    char snapshot[64];
    uint64_t nanoseconds;
    const char *every = config_annotation(made->config, "yadokari.dev/every"),
               *host = config_annotation(made->config, "yadokari.dev/host"),
               *tier = config_annotation(made->config, "yadokari.dev/tier");
    if ((host && strcmp(host, "native") != 0) || (tier && strcmp(tier, "interp") != 0))
        return error_set(error, ERROR_UNSUPPORTED,
                         "annotation yadokari.dev/%s: %s: in a container a guest is interpreted by "
                         "yado itself (native, interp)",
                         host ? "host" : "tier", host ? host : tier);
    if (every && !duration_parse(every, &nanoseconds))
        return error_set(error, ERROR_USAGE,
                         "annotation yadokari.dev/every: %s: not a time such as 10s", every);
    snprintf(snapshot, sizeof snapshot, "%s/control/every.snap", made->folder);
    if (every) {
        add_option(made, args, "--every", every);
        add_option(made, args, "--snapshot", snapshot);
    }
    return true;
}

static void add_file(struct made *made, json_t *args, const char *folder, const char *name)
{
    char path[PATH_ROOM];
    if (path_set(path, NULL, "%s%s", folder, name))
        append_text(made, args, path);
    else
        made->tree.failed = true;
}

/* `run ... APP.wasm ARGUMENTS`, or `restore --module APP.wasm --with-base BASE... SNAPSHOT`. */
static void add_program(struct made *made, json_t *args)
{
    char control[64];
    size_t i;
    const json_t *theirs = member(made->config, "process", "args"), *argument;
    const struct rewriting *how = made->how;
    snprintf(control, sizeof control, "%s/control/", made->folder);
    if (how->nsnapshots) {
        append_text(made, args, "--module");
        add_file(made, args, made->guest, made->config->program);
        for (i = 1; i < how->nsnapshots; i++) {
            append_text(made, args, "--with-base");
            add_file(made, args, control, how->snapshots[i]);
        }
        add_file(made, args, control, how->snapshots[0]);
        return;
    }
    add_option(made, args, "--arg0", json_string_value(json_array_get(theirs, 0)));
    add_file(made, args, made->guest, made->config->program);
    json_array_foreach (theirs, i, argument)
        if (i > 0)
            append_text(made, args, json_string_value(argument));
}

static bool add_args(struct made *made, struct error *error)
{
    char text[128];
    json_t *args = json_array(), *process = json_object_get(made->config->tree, "process");
    snprintf(text, sizeof text, "%s/init", made->folder);
    append_text(made, args, text);
    append_text(made, args, made->how->nsnapshots ? "restore" : "run");
    add_option(made, args, "--name", INIT_GUEST);
    /* Inodes say nothing about a file here: an image that is mounted again has other files under the
     * same numbers. */
    append_text(made, args, "--reproducible");
    snprintf(text, sizeof text, "%s::/", made->guest);
    add_option(made, args, "--dir", text);
    add_memory(made, args);
    bool good = add_annotations(made, args, error);
    add_program(made, args);
    tree_put(&made->tree, process, "args", args);
    return good;
}

/* A WebAssembly program has no working directory of the system's; those that look for one (Go's) ask
 * this variable. */
static void add_cwd(struct made *made)
{
    char text[PATH_ROOM];
    json_t *process = json_object_get(made->config->tree, "process"),
           *env = json_object_get(process, "env");
    size_t i;
    const json_t *variable;
    json_array_foreach (env, i, variable)
        if (strncmp(json_string_value(variable), "PWD=", 4) == 0)
            return;
    if (!env)
        tree_put(&made->tree, process, "env", env = json_array());
    (void)path_set(text, NULL, "PWD=%s", json_string_value(json_object_get(process, "cwd")));
    append_text(made, env, text);
}

bool config_rewrite(struct config *config, const struct rewriting *how, struct error *error)
{
    json_t *mounts = json_object_get(config->tree, "mounts");
    struct made made = {.config = config, .how = how, .mounts = mounts};
    if (!mounts)
        tree_put(&made.tree, config->tree, "mounts", made.mounts = json_array());
    made.folder = choose_folder(made.mounts);
    snprintf(made.guest, sizeof made.guest, "%s/guest", made.folder);
    add_cwd(&made);
    tree_put(&made.tree, json_object_get(config->tree, "root"), "path",
             json_string(config->rootfs));
    tree_put(&made.tree, config->tree, "ociVersion", json_string("1.0.2"));
    return add_args(&made, error) && add_mounts(&made, error);
}
