#include "cli/native/hosts/places.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/native/folders.h"

static const char *given(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

/* The folder of the tools' programs; false when what is in the user's cache is not to be trusted. */
static bool tools_directory(char path[PATH_ROOM], struct error *error)
{
    const char *tools = given("YADO_TOOLS");
    char cache[PATH_ROOM];
    if (tools)
        return path_set(path, error, "%s/bin", tools);
    if (!folder_find(FOLDER_CACHE, cache, error) || !path_set(path, error, "%s/tools", cache) ||
        (access(path, F_OK) == 0 && !folder_is_ours(path, 022, error)) ||
        !path_set(path, error, "%s/tools/bin", cache))
        return false;
    return access(path, F_OK) != 0 || folder_is_ours(path, 022, error);
}

static bool in_path(const char *program, char path[PATH_ROOM])
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":");
        if (length && path_set(path, NULL, "%.*s/%s", (int)length, at, program) &&
            access(path, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static bool usable(const char *what, const char *path, int mode, struct error *error)
{
    return access(path, mode) == 0 ||
           error_set(error, ERROR_IO, "%s%s: %s", what, path, strerror(errno));
}

bool place_program(const char *program, const char *user, char path[PATH_ROOM], struct error *error)
{
    char variable[64] = "YADO_", tools[PATH_ROOM], what[128];
    struct error why = {.message = "there is nothing"};
    if (*program == '/') {
        snprintf(what, sizeof what, "host %s is not installed: ", user);
        return path_set(path, error, "%s", program) && usable(what, path, X_OK, error);
    }
    for (size_t i = 0; program[i] && i + 6 < sizeof variable; i++)
        variable[5 + i] =
            isalnum((unsigned char)program[i]) ? (char)toupper((unsigned char)program[i]) : '_';
    if (given(variable)) {
        snprintf(what, sizeof what, "%s=", variable);
        return path_set(path, error, "%s", given(variable)) && usable(what, path, X_OK, error);
    }
    bool trusted = tools_directory(tools, &why);
    if ((trusted && path_set(path, NULL, "%s/%s", tools, program) && access(path, X_OK) == 0) ||
        in_path(program, path))
        return true;
    return error_set(error, ERROR_IO,
                     "host %s is not installed: %s is neither in %s nor in $PATH, and $%s is "
                     "not set (docs/hosts.md says what installs it)%s%s",
                     user, program, trusted ? tools : "the tools' folder", variable,
                     trusted ? "" : "; ", trusted ? "" : why.message);
}

bool place_cached(const char *file, char path[PATH_ROOM], struct error *error)
{
    char inside[PATH_ROOM];
    return path_set(inside, error, "compiled/%s", file) &&
           folder_file(FOLDER_CACHE, inside, path, error);
}

/* Something that comes with this command: where the variable says, beside the executable, or in the
 * checkout. */
static bool companion(const char *variable, const char *const *places, char path[PATH_ROOM],
                      struct error *error)
{
    char self[PATH_ROOM], what[64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if (given(variable)) {
        snprintf(what, sizeof what, "%s=", variable);
        return path_set(path, error, "%s", given(variable)) && usable(what, path, R_OK, error);
    }
    for (; *places; places++)
        if (path_set(path, error, "%s/%s", self, *places) && access(path, R_OK) == 0)
            return true;
    return error_set(error, ERROR_IO, "%s is missing, and $%s does not say where it is", path,
                     variable);
}

static const struct build {
    const char *name, *variable;
    const char *places[3];
} builds[] = {
#define BUILD(name, variable, file)               \
    {                                             \
        name, variable,                           \
        {                                         \
            file, "../share/yadokari/" file, NULL \
        }                                         \
    }
    BUILD("switch", "YADOKARI_WASM", "yadokari.wasm"),
    BUILD("bulk", "YADOKARI_WASM", "yadokari-bulk.wasm"),
    BUILD("large", "YADOKARI_WASM", "yadokari-large.wasm"),
    BUILD("tail", "YADOKARI_WASM", "yadokari-tail.wasm"),
    BUILD("sockets", "YADOKARI_SOCKETS", "yadokari-sockets.wasm"),
};

static const struct build *build_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof builds / sizeof *builds; i++)
        if (strcmp(builds[i].name, name) == 0)
            return &builds[i];
    return NULL;
}

bool place_is_build(const char *name)
{
    return build_named(name);
}

bool place_yadokari(const char *build, char path[PATH_ROOM], struct error *error)
{
    const struct build *wanted = build_named(build);
    return companion(wanted->variable, wanted->places, path, error);
}

bool place_runtime(char path[PATH_ROOM], struct error *error)
{
    static const char *const places[] = {"yadokari-sealed.wasm",
                                         "../share/yadokari/yadokari-sealed.wasm", NULL};
    return companion("YADOKARI_SEALED", places, path, error);
}

bool place_scripts(char path[PATH_ROOM], struct error *error)
{
    static const char *const places[] = {"../scripts/hosts", "../share/yadokari/hosts", NULL};
    return companion("YADOKARI_SCRIPTS", places, path, error);
}

bool place_identity(const char *path, struct buffer *identity)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return false;
    text_add(identity, "%s %lld %lld.%09ld", path, (long long)file.st_size,
             (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
    return !identity->failed;
}
